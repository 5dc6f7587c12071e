"""What all tests stand on: databases of both kinds, a closed network, settings that nobody's machine leaks into.

- `database_url`: a new database with today's schema and no rows; the test runs once on SQLite, once on PostgreSQL.
- `empty_database_url`: the same without a schema, for tests of the migrations.
- `environment_skip(reason)`: for a test whose machine lacks a part. A skip here, a failure where CI=true.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import delete

from tests import postgres

_OUTSIDE: list[str] = []  # where the running test tried to go


def environment_skip(reason: str, *, allow_module_level: bool = False) -> NoReturn:
    """Skip because this machine lacks a part; fail instead under CI=true, where .ci/run installs every part."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"needed under CI: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=allow_module_level)


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("BOT_") and name != "BOT_VENV"]:
        del os.environ[name]  # a developer's own bot must not be spoken to
    sys.addaudithook(_stay_inside)


@pytest.fixture(autouse=True)
def _network_is_closed() -> Iterator[None]:
    _OUTSIDE.clear()
    yield
    assert not _OUTSIDE, f"the test left this machine: {_OUTSIDE}"


@pytest.fixture(params=["sqlite", "postgres"])
def _new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[bool], str]]:
    """Give a function that makes one database, with the schema or without."""
    if request.param == "sqlite":

        def sqlite(migrated: bool) -> str:
            path = tmp_path / "bot.db"
            if migrated:
                shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite+aiosqlite:///{path}"

        yield sqlite
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    made: list[str] = []

    def postgresql(migrated: bool) -> str:
        made.append(server.create(request.getfixturevalue("postgres_template") if migrated else "template1"))
        return server.url(made[-1])

    yield postgresql
    for name in made:
        server.drop(name)


@pytest.fixture
def database_url(_new_database: Callable[[bool], str]) -> str:
    """The address of a new database with today's schema and no rows."""
    return _new_database(True)


@pytest.fixture
def empty_database_url(_new_database: Callable[[bool], str]) -> str:
    """The address of a new database without any table."""
    return _new_database(False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """TEST_DATABASE_URL, or a PostgreSQL that lives as long as the tests."""
    try:
        url, stop = postgres.find()
    except postgres.Absent as absent:
        environment_skip(str(absent))
    with postgres.Server(url) as server:
        yield server
    stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> Iterator[str]:
    """A migrated database to copy: 30 ms a test instead of a migration each."""
    name = postgres_server.create()
    _migrate(postgres_server.url(name))
    yield name
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy."""
    path = tmp_path_factory.mktemp("template") / "bot.db"
    _migrate(f"sqlite+aiosqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    from storage.cipher import Cipher
    from storage.database import Database
    from storage.tables import seals

    async def open_once() -> None:
        async with Database(url, Cipher(bytes(32))) as database:
            await database.write(lambda c: c.execute(delete(seals)))  # each test brings a key of its own

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(open_once())


@pytest.fixture
def new_statements() -> Iterator[None]:
    """Statements are kept once they are built: what a test breaks must get into new ones, and out of them again."""
    from storage import notifications

    kept = (notifications._deciding, notifications._joining, notifications._queueing, notifications._telling_besides)
    for statement in kept:
        statement.cache_clear()
    yield
    for statement in kept:
        statement.cache_clear()


class OutsideError(OSError):
    """A test reached for another machine. It fails at its end, even where the code took this for a lost line."""


def _stay_inside(event: str, args: tuple[Any, ...]) -> None:
    """Refuse every connection and every look-up of a name that leaves this machine; the audit hook sees C code too."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if args[0].family == getattr(socket, "AF_UNIX", None) or args[1] is None:
            return
        host = args[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    if not _is_here(host):
        _OUTSIDE.append(str(host))
        raise OutsideError(f"tests do not leave this machine: {host!r}")


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
