"""Broadcasts: how soon very many are queued, how near the platform's limit they flow, and what others feel of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, func, insert, select, update

from bot.broadcasts import Broadcasts
from bot.calendar import Rules
from storage import broadcasts
from storage.broadcasts import Draft
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import broadcasts as rows
from storage.tables import outbox, staff
from tests import postgres
from tests.bench import fill, load
from tests.bench.bots import KEY, Running, sqlite
from tests.bench.load import Round
from tests.bench.stage import Stage
from tests.bench.table import figure, goal, middle, show
from tests.fakes.telegram_checks import Flood, RefusedError
from tests.faults.announcer import noon, programme_at
from tests.storage.events_kit import RULES, by

PEOPLE: Final = 20_000
LIMIT: Final = 30.0  # messages a second, as the platform counts them
TALKS: Final = 5.0  # replies a second beside it: they count against the same limit
LASTS: Final = 60.0
IDLE: Final = 20.0
DAY: Final = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # no quiet hour
ALL: Final = {"all": True}


async def queue(at: Stage) -> None:
    """From the moment it is due until all of them stand in the outbox, in this process."""
    found: dict[str, list[float]] = {}
    for name, urls in (await urls_of(at, at.options.rounds)).items():
        for url in urls:
            found.setdefault(name, []).append(await _queued(url))
    show(
        f"queue: {PEOPLE:,} recipients fixed and queued, medians of {at.options.rounds} rounds",
        ("database", "s", "longest s"),
        [(name, figure(middle(took), 2), figure(max(took), 2)) for name, took in found.items()],
    )
    for name, took in found.items():
        goal(f"{name}: under 3 s", middle(took) < 3)


async def _queued(url: str) -> float:
    clock = DAY

    def now() -> datetime:
        return clock

    await prepared(url, by(now=clock), RULES)
    async with Database(url, Cipher(KEY)) as database:
        job = Broadcasts(database, RULES, AsyncIOScheduler(timezone="UTC"), now)
        clock = DAY + timedelta(minutes=5)
        began = time.perf_counter()
        await job.step()
        took = time.perf_counter() - began
        count = select(func.count()).select_from(outbox).where(outbox.c.key.like("broadcast:%"))
        queued = await database.read(lambda c: int(c.execute(count).scalar_one()))
    if queued != PEOPLE - 1:  # all but whoever wrote it
        raise AssertionError(queued)
    return took


async def flow(at: Stage) -> None:
    """A minute of a broadcast on its way, beside people who talk; before it and while it is held, the same alone."""
    table = []
    for name, (url, *_) in (await urls_of(at, 1)).items():
        zone = noon()
        await prepared(url, by(now=datetime.now(UTC)), Rules(zone))
        running = await at.ours(name, database=url, programme=programme_at(zone, at.new_folder()))
        flood = _Flood(at)
        alone, beside, flowed = await _minute(at, running, url)
        rate = (flowed + beside.tally.updates + beside.tally.extra) / beside.seconds
        idle = middle([r.ms(0.95) for r in alone])
        ratio = beside.ms(0.95) / idle
        table.append((name, figure(rate), figure(flowed / beside.seconds), f"{flood.refused}", figure(idle),
                      figure(beside.ms(0.95)), figure(ratio, 2)))  # fmt: skip
        goal(f"{name}: at least 95 % of {LIMIT:.0f} a second", rate >= 0.95 * LIMIT)
        goal(f"{name}: no 429", flood.refused == 0)
        goal(f"{name}: p95 of replies at most half as much again", ratio <= 1.5)
        running.process.terminate()
        await running.process.wait()
    heads = ("database", "messages/s", "of them bulk", "429", "p95 ms alone", "p95 ms beside", "ratio")
    show(f"broadcast: {PEOPLE:,} recipients, {LASTS:.0f} s, {TALKS:.0f} replies a second beside it", heads, table)


class _Flood:
    """Counts what the platform would have refused."""

    def __init__(self, at: Stage) -> None:
        self.refused, self._limits, self._said = 0, Flood(rate=LIMIT, burst=LIMIT), at.api._said
        at.api._said = self._check  # type: ignore[method-assign]

    def _check(self, body: bytes, now: float) -> bytes:
        try:
            self._limits.check(hash(body) % 1_000_000, now)
        except RefusedError:
            self.refused += 1
        return self._said(body, now)


async def _minute(at: Stage, running: Running, url: str) -> tuple[list[Round], Round, int]:
    await load.at_rate(at.api, running, TALKS, 3.0)  # warm
    alone = [await load.at_rate(at.api, running, TALKS, IDLE)]
    await do(url, lambda c: c.execute(update(rows).values(due_at=datetime.now(UTC))))
    at.api.elsewhere.clear()
    while not at.api.elsewhere:  # noqa: ASYNC110  (another process fills it)
        await asyncio.sleep(0.05)
    before = len(at.api.elsewhere)
    beside = await load.at_rate(at.api, running, TALKS, LASTS)
    flowed = len(at.api.elsewhere) - before
    await do(url, lambda c: broadcasts.pause_(c, by(now=datetime.now(UTC)), broadcast_id=1))
    await asyncio.sleep(2.0)
    return [*alone, await load.at_rate(at.api, running, TALKS, IDLE)], beside, flowed


async def do(url: str, job: Callable[[Connection], object]) -> None:
    """Write into a database beside the bot."""
    async with Database(url, Cipher(KEY)) as database:
        await database.write(job)


async def prepared(url: str, acting: object, rules: Rules, *, viber: bool = False) -> None:
    """A town, somebody of the staff in it, and an announcement to all that waits."""
    await fill.fill(url, KEY, people=PEOPLE, viber=viber)

    def make(connection: Connection) -> None:
        connection.execute(insert(staff).values(contact_id=1, role="coordinator", since=DAY))
        words = {"bg": "📅 В сряда, 12:00, в читалището: среща за родители. Елате с детето си."}
        draft = Draft(words, {}, ("interested", "no", "call"), ALL)
        broadcasts.publish(connection, acting, draft=draft, starts=None, rules=rules)  # type: ignore[arg-type]

    await do(url, make)


async def urls_of(at: Stage, number: int) -> dict[str, list[str]]:
    """So many new databases of each kind."""
    urls = {"SQLite": [sqlite(at.new_folder()) for _ in range(number)]}
    try:
        urls["PostgreSQL"] = [await at.postgres() for _ in range(number)]
    except postgres.Absent as absent:
        print(f"\nPostgreSQL is left out: {absent}")
    return urls
