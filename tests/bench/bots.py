"""The bots that are measured: each a process of its own, started as its user would start it.

Must leave no process behind, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.bench.api import Api, Registered
from tests.bench.people import Bot
from tests.bench.wire import Posters

ROOT: Final = Path(__file__).resolve().parent.parent.parent
KEY: Final = bytes(range(32))  # encrypts made-up people
SITE: Final = "https://bench.invalid"
PATIENCE: Final = 60.0  # seconds for a start
_STOP_SECONDS: Final = 10.0
_CONNECTIONS: Final = 40  # Telegram's own default for a webhook

_numbers = count(100_000_001)


class NotStartedError(Exception):
    """A bot ended before it took updates; the last that it logged."""


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that takes updates."""

    bot: Bot
    process: asyncio.subprocess.Process
    registered: Registered
    started: float  # seconds from its start to the moment it listens
    token: str

    def cpu(self) -> float:
        """Seconds of processor time used so far, all threads; not a number where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return float("nan")
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident megabytes; not a number where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            return float("nan")
        return pages * resource.getpagesize() / 1e6


@contextlib.asynccontextmanager
async def ours(
    api: Api, folder: Path, *, name: str = "Мост", database: str = "", presses: bool = True,
    programme: Path | None = None, more: Mapping[str, str] | None = None,
) -> AsyncIterator[Running]:  # fmt: skip
    """Our bot, with its data in the folder; the database beside it unless another is named. `more`: its settings."""
    token = _token()
    settings = {
        "DATABASE_URL": database or sqlite(folder), "DATA_DIR": str(folder), "HOST": "127.0.0.1", "PORT": "0",
        "PUBLIC_URL": SITE, "TELEGRAM_TOKEN": token, "TELEGRAM_API_URL": api.url, "LOG_LEVEL": "WARNING",
        "SECRET_KEY": base64.b64encode(KEY).decode(),
    }  # fmt: skip
    settings |= {"PROGRAMME": str(programme)} if programme else {}
    environment = {f"BOT_{name}": value for name, value in {**settings, **(more or {})}.items()}
    registered, began = api.expect(token), time.perf_counter()
    log = folder / "log.txt"
    async with _process([sys.executable, "-m", "bot"], environment, log) as process:
        port = await _printed_port(process, log)
        started = time.perf_counter() - began
        yield await _running(name, process, registered, port, token, started, presses=presses)


def sqlite(folder: Path) -> str:
    """The address of a database in a folder."""
    return f"sqlite+aiosqlite:///{folder}/bot.db"


@contextlib.asynccontextmanager
async def plain(api: Api, folder: Path, module: str, name: str) -> AsyncIterator[Running]:
    """A bot as a user would write it with a library: one of the plain_ files beside this one."""
    token, port = _token(), _free_port()
    environment = {
        "TOKEN": token, "API_URL": api.url, "URL": SITE, "PORT": str(port), "DATABASE": str(folder / f"{module}.db"),
    }  # fmt: skip
    registered, began = api.expect(token), time.perf_counter()
    log = folder / "log.txt"
    async with _process([sys.executable, "-m", f"tests.bench.{module}"], environment, log) as process:
        await _listens(process, port, log)
        started = time.perf_counter() - began
        yield await _running(name, process, registered, port, token, started, presses=True)


async def _running(
    name: str, process: asyncio.subprocess.Process, registered: Registered, port: int, token: str, started: float,
    *, presses: bool,
) -> Running:  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        await registered.ready.wait()
    secret = f"X-Telegram-Bot-Api-Secret-Token: {registered.secret}\r\n" if registered.secret else ""
    path = urlsplit(registered.url).path
    head = f"POST {path} HTTP/1.1\r\nHost: bench.invalid\r\nContent-Type: application/json\r\n{secret}".encode()
    webhook = Posters("127.0.0.1", port, head, _CONNECTIONS)
    return Running(Bot(name, webhook, presses), process, registered, started, token)


@contextlib.asynccontextmanager
async def _process(
    command: list[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BOT_") or k == "BOT_VENV"}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**inherited, **environment}, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
        try:
            yield process
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _printed_port(process: asyncio.subprocess.Process, log: Path) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            address = line.decode().partition("http://")[2].strip()
            if address:
                return urlsplit(f"http://{address}").port or 0
    raise NotStartedError(_last_words(log))


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return
    raise NotStartedError(_last_words(log))


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _token() -> str:
    return f"{next(_numbers)}:{'b' * 35}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
