"""How Viber delivers: each event one signed POST, at most five seconds, tried again until HTTP status 200.

https://creators.viber.com/docs/bots-api/. Different people's events come at the same time. One person's come one after
the other at first, but whatever failed is tried later and holds nothing back: order is not promised.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

SIGNATURE = "X-Viber-Content-Signature"  # and the same in the query as `sig`: the official client reads only that
LIMIT = 5.0  # seconds for an answer
MANDATORY = ("message", "subscribed", "unsubscribed")
OPTIONAL = ("delivered", "seen", "failed", "conversation_started")
TRIES = (10.0, 60.0, 300.0, 600.0, *(900.0,) * 6)  # seconds before each repetition, as one source has it


@dataclass
class Webhook:
    """Where events go, as set_webhook left it."""

    url: str = ""
    events: frozenset[str] = frozenset((*MANDATORY, *OPTIONAL))
    send_name: bool = False
    send_photo: bool = False


@dataclass(eq=False)
class Callback:
    """One event on its way."""

    event: dict[str, Any]
    owner: str = ""  # whose it is, by number: only theirs come one after the other
    on_answer: Callable[[bytes], None] | None = None  # reads the body of the answer with which it was taken
    body: bytes = b""  # sent instead of the event
    signature: str | None = None  # sent instead of the right one; empty: none
    tries: int = 0
    status: int = 0  # of the latest answer; 0 if there was none


@dataclass
class Callbacks:
    """All events of one bot. Lives as long as the fake, whatever happens to the bot."""

    token: str
    schedule: Callable[[int], float | None]  # seconds before the n-th repetition; None: given up
    leads_to: str = ""  # an address on this machine where every public name ends; empty: nobody listens
    limit: float = LIMIT
    webhook: Webhook = field(default_factory=Webhook)
    log: list[Callback] = field(default_factory=list)  # every event that was made
    delivered: int = 0  # events the bot has answered with 200
    repeated: int = 0  # tries beyond the first
    lost: list[Callback] = field(default_factory=list)  # given up, or with nobody to give it to
    copies: Callable[[dict[str, Any]], int] = lambda _: 1  # how often each event is delivered although it was taken
    changed: Callable[[], None] = lambda: None  # called after each try
    taken: Callable[[Callback], None] = lambda _: None  # called when the bot has answered with 200
    _held: list[Callback] | None = None
    _last: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # the latest first try of each owner
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    def push(self, callback: Callback) -> Callback:
        """A new event, unless the bot did not ask for its kind."""
        kind = callback.event.get("event", "")
        if kind in OPTIONAL and kind not in self.webhook.events:
            return callback
        self.log.append(callback)
        if not self.webhook.url:
            self.lost.append(callback)
        elif self._held is not None:
            self._held.append(callback)
        else:
            self._begin(callback)
        return callback

    @contextlib.asynccontextmanager
    async def reordered(
        self, order: Callable[[list[Callback]], Iterable[Callback]] = reversed
    ) -> AsyncIterator[list[Callback]]:
        """What is made meanwhile is kept back, and delivered in another order at the end, one at a time."""
        held: list[Callback] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None
        for callback in list(order(held)):
            await self.deliver(callback)

    async def again(self, callback: Callback) -> int:
        """Deliver once more what was delivered. Returns the HTTP status."""
        self.repeated += 1
        return await self.deliver(callback)

    async def settled(self) -> None:
        """Once no event waits for its first try or its next one."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def signature(self, body: bytes) -> str:
        return hmac.new(self.token.encode(), body, hashlib.sha256).hexdigest()

    def reach(self, url: str) -> str:
        """Where an address really leads."""
        return re.sub(r"^https://[^/]+", self.leads_to, url) if self.leads_to else url

    async def first_try(self, owner: str) -> None:
        """Once everything of this owner's was offered at least once."""
        if task := self._last.get(owner):
            await asyncio.wait([task])

    async def get(self, url: str) -> tuple[int, str, bytes]:
        """Open an address as a phone does: status, media type, content."""
        async with self._http().get(self.reach(url)) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def deliver(self, callback: Callback) -> int:
        """One try. Returns the HTTP status, 0 if no answer came in time."""
        callback.tries += 1
        body = callback.body or json.dumps(callback.event, ensure_ascii=False).encode()
        signed = self.signature(body) if callback.signature is None else callback.signature
        headers = {"Content-Type": "application/json", "User-Agent": "akka-http/10"}
        headers |= {SIGNATURE: signed} if signed else {}
        callback.status, answer = await self._post(body, headers, {"sig": signed} if signed else {})
        if callback.status == 200:
            self.delivered += 1
            self.taken(callback)
            if callback.on_answer:
                callback.on_answer(answer)
        self.changed()
        return callback.status

    async def _post(self, body: bytes, headers: dict[str, str], query: dict[str, str]) -> tuple[int, bytes]:
        if not self.leads_to:
            return 0, b""
        url, timeout = self.reach(self.webhook.url), aiohttp.ClientTimeout(total=self.limit)
        try:
            async with self._http().post(
                url, params=query, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, b""

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    def _begin(self, callback: Callback) -> None:
        if not self.leads_to:
            self.lost.append(callback)
            return
        before = self._last.get(callback.owner) if callback.owner else None
        task = self._spawn(self._first(callback, before))
        if callback.owner:
            self._last[callback.owner] = task

    async def _first(self, callback: Callback, before: asyncio.Task[None] | None) -> None:
        if before and not before.done():
            await asyncio.wait([before])
        if await self.deliver(callback) != 200:
            self._spawn(self._repeat(callback))
            return
        for _ in range(self.copies(callback.event) - 1):
            await self.again(callback)

    async def _repeat(self, callback: Callback) -> None:
        for number in range(1, 10_000):
            wait = self.schedule(number)
            if wait is None:
                break
            await asyncio.sleep(wait)
            self.repeated += 1
            if await self.deliver(callback) == 200:
                return
        self.lost.append(callback)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name="callback")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()


def server_schedule(number: int) -> float | None:
    """Ten tries within about an hour and a half."""
    return TRIES[number - 1] if number <= len(TRIES) else None
