"""Money on its way: a look at how the month stands, and who finds the words for the coordinators.

Must never stop anything: storage and the senders do that.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.calendar import Rules
from bot.inbox import utc_now
from bot.messages import Outgoing
from bot.money import Tariff
from bot.reminders import Writer
from storage import money_notes
from storage.database import Database, Down
from storage.money_notes import PREFIX, Told

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

STEP = 60  # seconds between looks

Clock = Callable[[], datetime]


class Purse:
    """Tells the coordinators when money runs short. Needless where nothing costs."""

    def __init__(
        self, database: Database, tariffs: Mapping[str, Tariff], rules: Rules, scheduler: AsyncIOScheduler,
        clock: Clock = utc_now,
    ) -> None:  # fmt: skip
        self._database, self._tariffs, self._rules = database, tariffs, rules
        self._scheduler, self._clock = scheduler, clock

    def start(self) -> None:
        """Look now and then. One look makes up for many that were missed."""
        if self._tariffs:
            self._scheduler.add_job(
                self.look, "interval", seconds=STEP, id="money", coalesce=True, max_instances=1,
                misfire_grace_time=None,
            )  # fmt: skip

    async def look(self) -> int:
        """Queue what there is to tell. Gives how many messages."""
        now, told = self._clock(), 0
        with contextlib.suppress(Down):
            told = await self._database.write(lambda c: money_notes.tell(c, self._tariffs, self._rules, now))
        if told:
            log.info("%d coordinator(s) are told how money stands", told)
        return told


def writers(compose: Callable[[Told, datetime], Outgoing], tariffs: Mapping[str, Tariff]) -> dict[str, Writer]:
    """Who finds the words, by what stands before the colon of a key."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(told, now) for key, told in money_notes.facts(connection, keys, now, tariffs).items()}

    return {PREFIX: write}
