"""A process in miniature: an inbox and a sender over real storage, which can die without a word."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from starlette.routing import BaseRoute

from bot.app import composer_of
from bot.inbox import Inbox
from bot.messages import Delivery, Failure, Limits, Sent
from bot.outbox import Sender, Senders
from bot.texts import Texts
from bot.visit import World
from handlers import TALKS
from storage import leases
from storage.cipher import Cipher
from storage.database import Database, Down, Job
from storage.outbox import Held, Taker
from storage.programme import load
from tests import ROOT

T = TypeVar("T")
KEY = bytes(range(32))
SOON = 5.0  # seconds in which what must happen has happened


@dataclass(slots=True)
class Clock:
    """Says what it is told."""

    now: datetime = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Recorder:
    """A channel that notes each call. While it hangs, calls reach the platform and no answer comes back."""

    name: str = "telegram"
    limits: Limits = field(default_factory=Limits)
    calls: list[Delivery] = field(default_factory=list)
    hangs: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    async def run(self) -> None:
        """It receives nothing by itself."""

    async def send(self, delivery: Delivery) -> Sent | Failure:
        self.calls.append(delivery)
        self.news.set()
        if self.hangs:
            await asyncio.Event().wait()
        return Sent(str(len(self.calls)))

    async def close(self) -> None:
        """It holds nothing."""

    async def called(self, times: int) -> None:
        """Return once it was called so often."""
        async with asyncio.timeout(SOON):
            while len(self.calls) < times:
                self.news.clear()
                await self.news.wait()


class Mortal(Database):
    """A database that a dead process can no longer reach: what it does while it is torn down changes nothing."""

    dead = False
    left = math.inf  # changes that it still makes before it dies

    async def write(self, job: Job[T]) -> T:
        self._live_on()
        return await super().write(job)

    async def aside(self, job: Job[T]) -> T:
        if self.is_sqlite:
            return await super().aside(job)  # which is a write
        self._live_on()
        return await super().aside(job)

    def _live_on(self) -> None:
        self.left -= 1
        if self.dead or self.left < 0:
            self.dead = True
            raise Down("this process is no more")


@dataclass
class Life:
    """One process."""

    database: Mortal
    inbox: Inbox
    sender: Sender
    owners: dict[str, str]


def dead_owner(number: int) -> str:
    """A process of this machine that is certainly gone: no process number is that high."""
    host, boot, *_ = leases.me().split("|")
    return f"{host}|{boot}|{2**22 + number}|1"


def world() -> World:
    """The real texts, programme and conversations."""
    programme = load(ROOT / "storage/programmes/vidin.toml")
    return World(Texts.load(), programme, TALKS, frozenset({"telegram"})).with_labels()


class Withheld(Senders):
    """Senders that own what is written and never see it: the process dies before they could."""

    def book(self, wanted: Mapping[str, int]) -> Mapping[str, Taker]:
        return {name: Taker(taker.owner) for name, taker in super().book(dict.fromkeys(wanted, 0)).items()}

    def hand(self, rows: Sequence[Held], booked: Mapping[str, Taker]) -> None:
        pass


@asynccontextmanager
async def life(
    url: str, channel: Recorder, clock: Callable[[], datetime], *, me: str = "", all_of: World, sends: bool = True
) -> AsyncIterator[Life]:
    """A process, until it stops in order or `database.dead` is set. With `sends` off nothing leaves its outbox."""
    async with Mortal(url, Cipher(KEY)) as database, asyncio.TaskGroup() as tasks:
        owners: dict[str, str] = {}
        sender = Sender(database, channel, owners, me=me, clock=clock, compose=composer_of(all_of))
        takers = Senders() if sends else Withheld()
        inbox = Inbox(database, all_of, takers=takers, clock=clock)
        takers[channel.name] = sender  # afterwards, as in the composition root: channels need the inbox first
        running = [tasks.create_task(inbox.run(), name="inbox"), tasks.create_task(sender.run(), name="sender")]
        try:
            await until(lambda: bool(owners))
            yield Life(database, inbox, sender, owners)
        finally:
            for task in running:
                task.cancel()


async def until(true: Callable[[], bool]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110  (it becomes true in code that knows no event of ours)
            await asyncio.sleep(0)
