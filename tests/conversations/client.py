"""A person who talks, for tests: between every two messages the whole service is forgotten and loaded anew."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from bot import abilities
from bot.app import composer_of
from bot.inbox import Inbox
from bot.keyboards import MOST
from bot.lengths import units
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

    from bot.abilities import Abilities

T = TypeVar("T")
KEY = bytes(range(32))
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
CHANNELS = ("telegram", "viber", "web")
LABEL = 250  # letters of a button on Viber: what is longer is cut


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
    limits: Limits = field(init=False)
    sent: list[Delivery] = field(default_factory=list)
    outcome: Callable[[Delivery], Sent | Failure] = lambda d: Sent(f"m{d.id}")

    def __post_init__(self) -> None:
        longest = abilities.of(self.name).longest
        self.limits = Limits(chat_burst=1000, chat_rate=1000, text_length=longest)

    async def send(self, delivery: Delivery) -> Sent | Failure:
        _check(delivery)
        outcome = self.outcome(delivery)
        if isinstance(outcome, Sent):
            self.sent.append(delivery)
        return outcome


def _check(delivery: Delivery) -> None:
    """What the platform would refuse or cut."""
    can, message = abilities.of(delivery.address.channel), delivery.message
    assert units(message.text) <= can.longest, f"too long: {message.text[:60]!r}"
    assert not message.media or units(message.text) <= can.caption, "too long under a picture"
    if can.one_keyboard:
        assert len(message.rows or message.menu) <= MOST, f"more rows than it shows: {message.rows}"
        assert all(len(button.label) <= LABEL for row in message.rows for button in row)
        assert not message.replaces, "nothing can be edited there"
        assert not message.removes, "nothing can be taken back there"


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
        """By the button, or somebody else's card. On Viber nobody vouches for a number: one's own is a text there."""
        if own and self.can.one_keyboard:
            return await self._do(Kind.TEXT, text=number)
        return await self._do(Kind.PHONE, phone=number, phone_is_own=own)

    async def press(self, label: str) -> str:
        """Press the newest button whose label begins so, picture aside."""
        if self.can.one_keyboard and (typed := self._in_menu(label)):
            return await self._do(Kind.TEXT, text=typed)
        delivery, button = self.find(label)
        return await self._do(Kind.PRESS, press=button.press, shown="" if self.can.one_keyboard else f"m{delivery.id}")

    async def press_late(self, label: str) -> str:
        """Press a button that another message has pushed aside: on Viber, one that a slow phone still shows."""
        return await self._do(Kind.PRESS, press=self.earlier(label).press)

    def earlier(self, label: str) -> Button:
        """The newest button of that name that was ever shown."""
        return next(b for d in reversed(self.seen) for row in d.message.rows for b in row if label in b.label)

    async def press_data(self, data: str) -> str:
        return await self._do(Kind.PRESS, press=data)

    async def send(self, kind: Kind, **more: Any) -> str:
        return await self._do(kind, **more)

    @property
    def can(self) -> Abilities:
        """What the channel can do."""
        return abilities.of(self.address.channel)

    @property
    def home(self) -> list[str]:
        """What one keyboard has below a screen that leads nowhere else; elsewhere the lasting menu stands beside it."""
        return [self.town.world.texts("button.menu", "bg")] if self.can.one_keyboard else []

    @property
    def work(self) -> list[str]:
        """The same for one of the staff."""
        return [self.town.world.texts("menu.staff", "bg"), *self.home] if self.can.one_keyboard else []

    @property
    def newest(self) -> Delivery:
        """The latest message of the chat, read or not: on Viber its buttons are all there are."""
        return next(d for d in reversed(self.town.channels[self.address.channel].sent) if d.address == self.address)

    def _in_menu(self, label: str) -> str:
        """The label of the lasting menu that begins so; empty if there is none."""
        return next((one for row in self.newest.message.menu for one in row if label in one), "")

    def find(self, label: str) -> tuple[Delivery, Button]:
        for delivery in [self.newest] if self.can.one_keyboard else reversed(self.seen):
            for row in delivery.message.rows:
                for button in row:
                    if label in button.label:
                        return delivery, button
        raise AssertionError(f"no button {label!r} in {self.labels}")

    @property
    def last(self) -> Outgoing:
        return self.seen[-1].message

    @property
    def in_place(self) -> bool:
        """Whether the newest message took the place of the one whose button was pressed; Viber sends it anew."""
        return bool(self.last.replaces) or self.can.one_keyboard

    @property
    def labels(self) -> list[str]:
        return [button.label for row in self.last.rows for button in row]

    def receive(self) -> str:
        """Read what came without being asked for."""
        mine = [d for d in self.town.post if d.address == self.address]
        if mine and self.can.one_keyboard:
            assert mine[-1].message.rows or mine[-1].message.menu, f"a dead end: {mine[-1].message.text!r}"
        self.town.post = [d for d in self.town.post if d.address != self.address]
        self.seen += mine
        return "\n---\n".join(d.message.text for d in mine)

    async def _do(self, kind: Kind, **more: Any) -> str:
        if self.can.one_keyboard:
            assert "reply_to" not in more, "nobody can reply to one message there"
            assert "media" not in more or more["media"].kind in self.can.brings, "such a thing does not reach us"
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
