"""What two do at the same moment: no place is given twice, and nobody waits for whoever changes an event."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, select

from storage import events, feedback, invitations
from storage.tables import contacts
from storage.tables import invitations as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, published, settle
from tests.storage.kit import opened


def course(connection: Connection) -> list[int]:
    """Three dates with one place each, and two people who were invited."""
    acting = lead(connection)
    settle(connection, 2)
    dates = (NOW + 9 * DAY, NOW + 16 * DAY)
    first = published(connection, acting, NOW + 2 * DAY, kind="course", dates=dates, capacity=1)
    invitations.fill(connection, first.id, NOW)
    return [date.id for date in events.series(connection, first)]


async def test_two_who_take_a_whole_course_from_either_end_get_each_place_once(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:
        first, _, last = dates = await one.write(course)

        def take(connection: Connection, event_id: int, who: int) -> None:
            invitations.answer(
                connection, by(who), event_id=event_id, contact_id=who, said="yes", rules=RULES, whole=True
            )  # fmt: skip

        await asyncio.gather(one.write(lambda c: take(c, first, 100)), other.write(lambda c: take(c, last, 101)))
        found = await one.read(
            lambda c: c.execute(select(rows.c.event_id).where(rows.c.seat == "seat")).scalars().all()
        )
        assert sorted(found) == dates


async def test_two_who_look_at_either_end_of_a_series_and_go_on_are_in_nobodys_way(database_url: str) -> None:
    """Each locks it all at the first look: neither ends up with what the other waits for, and nothing is done twice."""
    async with opened(database_url) as one, opened(database_url) as other:
        first, _, last = await one.write(course)
        tries = []

        def take(connection: Connection, event_id: int, who: int) -> None:
            tries.append(who)
            assert invitations.guest(connection, by(who), event_id=event_id, contact_id=who)
            for _ in range(100):  # round trips, so that both have looked
                connection.execute(select(contacts.c.id)).all()
            invitations.answer(
                connection, by(who), event_id=event_id, contact_id=who, said="yes", rules=RULES, whole=True
            )  # fmt: skip

        await asyncio.gather(one.write(lambda c: take(c, first, 100)), other.write(lambda c: take(c, last, 101)))
        assert sorted(tries) == [100, 101], "no collision had to be tried anew"


async def test_whoever_holds_an_hour_and_whoever_takes_one_are_in_nobodys_way(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:

        def prepare(connection: Connection) -> list[int]:
            acting = lead(connection)
            settle(connection, 2)
            starts = NOW + 2 * DAY
            made = published(connection, acting, starts, kind="appointment", dates=(starts + HOUR,), lasts=HOUR)
            invitations.fill(connection, made.id, NOW)
            slots = [slot.id for slot in events.series(connection, made)]
            ask = {"event_id": made.id, "contact_id": 100, "slot_id": slots[0], "rules": RULES}
            invitations.take_slot(connection, by(100), **ask)
            return [made.id, *slots]

        appointment, held, free = await one.write(prepare)
        tries = []

        def wait(connection: Connection) -> None:
            for _ in range(100):
                connection.execute(select(contacts.c.id)).all()

        def give_up(connection: Connection) -> None:
            tries.append(100)
            assert invitations.guest(connection, by(100), event_id=held, contact_id=100)
            wait(connection)
            invitations.answer(connection, by(100), event_id=held, contact_id=100, said="no", rules=RULES)

        def take(connection: Connection) -> None:
            tries.append(101)
            assert invitations.guest(connection, by(101), event_id=appointment, contact_id=101)
            wait(connection)
            ask = {"event_id": appointment, "contact_id": 101, "slot_id": free, "rules": RULES}
            invitations.take_slot(connection, by(101), **ask)
            events.by_id(connection, held, locked=True)

        await asyncio.gather(one.write(give_up), other.write(take))
        assert sorted(tries) == [100, 101]


async def test_whoever_changes_an_event_keeps_nobody_from_being_entered_or_asked(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:
        first, *_ = await one.write(course)
        done = []

        def change(connection: Connection) -> None:
            events.by_id(connection, first, locked=True)
            for _ in range(200):  # round trips
                connection.execute(select(contacts.c.id)).all()
            done.append("changed")

        def enter(connection: Connection) -> None:
            settle(connection, 1, first=300, group="")
            invitations.enrol(connection, by(), event_id=first, contact_id=300)
            assert feedback.asked(connection, by(100), event_id=first, contact_id=100)
            done.append("entered")

        await asyncio.gather(one.write(change), other.write(enter))
        assert sorted(done) == ["changed", "entered"]
        if not one.is_sqlite:  # which writes one after the other, whoever comes first
            assert done == ["entered", "changed"]
