"""The service under test: a process that is started, asked whether it lives, and ended by a signal."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds for a start on a busy machine


class Broken(Exception):
    """The service did what no service may do: ended by itself, or never began to answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service lives: its database, its folder, its port, its key."""

    database_url: str
    folder: Path
    port: int
    key: bytes

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the developer's own bot, and this place."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("BOT_") or name == "BOT_VENV"}
        own = {"BOT_DATABASE_URL": self.database_url, "BOT_DATA_DIR": str(self.folder), "BOT_PORT": str(self.port)}
        return {**plain, **own, "BOT_SECRET_KEY": base64.b64encode(self.key).decode(), **more}


def free_port() -> int:
    """A port that nobody listens on; the service keeps it over all its lives."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """One service over many lives."""

    def __init__(self, place: Place, nursery: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self.place = place
        self._nursery, self._http = nursery, http
        self._ended = time.monotonic()
        self.lives = 0
        self.number = 0  # of its process

    async def start(self) -> float:
        """Begin a life. Returns once /healthz answers, with the seconds since the last one ended."""
        self.number = int(await self._order("start"))
        self.lives += 1
        for _ in range(round(PATIENCE / 0.01)):
            if await self._answers():
                return time.monotonic() - self._ended
            await asyncio.sleep(0.01)
        raise Broken(f"no answer on {self.place.url} in its life {self.lives}; see {self.place.log}")

    async def end(self, number: signal.Signals) -> float:
        """End this life. Returns the seconds it took to stop; Broken when it did not end as it should."""
        self._ended = time.monotonic()
        code, _, seconds = (await self._order(f"end {number.value}")).partition(" ")
        expected = -signal.SIGKILL if number == signal.SIGKILL else 0
        if int(code) != expected or seconds in ("early", "late"):
            raise Broken(f"life {self.lives} ended with {code} {seconds} at {number.name}; see {self.place.log}")
        return float(seconds)

    async def _answers(self) -> bool:
        try:
            async with self._http.get(f"{self.place.url}/healthz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    async def _order(self, line: str) -> str:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(f"{line}\n".encode())
        answer = await self._nursery.stdout.readline()
        if not answer:
            raise Broken(f"the service cannot be started; see {self.place.log}")
        return answer.decode().strip()


@asynccontextmanager
async def nursery(place: Place, http: aiohttp.ClientSession, settings: Mapping[str, str]) -> AsyncIterator[Service]:
    """A service that may be started. Leaves no process behind."""
    with place.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.nursery", cwd=ROOT, env=place.environment(**settings),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield Service(place, process, http)
    finally:
        process.stdin.close()
        await process.wait()
        await process.stdin.wait_closed()
