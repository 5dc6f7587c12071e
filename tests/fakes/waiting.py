"""Waiting until something is so, without looking again and again; and whoever waits in a chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


@dataclass
class Waiting:
    """Those who wait. Whoever changes something calls wake()."""

    _waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)

    async def until(
        self,
        true: Callable[[], bool],
        timeout: float = 5.0,  # noqa: ASYNC109
        saw: Callable[[], str] = lambda: "",
    ) -> None:
        """Return as soon as `true` holds; `saw` says for the TimeoutError what was there instead."""
        if true():
            return
        waiter = (true, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter[1]
        except TimeoutError:
            raise TimeoutError(f"waited {timeout} s {saw()}".strip()) from None
        finally:
            self._waiters.remove(waiter)

    def wake(self) -> None:
        for true, waiter in self._waiters:
            if not waiter.done() and true():
                waiter.set_result(None)


class Said(Protocol):
    """A message as a chat shows it."""

    @property
    def text(self) -> str: ...


M = TypeVar("M", bound=Said)


@dataclass(kw_only=True)
class Reader(Generic[M]):
    """Somebody who looks at a chat with the bot. News: what came or changed since they last acted or looked."""

    messages: list[M] = field(default_factory=list)  # of the bot's
    _news: int = 0
    _seen: int = 0
    _waiting: Waiting = field(default_factory=Waiting)

    @property
    def last(self) -> M:
        return self.messages[-1]

    async def wait_reply(self, timeout: float = 5.0) -> M:  # noqa: ASYNC109
        """The newest message, once there is news."""
        await self.wait_until(lambda: self._news > self._seen, timeout)
        self._seen = self._news
        return self.last

    async def wait_text(self, part: str, timeout: float = 5.0) -> M:  # noqa: ASYNC109
        """The newest message that holds `part`, once there is one."""
        await self.wait_until(lambda: any(part in message.text for message in self.messages), timeout)
        return next(message for message in reversed(self.messages) if part in message.text)

    async def wait_until(self, true: Callable[[], bool], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Return as soon as `true` holds; TimeoutError says what the person saw last."""
        await self._waiting.until(true, timeout, self._saw)

    def changed(self, *, news: bool = False) -> None:
        """Wake whoever waits for something that holds now."""
        self._news += news
        self._waiting.wake()

    def _saw(self) -> str:
        shown = repr(self.last.text) if self.messages else "nothing"
        return f"and {self._called()} last saw {shown}"

    def _called(self) -> str:
        raise NotImplementedError
