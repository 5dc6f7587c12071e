"""Receiving: what waits is taken together, one event a contact, and decided and written in one transaction.

`accept` returns only after the commit: then the platform is told. Must never send anything; what is to be said goes
into the outbox, in the same transaction as its reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Connection

from bot.channels import Unavailable
from bot.messages import Address, Incoming
from bot.router import route
from bot.texts import words
from bot.visit import HUMAN, MENU, Visit, World
from storage import notices, outbox, people, sessions
from storage.database import Database, Down
from storage.people import Changes, Known

log = logging.getLogger(__name__)

ALL_WAITING = 5_000  # people whose events may wait in memory; beyond it the platforms keep them for us
ONES_WAITING = 60  # events of one person that may wait: a flood must not push the others aside
BATCH = 48  # events in one transaction at most; more would make the first wait for the last

Clock = Callable[[], datetime]


class Takers(Protocol):
    """The senders of this process, as the inbox sees them."""

    def book(self, wanted: Mapping[str, int]) -> Mapping[str, outbox.Taker]:
        """Keep places for so many messages of each channel; a channel that is sent for elsewhere is absent."""
        ...

    def hand(self, rows: Sequence[outbox.Held], booked: Mapping[str, outbox.Taker]) -> None:
        """Committed rows, and the places that were kept for them: what was not used is free again."""
        ...


class Nobody:
    """No sender lives here: another process looks for what is queued."""

    def book(self, wanted: Mapping[str, int]) -> Mapping[str, outbox.Taker]:
        """None."""
        return {}

    def hand(self, rows: Sequence[outbox.Held], booked: Mapping[str, outbox.Taker]) -> None:
        """Nothing comes."""


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True, eq=False)
class Waiting:
    """An event on its way, and the promise to whoever brought it."""

    event: Incoming
    done: asyncio.Future[None]
    came: float  # on the loop's clock
    failed: str = ""  # why its script could not be run, once that is known


@dataclass(slots=True)
class Result:
    """What a batch left behind."""

    queued: list[outbox.Held] = field(default_factory=list)
    later: list[Waiting] = field(default_factory=list)  # a second event of someone already in this batch
    fresh: set[str] = field(default_factory=set)


class Inbox:
    """Takes events in, in the order in which each person sent them."""

    def __init__(
        self, database: Database, world: World, *, takers: Takers | None = None, clock: Clock = utc_now
    ) -> None:
        self._database, self._world, self._clock = database, world, clock
        self._takers = Nobody() if takers is None else takers  # an empty one will be filled later
        self._queues: OrderedDict[Address, list[Waiting]] = OrderedDict()
        self._refused: set[Address] = set()
        self._wake = asyncio.Event()
        self.seen: Callable[[Incoming, bool, float], None] = lambda event, fresh, seconds: None

    async def accept(self, event: Incoming) -> None:
        """Keep an event with all its consequences. Unavailable when that cannot be done now."""
        self._check_room(event.address)
        loop = asyncio.get_running_loop()
        waiting = Waiting(event, loop.create_future(), loop.time())
        self._queues.setdefault(event.address, []).append(waiting)
        self._wake.set()
        await waiting.done

    def _check_room(self, address: Address) -> None:
        """Refuse what would be too much. Who was refused once is refused until all before it is done, to keep order."""
        queue = self._queues.get(address, ())
        if not queue:
            self._refused.discard(address)
        if len(queue) >= ONES_WAITING or (not queue and len(self._queues) >= ALL_WAITING):
            self._refused.add(address)
        if address in self._refused:
            raise Unavailable("too much waits already")

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            batch = self._next_batch()
            if batch:
                await self._handle(batch)
            elif not self._queues:
                self._wake.clear()

    def _next_batch(self) -> list[Waiting]:
        """The oldest event of each of those who wait."""
        batch = []
        for address in list(self._queues)[:BATCH]:
            queue = self._queues[address]
            queue.sort(key=lambda w: w.event.order)  # a platform may hand two of one person in either order
            batch.append(queue.pop(0))
            if queue:
                self._queues.move_to_end(address)
            else:
                del self._queues[address]
        return batch

    async def _handle(self, batch: list[Waiting]) -> None:
        now = self._clock()
        booked = self._takers.book(Counter(waiting.event.address.channel for waiting in batch))
        result = Result()
        try:
            result = await self._database.write(lambda connection: self._process(connection, batch, now, booked))
        except Down as down:
            self._refuse(batch, down)
            return
        except Exception as error:  # noqa: BLE001  (one of the two: whoever wrote gets an apology, staff a notice)
            failed = error
        else:
            self._settle(batch, result)
            return
        finally:
            self._takers.hand(result.queued, booked)
        await self._alone(batch, failed)

    async def _alone(self, batch: list[Waiting], error: Exception) -> None:
        """Something broke: each event by itself, and the one that breaks is answered with an apology."""
        if len(batch) > 1:
            for waiting in batch:
                await self._handle([waiting])
        elif not batch[0].failed:
            batch[0].failed = f"{type(error).__name__} in {_where(error)}"
            log.error("event %s failed: %s", batch[0].event.key, batch[0].failed)
            await self._handle(batch)
        else:
            self._refuse(batch, error)

    def _refuse(self, batch: list[Waiting], error: Exception) -> None:
        log.warning("%d event(s) could not be kept now: %s", len(batch), type(error).__name__)
        for first in batch:  # what the same person sent after it must not be kept before it
            for waiting in (first, *self._queues.pop(first.event.address, ())):
                if not waiting.done.done():
                    waiting.done.set_exception(Unavailable(type(error).__name__))

    def _settle(self, batch: list[Waiting], result: Result) -> None:
        later = set(map(id, result.later))
        now = asyncio.get_running_loop().time()
        for waiting in batch:
            if id(waiting) not in later and not waiting.done.done():
                waiting.done.set_result(None)
                self.seen(waiting.event, waiting.event.key in result.fresh, now - waiting.came)
        for waiting in result.later:
            self._queues.setdefault(waiting.event.address, []).insert(0, waiting)

    # --- inside the transaction -----------------------------------------------------------------------------------

    def _process(
        self, connection: Connection, batch: Sequence[Waiting], now: datetime, booked: Mapping[str, outbox.Taker]
    ) -> Result:
        known = people.load(connection, [w.event for w in batch], now)
        result = Result()
        turns = _one_each(batch, known, result)
        failed = {w.event.key for w in turns if w.failed}
        rows = people.take(connection, [w.event for w in turns], now, known=known, failed=failed)
        result.fresh = set(rows)
        changes = Changes()
        visits = [
            self._visit(connection, w, known[w.event.address], rows[w.event.key], now, changes)
            for w in turns
            if w.event.key in rows
        ]
        people.write(connection, changes)
        heard = [(known[w.event.address].address_id, w.event) for w in turns if w.event.key in rows]
        sessions.hear(connection, heard, now)
        said = [draft for visit in visits for draft in drafts(visit)]
        result.queued = outbox.enqueue(connection, said, now, booked)
        return result

    def _visit(
        self, connection: Connection, waiting: Waiting, known: Known, row: int, now: datetime, changes: Changes
    ) -> Visit:
        visit = Visit(self._world, connection, waiting.event, known, row, now, changes)
        if waiting.failed:
            notices.add(connection, "script", f"{known.script or 'router'}: {waiting.failed}", now)
            who = self._world.programme.person
            visit.say(words("sorry.broken", name=who.name, phone=who.phone), MENU, HUMAN)
        else:
            route(visit)
        return visit


def _one_each(batch: Sequence[Waiting], known: dict[Address, Known], result: Result) -> list[Waiting]:
    """One event a contact: one who writes from two channels at one moment takes two batches."""
    seen: set[int] = set()
    turns: list[Waiting] = []
    for waiting in batch:
        contact = known[waiting.event.address].contact_id
        (result.later if contact in seen else turns).append(waiting)
        seen.add(contact)
    return turns


def drafts(visit: Visit) -> list[outbox.Draft]:
    """What a visit says, to be queued; each message under a key of its own."""
    return [
        outbox.Draft(
            f"reply:{visit.inbox_id}:{n}", visit.event.address, visit.known.address_id, visit.contact_id, message,
            inbox_id=visit.inbox_id,
        )
        for n, message in enumerate(visit.finished())
    ]  # fmt: skip


def _where(error: Exception) -> str:
    """The place in the code, without the words that were being handled."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
