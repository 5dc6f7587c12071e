"""Reminders: what very many of them cost a start, and what ten thousand at one moment cost somebody who talks.

The moment is decided by the service's own parts in this process, with a clock of its own: no hour is a quiet one here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, func, insert, select, update

from bot.inbox import Inbox
from bot.messages import Address, Incoming, Kind
from bot.reminders import Reminders
from storage import invitations
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import invitations as invitation_rows
from storage.tables import moments, outbox
from tests import postgres
from tests.bench import fill
from tests.bench.bots import KEY, sqlite
from tests.bench.load import percentile
from tests.bench.stage import Stage
from tests.bench.table import figure, goal, middle, show
from tests.conversations.client import world
from tests.storage.events_kit import CLASS, DAY, NOW, RULES, lead, published, settle

EVENTS: Final = 250
GUESTS: Final = 400  # of each: 100,000 invitations
DUE: Final = 10_000
TALKS: Final = 25  # messages a second of somebody else
ALONE: Final = 6.0  # seconds of talk without any reminder


async def moments_wait(at: Stage) -> None:
    """A start with 1,000 moments and 100,000 invitations ahead, and with none."""
    folders = {"none": at.new_folder(), f"{EVENTS * GUESTS:,} invitations": at.new_folder()}
    async with Database(sqlite(folders["none"]), Cipher(KEY)):
        pass
    many = await _many(sqlite(folders[f"{EVENTS * GUESTS:,} invitations"]))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in folders}
    for _ in range(at.options.rounds):
        for name, folder in folders.items():
            running = await at.ours(name, database=sqlite(folder))
            await asyncio.sleep(1.0)
            found[name].append((running.started, running.memory()))
            running.process.terminate()
            await running.process.wait()
    medians = {name: [middle(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    show(
        f"moments: {many:,} of them wait",
        ("ahead", "start s", "MB"),
        [(name, figure(row[0], 2), figure(row[1])) for name, row in medians.items()],
    )
    start, memory = list(medians.values())[-1]
    goal("starts within 3 s", start < 3)
    goal("under 150 MB", memory < 150)


async def _many(url: str) -> int:
    """Fill a database with what is to come; gives how many moments wait."""

    def make(connection: Connection) -> int:
        acting = lead(connection)
        people = settle(connection, GUESTS, first=1000, group="")
        today = datetime.now(UTC)
        for number in range(EVENTS):
            event = published(connection, acting, today + timedelta(days=9, hours=number), audience={"all": True})
            rows = [{"event_id": event.id, "contact_id": n, "source": "audience", "created_at": today} for n in people]
            connection.execute(insert(invitation_rows), rows)
        connection.execute(update(moments).where(moments.c.offset == "invite").values(state="done"))
        wait = moments.c.state == "waiting"
        return int(connection.execute(select(func.count()).select_from(moments).where(wait)).scalar_one())

    async with Database(url, Cipher(KEY)) as database:
        return await database.write(make)


async def due(at: Stage) -> None:
    """10,000 people are due at one moment while somebody else talks: how long it takes, and how long they wait."""
    urls = {"SQLite": sqlite(at.new_folder())}
    try:
        urls["PostgreSQL"] = await at.postgres()
    except postgres.Absent as absent:
        print(f"\ndue on PostgreSQL is left out: {absent}")
    rows = []
    for name, url in urls.items():
        took, alone, beside, queued = await _beside(url)
        rows.append((name, figure(took, 2), *(figure(1000 * percentile(s, 0.95)) for s in (alone, beside)),
                     figure(1000 * max(alone)), figure(1000 * max(beside)), f"{queued:,}"))  # fmt: skip
        delay = percentile(beside, 0.95) - percentile(alone, 0.95)
        goal(f"{name}: queued in under 2 s", took < 2 and queued == DUE)
        goal(f"{name}: no reply delayed by more than 100 ms (p95 by {1000 * delay:.0f} ms)",
             max(beside) - percentile(alone, 0.5) <= 0.1)  # fmt: skip
    heads = ("database", "took s", "p95 ms alone", "p95 ms beside", "max alone", "max beside", "queued")
    show(f"due: {DUE:,} people at one moment, {TALKS} messages a second of somebody else", heads, rows)


async def _beside(url: str) -> tuple[float, list[float], list[float], int]:
    """Seconds that the moment took, of each reply without it and beside it, and how many were queued."""
    zero = time.monotonic()

    def clock() -> datetime:
        """It runs, as every clock does: what was decided at one instant is looked at together."""
        return NOW + 6 * DAY + timedelta(seconds=time.monotonic() - zero)

    async with Database(url, Cipher(KEY)) as database:
        event = await database.write(_ten_thousand)
        await database.write(lambda c: invitations.fill(c, event, NOW))
        inbox = Inbox(database, world(), clock=clock)
        running = Reminders(database, RULES, AsyncIOScheduler(timezone="UTC"), clock)
        async with _working(inbox):
            alone = await _talk(inbox, 0, ALONE)
            began = time.perf_counter()
            decided = asyncio.create_task(running.run(event, "3d"), name="moment")
            beside: list[float] = []
            while not decided.done():
                beside += await _talk(inbox, len(alone) + len(beside), 1 / TALKS)
            took = time.perf_counter() - began
            await decided
        count = select(func.count()).select_from(outbox).where(outbox.c.key.like("reminder:%"))
        queued = await database.read(lambda c: int(c.execute(count).scalar_one()))
    return took, alone, beside, queued


def _ten_thousand(connection: Connection) -> int:
    acting = lead(connection)
    settle(connection, DUE, first=1000)
    event = published(connection, acting, NOW + 9 * DAY, audience=CLASS)
    connection.execute(update(moments).where(moments.c.offset == "invite").values(state="done"))
    fill.count_on(connection)
    return event.id


@contextlib.asynccontextmanager
async def _working(inbox: Inbox) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(inbox.run(), name="inbox")
        yield
        task.cancel()


async def _talk(inbox: Inbox, first: int, seconds: float) -> list[float]:
    """Somebody writes at a steady pace; the seconds until each of their messages and its reply are on disk."""
    found = []
    for number in range(first, first + max(1, round(seconds * TALKS))):
        began = time.perf_counter()
        address = Address("web", f"talker-{number % 8}")
        await inbox.accept(Incoming(f"web:bench:{number}", address, Kind.TEXT, text="Здравейте", order=number))
        found.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, 1 / TALKS - found[-1]))
    return found
