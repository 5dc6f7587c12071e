"""What scenarios stand on: a folder, the fake Bot API, PostgreSQL where there is one, and the bots between them."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy import make_url

from tests import postgres
from tests.bench.api import Api
from tests.bench.bots import Running, ours, plain

PTB: Final = "python-telegram-bot"
AIOGRAM: Final = "aiogram + SQLite"
FLOOR: Final = "(no bot: the load's ceiling)"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    seconds: float = 3.0
    rounds: int = 3
    people: int = 32
    postgres: str = ""
    contacts: int = 100_000
    folder: Path | None = None


@dataclass(slots=True)
class Stage:
    """Starts bots, each in a folder of its own; all end with it."""

    options: Options
    api: Api
    folder: Path
    stack: AsyncExitStack
    server: str = ""  # PostgreSQL's address, once one was needed
    made: list[str] = field(default_factory=list)

    async def ours(
        self, name: str = "Мост", *, database: str = "", presses: bool = True, programme: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Running:  # fmt: skip
        bot = ours(
            self.api, self.new_folder(), name=name, database=database, presses=presses, programme=programme, more=more
        )
        return await self.stack.enter_async_context(bot)

    async def plain(self, module: str, name: str) -> Running:
        return await self.stack.enter_async_context(plain(self.api, self.new_folder(), module, name))

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    async def postgres(self) -> str:
        """The address of a new database, as BOT_DATABASE_URL wants it. Raises postgres.Absent."""
        if not self.server:
            self.server = self.options.postgres or self._found()
        name = f"most_bench_{os.getpid()}_{len(self.made)}"
        await self._do(f'CREATE DATABASE "{name}"')
        self.made.append(name)
        self.stack.push_async_callback(self._do, f'DROP DATABASE "{name}" WITH (FORCE)')
        url = make_url(self.server).set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)

    def _found(self) -> str:
        url, stop = postgres.find()
        self.stack.callback(stop)
        return url

    async def _do(self, statement: str) -> None:
        plain_url = make_url(self.server).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain_url)
        await connection.execute(statement)
        await connection.close()


@contextlib.asynccontextmanager
async def stage(options: Options) -> AsyncIterator[Stage]:
    """A stage with nobody on it yet."""
    with tempfile.TemporaryDirectory(prefix="most-bench-", dir=options.folder) as folder:
        async with Api() as api, AsyncExitStack() as stack:
            yield Stage(options, api, Path(folder), stack)


def fsync_ms(folder: Path, times: int = 50) -> float:
    """What it costs this disk to keep 4 KiB, in milliseconds: the price under every durable answer."""
    with (folder / "fsync").open("wb", buffering=0) as file:
        began = time.perf_counter()
        for _ in range(times):
            file.write(bytes(4096))
            os.fsync(file.fileno())
        return (time.perf_counter() - began) / times * 1000
