"""An appointment and the hour that somebody holds of it: one answer for both, and nothing of an hour given back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Row, select

from storage import attendance, calls, events, invitations, moments
from storage.database import Database
from storage.events import Event
from storage.tables import invitations as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, go_out, lead, ledger, published, settle

SOON = NOW + 6 * DAY
HALF = timedelta(minutes=30)


def appointment(connection: Connection, number: int = 2) -> tuple[Event, list[Event]]:
    """An appointment of three slots; the invitations have gone out."""
    acting = lead(connection)
    settle(connection, number)
    dates = (SOON + HALF, SOON + 2 * HALF)
    event = published(connection, acting, SOON, kind="appointment", dates=dates, lasts=HALF)
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    return event, events.series(connection, event)


def take(connection: Connection, event: Event, who: int, slot: Event) -> None:
    invitations.take_slot(connection, by(who), event_id=event.id, contact_id=who, slot_id=slot.id, rules=RULES)


def say(connection: Connection, event: Event, who: int, said: str, *, by_staff: bool = False) -> None:
    acting = by(1 if by_staff else who, NOW + 2 * HOUR)
    invitations.answer(
        connection, acting, event_id=event.id, contact_id=who, said=said, rules=RULES, by_staff=by_staff
    )  # fmt: skip


def row(connection: Connection, event: Event, who: int) -> Row[tuple[str, str]]:
    mine = (rows.c.event_id == event.id) & (rows.c.contact_id == who)
    return connection.execute(select(rows.c.rsvp, rows.c.seat).where(mine)).one()


def move(connection: Connection, event: Event) -> None:
    acting = by(now=NOW + HOUR)
    events.move(connection, acting, event_id=event.id, version=1, starts_at=SOON + DAY, rules=RULES)


async def test_no_to_the_hour_frees_it_and_is_a_no_to_the_appointment(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, (first, *_) = appointment(connection)
        take(connection, event, 100, first)
        say(connection, first, 100, "no")
        assert [tuple(row(connection, one, 100)) for one in (event, first)] == [("no", ""), ("no", "")]
        assert first.id in {slot.id for slot in invitations.slots(connection, by(), event_id=event.id)}
        assert attendance.tally(connection, by(), event_id=event.id).no == 1
        fire(connection, event, "3d", SOON - 3 * DAY)
        assert ledger(connection, event)["3d", 100] == "said_no", "not reminded to choose an hour"

    await database.write(go)


async def test_after_a_move_the_holders_yes_counts_on_both_whoever_heard_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, (first, second, _) = appointment(connection)
        take(connection, event, 100, first)
        take(connection, event, 101, second)
        move(connection, event)
        assert [tuple(row(connection, one, 100)) for one in (event, first)] == [("", ""), ("", "seat")]
        say(connection, first, 100, "yes")
        say(connection, event, 101, "yes", by_staff=True)
        for who, slot in ((100, first), (101, second)):
            assert [tuple(row(connection, one, who)) for one in (event, slot)] == [("yes", ""), ("yes", "seat")]
        sheet = attendance.sheet(connection, by(), event_id=event.id)
        assert sheet is not None
        assert calls.call_list(connection, by(), sheet=sheet) == []
        one = calls.callee(connection, by(), sheet=sheet, contact_id=100)
        assert one is not None
        assert one.hour == SOON + DAY
        say(connection, first, 100, "maybe")
        assert [tuple(row(connection, one, 100)) for one in (event, first)] == [("maybe", ""), ("maybe", "seat")]

    await database.write(go)


async def test_an_old_button_of_an_hour_that_was_given_back_takes_nothing_from_the_new_one(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, (first, second, _) = appointment(connection)
        take(connection, event, 100, first)
        take(connection, event, 100, second)
        for said in ("no", "yes", "maybe"):
            say(connection, first, 100, said)
            found = [tuple(row(connection, one, 100)) for one in (event, first, second)]
            assert found == [("yes", ""), ("no", ""), ("yes", "seat")], said
        say(connection, event, 100, "no")
        say(connection, first, 100, "yes")
        assert tuple(row(connection, first, 100)) == ("no", ""), "an hour is chosen, not agreed to"

    await database.write(go)


async def test_after_a_move_nobody_hears_of_an_hour_that_they_gave_back(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, (first, _, third) = appointment(connection, 1)
        take(connection, event, 100, first)
        take(connection, event, 100, third)
        move(connection, event)
        assert tuple(row(connection, first, 100)) == ("no", ""), "only the holder is asked anew"
        say(connection, third, 100, "yes")
        for moment in moments.waiting(connection):
            fire(connection, moment.event_id, moment.offset, moment.due)
            go_out(connection, moment.due)
        assert ledger(connection, first) == {}
        assert {offset for offset, _ in ledger(connection, third)} == {"change@2", "3d@2", "1d@2", "2h@2", "after@2"}

    await database.write(go)


async def test_whoever_came_without_an_hour_is_asked_how_it_was(database: Database) -> None:
    """Who holds an hour is asked about that one, when it is over; nobody is asked twice."""

    def go(connection: Connection) -> None:
        event, (first, *_) = appointment(connection, 3)
        take(connection, event, 100, first)
        (stranger,) = settle(connection, 1, first=500, group="")
        at_the_door = by(now=SOON + HOUR)
        attendance.mark(connection, at_the_door, event_id=event.id, contact_id=100, came=True)
        for who in (101, stranger):
            attendance.walk_in(connection, at_the_door, event_id=event.id, contact_id=who)
        due = {(one.event_id, one.offset): one.due for one in moments.waiting(connection)}
        assert (event.id, "after") in due
        for one in (event, first):
            fire(connection, one, "after", due[one.id, "after"])
        asked = {(key, who) for one in (event, first) for (key, who), told in ledger(connection, one).items()
                 if key == "after" and told == "queued"}  # fmt: skip
        assert asked == {("after", 100), ("after", 101), ("after", stranger)}
        assert ledger(connection, first)["after", 100] == "queued"

    await database.write(go)


async def test_whoever_is_marked_late_is_asked_when_the_list_is_complete(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, _ = appointment(connection, 1)
        due = next(m.due for m in moments.waiting(connection) if (m.event_id, m.offset) == (event.id, "after"))
        assert fire(connection, event, "after", due) == 0
        marker = by(now=due + HOUR)
        attendance.walk_in(connection, marker, event_id=event.id, contact_id=100)
        attendance.finish(connection, marker, event_id=event.id, rules=RULES)
        again = next(m.due for m in moments.waiting(connection) if (m.event_id, m.offset) == (event.id, "after"))
        assert fire(connection, event, "after", again) == 1

    await database.write(go)
