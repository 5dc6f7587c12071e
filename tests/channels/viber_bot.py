"""A bot on Viber without any library: raw calls, and an ear that keeps what is delivered and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.fakes.viber import TOKEN
from tests.fakes.viber_callbacks import SIGNATURE


@dataclass
class Clock:
    """Stands still until it is told to go on. Seconds since 1970; 21 September 2026."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Bot:
    """Calls of the API, and the body of each answer."""

    url: str
    session: aiohttp.ClientSession

    async def __call__(self, method: str, token: str = TOKEN, **body: Any) -> dict[str, Any]:
        return await self.raw(method, json.dumps(body).encode(), token)

    async def raw(self, method: str, body: bytes, token: str = TOKEN) -> dict[str, Any]:
        headers = {"X-Viber-Auth-Token": token} if token else {}
        async with self.session.post(f"{self.url}/{method}", data=body, headers=headers) as answer:
            assert answer.status == 200
            said: dict[str, Any] = await answer.json()
            return said

    async def send(self, receiver: str, words: str = "x", **more: Any) -> int:
        """The status of one text."""
        body = {"receiver": receiver, "sender": {"name": "Мост"}, "type": "text", "text": words, **more}
        return int((await self("send_message", **body))["status"])

    async def billed(self, receiver: str) -> tuple[int, int]:
        """Status and billing_status of one text; -1 if there is none."""
        body: dict[str, Any] = {"receiver": receiver, "sender": {"name": "Мост"}, "type": "text", "text": "x"}
        answer = await self("send_message", **body)
        return answer["status"], answer.get("billing_status", -1)


@dataclass
class Ear:
    """Where a webhook leads: a server on loopback."""

    answer: Callable[[dict[str, Any]], web.Response | int] = lambda _: 200
    events: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""
    slow: asyncio.Event | None = None  # nothing is answered until it is set
    _runner: web.ServerRunner | None = None

    @property
    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._hear, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _hear(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        event = json.loads(body)
        self.events.append(event)
        self.signatures.append((request.headers.get(SIGNATURE, ""), body))
        if self.slow:
            await self.slow.wait()
        said = self.answer(event)
        return web.Response(status=said) if isinstance(said, int) else said
