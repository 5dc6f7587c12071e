"""What every transcript stands on: a channel and a town with a new database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conversations.client import CHANNELS, Town


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """A town whose service may die between two messages, and whose database does not."""
    town, over, ready = Town(database_url), asyncio.Event(), asyncio.Event()

    async def keep() -> None:  # in a task of its own: a fixture may end in another than it began in
        async with town.keeping_open():
            ready.set()
            await over.wait()

    keeper = asyncio.create_task(keep(), name="database of the town")
    await asyncio.wait([keeper, begun := asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    yield town
    over.set()
    await keeper
