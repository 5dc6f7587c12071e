"""Reminders: APScheduler wakes up for each coming moment, and the moment is decided in storage.

Its jobs are moments, never people; they are made from the database at the start and kept in step with it, so that a
restart has nothing to restore. Must never decide whom a moment concerns, and must never send.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.calendar import Rules
from bot.inbox import utc_now
from bot.interruptions import Interrupt, nobody_talks
from bot.messages import Outgoing
from storage import deliveries, digests, followups, moments, notifications, reminders, telling
from storage.database import Database, Down
from storage.digests import Digest
from storage.followups import FollowUp
from storage.moments import CHANGE, INVITE, Due, base_of
from storage.outbox import Compose, Held, Unwritten
from storage.telling import Facts

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

AHEAD = timedelta(days=2)  # moments that have a job of their own; those behind it get one in time
STEP = 5  # seconds between looks for what other processes changed
FOLLOW_UP = 30  # minutes between looks for follow-ups: nobody waits for them
REST = 0.005  # seconds between two bites: whoever talks meanwhile goes first

Clock = Callable[[], datetime]


class Reminders:
    """Keeps APScheduler's jobs equal to the moments that wait in the database, and runs each when its time comes."""

    def __init__(self, database: Database, rules: Rules, scheduler: AsyncIOScheduler, clock: Clock = utc_now) -> None:
        self._database, self._rules, self._scheduler, self._clock = database, rules, scheduler, clock
        self._jobs: dict[str, datetime] = {}  # job → when it is due by the service's clock
        self._shift = timedelta(0)
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Make the jobs of what is to come; what was missed while nobody ran comes at once."""
        await self.keep_step()
        # max_instances: a look that takes long must not be run beside itself; coalesce: one look makes up for many.
        self._scheduler.add_job(
            self.keep_step, "interval", seconds=STEP, id="moments", coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip
        self._scheduler.add_job(
            self.follow_up, "interval", minutes=FOLLOW_UP, id="follow-ups", coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip

    async def keep_step(self) -> None:
        """Add, move and drop jobs as the database says. Cheap: it reads what is due within two days."""
        now = self._clock()
        with contextlib.suppress(Down):
            due = await self._database.read(lambda c: moments.waiting(c, now + AHEAD))
            self._adopt({f"{m.event_id}:{m.offset}": m for m in due}, now)

    def _adopt(self, due: Mapping[str, Due], now: datetime) -> None:
        shift = datetime.now(UTC) - now  # a clock that is turned, for a demonstration, runs beside the scheduler's
        turned = abs(shift - self._shift) > timedelta(seconds=1)
        self._shift = shift if turned else self._shift
        for name in self._jobs.keys() - due.keys():
            self._drop(name)
        for name, moment in due.items():
            if turned or self._jobs.get(name) != moment.due:
                self._set(name, moment)

    def _set(self, name: str, moment: Due) -> None:
        # Of those due together an invitation or a change goes first: a reminder need not repeat it.
        then = moment.due if moment.base in (INVITE, CHANGE) else moment.due + timedelta(milliseconds=1)
        # No grace time: however late a moment comes, storage decides whether it is still of use.
        self._scheduler.add_job(
            self.run, "date", run_date=then + self._shift, args=[moment.event_id, moment.offset], id=name,
            replace_existing=True, misfire_grace_time=None, coalesce=True, max_instances=1,
        )  # fmt: skip
        self._jobs[name] = moment.due

    def _drop(self, name: str) -> None:
        del self._jobs[name]
        if self._scheduler.get_job(name):
            self._scheduler.remove_job(name)

    async def follow_up(self) -> None:
        """Queue the questions of what came of participations whose time has come."""
        now = self._clock()
        with contextlib.suppress(Down):
            await self._database.write(lambda c: followups.followups_due(c, now, self._rules))

    async def run(self, event_id: int, offset: str) -> int:
        """Let a moment do what is due, bite by bite. Gives how many people were decided on."""
        decided = 0
        async with self._one_at_a_time:  # two at once would only be in each other's way
            try:
                while count := await self._bite(event_id, offset):
                    decided += count
                    await asyncio.sleep(REST)
            except Down as down:
                log.warning("the moment %s of event %d comes later: %s", offset, event_id, down)
            finally:  # whatever happened: a moment that still waits gets a new job with the next look
                self._jobs.pop(f"{event_id}:{offset}", None)
        log.info("event %d, %s: %d decided", event_id, offset, decided)
        return decided

    async def _bite(self, event_id: int, offset: str) -> int:
        now = self._clock()
        bite = reminders.BITE if self._database.is_sqlite else reminders.WIDE_BITE
        return await self._database.aside(lambda c: reminders.fire(c, event_id, offset, now, self._rules, bite))


# --- for the senders ------------------------------------------------------------------------------------------------

Writer = Callable[[Connection, Sequence[str], datetime], Mapping[str, Outgoing]]
"""The words of messages, by their keys. One that is absent has nothing to say any more."""


SILENT = frozenset({deliveries.EDIT, deliveries.UNSEND})  # they change what is there: no phone rings


def opens(rules: Rules) -> Callable[[Held, datetime], datetime]:
    """When a queued message of ours may go: what was still waiting when the quiet hours began goes when they end."""

    def at(row: Held, now: datetime) -> datetime:
        kind, _, rest = row.key.partition(":")
        if kind in SILENT:
            return now
        base = base_of(rest.split(":")[1]) if kind == notifications.PREFIX and ":" in rest else ""
        return notifications.opens_at(rules, base, now, row.expires_at)

    return at


def about_events(compose: Callable[[Facts, datetime], Outgoing]) -> Writer:
    """Tell of events, and note what was told."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        found = telling.facts(connection, keys, now)
        telling.heard(connection, list(found))
        return {key: compose(facts, now) for key, facts in found.items()}

    return write


def follow_ups(compose: Callable[[FollowUp, datetime], Outgoing]) -> Writer:
    """Ask what came of a participation."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(facts, now) for key, facts in followups.followup_facts(connection, keys).items()}

    return write


def digest(compose: Callable[[Digest, datetime], Outgoing]) -> Writer:
    """Tell whoever leads an event how it stands."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(facts, now) for key, facts in digests.facts(connection, keys, now).items()}

    return write


def composer(writers: Mapping[str, Writer], interrupt: Interrupt = nobody_talks) -> Compose:
    """Find the words of queued messages, many at once: by what stands before the colon of their keys."""

    def written(connection: Connection, rows: Sequence[Unwritten], now: datetime) -> Mapping[int, Outgoing | None]:
        words: dict[str, Outgoing] = {}
        for kind, write in writers.items():
            keys = [row.key for row in rows if row.key.startswith(f"{kind}:")]
            words |= write(connection, keys, now) if keys else {}
        found = {row.id: words.get(row.key) for row in rows if row.key.partition(":")[0] in writers}
        return interrupt(connection, rows, found, now)

    return written
