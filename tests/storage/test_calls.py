"""Whom no message reached in time stands on the call list: late ones, places given by night, slots, households."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from bot.chat import Acting
from storage import attendance, calls, door, events, invitations, moments
from storage.database import Database
from storage.events import Event
from storage.tables import addresses, contacts, outbox, residents
from storage.tables import invitations as invitation_rows
from tests.storage.events_kit import (
    DAY,
    HOUR,
    NOW,
    RULES,
    by,
    fire,
    go_out,
    lead,
    ledger,
    published,
    queued,
    settle,
)


def say(connection: Connection, event: Event, who: int, said: str, now: datetime = NOW) -> None:
    invitations.answer(connection, by(who, now), event_id=event.id, contact_id=who, said=said, rules=RULES)


def to_call(connection: Connection, event: Event, now: datetime) -> dict[int, str]:
    """Why each person is on the list at a time."""
    sheet = attendance.sheet(connection, by(now=now), event_id=event.id)
    assert sheet is not None
    return {one.contact_id: one.why for one in calls.call_list(connection, by(now=now), sheet=sheet)}


def seat(connection: Connection, event: Event, who: int) -> str:
    mine = (invitation_rows.c.event_id == event.id) & (invitation_rows.c.contact_id == who)
    found: str = connection.execute(select(invitation_rows.c.seat).where(mine)).scalar_one()
    return found


def in_one_home(connection: Connection) -> list[int]:
    """Two parents who read the same phone."""
    first, second = settle(connection, 2)
    connection.execute(delete(residents).where(residents.c.contact_id == second))
    connection.execute(insert(residents).values(address_id=first, contact_id=second))
    return [first, second]


def invited(connection: Connection, starts: datetime = NOW + 3 * DAY, **more: object) -> Event:
    event = published(connection, lead(connection), starts, **more)  # type: ignore[arg-type]
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    return event


async def test_a_reminder_that_came_too_late_is_made_good_by_a_call(database: Database) -> None:
    def go(connection: Connection) -> None:
        comes, other = settle(connection, 2)
        event = invited(connection, offsets=("1d", "2h"))
        say(connection, event, comes, "yes")
        say(connection, event, other, "no")
        late = event.starts_at - timedelta(minutes=10)
        for offset in ("1d", "2h"):
            fire(connection, event, offset, late)
        assert ledger(connection, event)["2h", comes] == "late"
        assert to_call(connection, event, late) == {comes: "failed"}
        outcome = {"event_id": event.id, "contact_id": comes, "outcome": "yes", "rules": RULES}
        calls.called(connection, by(now=late + timedelta(minutes=1)), **outcome)
        assert to_call(connection, event, late + timedelta(minutes=1)) == {}

    await database.write(go)


async def test_what_was_late_needs_no_call_when_a_later_message_arrived(database: Database) -> None:
    def go(connection: Connection) -> None:
        (comes,) = settle(connection, 1)
        event = invited(connection, offsets=("3d", "1d"), starts=NOW + 6 * DAY)
        say(connection, event, comes, "yes")
        late = event.starts_at - 20 * HOUR
        for offset in ("3d", "1d"):
            fire(connection, event, offset, late)
        assert [ledger(connection, event)[offset, comes] for offset in ("3d", "1d")] == ["late", "queued"]
        assert to_call(connection, event, late) == {}
        connection.execute(update(outbox).where(outbox.c.key.in_(queued(connection))).values(status="failed"))
        assert to_call(connection, event, late) == {comes: "failed"}

    await database.write(go)


EVENINGS = [  # when a place comes free, when the event is, whether they can still be told
    ("at night, for the early morning", (25, 20), (26, 6), False),
    ("at night, for the next day", (25, 20), (26, 12), True),
    ("on the morning of a holiday, for its evening", (24, 8), (24, 15), True),
    ("on the eve of a holiday, for its evening", (23, 20), (24, 15), True),
    ("before the morning's end on a holiday, for its evening", (24, 4), (24, 15), True),
]


@pytest.mark.parametrize(("freed", "begins", "in_time"), [pytest.param(*row, id=what) for what, *row in EVENINGS])
async def test_a_place_is_told_of_in_time_or_by_a_call(
    database: Database, freed: tuple[int, int], begins: tuple[int, int], *, in_time: bool
) -> None:
    """The 24th to the 26th of December are holidays; in November they are days like any other."""
    month = 11 if freed[0] == 25 else 12

    def go(connection: Connection) -> None:
        had, waits = settle(connection, 2)
        starts, now = datetime(2026, month, *begins, tzinfo=UTC), datetime(2026, month, *freed, tzinfo=UTC)
        event = invited(connection, starts, capacity=1)
        for who in (had, waits):
            say(connection, event, who, "yes")
        say(connection, event, had, "no", now)
        assert seat(connection, event, waits) == "seat"
        assert ledger(connection, event)["place1", waits] == ("queued" if in_time else "late")
        assert to_call(connection, event, now) == ({} if in_time else {waits: "failed"})

    await database.write(go)


def chosen(connection: Connection, channel: str = "telegram") -> tuple[int, Event, Event]:
    """Somebody who has chosen a slot, the appointment, and the slot."""
    (who,) = settle(connection, 1, channel=channel)
    start = NOW + 6 * DAY
    event = invited(connection, start, kind="appointment", dates=[start + HOUR], lasts=HOUR)
    slot = events.series(connection, event)[0]
    invitations.take_slot(connection, by(who), event_id=event.id, contact_id=who, slot_id=slot.id, rules=RULES)
    return who, event, slot


async def test_what_failed_about_a_slot_is_on_the_list_of_its_appointment(database: Database) -> None:
    def go(connection: Connection) -> None:
        who, event, slot = chosen(connection)
        day = slot.starts_at - 3 * DAY
        fire(connection, slot, "3d", day)
        assert to_call(connection, event, day + HOUR) == {}
        connection.execute(update(outbox).where(outbox.c.key.like("%3d%")).values(status="failed"))
        assert to_call(connection, event, day + HOUR) == {who: "failed"}

    await database.write(go)


async def test_whom_no_channel_reaches_is_called_about_their_slot(database: Database) -> None:
    def go(connection: Connection) -> None:
        who, event, slot = chosen(connection, channel="")
        invitations.fill(connection, event.id, NOW)
        said = {"event_id": event.id, "contact_id": who, "rules": RULES}
        calls.called(connection, by(now=NOW + HOUR), outcome="yes", **said)
        day = slot.starts_at - DAY
        assert to_call(connection, event, day) == {}
        fire(connection, slot, "1d", day)
        assert to_call(connection, event, day) == {who: "remind"}
        calls.called(connection, by(now=day + HOUR), outcome="yes", **said)
        assert to_call(connection, event, day + HOUR) == {}
        again = by(now=day + 2 * HOUR)
        events.relocate(connection, again, event_id=slot.id, version=1, place="другаде", landmark="", rules=RULES)
        assert to_call(connection, event, day + 3 * HOUR) == {who: "changed"}

    await database.write(go)


async def test_a_home_that_has_answered_is_called_no_more(database: Database) -> None:
    def go(connection: Connection) -> None:
        first, second = in_one_home(connection)
        (third,) = settle(connection, 1, first=300)
        event = invited(connection)
        assert to_call(connection, event, NOW) == dict.fromkeys((first, second, third), "silent")
        say(connection, event, second, "yes")
        assert to_call(connection, event, NOW) == {third: "silent"}

    await database.write(go)


async def test_of_a_training_each_of_a_home_is_asked(database: Database) -> None:
    def go(connection: Connection) -> None:
        first, second = in_one_home(connection)
        event = invited(connection, kind="training")
        say(connection, event, second, "yes")
        assert to_call(connection, event, NOW) == {first: "silent"}

    await database.write(go)


async def test_whoever_stopped_and_agrees_anew_at_the_door_is_called_and_not_written_to(database: Database) -> None:
    """What they stopped in their chat stays stopped: only the telephone reaches them."""

    def go(connection: Connection) -> None:
        (who,) = settle(connection, 1)
        connection.execute(update(contacts).where(contacts.c.id == who).values(status="stopped"))
        connection.execute(update(addresses).where(addresses.c.id == who).values(status="stopped"))
        other = {"id": 900, "channel": "web", "external": "900", "lookup": b"900", "created_at": NOW}
        connection.execute(insert(addresses).values(other | {"status": "active", "contact_id": who}))
        connection.execute(insert(residents).values(address_id=900, contact_id=who))
        me: Acting = lead(connection)
        event = published(connection, me, NOW + 6 * DAY, audience={})
        agreed = {"consent_text": "x", "consent_version": "1", "rules": RULES}
        door.enter_known(connection, me, contact_id=who, event_id=event.id, **agreed)
        day = event.starts_at - 3 * DAY
        fire(connection, event, "3d", day)
        assert ledger(connection, event)["3d", who] == "no_channel"
        assert to_call(connection, event, day) == {who: "remind"}

    await database.write(go)


async def test_whom_no_invitation_reaches_in_time_is_called_at_once(database: Database) -> None:
    """Published at ten in the evening for eight in the morning."""

    def go(connection: Connection) -> None:
        people = settle(connection, 2)
        night = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
        me = by(lead(connection).contact_id, night)
        event = published(connection, me, night + 10 * HOUR)
        for moment in moments.waiting(connection, night + timedelta(seconds=1)):
            fire(connection, event, moment.offset, night)
        assert to_call(connection, event, night) == dict.fromkeys(people, "failed")
        assert queued(connection) == []

    await database.write(go)
