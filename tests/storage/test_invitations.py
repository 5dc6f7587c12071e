"""Answers, seats and the waiting line, slots of an appointment, and whose invitation it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy import event as hooks

from bot.chat import Conflict
from storage import events, export, invitations, notifications, stopping, telling
from storage.database import Database
from storage.events import Event
from storage.invitations import Details
from storage.tables import contacts, feedback, outbox
from storage.tables import invitations as rows
from storage.tables import notifications as told
from tests.storage.events_kit import (
    CLASS,
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
)  # fmt: skip
from tests.storage.kit import opened

SOON = NOW + 2 * DAY


def say(connection: Connection, event: Event, who: int, said: str, *, now: Any = NOW, **more: Any) -> None:
    invitations.answer(
        connection, by(who, now), event_id=event.id, contact_id=who, said=said, rules=RULES, **more
    )  # fmt: skip


def seats(connection: Connection, event: Event | int) -> dict[int, str]:
    number = event if isinstance(event, int) else event.id
    found = select(rows.c.contact_id, rows.c.seat).where(rows.c.event_id == number, rows.c.seat != "")
    return {row.contact_id: row.seat for row in connection.execute(found.order_by(rows.c.contact_id))}


def filled(connection: Connection, number: int, **more: Any) -> Event:
    """So many people, invited to one event."""
    acting = lead(connection)
    settle(connection, number)
    event = published(connection, acting, SOON, **more)
    invitations.fill(connection, event.id, NOW)
    return event


def seen(connection: Connection, event: Event | int, who: int, *, by_: int | None = None) -> Details | None:
    number = event if isinstance(event, int) else event.id
    return invitations.details(connection, by(by_ or who), event_id=number, contact_id=who)


# --- seats ----------------------------------------------------------------------------------------------------------


async def test_seats_are_given_in_the_order_of_answers_and_the_rest_wait_in_line(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 4, capacity=2)
        for minute, who in enumerate((103, 101, 100, 102)):
            say(connection, event, who, "yes", now=NOW + timedelta(minutes=minute))
        assert seats(connection, event) == {100: "waiting", 101: "seat", 102: "waiting", 103: "seat"}
        lines = {who: found.line for who in (100, 101, 102, 103) if (found := seen(connection, event, who))}
        assert lines == {100: 1, 101: 0, 102: 2, 103: 0}
        assert invitations.seats_left(connection, by(), event_id=event.id) == 0
        say(connection, event, 101, "yes")
        say(connection, event, 103, "maybe")
        assert seats(connection, event)[103] == "seat", "a doubt costs no seat"
        assert ledger(connection, event) == {}

    await database.write(go)


async def test_a_seat_that_comes_free_goes_to_who_waits_longest_and_they_are_told(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 4, capacity=1)
        for minute, who in enumerate((100, 102, 101, 103)):
            say(connection, event, who, "yes", now=NOW + timedelta(minutes=minute))
        connection.execute(update(contacts).where(contacts.c.id == 102).values(status="stopped"))
        say(connection, event, 100, "no", now=NOW + HOUR)
        assert seats(connection, event) == {101: "seat", 102: "waiting", 103: "waiting"}, "who cannot be told waits on"
        assert ledger(connection, event) == {("place1", 101): "queued"}
        assert queued(connection) == [f"reminder:{event.id}:place1:101"]
        say(connection, event, 101, "no", now=NOW + 2 * HOUR)
        say(connection, event, 101, "yes", now=NOW + 3 * HOUR)
        say(connection, event, 103, "no", now=NOW + 4 * HOUR)
        assert seats(connection, event) == {101: "seat", 102: "waiting"}
        assert ("place2", 101) in ledger(connection, event), "the second time is told too"

    await database.write(go)


async def test_nobody_is_promoted_to_what_has_begun_or_was_cancelled(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 2, capacity=1)
        for who in (100, 101):
            say(connection, event, who, "yes")
        say(connection, event, 100, "no", now=SOON + timedelta(minutes=5))
        assert seats(connection, event) == {101: "waiting"}
        assert queued(connection) == []

    await database.write(go)


async def test_without_a_limit_everybody_has_a_seat(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 3, capacity=None)
        for who in (100, 101, 102):
            say(connection, event, who, "yes")
        assert set(seats(connection, event).values()) == {"seat"}
        assert invitations.seats_left(connection, by(), event_id=event.id) is None

    await database.write(go)


async def test_the_last_seat_is_given_once_to_two_who_ask_at_the_same_moment(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:

        def publish(connection: Connection) -> list[Event]:
            acting = lead(connection)
            settle(connection, 2)
            made = [published(connection, acting, SOON + n * HOUR, capacity=1) for n in range(8)]
            for event in made:
                invitations.fill(connection, event.id, NOW)
            return made

        for event in await one.write(publish):
            await asyncio.gather(
                one.write(lambda c, event=event: say(c, event, 100, "yes")),  # type: ignore[misc]
                other.write(lambda c, event=event: say(c, event, 101, "yes")),  # type: ignore[misc]
            )
            found = await one.read(lambda c, event=event: seats(c, event))  # type: ignore[misc]
            assert sorted(found.values()) == ["seat", "waiting"]


async def test_one_answer_for_every_date_of_a_course_that_is_still_to_come(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 2, kind="course", dates=(SOON + DAY, SOON + 2 * DAY), capacity=1)
        dates = [date.id for date in events.series(connection, event)]
        say(connection, event, 100, "yes", whole=True)
        say(connection, event, 101, "yes", whole=True, now=NOW + HOUR)
        assert [seats(connection, date)[101] for date in dates] == ["waiting"] * 3
        say(connection, event, 100, "no", whole=True, now=SOON + 2 * HOUR)
        assert [seats(connection, date).get(101) for date in dates] == ["waiting", "seat", "seat"], "one is over"
        found = invitations.details(connection, by(101, SOON + 2 * HOUR), event_id=event.id, contact_id=101)
        assert found is not None
        assert [guest.event.id for guest in found.dates] == dates[1:]

    await database.write(go)


# --- slots ----------------------------------------------------------------------------------------------------------


def appointment(connection: Connection, number: int = 2) -> tuple[Event, list[Event]]:
    event = filled(connection, number, kind="appointment", dates=(SOON + HOUR, SOON + 2 * HOUR))
    return event, invitations.slots(connection, by(), event_id=event.id)


def take(connection: Connection, event: Event, who: int, slot: Event) -> None:
    invitations.take_slot(
        connection, by(who), event_id=event.id, contact_id=who, slot_id=slot.id, rules=RULES
    )  # fmt: skip


async def test_a_slot_is_taken_once_and_the_one_before_is_given_back(database: Database) -> None:
    def go(connection: Connection) -> None:
        event, (first, second, third) = appointment(connection)
        take(connection, event, 100, first)
        with pytest.raises(Conflict) as taken:
            take(connection, event, 101, first)
        assert (taken.value.key, taken.value.why) == ("slot", "slot.taken")
        take(connection, event, 100, second)
        assert (seats(connection, first), seats(connection, second)) == ({}, {100: "seat"})
        assert [s.id for s in invitations.slots(connection, by(), event_id=event.id)] == [first.id, third.id]
        mine = seen(connection, event, 100)
        assert mine is not None
        assert mine.slot is not None
        assert mine.slot.event.id == second.id
        say(connection, event, 100, "no")
        assert seats(connection, second) == {}, "no to the whole frees the hour"

    await database.write(go)


async def test_one_slot_is_given_once_to_two_who_choose_at_the_same_moment(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:
        event, free = await one.write(appointment)

        def choose(connection: Connection, who: int, slot: Event) -> bool:
            try:
                take(connection, event, who, slot)
            except Conflict:
                return False
            return True

        for slot in free:
            got = await asyncio.gather(
                one.write(lambda c, slot=slot: choose(c, 100, slot)),  # type: ignore[misc]
                other.write(lambda c, slot=slot: choose(c, 101, slot)),  # type: ignore[misc]
            )
            assert sorted(got) == [False, True]


async def test_after_an_appointment_moved_its_slots_holder_is_told_once_and_can_choose_again(
    database: Database,
) -> None:
    """Of the hour that they have, though nothing was written to them about that hour before; never of the whole."""

    def go(connection: Connection) -> None:
        event, (first, second, _) = appointment(connection)
        fire(connection, event, "invite", NOW)
        telling.heard(connection, queued(connection))
        take(connection, event, 100, first)
        take(connection, event, 101, second)
        events.move(connection, by(now=NOW + HOUR), event_id=event.id, version=1, starts_at=SOON + DAY, rules=RULES)
        connection.execute(update(outbox).values(status="sent"))
        for one in (event, first, second):
            fire(connection, one, "change@2", NOW + HOUR)
        assert queued(connection) == [f"reminder:{first.id}:change@2:100", f"reminder:{second.id}:change@2:101"]
        facts = telling.facts(connection, queued(connection), NOW + HOUR)
        before = [fact.about[0].before for fact in facts.values()]
        assert [was.starts_at for was in before if was] == [first.starts_at, second.starts_at]
        third = invitations.slots(connection, by(), event_id=event.id)[0]
        take(connection, event, 100, third)
        assert (seats(connection, first), seats(connection, third)) == ({}, {100: "seat"})

    await database.write(go)


async def test_of_a_change_everybody_hears_who_has_a_seat_or_was_entered_by_hand(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 3)
        settle(connection, 1, first=300, group="")
        invitations.enrol(connection, by(), event_id=event.id, contact_id=300)
        say(connection, event, 100, "yes")
        events.cancel(connection, by(now=NOW + HOUR), event_id=event.id, version=1, rules=RULES)
        fire(connection, event, "change@2", NOW + HOUR)
        assert ledger(connection, event) == {("change@2", 100): "queued", ("change@2", 300): "queued"}

    await database.write(go)


# --- whose invitation it is -----------------------------------------------------------------------------------------


async def test_an_invitation_is_shown_to_its_guest_and_to_their_household_alone(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 2)
        settle(connection, 1, first=200, home=100)
        invitations.fill(connection, event.id, NOW)
        assert seen(connection, event, 100) is not None
        assert seen(connection, event, 200, by_=100) is not None, "from the telephone that they share"
        assert seen(connection, event, 101, by_=100) is None
        assert seen(connection, event, 999, by_=100) is None
        assert seen(connection, 12345, 100) is None

    await database.write(go)


async def test_who_leads_it_is_named_as_long_as_they_are_of_the_staff(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 1)
        connection.execute(update(contacts).where(contacts.c.id == 1).values(name="Ани Петрова", phone="+359888000111"))
        found = seen(connection, event, 100)
        assert found is not None
        assert (found.leader, found.phone) == ("Ани Петрова", "+359888000111")
        connection.execute(update(events.events).where(events.events.c.id == event.id).values(mediator_id=100))
        found = seen(connection, event, 100)
        assert found is not None
        assert (found.leader, found.phone) == ("", "")

    await database.write(go)


# --- coming late, and going -----------------------------------------------------------------------------------------


async def test_whoever_registers_or_joins_late_is_invited_to_what_still_makes_sense(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        wish = {"activities": ["vocational"]}
        first = published(connection, acting, SOON, audience=wish)
        course = published(connection, acting, SOON + HOUR, kind="course", dates=(SOON + DAY,), audience=wish)
        other = published(connection, acting, SOON, audience=CLASS)
        settle(connection, 1, group="")
        invitations.join(connection, by(100), activity="vocational", rules=RULES)
        invitations.join(connection, by(100), activity="vocational", rules=RULES)
        assert queued(connection) == [f"reminder:{first.id}:invite:100"]
        assert ledger(connection, course) == {("invite", 100): "joint"}
        assert ledger(connection, other) == {}
        assert len(invitations.mine(connection, by(100))) == 3, "with each date of the course"
        assert fire(connection, first, "invite", NOW) == 0, "the moment finds it done"

    await database.write(go)


async def test_many_events_for_others_cost_whoever_registers_next_to_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1, group="4 б")
        for number in range(30):
            published(connection, acting, SOON + number * HOUR, audience=CLASS if number % 3 else {"languages": ["ro"]})
        asked = []
        hooks.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2]))
        invitations.welcome(connection, by(100), RULES)
        assert len(asked) == 3, "the events, and whether one belongs to either audience"
        assert invitations.mine(connection, by(100)) == []

    await database.write(go)


async def test_whoever_leads_or_made_an_event_is_not_invited_to_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        lead(connection, 2, "mediator")
        lead(connection, 3, "mediator")
        event = published(
            connection, acting, SOON, kind="course", dates=(SOON + DAY,), audience={"all": True}, mediator_id=2
        )
        fire(connection, event, "invite", NOW)
        for who in (1, 2):
            invitations.welcome(connection, by(who), RULES)
            assert invitations.mine(connection, by(who)) == []
        assert len(invitations.mine(connection, by(3))) == 2, "other staff are people too"

    await database.write(go)


async def test_erasing_gives_seats_away_and_keeps_only_that_somebody_came(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 1, capacity=1)
        settle(connection, 1, first=101, home=100)
        invitations.fill(connection, event.id, NOW)
        past = published(connection, by(), NOW + HOUR, capacity=None)
        invitations.fill(connection, past.id, NOW)
        for who in (100, 101):
            say(connection, event, who, "yes", now=NOW + timedelta(minutes=who))
        say(connection, past, 100, "yes")
        fire(connection, past, "invite", NOW)
        came = (rows.c.event_id == past.id) & (rows.c.contact_id == 100)
        connection.execute(update(rows).where(came).values(attended=True, leave_at="09:30", miss_reason="way"))
        said = {"event_id": past.id, "contact_id": 100, "face": 3, "comment": "Хубаво", "voice": {"file": "x"}}
        connection.execute(insert(feedback).values(said | {"at": NOW}))
        listed = export.everything(connection, by(100))["срещи"]
        assert [(one["отговор"], one["присъствие"]) for one in listed] == [("yes", True), ("yes", None)]
        later = by(100, NOW + 3 * HOUR)
        stopping.erase(connection, later, rules=RULES)
        assert seats(connection, event) == {101: "seat"}
        assert ("place1", 101) in ledger(connection, event)
        (kept,) = connection.execute(select(rows).where(rows.c.contact_id == 100)).all()
        assert (kept.event_id, kept.attended, kept.leave_at, kept.miss_reason) == (past.id, True, "", "")
        assert connection.execute(select(told).where(told.c.contact_id == 100)).all() == []
        assert connection.execute(select(feedback)).all() == []

    await database.write(go)


# --- typed answers --------------------------------------------------------------------------------------------------


async def test_the_latest_message_about_what_is_coming_is_what_typed_words_answer(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = filled(connection, 1)
        later = published(connection, by(), SOON + DAY)

        def latest(now: Any) -> tuple[int, bool] | None:
            return notifications.latest(connection, by(100, now))

        fire(connection, event, "invite", NOW)
        assert latest(NOW) is None, "nothing has gone out yet"
        go_out(connection, NOW)
        assert latest(NOW + HOUR) == (event.id, True)
        fire(connection, later, "invite", NOW + 2 * HOUR)
        assert latest(NOW + 2 * HOUR) == (event.id, True)
        go_out(connection, NOW + 2 * HOUR)
        assert latest(NOW + 3 * HOUR) == (later.id, True)
        assert latest(SOON + DAY + HOUR) is None, "all is over"
        assert latest(NOW + 5 * DAY) is None

    await database.write(go)
