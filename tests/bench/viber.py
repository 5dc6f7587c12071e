"""How soon Viber hears 200 while the database is busy: it waits five seconds, and then says everything once more."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import update

from bot.calendar import Rules
from storage.tables import broadcasts as rows
from tests.bench.bots import Running
from tests.bench.broadcasts import PEOPLE, do, prepared, urls_of
from tests.bench.load import percentile
from tests.bench.people import Bot
from tests.bench.stage import Stage
from tests.bench.table import figure, goal, show
from tests.bench.viber_api import TOKEN, Load, Signed, ViberApi, ViberPerson, callback
from tests.faults.announcer import noon, programme_at
from tests.storage.events_kit import by

MESSAGES: Final = 10.0  # a second, of people who register
RECEIPTS: Final = 100.0  # a second
LASTS: Final = 30.0
GOAL: Final = 300.0  # milliseconds
LIMIT: Final = 5.0  # seconds that Viber waits
CONNECTIONS: Final = 20


async def acknowledged(at: Stage) -> None:
    """Messages and receipts while an announcement to everybody is fixed, queued and sent, and people register."""
    table, found = [], {}
    for name, urls in (await urls_of(at, at.options.rounds)).items():
        for number, url in enumerate(urls, 1):
            measured = found[name, number] = await _measured(at, name, url)
            table += [(f"{name}, {number}", what, f"{len(took):,}", *_figures(took)) for what, took in measured.items()]
    heads = ("database", "while it flows", "callbacks", "p50 ms", "p95 ms", "p99 ms", "longest ms")
    show(
        f"viber: {PEOPLE:,} are announced to, {MESSAGES:.0f} messages and {RECEIPTS:.0f} receipts a second",
        heads,
        table,
    )
    for (name, number), measured in found.items():
        for what, took in measured.items():
            goal(f"{name}, {number}: p95 of {what} under {GOAL:.0f} ms", percentile(took, 0.95) * 1000 < GOAL)
        goal(f"{name}, {number}: everything within {LIMIT:.0f} s", max(map(max, measured.values())) < LIMIT)


def _figures(took: list[float]) -> list[str]:
    return [figure(percentile(took, share) * 1000) for share in (0.5, 0.95, 0.99, 1.0)]


async def _measured(at: Stage, name: str, url: str) -> Mapping[str, list[float]]:
    zone = noon()
    await prepared(url, by(now=datetime.now(UTC)), Rules(zone), viber=True)
    async with ViberApi() as api:
        more = {"VIBER_TOKEN": TOKEN, "VIBER_API_URL": api.url, "VIBER_NAME": "Мост"}
        running = await at.ours(name, database=url, programme=programme_at(zone, at.new_folder()), more=more)
        async with asyncio.timeout(30):
            await api.ready.wait()
        load = Load(api, posters(running, api), posters(running, api))
        await registering(load, 3.0)  # warm
        load.messages.seconds.clear()
        await do(url, lambda c: c.execute(update(rows).values(due_at=datetime.now(UTC))))
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(registering(load, LASTS), name="people")
            tasks.create_task(reporting(load, LASTS), name="receipts")
            flowed = tasks.create_task(_all_reached(api, began), name="broadcast")
        print(f"  {name}: {api.reached:,} reached {flowed.result():.1f} s after it was due; "
              f"{load.tally.updates:,} answers, {load.tally.people:,} registered; "
              f"{load.messages.refused + load.receipts.refused} refused", flush=True)  # fmt: skip
        running.process.terminate()
        await running.process.wait()
    return {"messages": load.messages.seconds, "receipts": load.receipts.seconds}


def posters(running: Running, api: ViberApi) -> Signed:
    """Connections of Viber's to a bot that has told it where it is."""
    return Signed("127.0.0.1", running.bot.webhook._port, urlsplit(api.webhook).path, CONNECTIONS)


async def registering(load: Load, seconds: float, rate: float = MESSAGES, people: int = round(MESSAGES)) -> None:
    """So many answers a second of people who register, whether or not the bot keeps up."""
    bot = Bot("Viber", load.messages, presses=False)

    def newcomer() -> ViberPerson:
        return ViberPerson(load.api, bot, load.tally)  # type: ignore[arg-type]

    idle = deque(newcomer() for _ in range(people))

    async def answers(person: ViberPerson) -> None:
        await person.step()
        idle.append(newcomer() if person.done else person)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.create_task(answers(idle.popleft() if idle else newcomer()), name=f"message {number}")


async def reporting(load: Load, seconds: float, rate: float = RECEIPTS) -> None:
    """So many receipts a second of what was taken: three phones have it, and the fourth person reads it."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            if load.api.receipts:
                user, token = load.api.receipts.popleft()
                event = "seen" if number % 4 == 3 else "delivered"
                body = callback(load.api, event, message_token=token, user_id=user)
                tasks.create_task(load.receipts.post(body), name=f"receipt {number}")


async def _all_reached(api: ViberApi, began: float) -> float:
    """When the last of the announcement arrived."""
    while api.reached < PEOPLE - 1 and time.perf_counter() - began < LASTS:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)
    return time.perf_counter() - began
