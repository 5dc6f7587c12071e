"""What the tests of the Telegram channel share: an inbox that can refuse, pauses of no length, a running channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bot.channels import Unavailable
from bot.channels.telegram import TelegramChannel
from bot.messages import Incoming
from tests.fakes.telegram import FakeTelegram


class Inbox:
    """Stands for `accept`: keeps each key once, refuses while told to."""

    def __init__(self) -> None:
        self.events: list[Incoming] = []
        self.offered: list[str] = []
        self.refuse: Callable[[Incoming], bool] = lambda _: False
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    async def __call__(self, event: Incoming) -> None:
        self.offered.append(event.key)
        if self.refuse(event):
            raise Unavailable
        if all(event.key != kept.key for kept in self.events):
            self.events.append(event)
        for count, waiter in self._waiters:
            if len(self.events) >= count and not waiter.done():
                waiter.set_result(None)

    async def wait(self, count: int) -> list[Incoming]:
        """All events, once there are `count`."""
        if len(self.events) < count:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((count, waiter))
            async with asyncio.timeout(5):
                await waiter
        return self.events


class Pauses:
    """Stands for `asyncio.sleep`: notes how long the channel meant to rest, and lets others run."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def channel(fake: FakeTelegram, inbox: Inbox, **more: Any) -> TelegramChannel:
    return TelegramChannel(more.pop("token", fake.token), inbox, api_url=more.pop("api_url", fake.url), **more)


@asynccontextmanager
async def running(telegram: TelegramChannel) -> AsyncIterator[TelegramChannel]:
    """The channel while its run() goes on; whatever ended run() early fails the test."""
    task = asyncio.create_task(telegram.run(), name="run")
    try:
        yield telegram
        assert not task.done(), "run() ended by itself"
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        await telegram.close()
        assert isinstance(ended, asyncio.CancelledError), ended
