"""The measurements, each against the figure that the project has set itself."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from tests import postgres
from tests.bench import broadcasts, fill, load, reminders, viber
from tests.bench.bots import KEY, Running, sqlite
from tests.bench.load import Round
from tests.bench.stage import AIOGRAM, FLOOR, PTB, Stage, fsync_ms
from tests.bench.table import figure, goal, middle, show

START_PEOPLE: Final = 200
START_DELAY: Final = 0.040
RATE: Final = 50.0  # updates a second
BULK_ROWS: Final = 20_000
BULK_RATE: Final = 10.0  # replies a second beside it: they count against the 29.5, and bulk must be seen to flow
MIDWAY: Final = 1_000

Measure = Callable[[Running], Awaitable[Round]]
Rounds = Mapping[str, Sequence[Round]]


async def throughput(at: Stage) -> None:
    """So many people at once, by webhook, as fast as they can; every answer committed with synchronous=FULL."""
    options = at.options
    bots = [
        await at.ours(), await at.ours("Мост, answers typed", presses=False), await at.plain("plain_ptb", PTB),
        await at.plain("plain_aiogram", AIOGRAM), await at.plain("plain_floor", FLOOR),
    ]  # fmt: skip
    await _in_turn(bots, lambda bot: load.at_once(at.api, bot, options.people, 1.0), 1)  # warm
    rounds = await _in_turn(
        bots, lambda bot: load.at_once(at.api, bot, options.people, options.seconds), options.rounds
    )
    print(f"\nfsync of 4 KiB here: {fsync_ms(at.folder):.2f} ms")
    show(
        f"throughput: {options.people} people at once, medians of {options.rounds} rounds in turn",
        ("bot", "updates/s", "CPU ms/update", "p50 ms", "p95 ms", "of PTB's"),
        [_throughput_row(name, theirs, _rate(rounds[PTB])) for name, theirs in rounds.items()],
    )
    best_plain = max(_rate(rounds[PTB]), _rate(rounds[AIOGRAM]))
    cpu = {name: middle([r.cpu_ms for r in theirs]) for name, theirs in rounds.items()}
    goal("more updates a second than either", _rate(rounds["Мост"]) > best_plain)
    goal("the aim: twice python-telegram-bot's", _rate(rounds["Мост"]) >= 2 * _rate(rounds[PTB]))
    goal("CPU an update below both", cpu["Мост"] < min(cpu[PTB], cpu[AIOGRAM]))


async def start(at: Stage) -> None:
    """Everybody presses /start at one moment while the API takes 40 ms for each answer."""
    bots = [await at.ours(), await at.plain("plain_ptb", PTB), await at.plain("plain_aiogram", AIOGRAM)]
    await _in_turn(bots, lambda bot: load.at_once(at.api, bot, 8, 1.0), 1)  # warm
    at.api.delay = START_DELAY
    rounds = await _in_turn(bots, lambda bot: load.at_one_moment(at.api, bot, START_PEOPLE), at.options.rounds)
    at.api.delay = 0.0
    last = {name: middle([max(r.tally.seconds) for r in theirs]) for name, theirs in rounds.items()}
    show(
        f"start: {START_PEOPLE} people at one moment, the API takes {START_DELAY * 1000:.0f} ms",
        ("bot", "last answer s", "half of them s"),
        [(name, figure(last[name], 2), figure(_ms(theirs, 0.5) / 1000, 2)) for name, theirs in rounds.items()],
    )
    goal("the last answer within 0.5 s", last["Мост"] <= 0.5)


async def latency(at: Stage) -> None:
    """A steady stream, whether or not the bot keeps up."""
    bots, targets = [await at.ours("SQLite")], {"SQLite": 15.0, "PostgreSQL": 25.0}
    try:
        bots.append(await at.ours("PostgreSQL", database=await at.postgres()))
    except postgres.Absent as absent:
        print(f"\nlatency on PostgreSQL is left out: {absent}")
    seconds = max(10.0, 3 * at.options.seconds)
    await _in_turn(bots, lambda bot: load.at_rate(at.api, bot, RATE, 3.0), 1)  # warm
    rounds = await _in_turn(bots, lambda bot: load.at_rate(at.api, bot, RATE, seconds), at.options.rounds)
    show(
        f"latency: {RATE:.0f} updates a second for {seconds:.0f} s, from update to sendMessage",
        ("database", "p50 ms", "p95 ms", "p99 ms", "CPU ms/update"),
        [
            (name, *(figure(_ms(theirs, share)) for share in (0.5, 0.95, 0.99)),
             figure(middle([r.cpu_ms for r in theirs]), 2))
            for name, theirs in rounds.items()
        ],
    )  # fmt: skip
    for name, theirs in rounds.items():
        goal(f"p95 on {name} under {targets[name]:.0f} ms", _ms(theirs, 0.95) < targets[name])


async def bulk(at: Stage) -> None:
    """Replies while a broadcast waits and flows, and without one."""
    folder = at.new_folder()
    await fill.fill(sqlite(folder), KEY, people=BULK_ROWS, bulk=BULK_ROWS)
    bots = [await at.ours("alone"), await at.ours("beside bulk", database=sqlite(folder))]
    seconds = max(10.0, 3 * at.options.seconds)
    await _in_turn(bots, lambda bot: load.at_rate(at.api, bot, BULK_RATE, 3.0), 1)  # warm
    at.api.elsewhere.clear()
    began = time.perf_counter()
    rounds = await _in_turn(bots, lambda bot: load.at_rate(at.api, bot, BULK_RATE, seconds), at.options.rounds)
    flowed = len(at.api.elsewhere) / (time.perf_counter() - began)
    show(
        f"bulk: {BULK_ROWS:,} rows wait and flow beside {BULK_RATE:.0f} replies a second",
        ("replies", "p50 ms", "p95 ms"),
        [(name, figure(_ms(theirs, 0.5)), figure(_ms(theirs, 0.95))) for name, theirs in rounds.items()],
    )
    ratio = _ms(rounds["beside bulk"], 0.95) / _ms(rounds["alone"], 0.95)
    busiest = max(Counter(int(moment) for moment in at.api.elsewhere).values(), default=0)
    print(f"  p95 ratio {ratio:.2f}; bulk flowed at {flowed:.1f} a second, {busiest} in its busiest second")
    goal("p95 at most half as much again", ratio <= 1.5)
    goal("bulk flows, and stays under 30 a second", 5 < flowed < 30)


async def people(at: Stage) -> None:
    """Memory and start-up with nobody and with very many registered."""
    many = at.options.contacts
    folders = {"nobody": at.new_folder(), f"{many:,} contacts": at.new_folder()}
    await fill.fill(sqlite(folders["nobody"]), KEY)
    await fill.fill(sqlite(folders[f"{many:,} contacts"]), KEY, people=many, midway=min(MIDWAY, many))
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in folders}
    for _ in range(at.options.rounds):
        for name, folder in folders.items():
            running = await at.ours(name, database=sqlite(folder))
            idle = running.memory()
            await load.at_once(at.api, running, 8, 1.0)
            found[name].append((running.started, idle, running.memory()))
            await _end(running)
    medians = {name: [middle(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    show(
        f"people: {MIDWAY:,} of them in the middle of a registration",
        ("database", "start s", "MB at start", "MB after talking"),
        [(name, figure(row[0], 2), figure(row[1]), figure(row[2])) for name, row in medians.items()],
    )
    (start_none, idle_none, after_none), (start_many, idle_many, after_many) = medians.values()
    goal("under 20 MB more than with nobody", max(idle_many - idle_none, after_many - after_none) < 20)
    goal("starts less than a second later than with nobody", start_many - start_none < 1)


SCENARIOS: Final[Mapping[str, Callable[[Stage], Awaitable[None]]]] = {
    "throughput": throughput,
    "start": start,
    "latency": latency,
    "bulk": bulk,
    "people": people,
    "moments": reminders.moments_wait,
    "due": reminders.due,
    "queue": broadcasts.queue,
    "broadcast": broadcasts.flow,
    "viber": viber.acknowledged,
}


async def _in_turn(bots: Sequence[Running], measure: Measure, times: int) -> Rounds:
    """Every bot in every round, because the machine's own speed drifts between them."""
    found: dict[str, list[Round]] = {bot.bot.name: [] for bot in bots}
    for _ in range(times):
        for bot in bots:
            found[bot.bot.name].append(await measure(bot))
            await asyncio.sleep(load.QUIET)
    return found


async def _end(running: Running) -> None:
    running.process.terminate()
    await running.process.wait()


def _throughput_row(name: str, rounds: Sequence[Round], reference: float) -> tuple[str, ...]:
    rate, cpu = _rate(rounds), middle([r.cpu_ms for r in rounds])
    return (
        name, figure(rate, 0), figure(cpu, 2), figure(_ms(rounds, 0.5)), figure(_ms(rounds, 0.95)),
        f"{rate / reference:.2f}",
    )  # fmt: skip


def _rate(rounds: Sequence[Round]) -> float:
    return middle([r.rate for r in rounds])


def _ms(rounds: Sequence[Round], share: float) -> float:
    return middle([r.ms(share) for r in rounds])
