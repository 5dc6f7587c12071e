"""How messages travel: the contract that every channel keeps, one channel a file.

A channel imports bot.messages and wire libraries; never storage, never the dialog. It turns what a platform delivers
into Incoming values, hands each to `accept`, and acknowledges to the platform only after `accept` returned. It turns an
Outgoing into one platform call and reports Sent or Failure; it never retries and never decides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

from starlette.routing import BaseRoute

from bot.messages import Delivery, Failure, Incoming, Limits, Receipt, Sent

Accept = Callable[[Incoming], Awaitable[None]]
"""Returns when the event and all its consequences are committed, or were before. Raises Unavailable otherwise."""

Report = Callable[[Receipt], Awaitable[None]]
"""Returns when what a platform reports of a message is kept, or was before. Raises Unavailable otherwise."""

Content = Callable[[int], Awaitable[bytes | None]]
"""The content that is kept under a number of Media; None where there is none (any more). Raises Unavailable."""


class Unavailable(Exception):
    """The event could not be kept now; the platform must offer it again."""


class Channel(Protocol):
    """One way for messages to travel. Its lifetime: created → routes() → run() until cancelled → close()."""

    name: str
    limits: Limits

    @property
    def link(self) -> str:
        """What stands before a code in the link that opens a chat with us; empty while that is not known."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """HTTP routes that receive for this channel."""
        ...

    async def run(self) -> None:
        """Everything the channel does by itself while the service listens: polling, webhook and profile set-up."""
        ...

    async def send(self, delivery: Delivery) -> Sent | Failure:
        """One platform call for one outbox row."""
        ...

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


@runtime_checkable
class SendsTogether(Protocol):
    """A channel where one call brings the same message to many: as many as limits.together."""

    async def send_together(self, deliveries: Sequence[Delivery]) -> Sequence[Sent | Failure]:
        """One platform call for rows that say the same; gives what became of each, in their order."""
        ...


@runtime_checkable
class Brings(Protocol):
    """A channel on which people send pictures, voice notes and files whose content can be fetched."""

    name: str

    async def fetch(self, handle: str, largest: int) -> bytes | Failure:
        """The content behind a handle of this channel; at most `largest` bytes, otherwise a Failure of "too_big".

        One try. Never raises for the platform's sake; what may be there later is retryable.
        """
        ...


async def nothing_kept(number: int) -> None:
    """A Content where nothing is."""
