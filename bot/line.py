"""Rows in a sender's hands: whose turn it is, how many calls may be under way, and which go together.

Each address has a chain of its rows and never more than one call; what is marked already goes by the express. Pure:
time is given, nothing is sent and nothing is kept. Must never give out a row of an address that has one under way.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.calls import JOINT, together
from bot.limits import Gate
from bot.messages import Lane
from storage.outbox import Held

if TYPE_CHECKING:
    from bot.channels import Channel

Entry = tuple[int, int, int]  # lane, row, address


class Line:
    """What waits and what is under way."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.gate = Gate(channel.limits, 0.0)
        self.chains: dict[int, list[tuple[int, int, Held]]] = {}  # address → its rows, by lane and age
        self.busy: set[int] = set()  # addresses with a call under way
        self.under_way = 0  # places that are taken, also by what was booked and is not written yet
        self._ready: list[Entry] = []
        self._express: deque[int] = deque()  # addresses whose next row is marked already and has its place
        self._joint: set[int] = set()  # the first rows of calls that bring the same to many

    @property
    def length(self) -> int:
        """How many rows wait."""
        return sum(map(len, self.chains.values()))

    @property
    def is_settled(self) -> bool:
        """Whether nothing that may go now is left."""
        return not (self.under_way or self._ready or self._express)

    @property
    def free(self) -> int:
        """Places for further calls."""
        return max(0, self._channel.limits.concurrency - self.under_way)

    # --- coming in ------------------------------------------------------------------------------------------------

    def add(self, row: Held) -> None:
        """Put a row in its address's chain, in place of what is held of it: it may have been called back meanwhile."""
        chain = self.chains.setdefault(row.address_id, [])
        if any(number == row.delivery.id for _, number, _ in chain):
            chain[:] = [entry for entry in chain if entry[1] != row.delivery.id]
            heapq.heapify(chain)
        heapq.heappush(chain, (row.delivery.lane, row.delivery.id, row))
        self.offer(row.address_id)

    def offer(self, address: int) -> None:
        """Let an address stand in line with its first row, unless it has a call under way."""
        chain = self.chains.get(address)
        if not chain or address in self.busy:
            return
        if chain[0][2].marked:
            self._express.append(address)
        else:
            heapq.heappush(self._ready, (chain[0][0], chain[0][1], address))

    # --- whose turn it is -----------------------------------------------------------------------------------------

    def choose_marked(self, now: float) -> tuple[list[Held], float | None]:
        """Replies that were marked when they were written; they go even while we stop. And how long the rest waits."""
        chosen: list[Held] = []
        waiting: dict[int, float] = {}
        while self._express:
            address = self._express.popleft()
            chain = self.chains.get(address)
            if not chain or not chain[0][2].marked or address in self.busy:
                continue
            wait = self.gate.wait_chat(Lane.REPLY, address, now)
            if wait > 0:
                waiting[address] = wait
            else:
                chosen.append(self._take(address, now))
        self._express.extend(waiting)
        return chosen, min(waiting.values(), default=None)

    def choose(self, now: float) -> tuple[list[Held], float | None]:
        """Rows that may go now, and otherwise how long to wait for the first that may.

        Those that one call brings together follow its first, which alone is counted.
        """
        chosen: list[Held] = []
        waits: list[float] = []
        put_back: list[Entry] = []
        many = together(self._channel)
        while self._ready and self.free and not self._is_full(many):
            lane, number, address = entry = heapq.heappop(self._ready)
            if not self._is_next(number, address):
                continue
            wait_all = self.gate.wait_all(Lane(lane), now)
            wait = wait_all or self.gate.wait_chat(Lane(lane), address, now)
            if wait <= 0:
                chosen += self._with_company(self._take(address, now), many, now)
                continue
            put_back.append(entry)
            waits.append(wait)
            if wait_all > 0:  # all that follow are of this lane or a lower one
                break
        for entry in put_back:
            heapq.heappush(self._ready, entry)
        return chosen, min(waits) if waits else None

    def _is_full(self, many: int) -> bool:
        """Whether only what goes to many is left, and enough of that is under way."""
        return many > 1 and self._ready[0][0] == Lane.BROADCAST and len(self._joint) >= JOINT

    def _is_next(self, number: int, address: int) -> bool:
        chain = self.chains.get(address)
        return address not in self.busy and bool(chain) and chain is not None and chain[0][1] == number

    def _with_company(self, row: Held, many: int, now: float) -> list[Held]:
        """A row with those that wait and say the same to others: one call brings them all, and takes one place."""
        if row.delivery.lane is not Lane.BROADCAST or many == 1:
            return [row]
        self._joint.add(row.delivery.id)
        company, passed = [row], []
        while self._ready and len(company) < many:
            lane, number, address = entry = heapq.heappop(self._ready)
            if not self._is_next(number, address):
                continue
            same = lane == Lane.BROADCAST and self.chains[address][0][2].delivery.message == row.delivery.message
            if same and self.gate.wait_chat(Lane.BROADCAST, address, now) <= 0:
                company.append(self._take(address, now, counted=False))
            else:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(self._ready, entry)
        return company

    def _take(self, address: int, now: float, *, counted: bool = True) -> Held:
        """The first row of an address, which is busy from now on. `counted`: it takes a place, and one of the rate."""
        row = replace(heapq.heappop(self.chains[address])[2], counted=counted)
        if not self.chains[address]:
            del self.chains[address]
        self.busy.add(address)
        self.under_way += counted and not row.marked
        self.gate.took(address, now, counted=counted)
        return row

    def count_first(self, going: list[Held]) -> None:
        """One row of each call holds its place; where the first was cancelled meanwhile, the next does."""
        if not going[0].counted:
            going[0] = replace(going[0], counted=True)
            self.under_way += 1
            self._joint.add(going[0].delivery.id)

    # --- going out ------------------------------------------------------------------------------------------------

    def ended(self, row: Held) -> None:
        """Its call is over; its place is free once that is kept."""
        self.busy.discard(row.address_id)
        self.offer(row.address_id)

    def release(self, row: Held) -> None:
        """It does not go after all."""
        self.free_places([row])
        self.ended(row)

    def free_places(self, rows: Sequence[Held]) -> None:
        """What became of these is kept. A crash leaves in doubt what has a place, and all who share a call with it."""
        self.under_way -= sum(row.counted for row in rows)
        self._joint -= {row.delivery.id for row in rows}

    def pop(self, address: int) -> list[Held]:
        """What waits for an address waits no more."""
        return [row for _, _, row in self.chains.pop(address, [])]

    def pop_bulk(self) -> list[Held]:
        """Nor does what nobody waits for."""
        gone = [row for chain in self.chains.values() for lane, _, row in chain if lane != Lane.REPLY]
        for address, chain in list(self.chains.items()):
            chain[:] = [entry for entry in chain if entry[0] == Lane.REPLY]
            heapq.heapify(chain)
            if not chain:
                del self.chains[address]
        return gone

    def pop_all(self) -> list[Held]:
        """Nor does anything."""
        gone = [row for chain in self.chains.values() for _, _, row in chain]
        self.chains.clear()
        self._ready.clear()
        self._express.clear()
        return gone
