"""Public links with a memory in place of the database: what is kept, what was said, and what was asked for."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image
from starlette.applications import Starlette

from bot.channels import Unavailable
from bot.channels.public import Public
from bot.messages import Address, Delivery, Document, Media, Outgoing
from tests.web.fake_bot import TITLE

SITE = "https://most.example.bg"
SECRET = b"a secret of the links, for tests"
SOMEBODY, ANOTHER = Address("viber", "AAAAAAAAAAAAAAAAAAAAAA=="), Address("viber", "BAAAAAAAAAAAAAAAAAAAAA==")
OWN_DATA = Document("moite-danni.json", "application/json", '{"име": "Проба"}')
CALENDAR = Document("sreshta.ics", "text/calendar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass
class Stage:
    """What the links are answered from."""

    now: datetime = NOON
    down: bool = False
    contents: dict[int, bytes] = field(default_factory=dict)
    messages: dict[int, Outgoing] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    public: Public = field(init=False)

    def __post_init__(self) -> None:
        self.public = self.made(SECRET)

    def made(self, secret: bytes, site: str = SITE) -> Public:
        return Public(site, secret, self.content, self.message, title=TITLE, clock=lambda: self.now)

    async def content(self, number: int) -> bytes | None:
        self.asked.append(f"content {number}")
        if self.down:
            raise Unavailable
        return self.contents.get(number)

    async def message(self, row: int) -> Outgoing | None:
        self.asked.append(f"message {row}")
        if self.down:
            raise Unavailable
        return self.messages.get(row)

    def row(self, number: int, to: Address = SOMEBODY, **brings: Any) -> Delivery:
        """A message that is on its way."""
        self.messages[number] = Outgoing("Ето", **brings)
        return Delivery(number, to, self.messages[number])

    def link(self, row: int, content: bytes | None = None, **brings: Any) -> str:
        """The path of the link to what a row brings."""
        return path(self.public.link(self.row(row, **brings), content))

    def photo(self, content: bytes) -> str:
        """The path of a picture that is kept."""
        self.contents[1] = content
        return self.link(7, content, media=Media("photo", number=1))


def path(link: str) -> str:
    """What stands behind the site's name."""
    assert link.startswith(f"{SITE}/f/")
    return urlsplit(link).path


@asynccontextmanager
async def opening(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who opens links. Errors of the application are raised, not answered."""
    transport = httpx.ASGITransport(app=Starlette(routes=list(stage.public.routes())))
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as http:
        yield http


def noise(width: int, height: int, kind: str = "JPEG", **how: Any) -> bytes:
    """A picture that cannot be packed."""
    picture = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))
    return saved(picture, kind, **how)


def saved(picture: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def seen(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
