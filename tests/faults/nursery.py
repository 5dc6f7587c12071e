"""Starts the service as a process of its own, again and again, with its modules already imported.

Importing takes a second and is not what is tried here: this process imports once, and each `start` forks one that runs
`python -m bot` from its first line. Speaks by lines: `start` → its number; `end SIGNAL` → how it ended. Reaps at once,
as every supervisor does. When its input closes it takes the service with it.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import traceback

LONGEST_STOP = 10.0  # seconds
MODULES = (  # all that a first start would import on its way to the first answered question
    *("bot.app", "bot.profile", "bot.channels.telegram", "aiosqlite", "asyncpg", "uvloop", "alembic.command"),
    *("uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.off", "alembic.runtime.migration"),
    *("sqlalchemy.dialects.sqlite.pysqlite", "sqlalchemy.dialects.postgresql.asyncpg"),
    *("apscheduler.schedulers.asyncio", "apscheduler.triggers.cron", "apscheduler.triggers.interval"),
)


def main() -> None:
    """Obey until the input closes."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # as the command line does
    for name in MODULES:
        importlib.import_module(name)
    child = 0
    print("ready", flush=True)
    for line in sys.stdin:
        order, _, argument = line.strip().partition(" ")
        if order == "start":
            child = _start()
            print(child, flush=True)
        elif child:
            print(_end(child, int(argument)), flush=True)
            child = 0
    if child:
        _end(child, signal.SIGKILL)


def _start() -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)  # the log and the printed address go to one file
        from bot import cli

        code = cli.main([])
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(child: int, number: int) -> str:
    """Send the signal and wait. A word: the exit code, or the signal's number below zero, and the seconds it took."""
    began = time.monotonic()
    gone, status = os.waitpid(child, os.WNOHANG)
    if gone:
        return f"{os.waitstatus_to_exitcode(status)} early"
    os.kill(child, number)
    while time.monotonic() - began < LONGEST_STOP:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return f"{os.waitstatus_to_exitcode(status)} {time.monotonic() - began:.3f}"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"{-signal.SIGKILL} late"


if __name__ == "__main__":
    main()
