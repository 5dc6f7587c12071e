"""Reports of platforms: kept together, acknowledged after the commit, and left with the platform when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from bot import receipts as module
from bot.channels import Report, Unavailable
from bot.messages import Address, Receipt
from bot.receipts import BATCH, reporter
from storage import receipts
from storage.database import Database, Down
from storage.tables import outbox as rows
from tests.storage.kit import NOW, counted, everything, meet, opened
from tests.storage.test_receipts import sent


def told(n: int, status: str = "delivered", token: str = "t") -> Receipt:
    return Receipt(Address("viber", str(n)), token, status)


async def people_with_a_message(database: Database, number: int) -> None:
    def enter(connection: Connection) -> None:
        for n in range(number):
            sent(connection, meet(connection, str(n), "viber"), "t")

    await database.write(enter)


def reports(database: Database) -> Report:
    return reporter(database, clock=lambda: NOW)


async def test_what_is_acknowledged_is_kept(database_url: str) -> None:
    async with opened(database_url) as database:
        await people_with_a_message(database, 1)
        await reports(database)(told(0))
    async with opened(database_url) as again:
        assert [row["status"] for row in await again.read(lambda c: everything(c, rows))] == ["delivered"]


async def test_what_comes_at_one_moment_shares_transactions(database_url: str) -> None:
    """Hundreds of people, three reports each, as an announcement brings them."""
    people = BATCH
    async with opened(database_url) as database:
        await people_with_a_message(database, people)
        report = reports(database)
        with counted(database) as seen:
            await asyncio.gather(
                *(report(told(n, status)) for status in ("delivered", "read", "delivered") for n in range(people))
            )
        assert seen.count("COMMIT") <= 4, "the first goes at once, then three batches"
        assert {row["status"] for row in await database.read(lambda c: everything(c, rows))} == {"read"}


async def test_while_the_database_is_down_they_are_left_with_the_platform(database_url: str) -> None:
    database = opened(database_url)
    async with database:
        report = reports(database)
        await people_with_a_message(database, 3)
    results = await asyncio.gather(*(report(told(n)) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 3


async def test_after_a_refusal_the_next_are_kept(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(database_url) as database:
        await people_with_a_message(database, 1)
        report = reports(database)
        with monkeypatch.context() as broken:
            broken.setattr(database, "aside", _down)
            with pytest.raises(Unavailable):
                await report(told(0))
        await report(told(0))
        assert [row["status"] for row in await database.read(lambda c: everything(c, rows))] == ["delivered"]


async def _down(job: Callable[[Connection], Any]) -> None:
    raise Down("locked")


async def test_a_mistake_is_seen_once_a_batch_and_nobody_is_told_that_theirs_was_kept(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def breaks(_connection: Connection, some: list[Receipt], _now: object) -> None:
        tries.append(len(some))
        raise ZeroDivisionError

    async with opened(database_url) as database:
        report = reports(database)
        monkeypatch.setattr(receipts, "keep", breaks)
        results = await asyncio.gather(*(report(told(n)) for n in range(5)), return_exceptions=True)
    assert tries == [1, 4]
    assert sorted(type(result).__name__ for result in results) == ["Unavailable"] * 3 + ["ZeroDivisionError"] * 2


async def test_a_platform_that_went_away_loses_nobody_elses_report(database_url: str) -> None:
    async with opened(database_url) as database:
        await people_with_a_message(database, 3)
        report = reports(database)
        alone, leader, other = [asyncio.ensure_future(report(told(n))) for n in range(3)]
        await alone
        await asyncio.sleep(0)  # now the second keeps for both that are left
        leader.cancel()
        await other
        assert {row["status"] for row in await database.read(lambda c: everything(c, rows))} == {"delivered"}


async def test_no_more_wait_in_memory_than_it_holds(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    async with opened(database_url) as database:
        await people_with_a_message(database, 3)
        report = reports(database)
        results = await asyncio.gather(*(report(told(n)) for n in range(3)), return_exceptions=True)
        assert [type(result).__name__ for result in results] == ["NoneType", "NoneType", "Unavailable"]
        await report(told(2))
