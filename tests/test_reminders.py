"""The scheduler's jobs: moments, never people; equal to what the database says, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, func, select

from bot.messages import Address, Delivery, Lane, Outgoing
from bot.reminders import Reminders, opens
from storage import events, reminders
from storage.database import Database, Down
from storage.events import Event
from storage.outbox import Held
from storage.tables import notifications
from tests.faults.life import Clock
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, published, queued, settle
from tests.storage.kit import opened

MEETING = NOW + 30 * HOUR


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


def scheduled(scheduler: AsyncIOScheduler) -> dict[str, datetime]:
    """The moments that have a job, and when it runs."""
    return {job.id: job.trigger.run_date for job in scheduler.get_jobs() if ":" in job.id}


def a_meeting(connection: Connection, people: int = 3) -> Event:
    settle(connection, people)
    return published(connection, lead(connection), MEETING)


async def test_one_job_for_each_coming_moment_and_none_for_a_person(database: Database) -> None:
    event = await database.write(lambda c: a_meeting(c, people=50))
    scheduler, clock = AsyncIOScheduler(timezone="UTC"), Clock(NOW)
    await Reminders(database, RULES, scheduler, clock).start()
    assert {name.partition(":")[2] for name in scheduled(scheduler)} == {"invite", "1d", "2h", "after"}
    later = await database.write(lambda c: published(c, by(), NOW + 40 * DAY))
    assert not [name for name in scheduled(scheduler) if name.startswith(f"{later.id}:3d")], "not before its time"
    assert event.id


async def test_jobs_follow_what_is_moved_and_cancelled(database: Database) -> None:
    event = await database.write(a_meeting)
    scheduler, clock = AsyncIOScheduler(timezone="UTC"), Clock(NOW)
    running = Reminders(database, RULES, scheduler, clock)
    await running.start()
    to = MEETING + 2 * HOUR
    await database.write(lambda c: events.move(c, by(), event_id=event.id, version=1, starts_at=to, rules=RULES))
    await running.keep_step()
    names = {name.partition(":")[2] for name in scheduled(scheduler)}
    assert {"1d@2", "2h@2"} <= names
    assert not {"1d", "2h"} & names
    await database.write(lambda c: events.cancel(c, by(), event_id=event.id, version=2, rules=RULES))
    await running.keep_step()
    assert not [name for name in scheduled(scheduler) if "change" not in name]


async def test_a_clock_that_is_turned_turns_the_jobs(database: Database) -> None:
    event = await database.write(a_meeting)
    scheduler, clock = AsyncIOScheduler(timezone="UTC"), Clock(NOW)
    running = Reminders(database, RULES, scheduler, clock)
    await running.start()
    clock.pass_by(3600)
    await running.keep_step()
    due = scheduled(scheduler)[f"{event.id}:2h"] - datetime.now(UTC)
    assert abs(due - (MEETING - 2 * HOUR - clock())) < timedelta(seconds=5)


async def test_a_moment_that_came_while_nobody_ran_comes_at_the_start_and_once(database: Database) -> None:
    event = await database.write(a_meeting)
    for _ in range(3):  # three lives, the last two of which find nothing to do
        scheduler, clock = AsyncIOScheduler(timezone="UTC"), Clock(NOW + HOUR)
        running = Reminders(database, RULES, scheduler, clock)
        await running.start()
        await running.run(event.id, "invite")
    assert len(await database.read(queued)) == 3


async def test_two_processes_decide_a_moment_once(database: Database) -> None:
    event = await database.write(a_meeting)
    lives = [Reminders(database, RULES, AsyncIOScheduler(timezone="UTC"), Clock(NOW)) for _ in range(2)]
    assert sorted([await life.run(event.id, "invite") for life in lives]) == [0, 3]
    count = select(func.count()).select_from(notifications)
    assert await database.read(lambda c: c.execute(count).scalar_one()) == 3


@pytest.mark.parametrize("error", [Down("full"), ValueError("a mistake of ours")])
async def test_a_moment_that_failed_has_a_job_again_with_the_next_look(
    database: Database, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await database.write(a_meeting)
    scheduler = AsyncIOScheduler(timezone="UTC")
    running = Reminders(database, RULES, scheduler, Clock(NOW))
    await running.start()
    name = f"{event.id}:invite"
    scheduler.remove_job(name)  # APScheduler drops a job that it has begun

    def fails(*_: object) -> int:
        raise error

    monkeypatch.setattr(reminders, "fire", fails)
    if isinstance(error, Down):
        assert await running.run(event.id, "invite") == 0
    else:
        with pytest.raises(ValueError, match="mistake"):
            await running.run(event.id, "invite")
    await running.keep_step()
    assert name in scheduled(scheduler)


NIGHT = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)  # 21:00 in Sofia
OPENINGS = [
    ("a reminder waits for the morning", "reminder:5:1d:7", datetime(2026, 11, 25, 6, 30, tzinfo=UTC)),
    ("of a moved event too", "reminder:5:1d@2:7", datetime(2026, 11, 25, 6, 30, tzinfo=UTC)),
    ("a change may come early", "reminder:5:change@2:7", datetime(2026, 11, 25, 5, 0, tzinfo=UTC)),
    ("a follow-up waits", "result:5:20261124", datetime(2026, 11, 25, 6, 30, tzinfo=UTC)),
    ("whatever it is", "broadcast:9:7", datetime(2026, 11, 25, 6, 30, tzinfo=UTC)),
]


@pytest.mark.parametrize(("key", "at"), [pytest.param(*row, id=label) for label, *row in OPENINGS])
def test_nothing_of_our_own_accord_goes_at_night(key: str, at: datetime) -> None:
    address = Address("telegram", "7")
    delivery = Delivery(1, address, Outgoing("?"), Lane.REMINDER)
    row = Held(delivery, key, 1, 0, 0, NIGHT, NIGHT + DAY)
    assert opens(RULES)(row, NIGHT) == at
