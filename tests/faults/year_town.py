"""A year in a town: a clock that is turned, people and staff who act by the seed, and a service that dies now and then.

The service is the storage alone, driven as the process would drive it: moments fire when they are due, the outbox is
claimed and marked. Nothing is kept over a death. Everything is noted in the history, and judged elsewhere.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from sqlalchemy import Connection, select

from bot.messages import Lane, Outgoing
from bot.reminders import about_events, composer, opens
from storage import moments, outbox, reminders
from storage.cipher import Cipher
from storage.database import Database
from storage.moments import Due
from storage.outbox import Held, Mark
from storage.tables import invitations as guest_rows
from storage.tables import moments as moment_rows
from storage.tables import notifications as ledger
from storage.tables import outbox as outbox_rows
from storage.telling import Facts as Told
from tests.faults import year_acts
from tests.faults.year_history import Blocked, Closed, Decided, Dropped, Entry, History, Part, Row, Sent, Silent
from tests.faults.year_people import RULES, Map
from tests.storage.kit import engine_of

T = TypeVar("T")
KEY = bytes(range(32))
CHANNELS = ("telegram", "viber", "web")
STEPS = 50  # of the clock, in one transaction
SOME = 500  # values in one statement
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Act = Callable[[Connection], Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a year is."""

    seed: str = "2026"
    events: int = 600
    people: int = 3000
    begins: datetime = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
    ends: datetime = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)

    def share(self, number: float) -> int:
        """So many for a full year, fewer for a small one."""
        return max(3, round(number * self.people / 3000))


class Year:
    """One run. `history` grows with it."""

    def __init__(self, url: str, plan: Plan) -> None:
        self.plan, self.history, self.now = plan, History(), plan.begins
        self.chance, self.town = random.Random(plan.seed), Map.of(plan.people)
        self.crash = ""  # where the next death shall meet the work: bites, queued, claimed, wire
        self._dies = False
        self.waiting: dict[str, datetime] = {}  # keys that have not gone out → when they may
        self._url = url
        self._acts: list[tuple[datetime, int, Act]] = []
        self._numbers, self._lives = count(), count(1)
        self._due: list[Due] = []
        self._due_until = LONG_AGO  # how far ahead `_due` was read
        self._noted: set[tuple[int, str, int]] = set()  # lines of the ledger that this instant's entries hold

    async def run(self) -> History:
        """The whole year."""
        await self._open()
        try:
            await self._do(self._begin)
            while await self._do(self._go_on):
                if self._dies:
                    await self._die()
            self.history.ends = self.plan.ends
            self.history.seats = await self._do(_seats)
        finally:
            await self._database.__aexit__(None, None, None)
        return self.history

    def _begin(self, connection: Connection) -> None:
        self._note(year_acts.settle(self, connection))
        year_acts.plan(self)

    def _go_on(self, connection: Connection) -> bool:
        """Some steps in one transaction, which ends where the process dies. False at the end of the year.

        Nobody else is there who would have to wait, and a commit takes as long as a step.
        """
        for _ in range(STEPS):
            self._deliver(connection)
            if self._dies:
                return True
            if not self._step(connection):
                return False
            if self._dies:
                return True
        return True

    # --- for acts -------------------------------------------------------------------------------------------------

    def at(self, when: datetime, act: Act) -> None:
        """Let something happen at a time, or as soon as the service runs again."""
        heapq.heappush(self._acts, (when, next(self._numbers), act))

    def fresh(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Those lines of the ledger that no entry of this instant holds yet; what was queued is now waited for."""
        found = [row for row in rows if (row.event, row.offset, row.contact) not in self._noted]
        self._noted |= {(row.event, row.offset, row.contact) for row in found}
        return tuple(found)

    def told(self, connection: Connection, *which: object) -> tuple[Row, ...]:
        """The fresh lines of the ledger that fit."""
        found = self.fresh(_rows(connection, ledger.c.at == self.now, *which))
        self._wait_for(connection, [row.message for row in found if row.status == "queued"])
        return found

    def joint(self, connection: Connection, keys: Iterable[str]) -> set[Row]:
        """What these messages tell besides."""
        return {row for some in _some(list(keys)) for row in _rows(connection, _besides(some))}

    def lost(self, connection: Connection, keys: Iterable[str]) -> list[Entry]:
        """Those of these keys that will not go out any more."""
        return [
            Dropped(self.now, key, status)
            for key, status, _ in self._statuses(connection, keys)
            if status not in ("queued", "sending") and self.waiting.pop(key, None) is not None
        ]

    # --- the clock ------------------------------------------------------------------------------------------------

    def _step(self, connection: Connection) -> bool:
        """Turn the clock to whatever comes next, and let it come. False at the end of the year."""
        act_at = self._acts[0][0] if self._acts else self.plan.ends
        box_at = min(self.waiting.values(), default=self.plan.ends)
        moment = self._first_due(connection, max(act_at, self.now))
        due_at = moment.due if moment else self.plan.ends
        when = min(act_at, box_at, due_at)
        if when >= self.plan.ends:
            return False
        if when > self.now:
            self.now = when
            self._noted.clear()
        if when == act_at and self._acts:
            self._act(connection, act_at)
        elif when == due_at and moment:
            self._fire(connection, moment)
        return True

    def _first_due(self, connection: Connection, until: datetime) -> Due | None:
        if not self._due and self._due_until <= until:
            self._due_until = until + timedelta(hours=12)
            self._due = list(reversed(moments.waiting(connection, self._due_until)))
        return self._due[-1] if self._due else None

    def _act(self, connection: Connection, when: datetime) -> None:
        while self._acts and self._acts[0][0] == when:
            self._note(heapq.heappop(self._acts)[2](connection))
        self._look_again()
        self._dies = self.crash == "now"

    def _look_again(self) -> None:
        self._due, self._due_until = [], LONG_AGO

    # --- the service ----------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._me = f"life {next(self._lives)}"
        self._database = await Database(self._url, Cipher(KEY)).__aenter__()
        if self._database.is_sqlite:  # processes die here, never the machine: nothing need be on the disk at once
            engine_of(self._database).raw_connection().cursor().execute("PRAGMA synchronous=OFF")

    async def _do(self, job: Callable[[Connection], T]) -> T:
        return await self._database.write(job)

    def _note(self, entries: Iterable[Entry]) -> None:
        self.history.entries += entries

    def _fire(self, connection: Connection, moment: Due) -> None:
        """Let a moment decide, bite by bite, as the scheduler's job does."""
        bite = 3 if self.crash == "bites" else self.chance.choice((40, 1000, 1000))
        self._due.pop()
        while True:
            decided, state, entries = self._bite(connection, moment, bite)
            self._note(entries)
            if self.crash == "bites" and decided and state == moments.WAITING:
                self._dies = True
                return
            if state != moments.WAITING or not decided:
                break
        if state == moments.WAITING:  # put off
            self._look_again()
        elif self.chance.random() < 0.05:  # a second process has the same job
            self._note(self._bite(connection, moment, bite)[2][:-1])
        self._dies = self.crash == "queued" and bool(decided)

    def _bite(self, connection: Connection, moment: Due, bite: int) -> tuple[int, str, list[Entry]]:
        number, offset = moment.event_id, moment.offset
        decided = reminders.fire(connection, number, offset, self.now, RULES, bite=bite)
        mine = (ledger.c.event_id == number, ledger.c.offset == offset)
        rows = self.fresh(_rows(connection, ledger.c.at == self.now, *mine)) if decided else ()
        keys = [row.message for row in rows if row.message]
        self.waiting |= dict.fromkeys(keys, self.now)
        joint = self.fresh(row for row in self.joint(connection, keys) if (row.event, row.offset) != (number, offset))
        entries: list[Entry] = [Decided(self.now, number, offset, rows, joint)] if rows or joint else []
        one = (moment_rows.c.event_id == number) & (moment_rows.c.offset == offset)
        state = connection.execute(select(moment_rows.c.state).where(one)).scalar() or ""
        if state != moments.WAITING:
            entries.append(Closed(self.now, number, offset, state))
        return decided, state, entries

    def _deliver(self, connection: Connection) -> None:
        """Send what may go now, as the senders of all channels would."""
        if not any(at <= self.now for at in self.waiting.values()):
            return
        die = self.crash if self.crash in ("claimed", "wire") else ""
        full = True
        while full:
            entries, full = self._send_all(connection, die)
            self._note(entries)
        self._dies = bool(die)
        if not die:
            self._note(self.lost(connection, [key for key, at in self.waiting.items() if at <= self.now]))

    def _send_all(self, connection: Connection, die: str) -> tuple[list[Entry], bool]:
        """What every channel claims now; and whether one of them may have more."""
        due = (outbox_rows.c.status == "queued") & (outbox_rows.c.not_before <= self.now)
        channels = sorted(connection.execute(select(outbox_rows.c.channel).where(due).distinct()).scalars())
        sent = [self._send(connection, channel, die) for channel in channels]
        return [entry for entries in sent for entry in entries], any(len(entries) == SOME for entries in sent)

    def _send(self, connection: Connection, channel: str, die: str) -> list[Entry]:
        limits = {Lane.REMINDER: SOME}
        compose = composer({"reminder": about_events(_words)})
        rows = outbox.claim(connection, channel, self._me, self.now, limits, compose)
        if not rows:
            return []
        marks = [mark for row in rows if (mark := self._held_back(row))]
        go = [row for row in rows if row.delivery.id not in {mark.row.delivery.id for mark in marks}]
        if die != "claimed":
            outbox.on_wire(connection, [row.delivery.id for row in go], self._me)
        if die:
            return []
        gone: set[int] = set()
        marks += [self._outcome(row, gone) for row in go]
        outbox.mark(connection, marks, self._me)
        sent = [entry for mark in marks if mark.status == "sent" and (entry := self._after(mark))]
        blocked = [Blocked(self.now, address) for address in sorted(gone)]
        return [*sent, *blocked, *(entry for mark in marks if mark.status != "sent" and (entry := self._after(mark)))]

    def _held_back(self, row: Held) -> Mark | None:
        """The sender's own last look: too late, or night by now."""
        at = opens(RULES)(row, self.now)
        if max(at, self.now) >= row.expires_at:
            return Mark(row, "expired")
        return Mark(row, "queued", again=at, ambiguous=row.ambiguous) if at > self.now else None

    def _outcome(self, row: Held, gone: set[int]) -> Mark:
        if row.address_id in gone:  # found out a moment ago: what follows there is not tried
            return Mark(row, "cancelled")
        if self.chance.random() < 0.001:
            gone.add(row.address_id)
            return Mark(row, "failed", contact_gone=True)
        return Mark(row, "sent", platform_id="1", at=self.now)

    def _after(self, mark: Mark) -> Entry | None:
        key, row = mark.row.key, mark.row
        if mark.status == "queued":
            self.waiting[key] = mark.again or self.now
            return None
        del self.waiting[key]
        if mark.status != "sent":
            return Dropped(self.now, key, mark.status)
        language, contact, *parts = json.loads(row.delivery.message.text)
        told = tuple(Part(number, base, datetime.fromisoformat(at), *more) for number, base, at, *more in parts)
        sent = Sent(self.now, key, contact, row.address_id, language, told)
        year_acts.react(self, sent)
        return sent

    async def _die(self) -> None:
        """The process ends without a word, and another starts after a while."""
        self.crash, self._dies = "", False
        until = self.now + year_acts.outage(self.chance)
        await self._database.__aexit__(None, None, None)
        self._note([Silent(self.now, until)])
        self.now = until
        self._noted.clear()
        self._look_again()
        await self._open()
        await self._do(self._find_again)

    def _find_again(self, connection: Connection) -> None:
        """What a death left in the outbox, and when it may go."""
        for channel in CHANNELS:
            outbox.recover(connection, channel, self.now)
        self._note(self.lost(connection, list(self.waiting)))
        self._wait_for(connection, list(self.waiting))

    def _wait_for(self, connection: Connection, keys: Sequence[str]) -> None:
        self.waiting |= {key: at for key, _, at in self._statuses(connection, keys)}

    def _statuses(self, connection: Connection, keys: Iterable[str]) -> list[tuple[str, str, datetime]]:
        """Each key with its status and its time; one that is gone was erased."""
        columns = (outbox_rows.c.key, outbox_rows.c.status, outbox_rows.c.not_before)
        wanted = list(keys)
        found = {
            row.key: (row.status, row.not_before)
            for some in _some(wanted)
            for row in connection.execute(select(*columns).where(outbox_rows.c.key.in_(some)))
        }
        return [(key, *found.get(key, ("cancelled", self.now))) for key in wanted]


def _words(facts: Told, now: datetime) -> Outgoing:
    """A message that says what it was made from."""
    parts = [[a.event.id, a.base, a.event.starts_at.isoformat(), a.event.place, a.event.status] for a in facts.about]
    return Outgoing(json.dumps([facts.language, facts.contact_id, *parts]))


def _rows(connection: Connection, *which: object) -> list[Row]:
    columns = (ledger.c.event_id, ledger.c.offset, ledger.c.contact_id, ledger.c.status, ledger.c.reason)
    wanted = select(*columns, ledger.c.message).where(*which).order_by(ledger.c.event_id, ledger.c.contact_id)  # type: ignore[arg-type]
    return [Row(*row) for row in connection.execute(wanted)]


def _besides(keys: Sequence[str]) -> object:
    return ledger.c.message.in_(keys) & (ledger.c.status == "joint")


def _some(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[n : n + SOME] for n in range(0, len(keys), SOME))


def _seats(connection: Connection) -> dict[tuple[int, int], tuple[str, str]]:
    columns = (guest_rows.c.event_id, guest_rows.c.contact_id, guest_rows.c.rsvp, guest_rows.c.seat)
    return {(row.event_id, row.contact_id): (row.rsvp, row.seat) for row in connection.execute(select(*columns))}
