"""HTTP/1.1 as cheaply as Python allows: the fake Bot API's side, and the side that posts updates to a webhook.

Both sides of a benchmark share two cores with the bot that is measured, so what they cost is taken from it. Must know
nothing of bots: bytes in, bytes out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

Answer = Callable[[bytes, bytes, "Reply"], None]  # the request's path, its body, and where its answer goes
Reply = Callable[[bytes], None]


class Listener(asyncio.Protocol):
    """One connection of a bot to the fake Bot API."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path, self._body = b"", b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._answer(self._path, self._body, self._reply)

    def _reply(self, body: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            self._transport.write(head + body)


class Poster(asyncio.Protocol):
    """One connection to a webhook, kept alive, with one request under way at most."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def post(self, head: bytes, body: bytes) -> asyncio.Future[int]:
        """Send one request; the future is its answer's status."""
        assert self._waiting is None, "one at a time"
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body))
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the bot closed the connection in the middle of an answer"))


class Posters:
    """Up to so many connections to one webhook, as Telegram has; who finds none free waits in line."""

    def __init__(self, host: str, port: int, head: bytes, limit: int) -> None:
        self._host, self._port, self._head, self._limit = host, port, head, limit
        self._free: list[Poster] = []
        self._line: deque[asyncio.Future[Poster]] = deque()
        self._open = 0

    async def post(self, body: bytes, more: bytes = b"") -> int:
        """Post one update and return the answer's status. Once more if the connection went, as Telegram does.

        `more`: lines of the head that only this request has.
        """
        try:
            return await self._post(body, more)
        except ConnectionError:  # a server may close an idle connection at the moment when we write to it
            return await self._post(body, more)

    async def _post(self, body: bytes, more: bytes) -> int:
        poster = await self._take()
        try:
            return await poster.post(self._head + more, body)
        finally:
            self._give(poster)

    def close(self) -> None:
        for poster in self._free:
            poster.transport.close()
        self._free.clear()

    async def _take(self) -> Poster:
        while self._free:
            poster = self._free.pop()
            if not poster.transport.is_closing():
                return poster
            self._open -= 1
        if self._open < self._limit:
            self._open += 1
            _, made = await asyncio.get_running_loop().create_connection(Poster, self._host, self._port)
            return made
        turn: asyncio.Future[Poster] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        return await turn

    def _give(self, poster: Poster) -> None:
        gone = poster.transport.is_closing()
        self._open -= gone
        while self._line:
            turn = self._line.popleft()
            if turn.done():
                continue
            if gone:
                turn.set_exception(ConnectionError("that connection is gone: open another"))
            else:
                turn.set_result(poster)
            return
        if not gone:
            self._free.append(poster)
