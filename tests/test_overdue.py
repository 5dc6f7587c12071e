"""The look at questions that wait: a job that runs for good, and that an outage does not end."""

from __future__ import annotations

from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import select

from bot.tickets import Overdue
from storage.database import Database, Down
from storage.tables import tickets
from tests.faults.life import Clock
from tests.storage.events_kit import DAY, NOW
from tests.storage.kit import opened
from tests.storage.test_ticket_desk import OFFICE, asked, town


async def test_it_is_looked_at_every_minute_and_once_told_is_told(database_url: str) -> None:
    async with opened(database_url) as database:
        await database.write(town)
        await database.write(asked)
        scheduler, clock = AsyncIOScheduler(timezone="UTC"), Clock(NOW)
        looking = Overdue(database, OFFICE, scheduler, clock)
        looking.start()
        assert [job.id for job in scheduler.get_jobs()] == ["questions"]
        assert await looking.look() == 0
        clock.now += 2 * DAY
        assert [await looking.look(), await looking.look()] == [1, 0]
        assert await database.read(lambda c: c.execute(select(tickets.c.escalated_at)).scalar()) == clock.now


async def test_a_database_that_is_down_is_looked_at_again_later(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(self: Database, job: Any) -> int:
        raise Down("full")

    async with opened(database_url) as database:
        monkeypatch.setattr(Database, "write", down)
        assert await Overdue(database, OFFICE, AsyncIOScheduler(timezone="UTC"), Clock(NOW)).look() == 0
        monkeypatch.undo()
