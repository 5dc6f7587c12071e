"""Another name, other things to bring, more places: nobody is written to, except who waited and has a place now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from bot.chat import Conflict
from storage import amendments, attendance, calls, events, invitations, moments
from storage.database import Database
from storage.events import Event
from storage.tables import addresses, event_versions
from storage.tables import events as event_rows
from storage.tables import invitations as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, go_out, lead, published, queued, settle

SOON = NOW + 6 * DAY
LATER = by(now=NOW + 2 * HOUR)


def asked(connection: Connection, people: int = 4, **more: object) -> Event:
    ids = settle(connection, people)
    values = {"kind": "training", "capacity": 1} | more
    event = published(connection, lead(connection), SOON, **values)  # type: ignore[arg-type]
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    for minute, who in enumerate(ids):
        at = NOW + HOUR + timedelta(minutes=minute)
        invitations.answer(connection, by(who, at), event_id=event.id, contact_id=who, said="yes", rules=RULES)
    return event


def seated(connection: Connection, event: Event) -> list[int]:
    here = (rows.c.event_id == event.id) & (rows.c.seat == "seat")
    return list(connection.execute(select(rows.c.contact_id).where(here).order_by(rows.c.contact_id)).scalars())


def all_of(connection: Connection) -> list[Event]:
    return [events.event_of(row) for row in connection.execute(select(event_rows).order_by(event_rows.c.id))]


def set_capacity(connection: Connection, event: Event, number: int | None, version: int = 1) -> None:
    amendments.set_capacity(
        connection, LATER, event_id=event.id, version=version, capacity=number, rules=RULES
    )  # fmt: skip


async def test_another_name_and_other_things_to_bring_are_told_to_nobody(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = asked(connection)
        connection.execute(update(addresses).where(addresses.c.id == 100).values(channel="tel"))
        waiting = moments.waiting(connection)
        amendments.rename(connection, LATER, event_id=event.id, version=1, title="Готвене")
        amendments.set_bring(connection, LATER, event_id=event.id, version=2, bring="престилка")
        now = events.by_id(connection, event.id)
        assert now is not None
        assert (now.title, now.bring, now.version, now.starts_at) == ("Готвене", "престилка", 3, SOON)
        assert moments.waiting(connection) == waiting
        assert queued(connection) == []
        sheet = attendance.sheet(connection, LATER, event_id=event.id)
        assert sheet is not None
        assert calls.call_list(connection, LATER, sheet=sheet) == [], "nor is anybody called because of a name"
        assert connection.execute(select(event_versions.c.version)).scalars().all() == [1, 2, 3]

    await database.write(go)


async def test_more_places_go_to_those_who_wait_longest_and_they_are_told(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = asked(connection)
        set_capacity(connection, event, 3)
        assert seated(connection, event) == [100, 101, 102]
        assert queued(connection) == [f"reminder:{event.id}:place1:{who}" for who in (101, 102)]
        set_capacity(connection, event, None, version=2)
        assert seated(connection, event) == [100, 101, 102, 103]
        assert len(queued(connection)) == 3

    await database.write(go)


async def test_there_cannot_be_fewer_places_than_are_taken(database: Database) -> None:
    def go(connection: Connection) -> None:
        event = asked(connection, capacity=3)
        with pytest.raises(Conflict) as refused:
            set_capacity(connection, event, 2)
        assert refused.value.key == "seats"
        assert [one.capacity for one in all_of(connection)] == [3]
        set_capacity(connection, event, 3)
        assert seated(connection, event) == [100, 101, 102]

    await database.write(go)


@pytest.mark.parametrize(
    ("kind", "titles"),
    [("course", ["Старо", "Ново", "Ново"]), ("appointment", ["Ново"] * 4)],
)
async def test_a_course_changes_from_a_date_on_and_an_appointment_with_its_slots(
    database: Database, kind: str, titles: list[str]
) -> None:
    def go(connection: Connection) -> None:
        dates = (SOON + DAY, SOON + 2 * DAY)
        published(connection, lead(connection), SOON, kind=kind, dates=dates, title="Старо")
        number = 2 if kind == "course" else 1
        first = all_of(connection)[number - 1]
        amendments.rename(connection, LATER, event_id=first.id, version=1, title="Ново")
        assert [one.title for one in all_of(connection)] == titles

    await database.write(go)


@pytest.mark.parametrize("what", ["rename", "set_bring", "set_capacity"])
async def test_what_somebody_else_changed_meanwhile_is_not_written_over(database: Database, what: str) -> None:
    def go(connection: Connection) -> None:
        event = asked(connection)
        amendments.rename(connection, LATER, event_id=event.id, version=1, title="Готвене")
        more = {
            "rename": {"title": "Друго"}, "set_bring": {"bring": "x"}, "set_capacity": {"capacity": 9, "rules": RULES},
        }  # fmt: skip
        with pytest.raises(Conflict, match="sure"):
            getattr(amendments, what)(connection, LATER, event_id=event.id, version=1, **more[what])
        assert [(one.title, one.bring, one.capacity) for one in all_of(connection)] == [("Готвене", "", 1)]

    await database.write(go)
