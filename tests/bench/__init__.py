"""How fast it is, beside plain bots that a user would write instead: `python3 -m bot bench`.

Every bot is a process of its own and talks to a fake Bot API on this machine; nothing leaves it. Figures of one call
compare with each other, those of two calls hardly: a machine's own speed drifts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from pathlib import Path

from tests.bench.scenarios import SCENARIOS
from tests.bench.stage import Options, stage


def main(argv: list[str]) -> int:
    """Run the scenarios that were asked for, or all; 0 when they ran, whatever they showed."""
    asked = parse(argv)
    options = Options(
        seconds=asked.seconds, rounds=asked.rounds, people=asked.people, postgres=asked.postgres,
        contacts=asked.contacts, folder=asked.folder,
    )  # fmt: skip
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(asked.scenario or list(SCENARIOS), options))
    return 0


async def _run(names: list[str], options: Options) -> None:
    for name in names:
        async with stage(options) as at:
            await SCENARIOS[name](at)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """The load must cost as little as it can."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.Loop


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; ends with a sentence when it asks for what there is not."""
    parser = _parser()
    asked = parser.parse_args(argv)
    unknown = [name for name in asked.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m bot bench", description=__doc__.partition("\n")[0])
    parser.add_argument("scenario", nargs="*", help=f"{', '.join(SCENARIOS)}; all when none is named")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a round of throughput (3)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (3)")
    parser.add_argument("--people", type=int, default=32, help="people at once in throughput (32)")
    parser.add_argument("--contacts", type=int, default=100_000, help="registered contacts in people (100000)")
    parser.add_argument(
        "--postgres", default="", metavar="URL", help="a server where databases may be made and dropped"
    )
    parser.add_argument("--folder", type=Path, help="where databases lie; put it on the disk that matters")
    return parser
