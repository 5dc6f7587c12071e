"""Who comes, who is to be called and why, and who came: over all kinds of events, whatever comes between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot.chat import Acting, Conflict
from storage import attendance, calls, events, invitations, moments, months
from storage.attendance import Sheet
from storage.calls import Call
from storage.database import Database
from storage.events import Event
from storage.tables import addresses, audit, contacts, outbox, participations
from storage.tables import invitations as rows
from storage.tables import moments as moment_rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, lead, ledger, published, settle

MEETING = NOW + timedelta(days=2, hours=7)
NAMES = ("Ёлка Яворова", "O’Нийл", "иван", "Йорданка-Мария", "{name}", "Zoé", "Ѝ", "")


def invited(connection: Connection, number: int = 4, **more: Any) -> tuple[Acting, Event, list[int]]:
    """A meeting with so many people on its list."""
    acting = lead(connection)
    people = settle(connection, number) if number else []
    event = published(connection, acting, MEETING, **more)
    invitations.fill(connection, event.id, NOW)
    return acting, event, people


def become(connection: Connection, who: int, status: str) -> None:
    """Somebody was erased, or wants nothing more of us."""
    gone = {"name": None} if status == "archived" else {}
    connection.execute(update(contacts).where(contacts.c.id == who).values(status=status, **gone))


def say(connection: Connection, event: Event, who: int, said: str, now: Any = NOW) -> None:
    invitations.answer(connection, by(who, now), event_id=event.id, contact_id=who, said=said, rules=RULES)


def sheet(connection: Connection, acting: Acting, event: Event) -> Sheet:
    found = attendance.sheet(connection, acting, event_id=event.id)
    assert found is not None
    return found


def row(connection: Connection, event: Event | int, who: int) -> Any:
    number = event if isinstance(event, int) else event.id
    return connection.execute(select(rows).where(rows.c.event_id == number, rows.c.contact_id == who)).one()


def marks(connection: Connection, event: Event) -> dict[int, bool | None]:
    found = connection.execute(select(rows.c.contact_id, rows.c.attended).where(rows.c.event_id == event.id))
    return {one.contact_id: one.attended for one in found}


def list_of(connection: Connection, acting: Acting, event: Event) -> dict[int, str]:
    """Whom to call, in order, and why."""
    found: list[Call] = calls.call_list(connection, acting, sheet=sheet(connection, acting, event))
    return {one.contact_id: one.why for one in found}


# --- who may see it -------------------------------------------------------------------------------------------------


async def test_a_list_is_for_its_mediator_and_the_coordinators_alone(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, event, people = invited(connection)
        own = published(connection, lead(connection, 2, "mediator"), MEETING)
        seen = {
            (who, one.id): attendance.sheet(connection, by(who), event_id=one.id) is not None
            for who in (1, 2, people[0])
            for one in (event, own)
        }
        assert seen == {
            (1, event.id): True, (1, own.id): True, (2, event.id): False, (2, own.id): True,
            (people[0], event.id): False, (people[0], own.id): False,
        }  # fmt: skip
        assert attendance.sheet(connection, by(1), event_id=10**15 - 1) is None

    await database.write(go)


async def test_how_far_an_event_is(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, event, _ = invited(connection)
        for minutes, early, begun, over in ((-61, True, False, False), (-60, False, False, False)):
            at = sheet(connection, by(now=MEETING + timedelta(minutes=minutes)), event)
            assert (at.is_early, at.has_begun, at.is_over) == (early, begun, over)
        at = sheet(connection, by(now=MEETING), event)
        assert (at.is_early, at.has_begun, at.is_over, at.is_cancelled) == (False, True, False, False)
        assert sheet(connection, by(now=MEETING + HOUR + timedelta(seconds=1)), event).is_over
        events.cancel(connection, by(), event_id=event.id, version=1, rules=RULES)
        assert sheet(connection, by(), event).is_cancelled

    await database.write(go)


# --- who comes ------------------------------------------------------------------------------------------------------


async def test_whoever_is_expected_stands_first_then_by_name_whatever_its_letters(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, len(NAMES), capacity=1)
        for number, name in zip(people, NAMES, strict=True):
            connection.execute(update(contacts).where(contacts.c.id == number).values(name=name))
        for number, said in zip(people, ("yes", "yes", "maybe", "no"), strict=False):
            say(connection, event, number, said)
        found = attendance.people(connection, acting, event_id=event.id)
        assert [(one.name, one.standing) for one in found] == [
            ("Ёлка Яворова", "yes"), ("O’Нийл", "waiting"), ("иван", "maybe"), ("", "silent"), ("Ѝ", "silent"),
            ("{name}", "silent"), ("Zoé", "silent"), ("Йорданка-Мария", "no"),
        ]  # fmt: skip
        assert attendance.tally(connection, acting, event_id=event.id) == attendance.Tally(8, 2, 1, 1, 4, 1, 0, 0)

    await database.write(go)


async def test_nobody_and_the_erased(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, _ = invited(connection, 0)
        assert attendance.people(connection, acting, event_id=event.id) == []
        assert attendance.tally(connection, acting, event_id=event.id) == attendance.Tally(*[0] * 8)
        gone, stays = settle(connection, 2)
        invitations.fill(connection, event.id, NOW)
        become(connection, gone, "archived")
        assert [one.contact_id for one in attendance.people(connection, acting, event_id=event.id)] == [stays]
        assert attendance.tally(connection, acting, event_id=event.id).invited == 1

    await database.write(go)


def appointment(connection: Connection) -> tuple[Acting, Event, list[int], list[Event]]:
    """Three slots, two of which are taken, the later one first."""
    acting = lead(connection)
    people = settle(connection, 4)
    event = published(
        connection,
        acting,
        MEETING,
        kind="appointment",
        dates=[MEETING + HOUR, MEETING + 2 * HOUR],
        audience={"all": True},
    )
    invitations.fill(connection, event.id, NOW)
    slots = events.series(connection, event)
    for who, slot in zip(people, (slots[2], slots[0]), strict=False):
        invitations.take_slot(
            connection, by(who), event_id=event.id, contact_id=who, slot_id=slot.id, rules=RULES
        )  # fmt: skip
    return acting, event, people, slots


async def test_an_appointments_people_stand_on_one_list_with_their_hours(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people, slots = appointment(connection)
        found = {one.contact_id: one.hour for one in attendance.people(connection, acting, event_id=event.id)}
        assert found == {
            people[0]: slots[2].starts_at, people[1]: slots[0].starts_at, people[2]: None, people[3]: None,
        }  # fmt: skip
        at_door = attendance.at_the_door(connection, acting, event_id=event.id)
        assert [one.contact_id for one in at_door] == [people[1], people[0]]
        assert sheet(connection, acting, slots[1]).event.id == event.id, "a slot's list is the appointment's"
        later = by(now=MEETING)
        attendance.mark(connection, later, event_id=event.id, contact_id=people[1], came=True)
        attendance.walk_in(connection, later, event_id=event.id, contact_id=people[3])
        assert row(connection, slots[0].id, people[1]).attended is True
        assert row(connection, event, people[1]).attended is None, "it is kept with the slot"
        assert row(connection, event, people[3]).attended is True
        tally = attendance.tally(connection, acting, event_id=event.id)
        assert (tally.invited, tally.yes, tally.came, tally.absent) == (4, 2, 2, 0)
        attendance.finish(connection, later, event_id=event.id, rules=RULES)
        assert row(connection, slots[2].id, people[0]).attended is False
        assert row(connection, event, people[2]).attended is None, "whoever chose no hour was not missed"
        asked = connection.execute(select(moment_rows.c.event_id).where(moment_rows.c.offset == moments.MISSED))
        assert set(asked.scalars()) == {event.id, slots[2].id}
        assert len(attendance.at_the_door(connection, acting, event_id=event.id)) == 3

    await database.write(go)


# --- who came -------------------------------------------------------------------------------------------------------


async def test_tapping_fast_twice_and_two_at_once_mark_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, kind="training")
        lead(connection, 2)
        for who in (1, 1, 2):
            attendance.mark(connection, by(who), event_id=event.id, contact_id=people[0], came=True)
        assert row(connection, event, people[0]).marked_by == 1
        assert [p.contact_id for p in connection.execute(select(participations))] == [people[0]]
        for _ in range(2):
            attendance.mark(connection, acting, event_id=event.id, contact_id=people[0], came=False)
        assert row(connection, event, people[0]).attended is None
        assert connection.execute(select(participations)).all() == [], "a tap on the wrong name enters nobody"
        done = [(one.action, one.subject) for one in connection.execute(select(audit).order_by(audit.c.id))]
        about = f"event:{event.id} contact:{people[0]}"
        assert done == [("publish", f"event:{event.id}"), ("attendance", about), ("attendance_back", about)]

    await database.write(go)


async def test_a_stranger_and_the_erased_cannot_be_marked(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection)
        (stranger,) = settle(connection, 1, first=500, group="1 а")
        become(connection, people[0], "archived")
        before = marks(connection, event)
        for who in (people[0], stranger, 10**15 - 1):
            attendance.mark(connection, acting, event_id=event.id, contact_id=who, came=True)
        for who in (people[0], 10**15 - 1):
            attendance.walk_in(connection, acting, event_id=event.id, contact_id=who)
        assert marks(connection, event) == before
        attendance.walk_in(connection, acting, event_id=event.id, contact_id=stranger)
        assert row(connection, event, stranger).attended is True
        assert row(connection, event, stranger).source == "walkin"

    await database.write(go)


async def test_only_who_was_expected_is_missed_and_asked_the_next_day(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 6)
        for who, said in zip(people, ("yes", "yes", "no", "maybe"), strict=False):
            say(connection, event, who, said)
        (entered,) = settle(connection, 1, first=500, group="")
        invitations.enrol(connection, acting, event_id=event.id, contact_id=entered)
        attendance.finish(connection, by(now=MEETING - HOUR), event_id=event.id, rules=RULES)
        assert set(marks(connection, event).values()) == {None}, "before the beginning nobody can be missed"
        at_door = by(now=MEETING + HOUR)
        attendance.mark(connection, at_door, event_id=event.id, contact_id=people[0], came=True)
        attendance.finish(connection, at_door, event_id=event.id, rules=RULES)
        assert marks(connection, event) == dict(zip([*people, entered], (True, False, *[None] * 4, False), strict=True))
        assert sheet(connection, acting, event).done
        assert fire(connection, event, moments.MISSED, MEETING + 2 * HOUR) == 0, "not on the same day"
        assert fire(connection, event, moments.MISSED, MEETING + DAY) == 2

    await database.write(go)


async def test_whoever_is_marked_after_the_evening_of_an_event_is_asked_too_and_nobody_twice(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        _, event, (yes, silent, absent, late) = invited(connection)
        settle(connection, 1, first=300)
        for who in (yes, absent, late):
            say(connection, event, who, "yes")
        evening = next(m.due for m in moments.waiting(connection) if m.offset == "after")
        fire(connection, event, "after", evening)
        assert {who for offset, who in ledger(connection, event) if offset == "after"} == {yes, absent, late}
        night = by(now=evening.replace(hour=20))
        for who in (yes, silent, late):
            attendance.mark(connection, night, event_id=event.id, contact_id=who, came=True)
        attendance.walk_in(connection, night, event_id=event.id, contact_id=300)
        attendance.finish(connection, night, event_id=event.id, rules=RULES)
        due = {m.offset: m.due for m in moments.waiting(connection)}
        assert due["after"] == evening.replace(day=evening.day + 1, hour=6, minute=30), "when the quiet hours end"
        assert fire(connection, event, "after", due["after"]) == 2
        assert {who for offset, who in ledger(connection, event) if offset == "after"} == {
            yes, silent, absent, late, 300,
        }  # fmt: skip
        assert fire(connection, event, "missed", due["missed"]) == 1
        later = by(now=due["missed"] + HOUR)
        attendance.mark(connection, later, event_id=event.id, contact_id=late, came=False)
        attendance.finish(connection, later, event_id=event.id, rules=RULES)
        assert fire(connection, event, "missed", later.now) == 1
        assert {who for offset, who in ledger(connection, event) if offset == "missed"} == {absent, late}
        assert fire(connection, event, "after", later.now) == 0
        attendance.finish(connection, by(now=later.now + 7 * DAY), event_id=event.id, rules=RULES)
        assert not {m.base for m in moments.waiting(connection)} & {"after", "missed"}, "too late to be of use"

    await database.write(go)


async def test_a_finished_list_may_be_corrected(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, event, people = invited(connection)
        for who in people[:2]:
            say(connection, event, who, "yes")
        at_door = by(now=MEETING + HOUR)
        attendance.mark(connection, at_door, event_id=event.id, contact_id=people[2], came=True)
        attendance.finish(connection, at_door, event_id=event.id, rules=RULES)
        for who, came in ((people[0], True), (people[0], False), (people[1], True), (people[2], False)):
            attendance.mark(connection, at_door, event_id=event.id, contact_id=who, came=came)
        assert marks(connection, event) == dict(zip(people, (False, True, None, None), strict=True))

    await database.write(go)


async def test_each_date_of_a_course_has_its_own_list_and_a_walk_in_belongs_to_the_later_ones(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 2, kind="course", dates=[MEETING + 7 * DAY, MEETING + 14 * DAY])
        (newcomer,) = settle(connection, 1, first=500, group="")
        first, second, third = events.series(connection, event)
        at_door = by(now=second.starts_at)
        attendance.mark(connection, by(now=MEETING), event_id=first.id, contact_id=people[0], came=True)
        attendance.walk_in(connection, at_door, event_id=second.id, contact_id=newcomer)
        assert marks(connection, first) == {people[0]: True, people[1]: None}
        assert row(connection, third, newcomer).attended is None
        attendance.finish(connection, at_door, event_id=second.id, rules=RULES)
        assert marks(connection, second) == {people[0]: False, people[1]: None, newcomer: True}, (
            "who came to another date is missed, who never said a word is not"
        )
        assert attendance.sheet(connection, acting, event_id=third.id) is not None

    await database.write(go)


# --- whom to call ---------------------------------------------------------------------------------------------------


async def test_the_call_list_says_why_and_the_phone_only_are_on_it(database: Database) -> None:
    """An address of the channel tel is no channel: the ledger says so, and the list has them."""

    def go(connection: Connection) -> None:
        _, event, people = invited(connection, 5)
        connection.execute(update(addresses).where(addresses.c.id == people[0]).values(channel="tel"))
        assert fire(connection, event, "1d", MEETING - DAY) == 5
        assert {who for (_, who), told in ledger(connection, event).items() if told == "no_channel"} == {people[0]}
        failed = outbox.c.contact_id == people[1]
        connection.execute(update(outbox).where(failed).values(status="failed"))
        say(connection, event, people[2], "no", MEETING - HOUR)
        say(connection, event, people[3], "yes", MEETING - HOUR)
        become(connection, people[4], "stopped")
        (silent,) = settle(connection, 1, first=500)
        invitations.fill(connection, event.id, NOW)
        assert list_of(connection, by(now=MEETING - HOUR), event) == {
            people[1]: "failed", people[0]: "no_channel", silent: "silent",
        }  # fmt: skip
        assert list_of(connection, by(now=MEETING + 2 * HOUR), event) == {}, "nobody is called after it"

    await database.write(go)


async def test_what_came_of_a_call(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 4, capacity=1)
        for who, outcome in zip(people, ("no_answer", "yes", "yes", "wrong_number"), strict=True):
            calls.called(connection, acting, event_id=event.id, contact_id=who, outcome=outcome, rules=RULES)
        assert list_of(connection, acting, event) == {people[0]: "silent"}, "whoever did not pick up is called again"
        assert [row(connection, event, who).seat for who in people] == ["", "seat", "waiting", ""]
        assert row(connection, event, people[1]).rsvp_by == acting.contact_id
        found = calls.callee(connection, acting, sheet=sheet(connection, acting, event), contact_id=people[2])
        assert found is not None
        assert (found.standing, found.called) == ("waiting", "yes")
        calls.called(connection, acting, event_id=event.id, contact_id=people[1], outcome="no", rules=RULES)
        assert row(connection, event, people[2]).seat == "seat", "the place goes to whoever waits"
        subjects = connection.execute(select(audit.c.subject).where(audit.c.action == "call")).scalars().all()
        assert subjects == [f"event:{event.id} contact:{who}" for who in (*people, people[1])]

    await database.write(go)


async def test_whom_no_channel_reaches_is_reminded_by_a_call(database: Database) -> None:
    """Once for each reminder that others get, and not twice in a day."""

    def go(connection: Connection) -> None:
        acting, event, _ = invited(connection, 0)
        (phone_only,) = settle(connection, 1, channel="")
        invitations.fill(connection, event.id, NOW)
        assert list_of(connection, acting, event) == {phone_only: "no_channel"}
        calls.called(connection, acting, event_id=event.id, contact_id=phone_only, outcome="yes", rules=RULES)
        assert list_of(connection, acting, event) == {}
        fire(connection, event, "1d", MEETING - DAY)
        assert list_of(connection, by(now=MEETING - DAY), event) == {phone_only: "remind"}
        day_before = by(now=MEETING - DAY)
        calls.called(connection, day_before, event_id=event.id, contact_id=phone_only, outcome="no_answer", rules=RULES)
        assert list_of(connection, day_before, event) == {phone_only: "remind"}
        calls.called(connection, day_before, event_id=event.id, contact_id=phone_only, outcome="yes", rules=RULES)
        fire(connection, event, "2h", MEETING - 2 * HOUR)
        assert list_of(connection, by(now=MEETING - 23 * HOUR), event) == {}
        assert list_of(connection, by(now=MEETING - 2 * HOUR), event) == {phone_only: "remind"}

    await database.write(go)


async def test_whoever_cannot_know_of_a_change_is_called_first(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 1)
        (phone_only,) = settle(connection, 1, first=500, channel="")
        invitations.fill(connection, event.id, NOW)
        for who in (*people, phone_only):
            calls.called(connection, acting, event_id=event.id, contact_id=who, outcome="yes", rules=RULES)
        later = by(now=NOW + HOUR)
        events.relocate(connection, later, event_id=event.id, version=1, place="Читалище", landmark="", rules=RULES)
        assert list_of(connection, later, event) == {phone_only: "changed"}
        calls.called(connection, later, event_id=event.id, contact_id=phone_only, outcome="yes", rules=RULES)
        assert list_of(connection, later, event) == {}
        last = by(now=NOW + 2 * HOUR)
        events.cancel(connection, last, event_id=event.id, version=2, rules=RULES)
        assert list_of(connection, last, event) == {phone_only: "changed"}, "nobody goes to a closed door"
        calls.called(connection, last, event_id=event.id, contact_id=phone_only, outcome="told", rules=RULES)
        assert list_of(connection, last, event) == {}

    await database.write(go)


async def test_a_moved_event_asks_everybody_anew(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 1)
        calls.called(connection, acting, event_id=event.id, contact_id=people[0], outcome="yes", rules=RULES)
        events.move(
            connection, acting, event_id=event.id, version=1, starts_at=MEETING + DAY, rules=RULES
        )  # fmt: skip
        assert list_of(connection, acting, event) == {people[0]: "silent"}

    await database.write(go)


async def test_an_hour_is_given_by_telephone_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people, slots = appointment(connection)
        given = {"event_id": event.id, "outcome": "yes", "rules": RULES, "slot_id": slots[1].id}
        calls.called(connection, acting, contact_id=people[2], **given)
        assert row(connection, slots[1].id, people[2]).seat == "seat"
        with pytest.raises(Conflict):
            calls.called(connection, acting, contact_id=people[3], **given)
        assert row(connection, event, people[3]).called == ""

    await database.write(go)


async def test_a_number_is_opened_for_one_who_is_in_the_event_and_may_be_called(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 3, kind="training")
        lead(connection, 2, "mediator")
        connection.execute(
            update(contacts)
            .where(contacts.c.id == people[0])
            .values(phone="+359888123456", settlement="vidin", source="staff-2")
        )
        connection.execute(update(contacts).where(contacts.c.id == people[1]).values(source=f"staff-{people[0]}"))
        (stranger,) = settle(connection, 1, first=500, group="1 а")
        become(connection, people[2], "stopped")
        here = sheet(connection, acting, event)
        found = {who: calls.callee(connection, acting, sheet=here, contact_id=who) for who in (*people, stranger)}
        first, second = found[people[0]], found[people[1]]
        assert first is not None
        assert second is not None
        assert (first.phone, first.settlement, first.registered_by) == ("+359888123456", "vidin", "")
        assert (second.phone, second.registered_by) == ("", ""), "a code that names no staff names nobody"
        connection.execute(update(contacts).where(contacts.c.id == people[1]).values(source="staff-2"))
        again = calls.callee(connection, acting, sheet=here, contact_id=people[1])
        assert again is not None
        assert again.registered_by == "Човек 2"
        assert (found[people[2]], found[stranger]) == (None, None)
        calls.opened(connection, acting, event_id=event.id, contact_id=people[0])
        seen = connection.execute(select(audit).where(audit.c.action == "phone_seen")).one()
        assert (seen.staff_id, seen.subject) == (1, f"event:{event.id} contact:{people[0]}")

    await database.write(go)


async def test_a_walk_in_is_counted_apart_and_on_a_courses_later_dates_as_invited(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 2, kind="course", dates=[MEETING + DAY])
        (stranger,) = settle(connection, 1, first=900, group="")
        later = by(now=MEETING)
        attendance.mark(connection, later, event_id=event.id, contact_id=people[0], came=True)
        attendance.walk_in(connection, later, event_id=event.id, contact_id=stranger)
        first = attendance.tally(connection, acting, event_id=event.id)
        assert (first.invited, first.silent, first.came, first.walked_in) == (2, 2, 2, 1)
        next_date = events.series(connection, event)[1]
        then = attendance.tally(connection, acting, event_id=next_date.id)
        assert (then.invited, then.silent, then.came, then.walked_in) == (3, 3, 0, 0)
        found = attendance.people(connection, acting, event_id=event.id)
        assert [one.contact_id for one in found if one.walked_in] == [stranger]
        heads = events.heads(connection, acting, event_ids=[event.id, next_date.id])
        assert heads == {event.id: (1, 2), next_date.id: (0, 3)}, "who came, of those who were asked"
        numbers = months.month(connection, by(now=MEETING + 2 * DAY), ago=0, zone=RULES.zone)
        assert (numbers.total.invited, numbers.total.came, numbers.total.walked_in) == (3, 2, 1)

    await database.write(go)


async def test_a_call_that_was_noted_by_a_slip_is_taken_back(database: Database) -> None:
    """Its answer is forgotten and its place is free; what the person said themselves since stays."""

    def go(connection: Connection) -> None:
        acting, event, people = invited(connection, 2, capacity=1)
        heard: dict[str, Any] = {"event_id": event.id, "rules": RULES}
        calls.called(connection, acting, contact_id=people[0], outcome="yes", **heard)
        calls.called(connection, acting, contact_id=people[1], outcome="no", **heard)
        found = calls.heard(connection, acting, sheet=sheet(connection, acting, event))
        assert {one.contact_id: one.called for one in found} == {people[0]: "yes", people[1]: "no"}
        say(connection, event, people[1], "maybe", NOW + HOUR)
        for who in (*people, people[0]):
            calls.taken_back(connection, by(now=NOW + 2 * HOUR), contact_id=who, **heard)
        first, second = (row(connection, event, who) for who in people)
        assert (first.rsvp, first.seat, first.called) == ("", "", "")
        assert (second.rsvp, second.called) == ("maybe", "")
        assert calls.heard(connection, acting, sheet=sheet(connection, acting, event)) == []
        assert list_of(connection, acting, event) == {people[0]: "silent"}

    await database.write(go)


async def test_an_hour_given_by_a_slip_on_the_telephone_is_free_again(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, event, people, slots = appointment(connection)
        heard: dict[str, Any] = {"event_id": event.id, "contact_id": people[2], "rules": RULES}
        calls.called(connection, acting, outcome="yes", slot_id=slots[1].id, **heard)
        assert invitations.slots(connection, acting, event_id=event.id) == []
        calls.taken_back(connection, acting, **heard)
        assert [one.id for one in invitations.slots(connection, acting, event_id=event.id)] == [slots[1].id]
        assert people[2] in list_of(connection, acting, event)

    await database.write(go)


async def test_a_place_is_offered_once_with_the_landmark_that_was_given_last(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, other = lead(connection), lead(connection, 2, "mediator")
        for who, place, landmark in (
            (acting, "Читалище", "до пазара"), (acting, "Клуб", ""), (acting, "Читалище", "до пощата"),
            (other, "Училище", "стая 3"), (other, "Читалище", "зад пощата"),
        ):  # fmt: skip
            published(connection, who, MEETING, place=place, landmark=landmark)
        assert events.places(connection, acting, limit=9) == [
            ("Читалище", "зад пощата"), ("Клуб", ""), ("Училище", "стая 3"),
        ]  # fmt: skip

    await database.write(go)
