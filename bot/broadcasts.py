"""Broadcasts: once a second, whatever is due starts, what runs is queued on, and what is over is reported.

Two processes may do so side by side: each step locks its broadcast, and looks at what is there. Must never decide who
gets one, and must never send.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.calendar import Rules
from bot.inbox import utc_now
from bot.messages import Outgoing
from bot.reminders import Writer
from storage import announcing, deliveries
from storage.announcing import Plea, Standing, Told
from storage.database import Database, Down
from storage.deliveries import Work

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

STEP = 1  # seconds between looks
SHOWN = timedelta(seconds=2)  # between two edits of the message about its progress
REST = 0.005  # seconds between two bites: whoever talks meanwhile goes first

Clock = Callable[[], datetime]


class Broadcasts:
    """Takes every broadcast a step further."""

    def __init__(
        self, database: Database, rules: Rules, scheduler: AsyncIOScheduler, clock: Clock = utc_now, bite: int = 0
    ) -> None:
        self._database, self._rules, self._scheduler, self._clock = database, rules, scheduler, clock
        self._size = bite or (deliveries.BITE if database.is_sqlite else deliveries.WIDE_BITE)
        self._shown: dict[int, tuple[datetime, object]] = {}  # when its numbers are looked at next, and those shown
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Look once a second, for as long as the scheduler runs."""
        # max_instances: a look that takes long is not run beside itself; coalesce: one look makes up for many.
        self._scheduler.add_job(
            self.step, "interval", seconds=STEP, id="broadcasts", coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip

    async def step(self) -> None:
        """Do whatever can be done now for every broadcast. What fails is done with a later look."""
        async with self._one_at_a_time:
            try:
                found = await self._database.read(lambda c: deliveries.at_work(c, self._clock()))
                for work in found:
                    await self._take_on(work)
                self._shown = {work.id: self._shown[work.id] for work in found if work.id in self._shown}
            except Down as down:
                log.warning("broadcasts go on later: %s", down)

    async def _take_on(self, work: Work) -> None:
        match work.status:
            case "waiting":
                now = self._clock()
                if await self._database.aside(lambda c: deliveries.start(c, work.id, now, self._rules)):
                    log.info("broadcast %d has started", work.id)
                    await self._queue(work)
            case "running":
                await self._queue(work)
            case "paused":
                await self._wake(work)
        if work.status != "waiting":
            await self._finish_or_show(work)

    async def _wake(self, work: Work) -> None:
        now = self._clock()
        if await self._database.read(lambda c: deliveries.needs_a_hand(c, work.id, now)):
            await self._database.write(lambda c: deliveries.wake(c, work.id, now, self._rules))

    async def _queue(self, work: Work) -> None:
        while await self._bite(work):  # noqa: ASYNC110  (a pause for others, not a wait)
            await asyncio.sleep(REST)

    async def _bite(self, work: Work) -> int:
        now = self._clock()
        return await self._database.aside(lambda c: deliveries.bite(c, work.id, now, self._rules, self._size))

    async def _finish_or_show(self, work: Work) -> None:
        now = self._clock()
        if work.status != "paused" and await self._database.read(lambda c: deliveries.is_over(c, work.id)):
            if await self._database.write(lambda c: deliveries.finish(c, work.id, now)):
                log.info("broadcast %d is over", work.id)
            return
        due, shown = self._shown.get(work.id, (now, None))
        if work.by_id is None or now < due:
            return
        began = time.perf_counter()
        numbers = await self._database.read(lambda c: deliveries.numbers(c, work.id))
        # Counting a very large one again and again must not cost others more than a hundredth of the time.
        later = now + max(SHOWN, timedelta(seconds=100 * (time.perf_counter() - began)))
        if numbers is None or numbers == shown:
            self._shown[work.id] = later, shown
            return
        by = work.by_id
        done = await self._database.write(lambda c: deliveries.show_again(c, work.id, by, now, SHOWN))
        self._shown[work.id] = later, numbers if done else shown


# --- for the senders ------------------------------------------------------------------------------------------------


def announcements(compose: Callable[[Told, datetime], Outgoing]) -> Writer:
    """Tell each reader."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(facts, now) for key, facts in announcing.told(connection, keys).items()}

    return write


def changes(compose: Callable[[Told, datetime], Outgoing]) -> Writer:
    """Put other words in the place of those that were sent."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        found = announcing.changed(connection, keys)
        return {key: replace(compose(facts, now), replaces=facts.replaces) for key, facts in found.items()}

    return write


def removals(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
    """Take what was sent out of the chats."""
    return {key: Outgoing("", removes=number) for key, number in announcing.removed(connection, keys, now).items()}


def progress(compose: Callable[[Standing, datetime], Outgoing]) -> Writer:
    """Tell whoever wrote it how it goes on."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(facts, now) for key, facts in announcing.standing(connection, keys, now).items()}

    return write


def pleas(compose: Callable[[Plea, datetime], Outgoing], rules: Rules) -> Writer:
    """Ask those who may say yes."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(facts, now) for key, facts in announcing.pleas(connection, keys, now, rules).items()}

    return write


def writers(
    bulletin: Callable[[Told, datetime], Outgoing], standing: Callable[[Standing, datetime], Outgoing],
    plea: Callable[[Plea, datetime], Outgoing], rules: Rules,
) -> Mapping[str, Writer]:  # fmt: skip
    """All of them, by the beginnings of the keys."""
    return {
        deliveries.PREFIX: announcements(bulletin), deliveries.EDIT: changes(bulletin), deliveries.UNSEND: removals,
        deliveries.PROGRESS: progress(standing), deliveries.APPROVE: pleas(plea, rules),
    }  # fmt: skip
