"""Somebody who uses the web chat's forms without a browser."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.channels.web import WebChannel

HOST = "chat.example"
URL = f"http://{HOST}"


class Visitor:
    """One browser's cookies, and the forgery token of the page it last saw."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.csrf = ""
        self.html = ""

    async def open(self, path: str = "/") -> httpx.Response:
        """Load the page."""
        response = await self.http.get(path)
        self.html = response.text
        found = re.search(r'name="csrf" value="([^"]+)"', self.html)
        self.csrf = unescape(found[1]) if found else ""
        return response

    async def post(self, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Send the form as the page's script does, unless the headers say otherwise."""
        form = {"id": str(uuid.uuid4()), "csrf": self.csrf} | fields
        return await self.http.post("/chat/send", data=form, headers={"X-Chat": "1"} | (headers or {}))

    async def json(self, **fields: str) -> httpx.Response:
        """Send, and ask for JSON."""
        return await self.post({"Accept": "application/json"}, **fields)

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser keeps."""
        return dict(self.http.cookies.items())


@asynccontextmanager
async def visiting(channel: WebChannel, *, host: str = "203.0.113.7", scheme: str = "http") -> AsyncIterator[Visitor]:
    """A new visitor who comes from this internet address. Errors of the application are raised, not answered."""
    app: Any = Starlette(routes=list(channel.routes()))
    transport = httpx.ASGITransport(app=app, client=(host, 40000))
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{HOST}") as http:
        yield Visitor(http)
