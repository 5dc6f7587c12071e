"""What the tests of the channels share as fixtures: a platform on loopback, and somebody who has begun to talk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_people import Person
from tests.fakes.viber import FakeViber


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def person(fake: FakeTelegram) -> Person:
    person = fake.user(7)
    await person.start()
    return person


@pytest.fixture
async def viber() -> AsyncIterator[FakeViber]:
    """A Viber that has a webhook already, where nobody listens."""
    async with FakeViber() as server:
        server.pretend_webhook()
        yield server
