"""Contents of what people sent: fetched from the platform that brought it, and handed to whoever shows it.

A row that waits says all there is to know, so a crash between two steps only fetches once more. Must never log a
handle, a path or a name, and never hold more than one content at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.channels import Brings, Channel, Content, Unavailable
from bot.inbox import utc_now
from bot.kinds import mime_of
from bot.messages import Failure, Outgoing
from storage import media, transcript
from storage.database import Database, Down
from storage.media import LARGEST, Due

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

STEP = 3  # seconds between looks: whoever answers a question should not wait for its photo
BITE = 10  # contents in one look, so that one channel does not hold the others up
REST = 30  # seconds that a channel rests when nothing can be fetched from it

Clock = Callable[[], datetime]


class Fetcher:
    """Fetches what waits, one content after the other; a channel that cannot bring anything now rests."""

    def __init__(
        self, database: Database, channels: Sequence[Channel], scheduler: AsyncIOScheduler, clock: Clock = utc_now
    ) -> None:
        self._database, self._scheduler, self._clock = database, scheduler, clock
        self._channels: Sequence[Brings] = [channel for channel in channels if isinstance(channel, Brings)]
        self._resting: dict[str, datetime] = {}
        self._one_at_a_time = asyncio.Lock()

    def start(self) -> None:
        """Look now and then for as long as the scheduler runs. Needless where no channel brings anything."""
        if self._channels:
            # Two instances: the second finds the first at work and leaves, or the scheduler would log each of them.
            self._scheduler.add_job(
                self.look, "interval", seconds=STEP, id="media", coalesce=True, max_instances=2, misfire_grace_time=None
            )

    async def look(self) -> int:
        """Fetch what is due. Gives how many contents are kept now."""
        if self._one_at_a_time.locked():
            return 0
        async with self._one_at_a_time:
            with contextlib.suppress(Down):
                return sum([await self._from(channel) for channel in self._channels if self._awake(channel)])
        return 0

    def _awake(self, channel: Brings) -> bool:
        return self._resting.get(channel.name, self._clock()) <= self._clock()

    async def _from(self, channel: Brings) -> int:
        now = self._clock()
        kept = 0
        for row in await self._database.read(lambda c: media.due(c, channel.name, now, BITE)):
            found = await channel.fetch(row.handle, LARGEST)
            if isinstance(found, bytes):
                await self._keep(row, found)
                kept += 1
            elif not await self._note(channel, row, found):
                break
        return kept

    async def _keep(self, row: Due, found: bytes) -> None:
        mime = mime_of(found)
        await self._database.write(lambda c: media.fetched(c, row.number, found, mime))

    async def _note(self, channel: Brings, row: Due, failure: Failure) -> bool:
        """Whether to go on with this channel. What is the channel's own trouble uses up no attempt."""
        log.info("media %d not fetched: %s", row.number, failure.code)
        if failure.channel_down or failure.retry_after:
            self._resting[channel.name] = self._clock() + timedelta(seconds=failure.retry_after or REST)
            return False
        await self._database.write(lambda c: media.failed(c, row.number, final=not failure.retryable))
        return True


def message_reader(database: Database) -> Callable[[int], Awaitable[Outgoing | None]]:
    """What links to drawings and documents are answered from: the message of an outbox row, as long as it is kept."""

    async def message(outbox_id: int) -> Outgoing | None:
        try:
            return await database.read(lambda c: transcript.message_of(c, outbox_id))
        except Down as down:
            raise Unavailable(str(down)) from None

    return message


def reader(database: Database) -> Content:
    """What channels show and send on from: the content under a number, as long as it is kept."""

    async def content(number: int) -> bytes | None:
        try:
            return await database.read(lambda c: media.content(c, number))
        except Down as down:
            raise Unavailable(str(down)) from None

    return content
