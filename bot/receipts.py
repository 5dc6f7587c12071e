"""What platforms report of messages that they took: what waits is kept together, in one transaction.

An announcement to thousands brings as many reports, twice and more, within seconds. Must never tell the platform that
one is kept before it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.channels import Report, Unavailable
from bot.inbox import Clock, utc_now
from bot.messages import Receipt
from storage import receipts
from storage.database import Database, Down

BATCH = 200  # in one transaction at most; more would make the first wait for the last
WAITING = 10_000  # that may wait in memory; beyond it the platform keeps them for us


def reporter(database: Database, clock: Clock = utc_now) -> Report:
    """Keeps what it is given, and returns after the commit. Unavailable when that cannot be done now."""
    return _Desk(database, clock).report


@dataclass(slots=True, eq=False)
class _Batch:
    """Receipts that are kept together."""

    receipts: list[Receipt] = field(default_factory=list)
    kept: bool = False
    failed: str = ""


class _Desk:
    """Whoever is first in line keeps for all that came meanwhile; the others find it done."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._next = _Batch()
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def report(self, receipt: Receipt) -> None:
        """Keep one receipt, with whatever others wait."""
        if self._waiting >= WAITING:
            raise Unavailable("too many receipts wait already")
        batch = self._join(receipt)
        self._waiting += 1
        try:
            async with self._turn:
                if not batch.kept and not batch.failed:
                    await self._keep(batch)
        finally:
            self._waiting -= 1
        if batch.failed:
            raise Unavailable(batch.failed)

    def _join(self, receipt: Receipt) -> _Batch:
        if len(self._next.receipts) >= BATCH:
            self._next = _Batch()
        self._next.receipts.append(receipt)
        return self._next

    async def _keep(self, batch: _Batch) -> None:
        """If whoever does this is cut off, the next of the batch does it again."""
        if self._next is batch:
            self._next = _Batch()
        now, batch.failed = self._clock(), "broken"  # a mistake is seen once, not by each of the batch again
        try:
            await self._database.aside(lambda connection: receipts.keep(connection, batch.receipts, now))
        except asyncio.CancelledError:
            batch.failed = ""
            raise
        except Down as down:
            batch.failed = type(down).__name__
        else:
            batch.kept, batch.failed = True, ""
