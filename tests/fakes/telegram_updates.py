"""How Telegram keeps and hands over updates: queues, long polling, webhooks with retries.

https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

DEFAULT_KINDS = frozenset({"message", "edited_message", "callback_query", "my_chat_member"})
KEPT_SECONDS = 24 * 3600
READ_TIMEOUT = 60.0  # of a webhook
_OWN_QUEUES = {"callback_query": "user", "my_chat_member": "member"}


class ConflictError(Exception):
    """Another receiver took over."""


@dataclass
class Pending:
    """One update that waits, and when it was made."""

    id: int
    raw: Any
    made: float
    tries: int = 0


@dataclass
class Webhook:
    """Where updates go, as setWebhook left it."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    last_error_date: int = 0
    last_error: str = ""


@dataclass
class Updates:
    """All updates of one bot. Lives as long as the fake, whatever happens to the bot."""

    clock: Callable[[], float]
    backoff: Callable[[int], float]  # seconds before the n-th repetition
    kinds: frozenset[str] = DEFAULT_KINDS
    webhook: Webhook = field(default_factory=Webhook)
    delivered: int = 0  # updates the bot has confirmed
    repeated: int = 0  # hand-overs beyond the first
    next_id: int = 500_001
    on_reply: Callable[[dict[str, Any]], Awaitable[None]] | None = None  # a call that came in a webhook's answer
    changed: Callable[[], None] = lambda: None  # called when something was confirmed or failed
    _queues: dict[tuple[str, int], deque[Pending]] = field(default_factory=dict)
    _workers: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _poller: asyncio.Future[None] | None = None
    _session: aiohttp.ClientSession | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(40))

    def push(self, kind: str, owner: int, body: Any) -> int | None:
        """A new update, unless the bot did not ask for its kind. Returns its number."""
        if kind not in self.kinds:
            return None
        number = self.next_id
        self.push_raw({"update_id": number, kind: body}, queue=_OWN_QUEUES.get(kind, "chat"), owner=owner)
        return number

    def push_raw(self, raw: Any, *, queue: str = "raw", owner: int = 0) -> None:
        """Anything at all, as a careless or hostile server might send it."""
        given = raw.get("update_id") if isinstance(raw, dict) else None
        number = given if type(given) is int else self.next_id
        self.next_id = max(self.next_id, number + 1)
        key = (queue, owner)
        self._queues.setdefault(key, deque()).append(Pending(number, raw, self.clock()))
        self._news.set()
        self._deliver(key)

    def waiting(self) -> list[Pending]:
        """Everything unconfirmed and not expired, oldest first."""
        self._expire()
        return sorted((update for queue in self._queues.values() for update in queue), key=lambda update: update.id)

    def drop(self) -> None:
        self._queues.clear()

    def _expire(self) -> None:
        oldest = self.clock() - KEPT_SECONDS
        for queue in self._queues.values():
            while queue and queue[0].made < oldest:
                queue.popleft()

    # Long polling

    async def fetch(self, offset: int, limit: int, timeout: float) -> list[Any]:  # noqa: ASYNC109
        """One getUpdates. A second one ends the first with a conflict, as the server does."""
        if self._poller and not self._poller.done():
            self._poller.set_exception(ConflictError())
        mine = self._poller = asyncio.get_running_loop().create_future()
        try:
            self._confirm(offset)
            if not self.waiting() and timeout:
                await self._wait(mine, timeout)
            batch = self.waiting()[:limit]
        finally:
            mine.cancel()
        self.repeated += sum(1 for update in batch if update.tries)
        for update in batch:
            update.tries += 1
        return [update.raw for update in batch]

    async def _wait(self, poller: asyncio.Future[None], timeout: float) -> None:  # noqa: ASYNC109
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        await asyncio.wait((news, poller), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        if poller.done():
            poller.result()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            keep = {update.id for update in self.waiting()[offset:]}
        else:
            keep = {update.id for update in self.waiting() if update.id >= offset}
        for key, queue in self._queues.items():
            self.delivered += sum(1 for update in queue if update.id not in keep)
            self._queues[key] = deque(update for update in queue if update.id in keep)
        self._queues = {key: queue for key, queue in self._queues.items() if queue}
        self.changed()

    # Webhook

    def set_webhook(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self._slots = asyncio.Semaphore(webhook.max_connections)
        for worker in self._workers.values():
            worker.cancel()
        self._workers.clear()
        for key in self._queues:
            self._deliver(key)

    def _deliver(self, key: tuple[str, int]) -> None:
        running = self._workers.get(key)
        if self.webhook.url and (running is None or running.done()):
            self._workers[key] = asyncio.get_running_loop().create_task(self._drain(key), name=f"webhook-{key}")

    async def _drain(self, key: tuple[str, int]) -> None:
        """One queue, strictly in order: an update that fails holds back its own chat and no other."""
        while self.webhook.url and (queue := self._queues.get(key)):
            update = queue[0]
            async with self._slots:
                failed = await self._post(update)
            update.tries += 1
            if not failed:
                self.delivered += 1
                if queue and queue[0] is update:
                    queue.popleft()
                self.changed()
                continue
            self.repeated += 1
            self.webhook.last_error, self.webhook.last_error_date = failed, int(self.clock())
            self.changed()
            await asyncio.sleep(self.backoff(update.tries))
            self._expire()
        if not self._queues.get(key):
            self._queues.pop(key, None)

    async def _post(self, update: Pending) -> str:
        """Why the bot did not take the update, or an empty word."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers: Mapping[str, str] = {"Content-Type": "application/json"}
        if self.webhook.secret:
            headers = {**headers, "X-Telegram-Bot-Api-Secret-Token": self.webhook.secret}
        body = update.raw if isinstance(update.raw, bytes) else json.dumps(update.raw).encode()
        try:
            async with self._session.post(
                self.webhook.url,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=READ_TIMEOUT),
                allow_redirects=False,
            ) as answer:
                called = await answer.read()
                if not 200 <= answer.status < 300:
                    return f"Wrong response from the webhook: {answer.status}"
                if called and self.on_reply:  # the answer may itself be one call, whose result nobody learns
                    await self.on_reply(json.loads(called))
                return ""
        except (aiohttp.ClientError, OSError) as error:
            return type(error).__name__

    async def close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if self._session:
            await self._session.close()


def server_backoff(tries: int) -> float:
    """At once, then 2, 4, 8… s, at most a minute: the server's own pace."""
    return 0.0 if tries <= 1 else min(60.0, 2.0 ** (tries - 1))
