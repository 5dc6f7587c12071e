"""A simulated year: everybody hears what they should, once, at a decent hour, whatever happens in between.

    python3 -m bot test year --seed 2026

A clock is turned through 2026 over a real database; events are published, moved and cancelled, people answer, stop,
block, leave and come late, the service dies and is away for days. Then a judge that knows only what people did goes
through every line of the ledger and every message.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import postgres
from tests.faults.year_history import History
from tests.faults.year_judge import Judge, judge
from tests.faults.year_town import Plan, Year

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Report:
    """What a year showed."""

    name: str
    history: History
    judge: Judge
    seconds: float
    judged: float


async def run(url: str, plan: Plan) -> Report:
    """One year on an empty database."""
    began = time.perf_counter()
    with _little_tidying():
        history = await Year(url, plan).run()
        ended = time.perf_counter()
        verdict = judge(history)
    return Report(url.partition("+")[0], history, verdict, ended - began, time.perf_counter() - ended)


@contextlib.contextmanager
def _little_tidying() -> Iterator[None]:
    """A history only grows: to look through all of it for rubbish, again and again, takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def main(argv: list[str]) -> int:
    """Run a year and print what it held. 0 only when the judge found nothing."""
    options = _options(argv)
    plan = Plan(options.seed, options.events, options.people)
    print(f"seed {plan.seed}: {plan.events} events and {plan.people} people", flush=True)
    with contextlib.ExitStack() as stack:
        try:
            urls = _urls(options.database, stack)
        except postgres.Absent as absent:
            print(f"{absent}; without it: --database sqlite")
            return 2
        reports = [asyncio.run(run(url, plan)) for url in urls]
    for report in reports:
        print(table(report))
    return 1 if any(report.judge.wrong for report in reports) else 0


def table(report: Report) -> str:
    """The figures of a year, and the first of what is wrong."""
    counts = report.judge.counts
    wrong = report.judge.wrong
    lines = [
        f"\n{report.name}: {report.seconds:.1f} s for the year, {report.judged:.1f} s to judge it",
        _line(counts, "acts", ("Published", "Changed", "Answered", "TookSlot", "Marked", "Finished")),
        _line(counts, "people", ("Registered", "Joined", "Stopped", "Resumed", "Blocked", "Unblocked", "Erased")),
        _line(counts, "service", ("Silent", "Decided", "Closed")),
        _line(counts, "told", ("queued", "joint", "sent", "cancelled", "expired", "failed", "uncertain")),
        _line(counts, "left out", sorted(set(counts) & _REASONS)),
        f"  broken rules  {len(wrong)}",
        *(f"    {text}" for text in wrong[:SHOWN]),
    ]
    return "\n".join(lines)


_REASONS = {
    "erased", "stopped", "blocked", "no_channel", "said_no", "waiting", "chosen", "household", "too_close", "week_full",
    "late",
}  # fmt: skip


def _line(counts: Counter[str], title: str, names: Sequence[str]) -> str:
    return f"  {title:<12}  " + ", ".join(f"{counts[name]:,} {name}" for name in names)


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m bot test year", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=600, help="dates and slots among them (600)")
    parser.add_argument("--people", type=int, default=3000, help="registered contacts at the beginning (3000)")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="sqlite")
    parser.add_argument("--seed", default=f"{random.SystemRandom().getrandbits(32)}", help="the same year again")
    return parser.parse_args(argv)


def _urls(name: str, stack: contextlib.ExitStack) -> list[str]:
    """Addresses of new databases. Raises postgres.Absent."""
    found = []
    if name != "postgres":
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="most-year-"))
        found.append(f"sqlite+aiosqlite:///{Path(folder) / 'year.db'}")
    if name != "sqlite":
        url, stop = postgres.find()
        stack.callback(stop)
        server = stack.enter_context(postgres.Server(url))
        made = server.create()
        stack.callback(server.drop, made)
        found.append(server.url(made))
    return found
