"""The database, opened: one writer that lets many changes share one commit, and readers beside it.

A job is a plain function of a SQLAlchemy Connection. On SQLite it runs in aiosqlite's own thread in one hop, since a
hop for each statement costs more than the disk; on PostgreSQL it runs on asyncpg. Must never commit half a job.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from storage import migrations, seals
from storage.cipher import Cipher

T = TypeVar("T")
Job = Callable[[Connection], T]

BUSY_SECONDS = 5.0  # how long a job waits for another process's lock before it gives up
GROUP = 64  # changes that share one commit at most: beyond it the first would wait for the last


class Down(Exception):
    """The database cannot be used now: locked, full, read-only or gone. Nothing of the job was kept."""


class _Line(Protocol):
    """One way to run jobs, each in a transaction of its own."""

    async def run(self, job: Job[T]) -> T: ...

    async def close(self) -> None: ...


class Database:
    """An open database. Use it as an async context manager; jobs are refused outside it."""

    def __init__(self, url: str, cipher: Cipher) -> None:
        self.url = url
        self.cipher = cipher
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._is_open = False
        self._queue: asyncio.Queue[tuple[Job[Any], asyncio.Future[Any]] | None] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Open, bring the schema up to date, start the writer. Down, Newer or WrongKey when that cannot be done."""
        await self._open_lines()
        try:
            await self._writer.run(_prepare)
        except BaseException:
            await self._close_lines()
            raise
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._tasks.create_task(self._write_all(), name="database writer")
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the changes already handed in, then close."""
        self._is_open = False
        self._queue.put_nowait(None)
        try:
            await asyncio.shield(self._tasks.__aexit__(None, None, None))
        finally:
            await self._close_lines()

    async def write(self, job: Job[T]) -> T:
        """Run a job that changes something; returns after the commit. Down if nothing could be kept.

        The job may be run twice (when a neighbour in the same commit fails), so it must change nothing but the
        database.
        """
        self._refuse_when_closed()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((job, done))
        return await done

    async def aside(self, job: Job[T]) -> T:
        """Run a job that changes very much, so that nobody who changes little has to wait for it.

        SQLite has one writer: there it waits and is waited for like any other, and must be small.
        """
        self._refuse_when_closed()
        return await (self.write(job) if self.is_sqlite else self._writer.run(job))

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, beside the writer."""
        self._refuse_when_closed()
        return await self._reader.run(job)

    def _refuse_when_closed(self) -> None:
        if not self._is_open:  # nobody would ever take the job, and its caller would wait for ever
            raise Down("closed")

    async def _open_lines(self) -> None:
        self._writer: _Line
        self._reader: _Line
        if not self.is_sqlite:
            self._writer = self._reader = _Postgres(self.url, self.cipher)
            return
        path = Path(make_url(self.url).database or "")
        self._writer = await _Sqlite.open(path, self.cipher, "BEGIN IMMEDIATE")
        try:
            self._reader = await _Sqlite.open(path, self.cipher, "BEGIN", "query_only=ON")
        except BaseException:
            await self._writer.close()
            raise

    async def _close_lines(self) -> None:
        await self._reader.close()
        await self._writer.close()

    async def _write_all(self) -> None:
        open_ = True
        while open_:
            waiting = [await self._queue.get()]
            while len(waiting) < GROUP and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            open_ = None not in waiting
            await self._commit([entry for entry in waiting if entry is not None])

    async def _commit(self, group: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        if not group:
            return
        jobs = [job for job, _ in group]
        try:
            results = await self._writer.run(lambda connection: [job(connection) for job in jobs])
        except BaseException as error:
            if isinstance(error, Down) or len(group) == 1:
                for _, done in group:
                    _fail(done, error)
                if isinstance(error, asyncio.CancelledError):
                    raise
            else:  # one of them is bad: each alone, so that it cannot spoil its neighbours
                for entry in group:
                    await self._commit([entry])
            return
        for (_, done), result in zip(group, results, strict=True):
            if not done.done():
                done.set_result(result)


def _prepare(connection: Connection) -> None:
    """In one transaction, so that a schema or key that is refused leaves the database as it was."""
    migrations.upgrade(connection)
    seals.check(connection)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


# --- SQLite -----------------------------------------------------------------------------------------------------------

_DOWN_CODES = frozenset(  # nothing is wrong with the job; anything else is a mistake in it
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL,  # another process holds it
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
    }
)  # fmt: skip


class _Sqlite:
    """A SQLite connection that lives in aiosqlite's thread, where whole jobs run through SQLAlchemy Core."""

    def __init__(self, connection: aiosqlite.Connection, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine

    @classmethod
    async def open(cls, path: Path, cipher: Cipher, begin: str, *pragmas: str) -> _Sqlite:
        """Connect with WAL and FULL: a commit that returned survives power loss. Times out after BUSY_SECONDS."""
        try:
            # Not by aiosqlite: where its own connecting fails, its thread outlives the loop that it reports to.
            raw = await asyncio.to_thread(_sqlite_connection, path, pragmas)
        except (sqlite3.Error, OSError) as error:
            raise Down(str(error)) from error
        connection = await aiosqlite.Connection(lambda: raw, 64)
        engine = create_engine("sqlite://", hide_parameters=True, creator=lambda: raw, poolclass=StaticPool)
        engine.dialect.cipher = cipher  # type: ignore[attr-defined]
        event.listen(engine, "begin", lambda conn: conn.exec_driver_sql(begin))
        return cls(connection, engine)

    async def run(self, job: Job[T]) -> T:
        # One hop for the whole job: aiosqlite has no public call for "run this in your thread"; SQLAlchemy's own
        # dialect reaches for the same queue.
        result: T = await self._connection._execute(self._work, job)  # type: ignore[no-untyped-call]  # noqa: SLF001
        return result

    def _work(self, job: Job[T]) -> T:
        try:
            with self._engine.begin() as connection:
                return job(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _DOWN_CODES:  # the lower byte is the kind
                raise Down(str(error.orig)) from None
            raise

    async def close(self) -> None:
        await self._connection.close()


def _sqlite_connection(path: Path, pragmas: Sequence[str]) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        _to_wal(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _to_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. Two first starts at one moment: SQLite says "locked" here without waiting."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)  # in a thread of its own
        else:
            return


# --- PostgreSQL -------------------------------------------------------------------------------------------------------

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_DOWN_CLASSES = {
    "08": "the connection",
    "28": "the role or its password is refused",
    "3D": "there is no such database",
    "53": "its resources are used up",
    "57": "its administrator",
    "58": "the system below it",
}
_DOWN_STATES = ("25006", "25P03", "55P03")  # read-only, a transaction that slept too long, a lock not had in time
_COLLISIONS = ("40001", "40P01")  # two processes in each other's way: the same job succeeds a moment later
TRIES = 5
COMMAND_SECONDS = 30.0  # a command on a dead line would otherwise wait for hours


def _sqlstate(error: object) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _reason(state: str) -> str:
    """A state and what it means, without the server's own words: they name the role and the database."""
    meaning = _DOWN_CLASSES.get(state[:2])
    return f"{state}: {meaning}" if meaning else state


class _Collided(Exception):
    """PostgreSQL undid a job because another process was in its way."""


class _Postgres:
    """A small pool on asyncpg."""

    def __init__(self, url: str, cipher: Cipher) -> None:
        busy = str(int(BUSY_SECONDS * 1000))
        self._engine: AsyncEngine = create_async_engine(
            url,
            hide_parameters=True,
            pool_size=5,
            max_overflow=5,
            pool_timeout=BUSY_SECONDS,
            connect_args={
                "timeout": BUSY_SECONDS,
                "command_timeout": COMMAND_SECONDS,
                # The second: a process that is frozen inside a transaction must not hold its people's locks for ever.
                # The third: compiling a statement takes a second now and then, and ours run for milliseconds.
                "server_settings": {
                    "lock_timeout": busy,
                    "idle_in_transaction_session_timeout": busy,
                    "jit": "off",
                },
            },
        )
        self._engine.dialect.cipher = cipher  # type: ignore[attr-defined]

    async def run(self, job: Job[T]) -> T:
        for _ in range(TRIES):
            with contextlib.suppress(_Collided):
                return await self._once(job)
        raise Down("other processes were in the way too often")

    async def _once(self, job: Job[T]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(job)
        except DBAPIError as error:
            state = _sqlstate(error.orig)
            if state in _COLLISIONS:
                raise _Collided from None
            if error.connection_invalidated or state[:2] in _DOWN_CLASSES or state in _DOWN_STATES:
                raise Down(_reason(state) or type(error.orig).__name__) from None
            raise
        except asyncpg.PostgresError as error:  # SQLAlchemy passes on as it is what refuses a new connection
            raise Down(_reason(_sqlstate(error)) or type(error).__name__) from None
        except (OSError, PoolIsEmpty) as error:  # no connection to be had, or no answer in time
            raise Down(type(error).__name__) from None

    async def close(self) -> None:
        with contextlib.suppress(DBAPIError, OSError):
            await self._engine.dispose()
