"""Questions of residents on their way: what staff are told of them, the answer, and the look at what waits too long.

Must never decide who sees a question, and must never send: storage does the one, the senders the other.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bot.inbox import utc_now
from bot.messages import Outgoing
from bot.office import Office
from bot.reminders import Writer
from storage import ticket_copies, tickets
from storage.database import Database, Down
from storage.ticket_copies import LATE, TICKET, Copy, Reply
from storage.ticket_view import ANSWER

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

STEP = 60  # seconds between looks: an hour's promise is not a minute's

Clock = Callable[[], datetime]


def writers(
    copy: Callable[[Copy, datetime], Outgoing], reply: Callable[[Reply, datetime], Outgoing]
) -> dict[str, Writer]:
    """Who finds the words, by what stands before the colon of a key."""
    return {TICKET: to_staff(copy), LATE: to_staff(copy), ANSWER: to_resident(reply)}


class Overdue:
    """Looks for questions that nobody was told of yet, and for those whose promised time has come."""

    def __init__(self, database: Database, office: Office, scheduler: AsyncIOScheduler, clock: Clock = utc_now) -> None:
        self._database, self._office, self._scheduler, self._clock = database, office, scheduler, clock

    def start(self) -> None:
        """Look now and then. One look makes up for many that were missed."""
        self._scheduler.add_job(
            self.look, "interval", seconds=STEP, id="questions", coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip

    async def look(self) -> int:
        """Hand out, and tell the coordinators. Gives how many; what cannot be done now is done at the next look."""
        now, found = self._clock(), 0
        with contextlib.suppress(Down):
            found = await self._database.write(lambda c: tickets.look(c, now, self._office))
        if found:
            log.info("%d question(s) handed out or overdue", found)
        return found


def to_staff(compose: Callable[[Copy, datetime], Outgoing]) -> Writer:
    """Tell the team of a question."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(copy, now) for key, copy in ticket_copies.copies(connection, keys, now).items()}

    return write


def to_resident(compose: Callable[[Reply, datetime], Outgoing]) -> Writer:
    """Give an answer."""

    def write(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: compose(reply, now) for key, reply in ticket_copies.replies(connection, keys, now).items()}

    return write
