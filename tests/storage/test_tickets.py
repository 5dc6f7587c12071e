"""Words that nobody went on with reach a person all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import housekeeping
from storage.tables import addresses, conversations, tickets
from tests.conversations.client import Town
from tests.conversations.people import register, rows


@pytest.fixture
def town(database_url: str) -> Town:
    return Town(database_url)


async def clear(town: Town) -> None:
    async with town.service() as service:
        await service.database.write(lambda c: housekeeping.often(c, town.now))


async def test_words_left_at_the_guess_become_a_ticket_after_an_hour_and_only_once(town: Town) -> None:
    person = town.person("web")
    await register(person)
    await person.say("кога ще плащат тока на баба")
    await clear(town)
    assert await rows(town, tickets) == []
    town.now += timedelta(hours=2)
    await clear(town)
    await clear(town)
    (ticket,) = await rows(town, tickets)
    (address,) = await rows(town, addresses)
    assert (ticket.text, ticket.address_id) == ("кога ще плащат тока на баба", address.id)
    assert {talk.state for talk in await rows(town, conversations)} == {"done"}
    assert "Натиснете" not in await person.say("и още нещо")
