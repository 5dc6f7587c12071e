"""Coming and going where a platform reports it by itself, late and in any order: no word to it, and nothing undone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from bot.messages import Kind
from storage import staff
from storage.tables import addresses, consents, conversations, outbox, residents, staff_invites
from storage.tables import contacts as contact_rows
from tests.conversations.people import contact_of, line, register, rows, t
from tests.storage.kit import NOW

if TYPE_CHECKING:
    from tests.conversations.client import Talker, Town

MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(town: Town) -> Talker:
    return town.person("viber")


async def standing(person: Talker) -> tuple[str, str]:
    """Of the only one there: contact, address."""
    return (await contact_of(person)).status, (await rows(person.town, addresses))[0].status


# --- the chat is opened -----------------------------------------------------------------------------------------------


async def test_a_chat_that_was_opened_keeps_where_they_came_from_and_hears_nothing(town: Town, person: Talker) -> None:
    assert await person.send(Kind.OPENED, text="school-1") == ""
    assert not await rows(town, outbox)
    assert not await rows(town, conversations)
    await person.send(Kind.OPENED, text="poster-2")
    assert (await contact_of(person)).source == "school-1", "where they came from first"
    assert line("registration.language") in await person.start("school-1")
    assert (await contact_of(person)).source == "school-1"


@pytest.mark.parametrize("code", ["", "не е код", "mediator-6101057509", "x" * 65])
async def test_rubbish_in_a_link_is_no_source(person: Talker, code: str) -> None:
    await person.send(Kind.OPENED, text=code)
    assert (await contact_of(person)).source == ""


async def test_it_opens_no_conversation_and_disturbs_none(town: Town, person: Talker) -> None:
    await register(person)
    await person.say(t("menu.data"))
    before = len(person.seen)
    assert await person.send(Kind.OPENED, text="poster") == ""
    assert len(person.seen) == before
    assert (await contact_of(person)).status == "active"


async def test_it_wakes_nobody_who_stopped_or_left(town: Town, person: Talker) -> None:
    await register(person)
    await person.say("стоп")
    assert await person.send(Kind.OPENED, text="poster") == ""
    assert await standing(person) == ("stopped", "stopped")
    await person.press(t("button.resume"))
    await person.send(Kind.BLOCKED)
    assert await person.send(Kind.OPENED, text="poster") == ""
    assert await standing(person) == ("blocked", "blocked")


async def test_an_invitation_to_the_staff_is_not_used_up_by_it_and_opens_when_they_begin(
    town: Town, person: Talker
) -> None:
    code = await town.change(lambda c: staff.invite_by_command_line(c, town.now, "trainer"))
    assert await person.send(Kind.OPENED, text=code) == ""
    assert (await contact_of(person)).source == "", "what opens the staff's doors is no poster"
    assert [row.used_at for row in await rows(town, staff_invites)] == [None]
    assert t("role.trainer") in await person.start(code)


# --- they leave and come back -----------------------------------------------------------------------------------------


async def test_the_first_message_after_they_left_brings_them_back(town: Town, person: Talker) -> None:
    """As „Започни“ does after a block on Telegram."""
    await register(person)
    assert await person.send(Kind.BLOCKED, sent_at=town.now) == ""
    assert await standing(person) == ("blocked", "blocked")
    assert line("stray.hello") in await person.say("Здравейте", sent_at=town.now)
    assert await standing(person) == ("active", "active")
    given = [(row.action, row.form) for row in await rows(town, consents)]
    assert given[1:] == [("withdrawn", "blocked"), ("given", "came back")]


async def test_subscribing_again_brings_them_back_without_a_word(town: Town, person: Talker) -> None:
    await register(person)
    await person.send(Kind.BLOCKED, sent_at=town.now)
    assert await person.send(Kind.UNBLOCKED, sent_at=town.now) == ""
    assert await standing(person) == ("active", "active")


LATE = {
    "left, before they wrote": ([(Kind.BLOCKED, -60)], "active"),
    "left, since they wrote": ([(Kind.BLOCKED, 0)], "blocked"),
    "left, at a time that nobody tells": ([(Kind.BLOCKED, None)], "blocked"),
    "came back, and had left before that": ([(Kind.UNBLOCKED, 5), (Kind.BLOCKED, 3)], "active"),
    "left, and had come back before that": ([(Kind.BLOCKED, 5), (Kind.UNBLOCKED, 3)], "blocked"),
    "left, came back": ([(Kind.BLOCKED, 3), (Kind.UNBLOCKED, 5)], "active"),
    "left twice": ([(Kind.BLOCKED, 3), (Kind.BLOCKED, 3), (Kind.UNBLOCKED, 5)], "active"),
    "wrote before they left": ([(Kind.BLOCKED, 5), (Kind.TEXT, 3)], "blocked"),
    "wrote since they left": ([(Kind.BLOCKED, 3), (Kind.TEXT, 5)], "active"),
}


@pytest.mark.parametrize(("events", "then"), LATE.values(), ids=LATE)
async def test_what_is_older_than_what_is_known_changes_nothing(
    town: Town, person: Talker, events: list[tuple[Kind, int | None]], then: str
) -> None:
    await register(person)
    town.now = start = town.now + 10 * MINUTE
    town.now += 10 * MINUTE
    for kind, minutes in events:
        at = None if minutes is None else start + minutes * MINUTE
        await person.send(kind, sent_at=at, **({"text": "Здравейте"} if kind is Kind.TEXT else {}))
    assert await standing(person) == (then, then)


async def test_who_subscribes_before_they_write_is_asked_when_they_do(town: Town, person: Talker) -> None:
    """Through the chat's own page. We say nothing then: it would be charged, and they have not begun."""
    assert await person.send(Kind.UNBLOCKED, sent_at=town.now) == ""
    assert not await rows(town, consents)
    assert (await rows(town, addresses))[0].session_at is None
    assert line("registration.language") in await person.say("Здравейте")
    assert (await rows(town, addresses))[0].session_at is not None


async def test_whoever_said_stop_stays_stopped_when_they_leave_and_subscribe_again(town: Town, person: Talker) -> None:
    await register(person)
    await person.say("стоп")
    await person.send(Kind.BLOCKED, sent_at=town.now)
    await person.send(Kind.UNBLOCKED, sent_at=town.now)
    assert await standing(person) == ("stopped", "stopped")


async def test_the_others_of_a_shared_phone_and_the_other_addresses_stay(town: Town, person: Talker) -> None:
    """Whoever has no other way is found blocked, and comes back with the phone."""
    await register(person)
    mine = (await rows(town, addresses))[0]

    def share(connection: Any) -> tuple[int, int]:
        blanks = [{"status": "active", "language": "bg", "source": "", "created_at": NOW, "name": n} for n in "АБ"]
        only_here, elsewhere = connection.execute(insert(contact_rows).returning(contact_rows.c.id), blanks).scalars()
        other = {"channel": "telegram", "external": "9", "lookup": b"9" * 16, "status": "active"}
        other_id = connection.execute(
            insert(addresses).values(other | {"contact_id": elsewhere, "created_at": NOW}).returning(addresses.c.id)
        ).scalar_one()
        lives = [(mine.id, only_here), (mine.id, elsewhere), (other_id, elsewhere)]
        connection.execute(insert(residents), [{"address_id": a, "contact_id": c} for a, c in lives])
        return only_here, elsewhere

    only_here, elsewhere = await town.change(share)
    await person.send(Kind.BLOCKED, sent_at=town.now)
    found = {row.id: row.status for row in await rows(town, contact_rows)}
    assert (found[mine.contact_id], found[only_here], found[elsewhere]) == ("blocked", "blocked", "active")
    assert {row.channel: row.status for row in await rows(town, addresses)} == {
        "viber": "blocked", "telegram": "active",
    }  # fmt: skip
    await person.send(Kind.UNBLOCKED, sent_at=town.now)
    assert {row.status for row in await rows(town, contact_rows)} == {"active"}
