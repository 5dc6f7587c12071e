"""Telegram says „too many“: bulk waits exactly as long as it was told to, and everybody gets the announcement once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import datetime, timedelta
from functools import cache

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, select

from bot.app import composer_of
from bot.broadcasts import Broadcasts
from bot.channels.telegram import TelegramChannel
from bot.messages import Incoming
from bot.outbox import Sender
from storage import broadcasts
from storage.broadcasts import Draft
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import broadcasts as rows
from storage.tables import outbox
from tests.fakes.telegram import TOKEN, Call, FakeTelegram, Flood
from tests.faults import life as lives
from tests.faults.life import KEY, Clock
from tests.storage.events_kit import CLASS, NOW, RULES, lead, settle

PEOPLE = 70  # more than one burst
WAIT = 2  # seconds that it is told to wait
REFUSED_AT = 40

world = cache(lives.world)


class Watched(FakeTelegram):
    """A Telegram that keeps its limits, and notes when each call came."""

    def __init__(self) -> None:
        super().__init__(flood=Flood())
        self.at: list[tuple[float, Call]] = []

    def _note(self, call: Call) -> None:
        self.at.append((time.monotonic(), call))
        super()._note(call)


class Ticking(Clock):
    """Runs, as every clock does, from a morning on which anybody may be written to."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.zero = time.monotonic()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self.zero)


def due(connection: Connection) -> None:
    acting = lead(connection)
    settle(connection, PEOPLE)
    draft = Draft({"bg": "Елате в петък."}, {}, (), CLASS)
    broadcasts.publish(connection, acting, draft=draft, starts=None, rules=RULES)
    connection.execute(rows.update().values(due_at=NOW))


async def nobody(event: Incoming) -> None:
    raise AssertionError(event.kind)


@pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)
async def test_bulk_waits_as_long_as_it_was_told_to_and_everybody_gets_it_once(database_url: str) -> None:
    clock = Ticking()
    async with Watched() as fake, Database(database_url, Cipher(KEY)) as database:
        await asyncio.gather(*(fake.user(n).start() for n in (1, *range(100, 100 + PEOPLE))))
        await database.write(due)
        channel = TelegramChannel(TOKEN, nobody, api_url=fake.url)
        sender = Sender(database, channel, {}, clock=clock, compose=composer_of(world()))
        job = Broadcasts(database, RULES, AsyncIOScheduler(timezone="UTC"), clock)
        await job.step()
        sending = asyncio.create_task(sender.run(), name="sender")
        await fake.wait_call("sendmessage", REFUSED_AT)
        fake.fail_next("sendMessage", 429, f"Too Many Requests: retry after {WAIT}", retry_after=WAIT)
        await fake.wait_until(lambda: len(fake.copies) >= PEOPLE + 1, timeout=20)
        await job.step()
        sending.cancel()
        await asyncio.wait([sending])
        await channel.close()
        status = await database.read(
            lambda c: Counter(c.execute(select(outbox.c.status).where(outbox.c.key.like("broadcast:%"))).scalars())
        )
    (refused,) = (at for at, call in fake.at if call.status == 429)
    before = [at for at, call in fake.at if call.method == "sendmessage" and refused < at < refused + WAIT]
    after = [at for at, call in fake.at if call.method == "sendmessage" and at >= refused + WAIT]
    assert len(before) < channel.limits.concurrency, "only what was on the wire already"
    assert max(before, default=refused) < refused + WAIT / 2
    assert min(after) < refused + WAIT + 1, "and not much longer"
    assert status == {"sent": PEOPLE}
    assert set(fake.copies.values()) == {1}
