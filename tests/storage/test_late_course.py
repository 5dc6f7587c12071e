"""A course that is published in the evening before it begins: its later dates are announced all the same."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, select

from storage import attendance, calls, events, invitations, moments
from storage.database import Database
from storage.events import Event
from storage.tables import invitations as rows
from storage.tables import notifications
from tests.storage.events_kit import DAY, HOUR, RULES, by, fire, lead, ledger, published, queued, settle

EVENING = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)  # Tuesday, 21:00 in Sofia
EIGHT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)  # before anybody may be written to
MORNING = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


def course(connection: Connection, people: int = 2) -> list[Event]:
    lead(connection)
    settle(connection, people)
    later = (EIGHT + 7 * DAY, EIGHT + 14 * DAY)
    first = published(connection, by(now=EVENING), EIGHT, kind="course", dates=later)
    return events.series(connection, first)


def invites(connection: Connection) -> dict[int, datetime]:
    return {one.event_id: one.due for one in moments.waiting(connection) if one.base == moments.INVITE}


async def test_it_is_announced_with_the_first_date_of_which_people_can_hear(database: Database) -> None:
    def go(connection: Connection) -> None:
        first, second, third = course(connection)
        assert invites(connection) == {first.id: EVENING, second.id: MORNING}
        fire(connection, first, "invite", EVENING)
        assert set(ledger(connection, first).values()) == {"late"}
        sheet = attendance.sheet(connection, by(now=EVENING), event_id=first.id)
        assert sheet is not None
        calls_ = {one.contact_id for one in calls.call_list(connection, by(now=EVENING), sheet=sheet)}
        assert calls_ == {100, 101}, "whom to call about the first stands on the list at once"
        fire(connection, second, "invite", MORNING)
        assert queued(connection) == [f"reminder:{second.id}:invite:{who}" for who in (100, 101)]
        invited = select(rows.c.event_id).where(rows.c.contact_id == 100)
        assert set(connection.execute(invited).scalars()) == {first.id, second.id, third.id}

    await database.write(go)


async def test_no_reminder_of_a_later_date_comes_before_it_is_announced(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, second, third = course(connection)
        due = {(one.event_id, one.offset): one.due for one in moments.waiting(connection)}
        later = [at for (number, _), at in due.items() if number in (second.id, third.id)]
        assert min(later) == MORNING

    await database.write(go)


async def test_when_the_announced_date_is_cancelled_another_that_can_be_heard_of_announces_it(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        first, second, third = course(connection)
        events.cancel(connection, by(now=EVENING), event_id=second.id, version=1, rules=RULES)
        assert invites(connection) == {first.id: EVENING, third.id: MORNING}

    await database.write(go)


async def test_when_the_first_date_is_cancelled_at_once_the_second_still_announces_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        first, second, _ = course(connection)
        events.cancel(connection, by(now=EVENING), event_id=first.id, version=1, rules=RULES)
        assert invites(connection) == {second.id: MORNING}

    await database.write(go)


async def test_whoever_registers_that_night_or_once_it_has_begun_hears_of_the_next_date(database: Database) -> None:
    def go(connection: Connection) -> None:
        first, second, third = course(connection)
        fire(connection, first, "invite", EVENING)
        settle(connection, 2, first=500)
        for who, now, date in ((500, EVENING, second), (501, EIGHT + 8 * DAY, third)):
            invitations.welcome(connection, by(who, now), RULES)
            assert {(e, o) for (o, w), e in _told(connection).items() if w == who} == {(date.id, "invite")}
        invitations.welcome(connection, by(501, EIGHT + 8 * DAY + HOUR), RULES)
        assert len([w for (_, w) in _told(connection) if w == 501]) == 1, "of a course somebody hears once"

    await database.write(go)


def _told(connection: Connection) -> dict[tuple[str, int], int]:
    found = connection.execute(select(notifications).where(notifications.c.status.in_(("queued", "joint"))))
    return {(row.offset, row.contact_id): row.event_id for row in found}
