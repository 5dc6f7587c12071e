"""The look at money: a job that runs where something costs, and that tells each coordinator once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import select

from bot.money import Tariff
from bot.purse import Purse
from storage import spending
from storage.database import Database, Down
from storage.spending import Billed
from storage.tables import outbox
from tests.faults.life import Clock
from tests.storage.events_kit import DAY, NOW, RULES, lead
from tests.storage.kit import opened

if TYPE_CHECKING:
    from sqlalchemy import Connection

TARIFFS = {"viber": Tariff(Decimal("0.02"), Decimal("0.20"))}  # ten messages


def short(connection: Connection) -> None:
    """Two coordinators, and a budget that is used up."""
    lead(connection)
    lead(connection, 2)
    spending.note(connection, [Billed("viber", 1, NOW, spending.CHARGED)] * 10)


def looking(database: Database, clock: Clock, scheduler: AsyncIOScheduler | None = None) -> Purse:
    return Purse(database, TARIFFS, RULES, scheduler or AsyncIOScheduler(timezone="UTC"), clock)


async def test_two_processes_and_a_restart_tell_each_coordinator_once(database_url: str) -> None:
    clock = Clock(NOW)
    async with opened(database_url) as database:
        await database.write(short)
        async with opened(database_url) as other:
            told = await asyncio.gather(*(looking(one, clock).look() for one in (database, other, database)))
            assert sum(told) == 2
        clock.now += DAY
        assert await looking(database, clock).look() == 0, "of the same month"
        keys = select(outbox.c.key).where(outbox.c.key.like("money:%")).order_by(outbox.c.key)
        found = await database.read(lambda c: c.execute(keys).scalars().all())
        assert found == ["money:viber:2026-11:budget:1", "money:viber:2026-11:budget:2"]


async def test_each_month_is_told_of_anew(database_url: str) -> None:
    async with opened(database_url) as database:
        clock = Clock(NOW)
        await database.write(short)
        assert await looking(database, clock).look() == 2
        clock.now = spending.next_month(NOW) + DAY
        assert await looking(database, clock).look() == 0, "nothing is used yet"
        await database.write(lambda c: spending.note(c, [Billed("viber", 1, clock.now, spending.CHARGED)] * 10))
        assert await looking(database, clock).look() == 2


async def test_it_looks_every_minute_where_something_costs(database_url: str) -> None:
    async with opened(database_url) as database:
        scheduler = AsyncIOScheduler(timezone="UTC")
        Purse(database, {}, RULES, scheduler, Clock(NOW)).start()
        assert scheduler.get_jobs() == []
        looking(database, Clock(NOW), scheduler).start()
        assert [job.id for job in scheduler.get_jobs()] == ["money"]


async def test_a_database_that_is_down_is_looked_at_again_later(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(self: Database, job: Any) -> int:
        raise Down("full")

    async with opened(database_url) as database:
        await database.write(short)
        monkeypatch.setattr(Database, "write", down)
        assert await looking(database, Clock(NOW)).look() == 0
        monkeypatch.undo()
        assert await looking(database, Clock(NOW)).look() == 2
