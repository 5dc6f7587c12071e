"""Whose place stays and whose goes: who stops our messages keeps theirs and is called; who is erased gives it back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select, update

from storage import attendance, calls, events, invitations, stopping
from storage.database import Database
from storage.events import Event
from storage.tables import addresses, audit, contacts
from storage.tables import invitations as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, go_out, lead, ledger, published, queued, settle

SOON = NOW + 6 * DAY


def seats(connection: Connection, event: Event) -> dict[int, str]:
    found = connection.execute(select(rows.c.contact_id, rows.c.seat).where(rows.c.event_id == event.id))
    return {row.contact_id: row.seat for row in found if row.seat}


def full(connection: Connection, people: int = 3, **more: object) -> Event:
    """One place, which the first has and the others wait for; the invitations have gone out."""
    ids = settle(connection, people)
    event = published(connection, lead(connection), SOON, kind="training", capacity=1, **more)  # type: ignore[arg-type]
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    for minute, who in enumerate(ids):
        at = NOW + HOUR + timedelta(minutes=minute)
        invitations.answer(connection, by(who, at), event_id=event.id, contact_id=who, said="yes", rules=RULES)
    return event


def stop(connection: Connection, who: int) -> None:
    stopping.stop(connection, by(who, NOW + 2 * HOUR), "button")


def to_call(connection: Connection, event: Event, now: int = 3) -> dict[int, str]:
    acting = by(now=NOW + now * HOUR)
    sheet = attendance.sheet(connection, acting, event_id=event.id)
    assert sheet is not None
    return {one.contact_id: one.why for one in calls.call_list(connection, acting, sheet=sheet)}


async def test_whoever_stops_our_messages_keeps_their_place_and_is_called_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = full(connection)
        for who in (100, 101):
            stop(connection, who)
        assert seats(connection, event) == {100: "seat", 101: "waiting", 102: "waiting"}
        assert to_call(connection, event) == {100: "stopped"}, "who only waits is left in peace"
        outcome = {"event_id": event.id, "contact_id": 100, "rules": RULES}
        calls.called(connection, by(now=NOW + 4 * HOUR), outcome="no_answer", **outcome)
        assert to_call(connection, event, 5) == {100: "stopped"}, "it rang and nobody picked up"
        calls.called(connection, by(now=NOW + 5 * HOUR), outcome="yes", **outcome)
        assert to_call(connection, event, 6) == {}
        fire(connection, event, "1d", SOON - DAY)
        assert ledger(connection, event)["1d", 100] == "stopped"
        assert to_call(connection, event, 5 * 24 + 3) == {}, "asked once, they are not asked again"

    await database.write(go)


async def test_whoever_stopped_and_says_no_on_the_telephone_gives_the_place_to_the_next(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = full(connection)
        for who in (100, 101):
            stop(connection, who)
        outcome = {"event_id": event.id, "contact_id": 100, "outcome": "no", "rules": RULES}
        calls.called(connection, by(now=NOW + 4 * HOUR), **outcome)
        assert seats(connection, event) == {101: "waiting", 102: "seat"}, "who can be told comes first"
        assert queued(connection) == [f"reminder:{event.id}:place1:102"]

    await database.write(go)


async def test_whoever_stopped_hears_of_a_change_by_telephone(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = full(connection)
        stop(connection, 100)
        calls.called(
            connection, by(now=NOW + 3 * HOUR), event_id=event.id, contact_id=100, outcome="yes", rules=RULES
        )  # fmt: skip
        events.cancel(connection, by(now=NOW + 4 * HOUR), event_id=event.id, version=1, rules=RULES)
        assert to_call(connection, event, 5) == {100: "changed"}

    await database.write(go)


async def test_whoever_is_erased_gives_the_place_back_and_the_next_is_told(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = full(connection)
        settle(connection, 1, first=50, home=100)  # so that their chat has somebody left
        stopping.erase(connection, by(100, NOW + 2 * HOUR), rules=RULES)
        assert seats(connection, event) == {101: "seat", 102: "waiting"}
        assert queued(connection) == [f"reminder:{event.id}:place1:101"]
        assert 100 not in to_call(connection, event)

    await database.write(go)


# --- erased by staff --------------------------------------------------------------------------------------------------


def registered_by(connection: Connection, who: int, staff: int) -> None:
    connection.execute(update(contacts).where(contacts.c.id == who).values(source=f"staff-{staff}"))


async def test_who_may_erase_whom(database: Database) -> None:
    def go(connection: Connection) -> None:
        coordinator = lead(connection)
        mediator, trainer = lead(connection, 2, "mediator"), lead(connection, 3, "trainer")
        settle(connection, 2, channel="")
        settle(connection, 1, first=200)
        for who in (100, 200):
            registered_by(connection, who, 2)
        may = {
            name: [n for n in (2, 100, 101, 200, 999) if stopping.erasable(connection, one, contact_id=n) is not None]
            for name, one in (("coordinator", coordinator), ("mediator", mediator), ("trainer", trainer))
        }
        assert may == {"coordinator": [100, 101, 200], "mediator": [100], "trainer": []}
        for one, who in ((mediator, 101), (trainer, 100), (coordinator, 2), (by(200), 100)):
            assert stopping.erase_by_staff(connection, one, contact_id=who, rules=RULES) is None
        left = connection.execute(select(contacts.c.id).where(contacts.c.status != "archived")).scalars()
        assert {2, 100, 101, 200} <= set(left)

    await database.write(go)


async def test_staff_erase_somebody_without_a_chat_who_gives_the_place_back(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = full(connection)
        (alone,) = settle(connection, 1, first=300, channel="")
        registered_by(connection, alone, 2)
        mediator = lead(connection, 2, "mediator")
        slow = published(connection, by(), SOON + DAY, kind="training", capacity=1)
        invitations.enrol(connection, by(), event_id=slow.id, contact_id=alone)
        for who in (alone, 101):
            invitations.fill(connection, slow.id, NOW)
            invitations.answer(connection, by(who), event_id=slow.id, contact_id=who, said="yes", rules=RULES)
        outcome = stopping.erase_by_staff(connection, mediator, contact_id=alone, rules=RULES)
        assert outcome is not None
        assert (outcome.contact_id, outcome.erased) == (2, True), "it is the screens that forget, not who erased"
        assert seats(connection, slow) == {101: "seat"}
        assert seats(connection, event)[100] == "seat"
        row = connection.execute(select(contacts).where(contacts.c.id == alone)).one()
        assert (row.status, row.name, row.phone, row.source) == ("archived", None, None, "")
        last = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(1)).one()
        assert (last.staff_id, last.action, last.subject) == (2, "erase", f"contact:{alone}")
        assert stopping.erase_by_staff(connection, mediator, contact_id=alone, rules=RULES) is None, "once is enough"

    await database.write(go)


async def test_whoever_talks_at_a_shared_chat_goes_on_when_somebody_else_there_is_erased(database: Database) -> None:
    def go(connection: Connection) -> None:
        settle(connection, 2)
        (third,) = settle(connection, 1, first=50, home=101)
        stopping.erase_by_staff(connection, lead(connection), contact_id=third, rules=RULES)
        assert connection.execute(select(addresses.c.contact_id).where(addresses.c.id == 101)).scalar_one() == 101

    await database.write(go)
