"""What a moment does: to whom it writes, whom it leaves out and why, and that it never does so twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.util import await_only

from storage import events, invitations, moments, telling
from storage.database import Database
from storage.events import Event
from storage.tables import addresses, contacts, outbox, residents
from storage.tables import invitations as invitation_rows
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

MEETING = NOW + timedelta(days=9, hours=7, minutes=30)  # Thursday 3 December, 17:30 in Sofia
THREE, ONE, TWO = MEETING - 3 * DAY, MEETING - DAY, MEETING - 2 * HOUR


async def test_a_meeting_is_announced_and_reminded_of_at_the_distances_of_the_evidence(database: Database) -> None:
    def go(connection: Connection) -> list[tuple[str, datetime]]:
        published(connection, lead(connection), MEETING)
        return [(m.offset, m.due) for m in moments.waiting(connection)]

    found = dict(await database.write(go))
    assert found == {
        "invite": NOW, "7d": MEETING - 7 * DAY, "3d": THREE, "1d": ONE, "2h": TWO,
        "after": datetime(2026, 12, 3, 17, 0, tzinfo=NOW.tzinfo),
    }  # fmt: skip


async def test_everybody_of_the_class_gets_one_row_and_one_message_however_often_it_runs(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 5)
        settle(connection, 2, first=200, group="4 б")
        event = published(connection, acting, MEETING)
        invitations.fill(connection, event.id, NOW)
        assert fire(connection, event, "invite", NOW) == 5
        assert fire(connection, event, "invite", NOW) == 0
        assert set(ledger(connection).values()) == {"queued"}
        assert queued(connection) == [f"reminder:{event.id}:invite:{n}" for n in range(100, 105)]

    await database.write(go)


async def test_why_somebody_is_left_out_is_written_down(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        people = settle(connection, 6)
        settle(connection, 1, first=300, channel="")
        event = published(connection, acting, MEETING)
        fire(connection, event, "7d", MEETING - 7 * DAY)
        for number, status in zip(people, ("stopped", "blocked", "archived"), strict=False):
            connection.execute(update(contacts).where(contacts.c.id == number).values(status=status))
        connection.execute(update(addresses).where(addresses.c.id == people[3]).values(status="blocked"))
        invitations.answer(connection, by(people[4]), event_id=event.id, contact_id=people[4], said="no", rules=RULES)
        fire(connection, event, "3d", THREE)
        assert ledger(connection) == {
            ("3d", 100): "stopped", ("3d", 101): "blocked", ("3d", 102): "erased", ("3d", 103): "no_channel",
            ("3d", 104): "said_no", ("3d", 105): "queued", ("3d", 300): "no_channel",
        }  # fmt: skip

    await database.write(go)


async def test_seven_days_before_only_those_who_missed_two_of_their_last_four(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        came = {100: (True, False, True, False, True), 101: (True, True, True, False, False), 102: (True,) * 5}
        for week in range(5):
            past = published(connection, by(now=NOW - 60 * DAY), NOW - (40 - week) * DAY, kind="training")
            for who, marks in came.items():
                row = {"event_id": past.id, "contact_id": who, "source": "audience", "attended": marks[week]}
                connection.execute(insert(invitation_rows).values(row | {"created_at": NOW}))
        event = published(connection, acting, MEETING)
        fire(connection, event, "7d", MEETING - 7 * DAY)
        assert sorted(n for _, n in ledger(connection, event)) == [100, 101]

    await database.write(go)


async def test_what_another_message_told_is_marked_joint_and_not_sent_again(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        morning, evening = (published(connection, acting, MEETING - n * HOUR, offsets=("1d",)) for n in (7, 0))
        for event in (morning, evening):
            invitations.fill(connection, event.id, NOW)
        fire(connection, morning, "1d", MEETING - 7 * HOUR - DAY)
        fire(connection, evening, "1d", ONE)
        assert ledger(connection, evening) == {("1d", 100): "joint", ("1d", 101): "joint"}
        facts = telling.facts(connection, queued(connection), NOW)
        assert [[a.event.id for a in fact.about] for fact in facts.values()] == [[morning.id, evening.id]] * 2

    await database.write(go)


async def test_an_invitation_in_a_message_about_another_event_counts_as_one(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, now = lead(connection), MEETING - 3 * HOUR
        first, second = (published(connection, acting, MEETING - n * HOUR, kind="public") for n in (1, 0))
        settle(connection, 1)
        invitations.welcome(connection, by(100, now), RULES)
        assert [ledger(connection, one)["invite", 100] for one in (first, second)] == ["queued", "joint"]
        go_out(connection, now)
        fire(connection, second, "2h", MEETING - 2 * HOUR)
        assert ledger(connection, second)["2h", 100] == "too_close"

    await database.write(go)


async def test_never_two_reminders_within_four_hours(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        first = published(connection, acting, MEETING)
        fire(connection, first, "1d", ONE)
        late = published(connection, by(now=ONE + HOUR), ONE + DAY + 2 * HOUR, audience=CLASS)
        fire(connection, late, "1d", ONE + 2 * HOUR)
        assert ledger(connection, late) == {("1d", 100): "too_close"}

    await database.write(go)


async def test_one_household_gets_one_reminder(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        settle(connection, 2, first=500, home=100)
        settle(connection, 2, first=600)
        settle(connection, 1, first=700, home=601)
        event = published(connection, acting, MEETING)
        fire(connection, event, "3d", THREE)
        assert {number: what for (_, number), what in ledger(connection).items()} == {
            100: "queued", 500: "household", 501: "household", 600: "queued", 601: "queued", 700: "household",
        }  # fmt: skip

    await database.write(go)


async def test_in_the_quiet_hours_a_moment_is_put_off_and_after_its_use_it_is_written_down_as_late(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        event = published(connection, acting, MEETING)
        night = THREE.replace(hour=21)
        assert fire(connection, event, "3d", night) == 0
        (due,) = [m.due for m in moments.waiting(connection) if m.offset == "3d"]
        assert due == (THREE + DAY).replace(hour=6, minute=30), "08:30 in Sofia, the next morning"
        fire(connection, event, "3d", due)
        assert ledger(connection) == {("3d", 100): "queued"}
        go_out(connection, due)
        fire(connection, event, "1d", MEETING - HOUR)
        assert ledger(connection)["1d", 100] == "late"
        assert queued(connection) == []

    await database.write(go)


async def test_a_fourth_announcement_in_a_week_waits_for_the_reminder(database: Database) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        settle(connection, 1)
        found = []
        for number in range(4):
            at = NOW + number * DAY
            event = published(connection, by(now=at), MEETING + number * DAY + 10 * DAY)
            invitations.fill(connection, event.id, at)
            fire(connection, event, "invite", at)
            found += ledger(connection, event).values()
        assert found == ["queued"] * 3 + ["week_full"]

    await database.write(go)


def _move(connection: Connection, event: Event, to: datetime, now: datetime) -> Event:
    events.move(connection, by(now=now), event_id=event.id, version=event.version, starts_at=to, rules=RULES)
    found = events.by_id(connection, event.id)
    assert found is not None
    return found


async def test_a_moved_event_tells_once_and_reminds_of_the_new_time(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        event = published(connection, acting, MEETING)
        fire(connection, event, "3d", THREE)
        go_out(connection, THREE)
        moved = _move(connection, event, MEETING + 7 * DAY, THREE + HOUR)
        assert {m.offset for m in moments.waiting(connection)} == {
            "invite", "change@2", "7d@2", "3d@2", "1d@2", "2h@2", "after@2",
        }  # fmt: skip
        fire(connection, event, "change@2", THREE + HOUR)
        facts = telling.facts(connection, queued(connection)[:1], NOW)
        assert [key.split(":")[2] for key in queued(connection)] == ["change@2"] * 2
        go_out(connection, THREE + HOUR)
        fire(connection, event, "3d@2", THREE + 7 * DAY)
        assert [key.split(":")[2] for key in queued(connection)] == ["3d@2"] * 2
        ((about,),) = [fact.about for fact in facts.values()]
        assert about.before is not None
        assert (about.before.starts_at, about.event.starts_at) == (MEETING, moved.starts_at)

    await database.write(go)


async def test_moved_there_and_back_before_anybody_was_told_says_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        event = published(connection, acting, MEETING)
        fire(connection, event, "3d", THREE)
        go_out(connection, THREE)
        there = _move(connection, event, MEETING + DAY, THREE + HOUR)
        back = _move(connection, there, MEETING, THREE + HOUR)
        fire(connection, back, "change@3", THREE + HOUR)
        assert telling.facts(connection, queued(connection), NOW) == {}

    await database.write(go)


async def test_a_cancelled_event_takes_everything_back_and_tells_those_who_knew(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        event = published(connection, acting, MEETING)
        fire(connection, event, "3d", THREE)
        go_out(connection, THREE, f"reminder:{event.id}:3d:100", f"reminder:{event.id}:3d:101")
        events.cancel(connection, by(now=THREE + HOUR), event_id=event.id, version=1, rules=RULES)
        assert queued(connection) == [], "what had not gone out is taken back"
        assert [m.offset for m in moments.waiting(connection)] == ["change@2"]
        fire(connection, event, "change@2", THREE + HOUR)
        assert [key.rpartition(":")[2] for key in queued(connection)] == ["100", "101"]
        facts = telling.facts(connection, queued(connection), NOW)
        assert {a.event.status for fact in facts.values() for a in fact.about} == {"cancelled"}

    await database.write(go)


async def test_what_a_message_that_was_taken_back_told_besides_becomes_due_again(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        morning, evening = (published(connection, acting, MEETING - n * HOUR, offsets=("1d",)) for n in (7, 0))
        for event in (morning, evening):
            invitations.fill(connection, event.id, NOW)
        fire(connection, morning, "1d", MEETING - 7 * HOUR - DAY)
        assert ledger(connection, evening) == {("1d", 100): "joint"}
        now = MEETING - 6 * HOUR - DAY
        events.cancel(connection, by(now=now), event_id=morning.id, version=1, rules=RULES)
        assert ledger(connection, evening) == {}
        fire(connection, evening, "1d", ONE)
        assert ledger(connection, evening) == {("1d", 100): "queued"}

    await database.write(go)


async def test_the_last_address_that_rings_is_written_to(database: Database) -> None:
    def go(connection: Connection) -> Any:
        acting = lead(connection)
        settle(connection, 1, channel="web")
        settle(connection, 1, first=900, channel="telegram", group="")
        connection.execute(insert(residents).values(address_id=900, contact_id=100))
        event = published(connection, acting, MEETING)
        fire(connection, event, "3d", THREE)
        return connection.execute(select(outbox.c.channel, outbox.c.address_id)).one()

    assert tuple(await database.write(go)) == ("telegram", 900)


async def test_a_moment_decides_in_bites_and_forgets_nobody(database: Database) -> None:
    from storage import reminders

    def go(connection: Connection) -> list[int]:
        event = published(connection, lead(connection), MEETING)
        settle(connection, 25)
        bites = []
        while bite := reminders.fire(connection, event.id, "3d", THREE, RULES, bite=10):
            bites.append(bite)
        assert len(queued(connection)) == 25
        return bites

    assert await database.write(go) == [10, 10, 5]


async def test_a_course_whose_first_date_is_cancelled_still_invites_to_the_rest(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        dates = (MEETING + 7 * DAY, MEETING + 14 * DAY)
        first = published(connection, acting, MEETING, kind="course", dates=dates)
        events.cancel(connection, acting, event_id=first.id, version=1, rules=RULES)
        invited = {m.event_id: m.offset for m in moments.waiting(connection) if m.base in ("invite", "week")}
        assert first.id not in invited
        (second, *_) = invited
        assert fire(connection, second, "invite", NOW) == 2
        dates_of = select(invitation_rows.c.event_id).where(invitation_rows.c.contact_id == 100)
        assert sorted(connection.execute(dates_of).scalars()) == [second, second + 1]
        (week,) = [m for m in moments.waiting(connection) if m.base == "week" and m.due < dates[1]][-1:]
        row = invitation_rows.c.contact_id == 100
        connection.execute(update(invitation_rows).where(row).values(rsvp="yes"))
        fire(connection, second, week.offset, week.due)
        ((about,),) = [f.about for f in telling.facts(connection, queued(connection)[-1:], week.due).values()]
        assert about.dates

    await database.write(go)


async def test_a_courses_sunday_is_for_whoever_stays_with_it_whatever_they_said_of_its_first_date(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        came, first_only, later_only, left, once = settle(connection, 5)
        settle(connection, 1, first=300, group="")
        dates = (MEETING + 7 * DAY, MEETING + 8 * DAY)
        first = published(connection, acting, MEETING, kind="course", dates=dates)
        invitations.fill(connection, first.id, NOW)
        _, second, third = events.series(connection, first)

        def say(who: int, said: str, *which: Event) -> None:
            for one in which:
                invitations.answer(connection, by(who), event_id=one.id, contact_id=who, said=said, rules=RULES)

        say(first_only, "yes", first)
        say(later_only, "no", first)
        say(later_only, "yes", third)
        say(left, "yes", first)
        say(left, "no", second, third)
        say(once, "yes", first, second, third)
        invitations.enrol(connection, acting, event_id=second.id, contact_id=300, source="walkin")
        say(300, "yes", second, third)
        there = (invitation_rows.c.event_id == first.id) & invitation_rows.c.contact_id.in_((came, left))
        connection.execute(update(invitation_rows).where(there).values(attended=True))
        (week,) = [m for m in moments.waiting(connection) if m.base == "week"]
        assert fire(connection, week.event_id, week.offset, week.due) == 4
        told = {who for offset, who in ledger(connection, first) if offset == week.offset}
        assert told == {came, later_only, once, 300}
        say(once, "no", second, third)
        facts = telling.facts(connection, queued(connection), week.due)
        shown = {fact.contact_id: (fact.about[0].event.id, fact.about[0].dates) for fact in facts.values()}
        assert shown == {came: (second.id, dates), later_only: (second.id, dates), 300: (second.id, dates)}

    await database.write(go)


def _somebody_waits(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())


@pytest.mark.parametrize("_new_database", ["postgres"], indirect=True)
async def test_two_processes_with_different_moments_see_whom_the_other_writes_to(database_url: str) -> None:
    """SQLite has one writer; on PostgreSQL the second process begins while the first has decided and not committed."""

    sunday = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)  # 18:00 in Sofia

    def plan(connection: Connection) -> tuple[int, int, str]:
        acting = lead(connection)
        settle(connection, 40)
        meeting = published(connection, acting, sunday + DAY, kind="training")
        course = published(connection, acting, NOW + 2 * HOUR, kind="course", dates=[NOW + 8 * DAY])
        for event in (meeting, course):
            invitations.fill(connection, event.id, NOW)
        connection.execute(update(invitation_rows).values(rsvp="yes", seat="seat"))
        (week,) = (m.offset for m in moments.waiting(connection) if m.base == "week")
        return meeting.id, course.id, week

    second_done = asyncio.Event()

    async def second_waits() -> None:
        while not (second_done.is_set() or await one.read(_somebody_waits)):  # noqa: ASYNC110  (the server knows)
            await asyncio.sleep(0)

    def decide(connection: Connection) -> None:
        fire(connection, meeting, "1d", sunday)
        begun.set()
        await_only(second_waits())

    async def decide_too() -> None:
        await begun.wait()
        await other.aside(lambda c: fire(c, course, week, sunday))
        second_done.set()

    begun = asyncio.Event()
    async with opened(database_url) as one, opened(database_url) as other:
        meeting, course, week = await one.write(plan)
        await asyncio.gather(one.aside(decide), decide_too())
        lines = await one.read(ledger)
        messages = [key for key in await one.read(queued) if key.startswith("reminder:")]
    assert {line for (offset, _), line in lines.items() if offset == week} == {"too_close"}
    assert len(messages) == 40, "and one message"
