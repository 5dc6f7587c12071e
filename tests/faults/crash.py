"""The crash test: people register on Telegram, Viber and the web while the service is killed, again and again.

    python3 -m bot test crash --kills 200 --people 300

Every acknowledged answer must be there in the end, everybody registered once, and no message arrive three times. With
`--signal TERM` the service is asked to stop instead: then nothing may arrive twice either.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import signal
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests import postgres
from tests.faults.ordeal import Plan, Report, run

MODES = ("polling", "webhook")
COLUMNS: dict[str, Callable[[Report], object]] = {
    "run": lambda r: r.plan.name,
    "kills": lambda r: r.plan.kills,
    "people": lambda r: r.plan.people,
    "offered": lambda r: len(r.ledger.offered),
    "acknowledged": lambda r: len(r.ledger.acknowledged & r.ledger.offered.keys()),
    "said again": lambda r: r.ledger.repeated,
    "lost": lambda r: r.findings.lost,
    "arrived twice": lambda r: r.findings.duplicates,
    "bound": lambda r: r.bound,
    "most copies": lambda r: r.findings.copies,
    "reminders": lambda r: r.findings.reminders,
    "uncertain": lambda r: r.findings.uncertain,
    "ready p50": lambda r: f"{statistics.median(r.ledger.restarts):.2f} s",
    "ready p95": lambda r: f"{_p95(r.ledger.restarts):.2f} s",
    "longest stop": lambda r: f"{max(r.ledger.stops):.2f} s",
    "took": lambda r: f"{r.seconds:.0f} s",
}


def main(argv: list[str]) -> int:
    """Run what was asked for and print a table. 0 only when every promise was kept."""
    options = _options(argv)
    folder = Path(tempfile.mkdtemp(prefix="most-crash-"))
    print(f"seed {options.seed}: {options.kills} kills and {options.people} people on each database", flush=True)
    with contextlib.ExitStack() as stack:
        try:
            plans = _plans(options, folder, stack)
        except postgres.Absent as absent:
            print(f"{absent}; without it: --database sqlite")
            return 2
        reports = asyncio.run(_all(plans, folder))
    print(table(reports))
    faults = [f"{report.plan.name}: {fault}" for report in reports for fault in report.faults]
    if faults:
        print("", *faults, f"seed {options.seed}; ledgers and logs: {folder}", sep="\n")
        return 1
    shutil.rmtree(folder)
    return 0


def table(reports: Sequence[Report]) -> str:
    """The figures, a line for each and a column for each run."""
    width = max(len(name) for name in COLUMNS)
    lines = [[f"{figure(report)}" for report in reports] for figure in COLUMNS.values()]
    wide = max(len(cell) for line in lines for cell in line)
    return "\n".join(
        f"{name:<{width}}  " + "  ".join(f"{cell:>{wide}}" for cell in line)
        for name, line in zip(COLUMNS, lines, strict=True)
    )


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m bot test crash", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="on each database, divided between the modes")
    parser.add_argument(
        "--people", type=int, default=300, help="on each database, evenly on Telegram, the web and Viber"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument(
        "--mode",
        choices=(*MODES, "both"),
        default="both",
        help="how Telegram delivers; Viber is there with the webhook",
    )
    parser.add_argument("--signal", choices=("KILL", "TERM"), default="KILL", help="TERM: ask it to stop instead")
    parser.add_argument(
        "--seed", default=f"{random.SystemRandom().getrandbits(32)}", help="the same people and moments"
    )
    return parser.parse_args(argv)


def _plans(options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> list[list[Plan]]:
    """For each database its runs, one after the other; each begins with a database that has no schema yet."""
    modes = MODES if options.mode == "both" else (options.mode,)
    databases = ("sqlite", "postgres") if options.database == "both" else (options.database,)
    number = signal.Signals[f"SIG{options.signal}"]
    plans = []
    for name in databases:
        new = _databases(name, folder, stack)
        kills, people = (_shares(whole, len(modes)) for whole in (options.kills, options.people))
        mine = zip(modes, kills, people, strict=True)
        plans.append([Plan(next(new), mode, k, p, options.seed, number) for mode, k, p in mine])
    return plans


def _databases(name: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[str]:
    """Addresses of new databases. Raises postgres.Absent."""
    if name == "sqlite":
        return (f"sqlite+aiosqlite:///{folder}/{number}.db" for number in range(len(MODES)))
    url, stop = postgres.find()
    stack.callback(stop)
    server = stack.enter_context(postgres.Server(url))

    def new() -> str:
        made = server.create()
        stack.callback(server.drop, made)
        return server.url(made)

    return (new() for _ in MODES)


def _shares(whole: int, parts: int) -> list[int]:
    return [whole * (n + 1) // parts - whole * n // parts for n in range(parts)]


async def _all(plans: Sequence[Sequence[Plan]], folder: Path) -> list[Report]:
    """The databases beside each other: most of a life is waiting."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_one_after_the_other(mine, folder), name=mine[0].name) for mine in plans]
    return [report for task in running for report in task.result()]


async def _one_after_the_other(plans: Sequence[Plan], folder: Path) -> list[Report]:
    reports = []
    for plan in plans:
        place = folder / plan.name.replace(", ", "-")
        place.mkdir()
        reports.append(await run(plan, place))
    return reports


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[round(0.95 * (len(seconds) - 1))]
