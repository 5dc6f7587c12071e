"""A stand-in for everything behind the web channel: it keeps lines in memory and gives canned answers.

Serves on a port of loopback that the system chose. Used by the channel's tests and by the browser's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.channels import Unavailable
from bot.channels.web import Pace, Rates, Title, WebChannel
from bot.messages import Address, Button, Delivery, Document, Incoming, Kind, Outgoing, Shown

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = b"a secret for tests only, 32 bytes"
TITLE = Title(
    name="Община Видин",
    subtitle="Обучения, работа и училище",
    person="Медиатор, делник 9:00–17:00",
    phone="094 600 000",
    about="Чатбот на проект „Интегриран подход за социално-икономическа интеграция на уязвими групи в Община Видин“, "
    "съфинансиран от Европейския съюз чрез Европейския социален фонд.",
)
MENU = (("📅 Събития", "🎓 Дейности", "❓ Въпрос"), ("🌍 Език", "👤 Моите данни", "☎ Човек"))
Answers = Callable[[Incoming], Sequence[Outgoing]]


@dataclass(eq=False)
class FakeBot:
    """Records what was accepted, and answers by `answers`. `down` makes accept fail as a locked database would."""

    answers: Answers = lambda _: ()
    now: datetime = NOON
    down: bool = False
    accepted: list[Incoming] = field(default_factory=list)
    lines: dict[Address, list[Shown]] = field(default_factory=dict)
    asked: list[tuple[Address, int]] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)  # what is kept, by its number
    last: int = 0
    deliver: Callable[[Delivery], Awaitable[Any]] | None = None

    def clock(self) -> datetime:
        return self.now

    async def accept(self, incoming: Incoming) -> None:
        if self.down:
            raise Unavailable
        if any(known.key == incoming.key for known in self.accepted):
            return
        self.accepted.append(incoming)
        said = incoming.text if incoming.kind is Kind.TEXT else incoming.press or "/start"
        client_id = incoming.key.rpartition(":")[2]
        self._lines(incoming.address).append(
            Shown(0, mine=True, message=Outgoing(said), at=self.now, client_id=client_id)
        )
        for answer in self.answers(incoming):
            await self.say(incoming.address, answer)

    async def say(self, address: Address, message: Outgoing) -> int:
        """Put a message of ours into the transcript, and wake the page as the sender would."""
        number = self.put(address, message)
        if self.deliver:
            await self.deliver(Delivery(number, address, message))
        return number

    def put(self, address: Address, message: Outgoing) -> int:
        """The same without waking: another process did the sending."""
        self.last += 1
        self.now += timedelta(seconds=1)
        self._lines(address).append(Shown(self.last, mine=False, message=message, at=self.now))
        return self.last

    async def transcript(self, address: Address, after: int) -> Sequence[Shown]:
        self.asked.append((address, after))
        lines = self.lines.get(address, [])
        return [line for line in lines if not line.mine and line.id > after] if after else list(lines)

    async def content(self, number: int) -> bytes | None:
        return self.contents.get(number)

    def _lines(self, address: Address) -> list[Shown]:
        return self.lines.setdefault(address, [])

    def channel(self, *, secure: bool = False, rates: Rates | None = None, pace: Pace | None = None) -> WebChannel:
        channel = WebChannel(
            self.accept,
            self.transcript,
            secret=SECRET,
            title=TITLE,
            content=self.content,
            secure=secure,
            clock=self.clock,
            rates=rates or Rates(),
            pace=pace or Pace(),
        )
        self.deliver = channel.send
        return channel


def registration(incoming: Incoming) -> Sequence[Outgoing]:
    """A short registration: what a page must be able to show."""
    if incoming.kind is Kind.START:
        return (LANGUAGE,)
    return AFTER_WORDS.get(incoming.text, (DONE,)) if incoming.kind is Kind.TEXT else AFTER_A_PRESS[incoming.press]


LANGUAGE = Outgoing(
    "Изберете език.\nAlosaren i čhib.",
    ((Button("🇧🇬 Български", "lang:bg"),), (Button("Romani", "lang:rom"),)),
)
WHO = Outgoing(
    "Пише Ви Община Видин. Ще Ви каним на обучения и срещи.\nВъпроси: 094 600 000 или https://vidin.bg/proekt."
)
CONSENT = Outgoing(
    "Съгласни ли сте да Ви пишем тук?",
    ((Button("✅ Да", "yes"), Button("❌ Не", "no")), (Button("⬅ Назад", "back"),)),
)
DONE = Outgoing("Готово! Записахме Ви. ✅\nЩе Ви се обадим до утре.", menu=MENU)
FILE = Outgoing("Вашите данни са във файла.", document=Document("моите-данни.txt", "text/plain", "Име: проба"))
AFTER_WORDS: dict[str, Sequence[Outgoing]] = {"👤 Моите данни": (FILE,)}
AFTER_A_PRESS: dict[str, Sequence[Outgoing]] = {
    "lang:bg": (Outgoing("Натиснете бутона, за да пробваме.", ((Button("👍 Ето така", "try"),),)),),
    "try": (WHO, CONSENT),
    "yes": (Outgoing("Как се казвате?"),),
}


@asynccontextmanager
async def serving(channel: WebChannel) -> AsyncIterator[str]:
    """The channel behind a real server, as the service runs it. Yields its address."""
    async with listening(channel.routes()) as url:
        try:
            yield url
        finally:
            await channel.close()


@asynccontextmanager
async def listening(routes: Sequence[BaseRoute]) -> AsyncIterator[str]:
    """A real server on loopback. Yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))  # connections wait here until the server takes them
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=list(routes)), log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]), name="server")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(running, 5)
        listener.close()
