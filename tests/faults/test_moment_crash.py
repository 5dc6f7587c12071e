"""A moment decided and sent while processes die, again and again: nobody forgotten, nobody written to thrice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from functools import cache

from sqlalchemy import Connection, func, select, update

from bot.messages import Limits
from bot.outbox import Sender
from storage import invitations, reminders
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import moments, notifications, outbox
from tests.faults import life as lives
from tests.faults.life import KEY, Clock, Life, Recorder, dead_owner, life
from tests.storage.events_kit import DAY, NOW, RULES, lead, published, settle

PEOPLE, DEATHS, BITE = 120, 20, 9
WIRES = 4  # calls under way at once: so many a death may leave in doubt
DUE = NOW + 6 * DAY

world = cache(lives.world)


def due(connection: Connection) -> int:
    """A meeting of very many, whose invitation is long out and whose reminder is due."""
    acting = lead(connection)
    settle(connection, PEOPLE)
    event = published(connection, acting, NOW + 9 * DAY)
    invitations.fill(connection, event.id, NOW)
    connection.execute(update(moments).where(moments.c.offset == "invite").values(state="done"))
    return event.id


async def bite(process: Life, event: int, clock: Clock) -> int:
    """One step of the moment."""
    return await process.database.write(lambda c: reminders.fire(c, event, "3d", clock(), RULES, bite=BITE))


async def die_somewhere(process: Life, channel: Recorder, event: int, clock: Clock, chance: random.Random) -> None:
    """Between two steps, with rows claimed and not sent, or with messages on the wire."""
    for _ in range(chance.randint(0, 2)):
        await bite(process, event, clock)
    channel.hangs = chance.random() < 0.4
    if chance.random() < 0.8:
        await process.sender._claim()
    for _ in range(chance.randint(0, 60)):
        await asyncio.sleep(0)
    process.database.dead = True


async def test_everybody_is_reminded_though_twenty_processes_die(database_url: str) -> None:
    channel = Recorder(limits=Limits(concurrency=WIRES))
    clock, chance = Clock(DUE), random.Random(20)
    async with Database(database_url, Cipher(KEY)) as database:
        event = await database.write(due)
    for number in range(DEATHS):
        with contextlib.suppress(ExceptionGroup):
            async with life(database_url, channel, clock, me=dead_owner(number + 1), all_of=world()) as process:
                await die_somewhere(process, channel, event, clock, chance)
        channel.hangs = False
        clock.pass_by(3)
    async with life(database_url, channel, clock, all_of=world()) as process:
        while await bite(process, event, clock):
            pass
        await _all_sent(process.sender, clock)
        wait = select(func.count()).select_from(notifications).where(notifications.c.status == "queued")
        queued = await process.database.read(lambda c: int(c.execute(wait).scalar_one()))
        states = select(outbox.c.contact_id, outbox.c.status).where(outbox.c.key.like("reminder:%"))
        ended = await process.database.read(lambda c: {row.contact_id: row.status for row in c.execute(states)})
    copies = Counter(int(call.address.external) for call in channel.calls)
    assert queued == PEOPLE, "one line of the ledger for each"
    assert set(ended.values()) <= {"sent", "uncertain"}
    assert len(ended) == PEOPLE
    doubtful = {who for who, status in ended.items() if status == "uncertain"}
    assert copies.keys() >= ended.keys() - doubtful, "nobody is forgotten"
    assert len(doubtful) <= WIRES * DEATHS / 2, "only what was on the wire in two deaths; staff are told whom to call"
    assert max(copies.values()) <= 2, "nobody is written to three times"


async def _all_sent(sender: Sender, clock: Clock) -> None:
    """Whatever is queued goes out, also what a crash had put off."""
    for _ in range(20):
        clock.pass_by(3)
        await sender._claim()
        await sender.settled()
