"""What the tests of the channels share as fixtures: a platform on loopback, and somebody who has begun to talk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_people import Person


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def person(fake: FakeTelegram) -> Person:
    person = fake.user(7)
    await person.start()
    return person
