"""A person who talks, for tests: between every two messages the whole service is forgotten and loaded anew."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from bot.app import composer_of
from bot.inbox import Inbox
from bot.messages import Address, Button, Delivery, Failure, Incoming, Kind, Limits, Outgoing, Sent
from bot.outbox import Sender, Senders
from bot.reminders import opens
from bot.texts import Texts
from bot.visit import World
from handlers import TALKS
from storage.cipher import Cipher
from storage.database import Database
from storage.programme import Programme, load
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Connection

T = TypeVar("T")
KEY = bytes(range(32))
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
CHANNELS = ("telegram", "web")


@cache
def programme() -> Programme:
    return load(ROOT / "storage" / "programmes" / "vidin.toml")


@cache
def world() -> World:
    return World(Texts.load(), programme(), TALKS, frozenset({"telegram"})).with_labels()


@dataclass
class Recorder:
    """A channel that takes everything and remembers it."""

    name: str
    limits: Limits = field(default_factory=lambda: Limits(chat_burst=1000, chat_rate=1000))
    sent: list[Delivery] = field(default_factory=list)
    outcome: Callable[[Delivery], Sent | Failure] = lambda d: Sent(f"m{d.id}")

    async def send(self, delivery: Delivery) -> Sent | Failure:
        outcome = self.outcome(delivery)
        if isinstance(outcome, Sent):
            self.sent.append(delivery)
        return outcome


@dataclass
class Town:
    """Everything outside the service: the database's address, the clock, the channels."""

    url: str
    now: datetime = START
    channels: dict[str, Recorder] = field(default_factory=lambda: {name: Recorder(name) for name in CHANNELS})
    world: World = field(default_factory=world)
    events: int = 0
    lives: int = 0
    running: Service | None = None
    post: list[Delivery] = field(default_factory=list)  # what came for people who did not write just then
    kept: Database | None = None  # an open one for all lives: opening it costs more than what happens in it

    @asynccontextmanager
    async def keeping_open(self) -> AsyncIterator[None]:
        """Let all lives share the connections; nothing that was said is in them."""
        async with Database(self.url, Cipher(KEY)) as self.kept:
            yield
        self.kept = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Database]:
        """The database, as it is kept open or opened anew."""
        if self.kept is not None:
            yield self.kept
            return
        async with Database(self.url, Cipher(KEY)) as database:
            yield database

    def clock(self) -> datetime:
        return self.now

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Service]:
        """One life of the service: nothing in memory outlives it."""
        self.lives += 1
        async with self.open() as database:
            service = Service(self, database)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(job) for job in service.jobs()]
                await service.ready()
                yield service
                for task in running:
                    task.cancel()

    @asynccontextmanager
    async def awake(self) -> AsyncIterator[None]:
        """One life for several messages: for the way to what a transcript is about."""
        async with self.service() as self.running:
            yield
        self.running = None

    async def take(self, event: Incoming) -> list[Delivery]:
        """One event in one life of the service; what was sent because of it, to whomever."""
        before = self._counts()
        if self.running is not None:
            await self.running.accept(event)
        else:
            async with self.service() as service:
                await service.accept(event)
        self.now += timedelta(seconds=20)
        return self._since(before)

    async def deliver(self) -> None:
        """What is queued by now goes out; in a life of its own where none is running."""
        before = self._counts()
        if self.running is not None:
            await self.running.quiet()
        else:
            async with self.service() as service:
                await service.quiet()
        self.post += self._since(before)

    def _counts(self) -> dict[str, int]:
        return {name: len(recorder.sent) for name, recorder in self.channels.items()}

    def _since(self, before: dict[str, int]) -> list[Delivery]:
        return [d for name, recorder in self.channels.items() for d in recorder.sent[before[name] :]]

    async def change(self, job: Callable[[Connection], T]) -> T:
        """Change the database, as the clock or the staff would."""
        async with self.open() as database:
            return await database.write(job)

    async def look(self, job: Callable[[Connection], T]) -> T:
        """Read the database."""
        async with self.open() as database:
            return await database.read(job)

    def person(self, channel: str = "telegram", external: str = "7", name: str = "Мария Иванова") -> Talker:
        return Talker(self, Address(channel, external), name)


class Owners(dict[str, str]):
    """Who sends for which channel, and a bell when that changes."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def __setitem__(self, channel: str, owner: str) -> None:
        super().__setitem__(channel, owner)
        self.changed.set()


class Service:
    def __init__(self, town: Town, database: Database) -> None:
        owners = Owners()
        me, here = f"life {town.lives}", town.world
        compose = composer_of(here)
        self.database = database
        self.senders = Senders()
        for name, channel in town.channels.items():
            self.senders[name] = Sender(
                database, channel, owners, me=me, clock=town.clock, compose=compose, opens=opens(here.programme.rules)  # type: ignore[arg-type]
            )  # fmt: skip
        self.inbox = Inbox(database, town.world, takers=self.senders, clock=town.clock)
        self._owners = owners

    def jobs(self) -> list[Any]:
        return [self.inbox.run(), *(sender.run() for sender in self.senders.values())]

    async def ready(self) -> None:
        while len(self._owners) < len(self.senders):
            self._owners.changed.clear()
            await self._owners.changed.wait()

    async def accept(self, event: Incoming) -> None:
        """Take an event in and send what it led to."""
        await self.inbox.accept(event)
        await self.quiet()

    async def quiet(self) -> None:
        """Until nothing is on its way."""
        for sender in self.senders.values():
            await sender._claim()  # what was queued for others, without waiting for the next look
            await sender.settled()


@dataclass
class Talker:
    """Somebody who reads the last message and answers it."""

    town: Town
    address: Address
    name: str
    seen: list[Delivery] = field(default_factory=list)

    async def start(self, code: str = "") -> str:
        return await self._do(Kind.START, text=code)

    async def say(self, text: str, **more: Any) -> str:
        return await self._do(Kind.TEXT, text=text, **more)

    async def share_phone(self, number: str, *, own: bool = True) -> str:
        return await self._do(Kind.PHONE, phone=number, phone_is_own=own)

    async def press(self, label: str) -> str:
        """Press the newest button whose label begins so, picture aside."""
        delivery, button = self.find(label)
        return await self._do(Kind.PRESS, press=button.press, shown=f"m{delivery.id}")

    async def press_data(self, data: str) -> str:
        return await self._do(Kind.PRESS, press=data)

    async def send(self, kind: Kind, **more: Any) -> str:
        return await self._do(kind, **more)

    def find(self, label: str) -> tuple[Delivery, Button]:
        for delivery in reversed(self.seen):
            for row in delivery.message.rows:
                for button in row:
                    if label in button.label:
                        return delivery, button
        raise AssertionError(f"no button {label!r} in {self.labels}")

    @property
    def last(self) -> Outgoing:
        return self.seen[-1].message

    @property
    def labels(self) -> list[str]:
        return [button.label for row in self.last.rows for button in row]

    def receive(self) -> str:
        """Read what came without being asked for."""
        mine = [d for d in self.town.post if d.address == self.address]
        self.town.post = [d for d in self.town.post if d.address != self.address]
        self.seen += mine
        return "\n---\n".join(d.message.text for d in mine)

    async def _do(self, kind: Kind, **more: Any) -> str:
        self.town.events += 1
        number = self.town.events
        event = Incoming(
            key=f"{self.address.channel}:{number}",
            address=self.address,
            kind=kind,
            name=self.name,
            order=number,
            **more,
        )
        sent = await self.town.take(event)
        answers = [d for d in sent if d.address == self.address]
        self.town.post += [d for d in sent if d.address != self.address]
        self.seen += answers
        assert not answers or self.last.rows or self.last.menu, f"a dead end: {self.last.text!r}"
        return "\n---\n".join(d.message.text for d in answers)
