"""The broadcast test: one announcement to very many, during which processes die, again and again.

    python3 -m bot test broadcast --people 5000 --deaths 20

A process dies after so many changes of the database, or with calls on the wire. Meanwhile people come into the group
and leave it, and it is held and goes on. Everybody who was in the group when it started gets it once, plus at most
what was on the wire, and nobody else; the ledger says what the platform received.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, delete, select

from bot.broadcasts import Broadcasts
from bot.messages import Limits
from storage import broadcasts, recipients
from storage.broadcasts import Draft
from storage.cipher import Cipher
from storage.database import Database, Down
from storage.recipients import Progress
from storage.tables import broadcasts as ours
from storage.tables import children, outbox
from storage.tables import recipients as rows
from tests import postgres
from tests.faults import life as lives
from tests.faults.life import KEY, Clock, Life, Recorder, dead_owner, life
from tests.storage.events_kit import CLASS, NOW, RULES, by, lead, settle

WIRES = 8  # calls under way at once: so many a death may leave in doubt
WORDS = {"bg": "В петък от 17:00 училището е отворено за всички."}
AUTHOR = "1"
STALLED = 400  # turns of the loop without anything new

world = cache(lives.world)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    url: str
    people: int
    deaths: int
    seed: int = 20

    @property
    def limits(self) -> Limits:
        """So fast that it is soon over, and so slow that one life does not send it all."""
        rate = max(400, self.people // 4)
        return Limits(bulk_rate=rate, bulk_burst=self.people // self.deaths, chat_rate=1000, concurrency=WIRES)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run showed."""

    plan: Plan
    frozen: set[int]  # who was in the group when it started
    copies: Counter[int]  # by reader: what the platform received
    status: dict[int, str]  # by reader: what the ledger says
    progress: Progress
    deaths: Counter[str] = field(default_factory=Counter)  # by how much was done
    seconds: float = 0.0

    @property
    def twice(self) -> int:
        """Messages beyond the first to one reader."""
        return sum(number - 1 for number in self.copies.values())

    @property
    def unsure(self) -> set[int]:
        """Of whom nobody knows whether they got it."""
        return {who for who, status in self.status.items() if status == "uncertain"}

    @property
    def faults(self) -> list[str]:
        """Every promise that was not kept."""
        outside, missed = self.copies.keys() - self.frozen, self.frozen - self.copies.keys() - self.unsure
        silent = {who for who, status in self.status.items() if status == "sent"} - self.copies.keys()
        sent, total = sum(status == "sent" for status in self.status.values()), len(self.frozen)
        found = {
            f"{len(outside)} outside the group got it": bool(outside),
            f"{len(missed)} in the group did not get it": bool(missed),
            f"{len(silent)} are sent in the ledger and the platform knows nothing": bool(silent),
            f"the ledger ends with {set(self.status.values())}": not set(self.status.values()) <= {"sent", "uncertain"},
            f"{self.twice} came twice": self.twice > self.plan.deaths * WIRES,
            f"somebody got {max(self.copies.values())} copies": max(self.copies.values()) > 2,
            f"{len(self.unsure)} are unsure": len(self.unsure) > self.plan.deaths * WIRES / 2,
            f"the counters say {self.progress}": (self.progress.total, self.progress.sent, self.progress.unsure)
            != (total, sent, len(self.unsure)),
        }
        return [sentence for sentence, is_so in found.items() if is_so]


async def run(plan: Plan) -> Report:
    """One broadcast over many lives."""
    began, chance = time.monotonic(), random.Random(plan.seed)
    channel, clock, deaths = Recorder(limits=plan.limits), Clock(NOW), Counter[str]()
    async with Database(plan.url, Cipher(KEY)) as database:
        number = await database.write(lambda c: _town(c, plan.people))
        clock.pass_by(120)
        for death in range(plan.deaths):
            await _one_life(plan, channel, clock, chance, death)
            deaths[await database.read(lambda c: _standing(c, number))] += 1
            clock.pass_by(3)
            await database.write(lambda c, n=death: _meanwhile(c, number, n, clock))  # type: ignore[misc]
        await _to_the_end(plan, database, channel, clock)
        frozen = {n for n in await database.read(lambda c: _frozen(c, number)) if n != int(AUTHOR)}
        status = await database.read(_status)
        acting = by(now=clock())
        progress = await database.read(lambda c: recipients.progress(c, acting, broadcast_id=number))
    copies = Counter(int(call.address.external) for call in channel.calls if call.address.external != AUTHOR)
    return Report(plan, frozen, copies, status, progress, deaths, time.monotonic() - began)


def _town(connection: Connection, people: int) -> int:
    acting = lead(connection)
    settle(connection, people)
    draft = Draft(WORDS, {}, ("interested", "call"), CLASS)
    broadcasts.publish(connection, acting, draft=draft, starts=None, rules=RULES)
    made = broadcasts.latest(connection, acting)
    assert made is not None
    return made.id


async def _one_life(plan: Plan, channel: Recorder, clock: Clock, chance: random.Random, death: int) -> None:
    """From its start to its death: after so many changes, or with as many calls as it can make on the wire."""
    share = plan.people // plan.deaths
    with contextlib.suppress(ExceptionGroup, Down):
        async with life(plan.url, channel, clock, me=dead_owner(death + 1), all_of=world()) as process:
            process.database.left = chance.randint(1, 12) if death < plan.deaths // 4 else 10**9
            goal = len(channel.calls) + chance.randint(0, share // 2)
            await _work(plan, process, channel, clock, goal)
            channel.hangs = chance.random() < 0.5
            await _work(plan, process, channel, clock, len(channel.calls) + WIRES)
            process.database.dead = True
    channel.hangs = False


async def _work(plan: Plan, process: Life, channel: Recorder, clock: Clock, goal: int) -> None:
    """Queue and send until so much was sent, nothing is left, or everything hangs."""
    job = Broadcasts(process.database, RULES, AsyncIOScheduler(timezone="UTC"), clock, bite=max(7, plan.people // 20))
    idle, before, turn = 0, -1, 0
    while len(channel.calls) < goal and idle < STALLED and not process.database.dead:
        if turn % 40 == 0:
            await job.step()
            await process.sender._claim()
        await asyncio.sleep(0)
        turn += 1
        idle = idle + 1 if len(channel.calls) == before else 0
        before = len(channel.calls)


async def _to_the_end(plan: Plan, database: Database, channel: Recorder, clock: Clock) -> None:
    async with life(plan.url, channel, clock, all_of=world()) as process:
        job = Broadcasts(process.database, RULES, AsyncIOScheduler(timezone="UTC"), clock)
        while await database.read(_goes_on):
            clock.pass_by(3)
            await job.step()
            await process.sender._claim()
            await process.sender.settled()


def _meanwhile(connection: Connection, number: int, death: int, clock: Clock) -> None:
    """The group changes, and once it is held and goes on."""
    settle(connection, 1, first=900_000 + death)
    connection.execute(delete(children).where(children.c.contact_id == 100 + death))
    one = broadcasts.for_staff(connection, by(), number)
    assert one is not None
    if death % 6 == 4 and one.status == broadcasts.RUNNING:
        broadcasts.pause_(connection, by(now=clock()), broadcast_id=number)
    elif one.status == broadcasts.PAUSED:
        broadcasts.go_on(connection, by(now=clock()), broadcast_id=number, rules=RULES)


def _goes_on(connection: Connection) -> bool:
    return connection.execute(select(ours.c.id).where(ours.c.ended_at.is_(None)).limit(1)).first() is not None


def _frozen(connection: Connection, number: int) -> list[int]:
    return list(connection.execute(select(rows.c.contact_id).where(rows.c.broadcast_id == number)).scalars())


def _status(connection: Connection) -> dict[int, str]:
    mine = select(outbox.c.contact_id, outbox.c.status).where(outbox.c.key.like("broadcast:%"))
    return {row.contact_id: row.status for row in connection.execute(mine)}


def _standing(connection: Connection, number: int) -> str:
    """In the middle of what a process died."""
    one = broadcasts.for_staff(connection, by(), number)
    if one is None or one.started_at is None:
        return "before it started"
    waiting = (rows.c.broadcast_id == number) & (rows.c.status == "waiting")
    if connection.execute(select(rows.c.contact_id).where(waiting).limit(1)).first():
        return "while it was queued"
    return "while it was sent" if one.ended_at is None else "after it was over"


# --- the command ------------------------------------------------------------------------------------------------------


def main(argv: list[str]) -> int:
    """Run it on each database; 0 only when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python3 -m bot test broadcast", description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--deaths", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    asked = parser.parse_args(argv)
    wrong = []
    with contextlib.ExitStack() as stack:
        for name in ("sqlite", "postgres") if asked.database == "both" else (asked.database,):
            try:
                url = _new(name, stack)
            except postgres.Absent as absent:
                print(f"{absent}; without it: --database sqlite")
                return 2
            report = asyncio.run(run(Plan(url, asked.people, asked.deaths, asked.seed)))
            print(
                f"{name}: {len(report.frozen)} people, {asked.deaths} deaths ({dict(report.deaths)}); "
                f"twice {report.twice}, unsure {len(report.unsure)}, {report.seconds:.0f} s"
            )
            wrong += [f"{name}: {fault}" for fault in report.faults]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


def _new(name: str, stack: contextlib.ExitStack) -> str:
    if name == "sqlite":
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="most-broadcast-"))
        return f"sqlite+aiosqlite:///{Path(folder) / 'bot.db'}"
    url, stop = postgres.find()
    stack.callback(stop)
    server = stack.enter_context(postgres.Server(url))
    made = server.create()
    stack.callback(server.drop, made)
    return server.url(made)
