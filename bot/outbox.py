"""The sender of one channel: lanes, limits, retries, and what a crash leaves behind.

A row is marked on the wire just before its call and gets its outcome after it; both marks share commits with whatever
else is being written. Only the holder of the channel's lease sends. Must never send a row that it has not marked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot import calls
from bot.channels import Channel
from bot.inbox import utc_now
from bot.limits import bites
from bot.line import Line
from bot.messages import Failure, Lane
from bot.retry import decide
from storage import leases, outbox
from storage.database import Database, Down
from storage.outbox import Held, Mark, Taker

if TYPE_CHECKING:
    from bot.money import Tariff

log = logging.getLogger(__name__)

POLL = 0.25  # seconds between looks for rows of other processes and for those whose time has come
RENEW = 3.0  # seconds between renewals of the lease: three may fail before it runs out
DOWN = 5.0  # seconds that a channel rests when nobody can be reached over it
AHEAD = 500  # bulk rows held in memory at most
FEW = 16  # rows of a broadcast taken at once from a slow channel's queue
LAST_CALLS = 3.0  # seconds that a stop waits for calls under way

Clock = Callable[[], datetime]
Opens = Callable[[Held, datetime], datetime]
"""The earliest time, now or later, at which a row may go: nobody is written to at night unless they wait for it."""


def at_once(row: Held, now: datetime) -> datetime:
    """No quiet hours."""
    return now


class Sender:
    """Sends for one channel while it holds the channel's lease."""

    def __init__(
        self, database: Database, channel: Channel, owners: dict[str, str], *, me: str = "", clock: Clock = utc_now,
        compose: outbox.Compose = outbox.nothing, opens: Opens = at_once, tariff: Tariff | None = None,
    ) -> None:  # fmt: skip
        self._database, self._channel, self._clock = database, channel, clock
        self._compose, self._opens, self._tariff = compose, opens, tariff
        self._me = me or leases.me()
        self._owners = owners  # shared with the inbox: while we hold the lease, it hands rows straight to us
        self._line = Line(channel)
        self._held_back: dict[int, datetime] = {}  # addresses where a message waits for another try, and until when
        self._done: list[Mark] = []
        self._wake, self._marks, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._resting_until = 0.0
        self._stopping = False
        self.sent: Callable[[Held, Mark], None] = lambda row, mark: None

    # --- coming in ------------------------------------------------------------------------------------------------

    def book(self, wanted: int) -> Taker | None:
        """Keep places for calls that will start as soon as they are committed; None while we may not send."""
        if not self._holds:
            return None
        resting = self._stopping or self._resting_until > asyncio.get_running_loop().time()
        places = 0 if resting else min(wanted, self._line.free)
        self._line.under_way += places
        now = self._clock()
        self._held_back = {address: until for address, until in self._held_back.items() if until > now}
        line = self._line
        return Taker(self._me, places, frozenset(line.chains) | line.busy | frozenset(self._held_back))

    def hand(self, rows: Iterable[Held], places: int = 0) -> None:
        """Rows that this process holds; of the places that were booked for them, what they do not use is free again."""
        now = self._clock()
        for row in rows:
            places -= row.marked
            if later := self._must_wait(row, now):
                self._put_back(row, later)
            else:
                self._line.add(row)
        self._line.under_way -= places
        self._wake.set()

    def _must_wait(self, row: Held, now: datetime) -> datetime | None:
        """Until when a row may not even stand in line; None when it may.

        An older one waits for its next try and must not be overtaken; or the row was marked and cannot go at once: a
        place held by one chat's flood would keep everybody else waiting.
        """
        held_back = self._held_back.get(row.address_id)
        if held_back and held_back > now:
            return held_back
        if not row.marked:
            return None
        behind = row.address_id in self._line.busy or row.address_id in self._line.chains
        if behind or self._line.gate.wait_chat(Lane.REPLY, row.address_id, asyncio.get_running_loop().time()) > 0:
            later = now + timedelta(seconds=POLL)
            self._hold_back(row.address_id, later)
            return later
        return None

    def _put_back(self, row: Held, later: datetime) -> None:
        mark = Mark(row, "queued", again=later, ambiguous=row.ambiguous, counted=row.marked)
        self._done.append(mark)
        self._marks.set()

    # --- the lease ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold the lease and send, until cancelled; then give back what is held."""
        name = f"sender:{self._channel.name}"
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hold(name), name=f"{name} lease")
                tasks.create_task(self._dispatch(tasks), name=f"{name} dispatch")
                tasks.create_task(self._write_marks(), name=f"{name} marks")
                tasks.create_task(self._look(), name=f"{name} look")
        finally:
            await asyncio.shield(self._give_back(name))

    async def _hold(self, name: str) -> None:
        while True:
            await self._try_lease(name)
            await asyncio.sleep(RENEW if self._holds else 1.0)

    @property
    def _holds(self) -> bool:
        return self._owners.get(self._channel.name) == self._me

    async def _try_lease(self, name: str) -> None:
        now, channel = self._clock(), self._channel.name
        repeatable = self._channel.limits.repeatable

        def take(connection: Connection) -> tuple[int, int] | None:
            # One transaction: a lease that was taken but not cleared up after would leave its rows held for ever.
            new = leases.acquire(connection, name, self._me, now)
            if new:
                return outbox.recover(connection, channel, now, repeatable=repeatable)
            outbox.adopt(connection, channel, self._me)
            return None

        try:
            found = await self._database.write(take)
            if found is not None:
                self._forget()
                log.info("sending for %s; %d message(s) taken over, %d unsure", channel, *found)
            self._owners[channel] = self._me
            if found is not None:
                await self._claim()
        except leases.Taken:
            self._owners.pop(channel, None)
            self._forget()
            await self._flush()
        except Down as down:
            log.warning("the lease of %s could not be renewed: %s", channel, down)

    async def settled(self) -> None:
        """Until nothing that may go now is left to send or to mark."""
        while self._done or not self._line.is_settled:
            self._idle.clear()
            await self._idle.wait()

    async def drain(self) -> None:
        """Start no further call and wait a little for those under way, so that a stop leaves nothing in doubt."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_CALLS):
                while self._line.under_way:
                    self._idle.clear()
                    await self._idle.wait()

    def _forget(self) -> None:
        """Hold nothing any more; what the database still gives to us goes back to the queue."""
        for row in self._line.pop_all():
            self._put_back(row, row.not_before)

    async def _give_back(self, name: str) -> None:
        self._owners.pop(self._channel.name, None)
        with contextlib.suppress(Down):
            await self._flush()
            await self._database.write(lambda c: outbox.let_go(c, self._channel.name, self._me))
            await self._database.write(lambda c: leases.release(c, name, self._me))

    # --- looking for rows -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            if self._holds:
                with contextlib.suppress(Down):
                    await self._claim()
            await asyncio.sleep(POLL)

    async def _claim(self) -> None:
        now, channel = self._clock(), self._channel.name
        due = await self._database.read(lambda c: outbox.next_due(c, channel))
        room = AHEAD - self._line.length
        if due is None or due > now or room <= 0:
            return
        # Of a broadcast no more than goes out soon: finding words takes time in which replies wait.
        soon = min(room // 4, max(FEW, round(self._channel.limits.bulk_rate * POLL * 2)))
        together = calls.together(self._channel)
        many = min(room, together) if together > 1 else 0
        limits = {Lane.REPLY: room, Lane.REMINDER: room // 2, Lane.BROADCAST: max(soon, many)}
        company: list[Held] = []
        take = partial(outbox.claim, owner=self._me, compose=self._compose, tariff=self._tariff)
        try:
            for some in bites(limits):
                found = await self._database.write(partial(take, channel=channel, now=now, limits=some))
                self.hand([row for row in found if row.delivery.lane is not Lane.BROADCAST])
                company += [row for row in found if row.delivery.lane is Lane.BROADCAST]
                if not found:
                    break
        finally:
            self.hand(company)  # at once: one call may bring them all

    # --- sending --------------------------------------------------------------------------------------------------

    async def _dispatch(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            marked, soon = self._line.choose_marked(loop.time())
            for row in marked:
                tasks.create_task(self._send([row]), name=f"send {row.key}")
            rows, wait = self._choose(loop.time())
            wait = min((w for w in (wait, soon) if w is not None), default=None)
            if not rows:
                self._idle.set()
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                continue
            on_wire = await self._mark_on_wire(rows)
            for call in calls.by_call(rows):
                if going := [row for row in call if row.delivery.id in on_wire]:
                    self._line.count_first(going)
                    tasks.create_task(self._send(going), name=f"send {going[0].key}")

    def _choose(self, now: float) -> tuple[list[Held], float | None]:
        """Rows that may go now, and otherwise how long to wait for the first that may."""
        if self._stopping:
            return [], None
        if self._resting_until > now:
            return [], self._resting_until - now
        return self._line.choose(now)

    async def _mark_on_wire(self, rows: list[Held]) -> set[int]:
        """Mark rows just before their call. Gives the numbers of those that may go."""
        now = self._clock()
        rest = [row for row in rows if self._may_go(row, now)]
        if not rest:
            return set()
        try:
            marked = await self._database.write(lambda c: outbox.on_wire(c, [r.delivery.id for r in rest], self._me))
        except Down as down:
            log.warning("the database cannot be written, sending rests: %s", down)
            self._resting_until = asyncio.get_running_loop().time() + 1.0
            for row in rest:
                self._line.release(row)
            self.hand(rest)
            return set()
        for row in rest:
            if row.delivery.id not in marked:  # cancelled meanwhile
                self._line.release(row)
                self._wake.set()
        return marked

    def _may_go(self, row: Held, now: datetime) -> bool:
        """Whether it is neither too late nor night. What must wait for the morning holds nothing else up."""
        opens = now if row.delivery.lane is Lane.REPLY else self._opens(row, now)
        if max(opens, now) >= row.expires_at:
            self._finish(row, Mark(row, "expired"))
        elif opens > now:
            self._done.append(Mark(row, "queued", again=opens, ambiguous=row.ambiguous))
            self._line.ended(row)
            self._marks.set()
        else:
            return True
        return False

    async def _send(self, rows: Sequence[Held]) -> None:
        found = await calls.outcomes(self._channel, rows)
        noted: set[Failure] = set()
        for row, outcome in zip(rows, found, strict=True):
            if isinstance(outcome, Failure) and outcome not in noted:
                noted.add(outcome)
                self._note(row, outcome)
            self._finish(row, decide(row, outcome, self._clock()))

    def _note(self, row: Held, failure: Failure) -> None:
        loop_time = asyncio.get_running_loop().time()
        log.info("%s not sent: %s", row.key, failure.code)
        if failure.retry_after:
            self._line.gate.bulk_paused_until = max(self._line.gate.bulk_paused_until, loop_time + failure.retry_after)
        if failure.unpaid:  # what is in hand is taken up anew, as far as it may be
            for other in self._line.pop_bulk():
                self._put_back(other, other.not_before)
        if failure.channel_down:
            log.warning("%s rests for %.0f s: %s %s", self._channel.name, DOWN, failure.code, failure.text)
            self._resting_until = loop_time + DOWN

    def _finish(self, row: Held, mark: Mark) -> None:
        self._done.append(mark)
        if mark.status == "queued" and mark.again and not mark.aside:
            self._hold_back(row.address_id, mark.again)
        elif mark.contact_gone:
            for other in self._line.pop(row.address_id):
                self._done.append(Mark(other, "cancelled", counted=other.marked))
        self._line.ended(row)
        self._marks.set()
        self._wake.set()

    def _hold_back(self, address: int, until: datetime) -> None:
        """What follows for this address waits with the one that is tried again, or it would overtake."""
        now = self._clock()
        self._held_back = {a: t for a, t in self._held_back.items() if t > now} | {address: until}
        for other in self._line.pop(address):
            self._put_back(other, until)

    async def _write_marks(self) -> None:
        while True:
            await self._marks.wait()
            self._marks.clear()
            if not await self._flush():
                await asyncio.sleep(0.5)
                self._marks.set()

    async def _flush(self) -> bool:
        """Keep the outcomes so far; False when that cannot be done now. What was sent must not be forgotten."""
        marks, self._done = self._done, []
        if not marks:
            return True
        try:
            await self._database.write(lambda c: outbox.mark(c, marks, self._me))
        except Down:
            self._done = marks + self._done
            return False
        self._marked(marks)
        return True

    def _marked(self, marks: list[Mark]) -> None:
        for mark in marks:
            self.sent(mark.row, mark)
        self._line.free_places([mark.row for mark in marks if mark.counted])
        self._idle.set()
        self._wake.set()


class Senders(dict[str, Sender]):
    """The senders of this process by channel, as the inbox sees them."""

    def book(self, wanted: Mapping[str, int]) -> Mapping[str, Taker]:
        """Keep places for replies that are about to be written."""
        found = {name: self[name].book(number) for name, number in wanted.items() if name in self}
        return {name: taker for name, taker in found.items() if taker}

    def hand(self, rows: Sequence[Held], booked: Mapping[str, Taker]) -> None:
        """Committed rows to the senders of their channels, with the places that were booked for them."""
        for name, taker in booked.items():
            self[name].hand([row for row in rows if row.delivery.address.channel == name], taker.places)
