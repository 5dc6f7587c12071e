"""The database, opened: one writer that lets many changes share one commit, and readers beside it.

A job is a plain function of a SQLAlchemy Connection. On SQLite it runs in aiosqlite's own thread in one hop, since a hop
for each statement costs more than the disk; on PostgreSQL it runs on asyncpg. Must never commit half a job.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from storage import migrations
from storage.cipher import Cipher

T = TypeVar("T")
Job = Callable[[Connection], T]

BUSY_SECONDS = 5.0  # how long SQLite waits for another writer before it gives up
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
        self._queue: asyncio.Queue[tuple[Job[Any], asyncio.Future[Any]] | None] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        """Open, bring the schema up to date, start the writer."""
        self._writer, self._reader = await self._open()
        try:
            await self._writer.run(migrations.upgrade)
        except BaseException:
            await self._close_lines()
            raise
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._tasks.create_task(self._write_all(), name="database writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the changes already handed in, then close."""
        self._queue.put_nowait(None)
        await asyncio.shield(self._tasks.__aexit__(None, None, None))
        await self._close_lines()

    async def write(self, job: Job[T]) -> T:
        """Run a job that changes something; returns after the commit. Down if nothing could be kept.

        The job may be run twice (when a neighbour in the same commit fails), so it must change nothing but the database.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((job, done))
        return await done

    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, beside the writer."""
        return await self._reader.run(job)

    async def _open(self) -> tuple[_Line, _Line]:
        if self.is_sqlite:
            path = Path(make_url(self.url).database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            return await _Sqlite.open(path, self.cipher, "BEGIN IMMEDIATE"), await _Sqlite.open(
                path, self.cipher, "BEGIN"
            )
        line = _Postgres(self.url, self.cipher)
        return line, line

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


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


class _Sqlite:
    """A SQLite connection that lives in aiosqlite's thread, where whole jobs run through SQLAlchemy Core."""

    def __init__(self, connection: aiosqlite.Connection, engine: Engine) -> None:
        self._connection = connection
        self._engine = engine

    @classmethod
    async def open(cls, path: Path, cipher: Cipher, begin: str) -> _Sqlite:
        """Connect with WAL and FULL: a commit that returned survives power loss. Times out after BUSY_SECONDS."""
        raw: list[sqlite3.Connection] = []

        def connect() -> sqlite3.Connection:
            raw.append(_sqlite_connection(path))
            return raw[0]

        try:
            connection = await aiosqlite.Connection(connect, 64)
        except sqlite3.Error as error:
            raise Down(str(error)) from error
        engine = create_engine("sqlite://", hide_parameters=True, creator=lambda: raw[0], poolclass=StaticPool)
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
        except OperationalError as error:
            raise Down(str(error.orig)) from None

    async def close(self) -> None:
        await self._connection.close()


def _sqlite_connection(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class _Postgres:
    """A small pool on asyncpg."""

    def __init__(self, url: str, cipher: Cipher) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url, hide_parameters=True, pool_size=5, max_overflow=5, pool_timeout=BUSY_SECONDS
        )
        self._engine.dialect.cipher = cipher  # type: ignore[attr-defined]

    async def run(self, job: Job[T]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(job)
        except DBAPIError as error:
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise Down(type(error.orig).__name__) from None
            raise
        except OSError as error:  # refused or reset before there was a connection
            raise Down(type(error).__name__) from None

    async def close(self) -> None:
        with contextlib.suppress(DBAPIError, OSError):
            await self._engine.dispose()
