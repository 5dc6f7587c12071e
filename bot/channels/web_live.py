"""The chat page's open streams: who is listening, and waking them when there is something new.

Holds no messages and never reads any: a stream that wakes reads the transcript itself, so a wake that gets lost costs
two seconds and never a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.messages import Address

Read = Callable[[int], Awaitable[Sequence[tuple[int, str]]]]
"""What is newer than this outbox id: pairs of id and one line of JSON, in order."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an open stream does something by itself. Seconds."""

    fresh: float = 2.0  # re-read while people talk: another process may have done the sending
    quiet: float = 10.0  # re-read a chat in which nothing happened for `calm` seconds; 2,000 open pages stay cheap
    calm: float = 180.0
    ping: float = 20.0  # below the 30 s and 60 s after which proxies cut a silent stream


@dataclass(eq=False, slots=True)
class Stream:
    """One open page. `over` is set when it must end: a newer page took its place, or the service stops."""

    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def end(self) -> None:
        """Let the stream finish by itself at once."""
        self.over = True
        self.news.set()


class Live:
    """All open streams of this process. Bounded: at most `per_chat` for one address and `total` for all."""

    def __init__(self, *, per_chat: int = 5, total: int = 2000) -> None:
        self._per_chat = per_chat
        self._total = total
        self._open: dict[Address, list[Stream]] = {}
        self._count = 0
        self._closed = False

    @property
    def full(self) -> bool:
        """No more pages can listen now; they poll instead."""
        return self._closed or self._count >= self._total

    @contextmanager
    def listen(self, address: Address) -> Iterator[Stream]:
        """A place among the streams. The sixth page of a chat ends the oldest one, which is most often a lost line."""
        stream = Stream(over=self._closed)
        streams = self._open.setdefault(address, [])
        for old in streams[: max(0, len(streams) + 1 - self._per_chat)]:
            old.end()
        streams.append(stream)
        self._count += 1
        try:
            yield stream
        finally:
            self._count -= 1
            streams.remove(stream)
            if not streams and self._open.get(address) is streams:
                del self._open[address]

    def wake(self, address: Address) -> None:
        """There is something new for this address."""
        for stream in self._open.get(address, ()):
            stream.news.set()

    def close(self) -> None:
        """End every stream, and each that opens later. Safe to call twice."""
        self._closed = True
        for streams in self._open.values():
            for stream in streams:
                stream.end()


async def events(stream: Stream, after: int, read: Read, pace: Pace) -> AsyncIterator[str]:
    """Server-sent events from `after` on, until the stream is over or the page goes away."""
    yield "retry: 2000\n\n"
    now = asyncio.get_running_loop().time
    spoke = talked = now()
    while not stream.over:
        stream.news.clear()
        for number, line in await read(after):
            yield f"id: {number}\ndata: {line}\n\n"
            after, spoke, talked = number, now(), now()
        if now() - spoke >= pace.ping:
            yield ": ping\n\n"
            spoke = now()
        rest = pace.fresh if now() - talked < pace.calm else pace.quiet
        if not stream.over:
            await _first(stream.news, min(rest, max(0.0, spoke + pace.ping - now())))


async def _first(news: asyncio.Event, seconds: float) -> None:
    """Return at news or after `seconds`, whichever comes first."""
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
