"""The sender of one channel: lanes, limits, retries, and what a crash leaves behind.

A row is marked on the wire just before its call and gets its outcome after it; both marks share commits with whatever
else is being written. Only the holder of the channel's lease sends. Must never send a row that it has not marked.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.channels import Channel, SendsTogether
from bot.inbox import utc_now
from bot.limits import Gate, bites
from bot.messages import Failure, Lane, Sent
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
        self._gate = Gate(channel.limits, 0.0)
        self._chains: dict[int, list[tuple[int, int, Held]]] = {}  # address → its rows, by lane and age
        self._ready: list[tuple[int, int, int]] = []  # lane, row, address
        self._express: deque[int] = deque()  # addresses whose next row is marked already and has its place
        self._busy: set[int] = set()
        self._held_back: dict[int, datetime] = {}  # addresses where a message waits for another try, and until when
        self._under_way = 0
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
        free = 0 if resting else max(0, self._channel.limits.concurrency - self._under_way)
        places = min(wanted, free)
        self._under_way += places
        now = self._clock()
        self._held_back = {address: until for address, until in self._held_back.items() if until > now}
        return Taker(self._me, places, frozenset(self._chains) | self._busy | frozenset(self._held_back))

    def hand(self, rows: Iterable[Held], places: int = 0) -> None:
        """Rows that this process holds; of the places that were booked for them, what they do not use is free again."""
        now = self._clock()
        for row in rows:
            places -= row.marked
            if later := self._must_wait(row, now):
                self._put_back(row, later)
                continue
            self._line_up(row)
            self._offer(row.address_id)
        self._under_way -= places
        self._wake.set()

    def _line_up(self, row: Held) -> None:
        """Put a row in its address's line, in place of what is held of it: it may have been called back meanwhile."""
        chain = self._chains.setdefault(row.address_id, [])
        if any(number == row.delivery.id for _, number, _ in chain):
            chain[:] = [entry for entry in chain if entry[1] != row.delivery.id]
            heapq.heapify(chain)
        heapq.heappush(chain, (row.delivery.lane, row.delivery.id, row))

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
        behind = row.address_id in self._busy or row.address_id in self._chains
        if behind or self._gate.wait_chat(Lane.REPLY, row.address_id, asyncio.get_running_loop().time()) > 0:
            later = now + timedelta(seconds=POLL)
            self._hold_back(row.address_id, later)
            return later
        return None

    def _put_back(self, row: Held, later: datetime) -> None:
        mark = Mark(row, "queued", again=later, ambiguous=row.ambiguous, counted=row.marked)
        self._done.append(mark)
        self._marks.set()

    def _offer(self, address: int) -> None:
        chain = self._chains.get(address)
        if not chain or address in self._busy:
            return
        if chain[0][2].marked:
            self._express.append(address)
        else:
            heapq.heappush(self._ready, (chain[0][0], chain[0][1], address))

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
        while self._under_way or self._ready or self._express or self._done:
            self._idle.clear()
            await self._idle.wait()

    async def drain(self) -> None:
        """Start no further call and wait a little for those under way, so that a stop leaves nothing in doubt."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_CALLS):
                while self._under_way:
                    self._idle.clear()
                    await self._idle.wait()

    def _forget(self) -> None:
        """Hold nothing any more; what the database still gives to us goes back to the queue."""
        for chain in self._chains.values():
            for _, _, row in chain:
                self._put_back(row, row.not_before)
        self._chains.clear()
        self._ready.clear()
        self._express.clear()

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
        room = AHEAD - sum(map(len, self._chains.values()))
        if due is None or due > now or room <= 0:
            return
        # Of a broadcast no more than goes out soon: finding words takes time in which replies wait.
        soon = min(room // 4, max(FEW, round(self._channel.limits.bulk_rate * POLL * 2)))
        many = min(room, self._together) if self._together > 1 else 0
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
            marked, soon = self._choose_marked(loop.time())
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
            for call in _calls(rows):
                if going := [row for row in call if row.delivery.id in on_wire]:
                    tasks.create_task(self._send(going), name=f"send {going[0].key}")

    def _choose_marked(self, now: float) -> tuple[list[Held], float | None]:
        """Replies that were marked when they were written; they go even while we stop. And how long the rest waits."""
        chosen: list[Held] = []
        waiting: dict[int, float] = {}
        while self._express:
            address = self._express.popleft()
            chain = self._chains.get(address)
            if not chain or not chain[0][2].marked or address in self._busy:
                continue
            wait = self._gate.wait_chat(Lane.REPLY, address, now)
            if wait > 0:
                waiting[address] = wait
            else:
                chosen.append(self._take(address, now))
        self._express.extend(waiting)
        return chosen, min(waiting.values(), default=None)

    def _choose(self, now: float) -> tuple[list[Held], float | None]:
        """Rows that may go now, and otherwise how long to wait for the first that may.

        Those that one call brings together follow its first, which alone is counted.
        """
        if self._stopping:
            return [], None
        if self._resting_until > now:
            return [], self._resting_until - now
        chosen: list[Held] = []
        waits: list[float] = []
        put_back: list[tuple[int, int, int]] = []
        while self._ready and self._under_way < self._channel.limits.concurrency:
            lane, number, address = entry = heapq.heappop(self._ready)
            chain = self._chains.get(address)
            if address in self._busy or not chain or chain[0][1] != number:
                continue
            wait_all = self._gate.wait_all(Lane(lane), now)
            wait = wait_all or self._gate.wait_chat(Lane(lane), address, now)
            if wait <= 0:
                chosen += self._with_company(self._take(address, now), now)
                continue
            put_back.append(entry)
            waits.append(wait)
            if wait_all > 0:  # all that follow are of this lane or a lower one
                break
        for entry in put_back:
            heapq.heappush(self._ready, entry)
        return chosen, min(waits) if waits else None

    @property
    def _together(self) -> int:
        """To how many people one call may bring the same; a channel may be refused that for a while."""
        if not isinstance(self._channel, SendsTogether):
            return 1
        return int(getattr(self._channel, "together", self._channel.limits.together))

    def _with_company(self, row: Held, now: float) -> list[Held]:
        """A row with those that wait and say the same to others: one call brings them all, and takes one place."""
        together = self._together
        if row.delivery.lane is not Lane.BROADCAST or together == 1:
            return [row]
        company, passed = [row], []
        while self._ready and len(company) < together:
            lane, number, address = entry = heapq.heappop(self._ready)
            chain = self._chains.get(address)
            if address in self._busy or not chain or chain[0][1] != number:
                continue
            same = lane == Lane.BROADCAST and chain[0][2].delivery.message == row.delivery.message
            if same and self._gate.wait_chat(Lane.BROADCAST, address, now) <= 0:
                company.append(self._take(address, now, counted=False))
            else:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(self._ready, entry)
        return company

    def _take(self, address: int, now: float, *, counted: bool = True) -> Held:
        """The first row of an address, which is busy from now on. `counted`: it takes a place, and one of the rate."""
        row = replace(heapq.heappop(self._chains[address])[2], counted=counted)
        if not self._chains[address]:
            del self._chains[address]
        self._busy.add(address)
        self._under_way += counted and not row.marked
        self._gate.took(address, now, counted=counted)
        return row

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
                self._release(row)
            self.hand(rest)
            return set()
        for row in rest:
            if row.delivery.id not in marked:  # cancelled meanwhile
                self._release(row)
        return marked

    def _may_go(self, row: Held, now: datetime) -> bool:
        """Whether it is neither too late nor night. What must wait for the morning holds nothing else up."""
        opens = now if row.delivery.lane is Lane.REPLY else self._opens(row, now)
        if max(opens, now) >= row.expires_at:
            self._finish(row, Mark(row, "expired"))
        elif opens > now:
            self._done.append(Mark(row, "queued", again=opens, ambiguous=row.ambiguous))
            self._busy.discard(row.address_id)
            self._offer(row.address_id)
            self._marks.set()
        else:
            return True
        return False

    async def _send(self, rows: Sequence[Held]) -> None:
        """One call for one row, or for several that say the same."""
        outcomes = await self._call(rows)
        noted: set[Failure] = set()
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, Failure) and outcome not in noted:
                noted.add(outcome)
                self._note(row, outcome)
            self._finish(row, decide(row, outcome, self._clock()))

    async def _call(self, rows: Sequence[Held]) -> Sequence[Sent | Failure]:
        try:
            if len(rows) > 1 and isinstance(self._channel, SendsTogether):
                return await self._channel.send_together([row.delivery for row in rows])
            return [await self._channel.send(row.delivery) for row in rows]
        except Exception as error:  # noqa: BLE001  (two of two: staff see it as uncertain or repeated, the person as a reply)
            log.error("sending %s broke: %s", rows[0].key, type(error).__name__)  # noqa: TRY400  (a trace could hold words)
            return [Failure("bug", type(error).__name__, retryable=True, ambiguous=True)] * len(rows)

    def _note(self, row: Held, failure: Failure) -> None:
        loop_time = asyncio.get_running_loop().time()
        log.info("%s not sent: %s", row.key, failure.code)
        if failure.retry_after:
            self._gate.bulk_paused_until = max(self._gate.bulk_paused_until, loop_time + failure.retry_after)
        if failure.channel_down:
            log.warning("%s rests for %.0f s: %s %s", self._channel.name, DOWN, failure.code, failure.text)
            self._resting_until = loop_time + DOWN

    def _finish(self, row: Held, mark: Mark) -> None:
        self._done.append(mark)
        if mark.status == "queued" and mark.again and not (mark.unpaid and row.delivery.lane is not Lane.REPLY):
            self._hold_back(row.address_id, mark.again)  # a reply does not wait for what waits for money
        elif mark.contact_gone:
            for _, _, other in self._chains.pop(row.address_id, []):
                self._done.append(Mark(other, "cancelled", counted=other.marked))
        self._busy.discard(row.address_id)
        self._offer(row.address_id)
        self._marks.set()
        self._wake.set()

    def _hold_back(self, address: int, until: datetime) -> None:
        """What follows for this address waits with the one that is tried again, or it would overtake."""
        now = self._clock()
        self._held_back = {a: t for a, t in self._held_back.items() if t > now} | {address: until}
        for _, _, other in self._chains.pop(address, []):
            self._put_back(other, until)

    def _release(self, row: Held) -> None:
        self._busy.discard(row.address_id)
        self._under_way -= row.counted
        self._offer(row.address_id)
        self._wake.set()

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
        # A slot is free only once its outcome is kept: a crash leaves at most `concurrency` sends in doubt.
        self._under_way -= sum(mark.counted and mark.row.counted for mark in marks)
        self._idle.set()
        self._wake.set()


def _calls(rows: Sequence[Held]) -> list[list[Held]]:
    """By the call that brings them: each counted row begins one."""
    calls: list[list[Held]] = []
    for row in rows:
        if row.counted:
            calls.append([])
        calls[-1].append(row)
    return calls


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
