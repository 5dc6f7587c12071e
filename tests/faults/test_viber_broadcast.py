"""An announcement to three thousand people on Viber: one call for three hundred, and a list of whom it does not reach.

The real job, sender and channel against the fake Viber. The ledger must equal what the phones show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, insert, select

from bot.broadcasts import Broadcasts
from bot.channels.viber import ViberChannel
from bot.messages import Address
from storage.people import hash_of
from storage.tables import addresses, outbox, recipients, residents
from tests.channels.viber_kit import channel
from tests.fakes.viber import FakeViber
from tests.faults.life import Clock, Life, dead_owner, life, world
from tests.storage.broadcasts_kit import published
from tests.storage.events_kit import NOW, RULES, lead, settle

FIRST = 1000
WORLD = world()
TEXT = "В петък от 17:00 училището е отворено за всички."


def town(connection: Connection, fake: FakeViber, number: int) -> None:
    """So many parents on Viber; every hundredth has left without a word, some are no more."""
    ids = settle(connection, number, first=FIRST, channel="")
    people = [fake.user(n, subscribed=n % 100 != 7, gone=n % 500 == 9) for n in ids]
    rows = [
        {
            "id": p.number, "channel": "viber", "external": p.id, "status": "active", "contact_id": p.number,
            "lookup": hash_of(connection, Address("viber", p.id)), "created_at": NOW,
        }
        for p in people
    ]  # fmt: skip
    connection.execute(insert(addresses), rows)
    connection.execute(insert(residents), [{"address_id": n, "contact_id": n} for n in ids])
    published(connection, lead(connection), words={"bg": TEXT}, buttons=("interested", "no"))


@dataclass
class Square:
    """The town's service, and its Viber."""

    fake: FakeViber
    viber: ViberChannel
    process: Life
    clock: Clock

    async def announce(self) -> None:
        """Let it start, go out, and be over."""
        job = Broadcasts(self.process.database, RULES, AsyncIOScheduler(timezone="UTC"), self.clock)
        self.clock.pass_by(125)  # two minutes, because it is for more than 200
        for _ in range(60):
            await job.step()
            await self.process.sender._claim()
            await self.process.sender.settled()
            self.clock.pass_by(20)  # whatever is tried again is due then
            if await self.is_over():
                return
        raise AssertionError("it does not end")

    async def is_over(self) -> bool:
        def open_rows(c: Connection) -> int:
            waiting = select(recipients.c.contact_id).where(recipients.c.status == "waiting").limit(1)
            ours = (outbox.c.channel == "viber") & outbox.c.status.in_(("queued", "sending"))
            under_way = select(outbox.c.id).where(ours).limit(1)
            return len(c.execute(waiting).all()) + len(c.execute(under_way).all())

        return await self.process.database.read(open_rows) == 0

    def got(self) -> Counter[int]:
        """How often each phone shows it."""
        shown = {p.number: sum(m.text.startswith(TEXT) for m in p.messages) for p in self.fake.people.values()}
        return Counter({number: times for number, times in shown.items() if times})

    async def ledger(self) -> dict[int, Any]:
        mine = outbox.c.key.like("broadcast:%")
        rows = await self.process.database.read(lambda c: c.execute(select(outbox).where(mine)).all())
        return {row.contact_id: row for row in rows}


@asynccontextmanager
async def square(url: str, number: int) -> AsyncIterator[Square]:
    clock = Clock(NOW)
    async with FakeViber() as fake:
        fake.pretend_webhook()
        viber = channel(api_url=fake.url, answer_seconds=5.0)
        async with life(url, viber, clock, me=dead_owner(1), all_of=WORLD) as process:  # type: ignore[arg-type]
            await process.database.write(lambda c: town(c, fake, number))
            yield Square(fake, viber, process, clock)
        await viber.close()


def reached(number: int) -> set[int]:
    return {n for n in range(FIRST, FIRST + number) if n % 100 != 7 and n % 500 != 9}


async def test_three_thousand_get_it_once_in_a_dozen_calls_and_the_list_names_whom_not(database_url: str) -> None:
    async with square(database_url, 3000) as here:
        await here.announce()
        ledger, got = await here.ledger(), here.got()
        expected = reached(3000)
        assert got == Counter(dict.fromkeys(expected, 1)), "everybody once, and nobody else"
        assert {n for n, row in ledger.items() if row.status == "sent"} == expected
        assert here.fake.counts["broadcast_message"] <= 20
        assert here.fake.counts["send_message"] == 0
        lost = {n: row for n, row in ledger.items() if row.status == "failed"}
        assert set(lost) == set(range(FIRST, FIRST + 3000)) - expected
        assert {row.error.partition(":")[0] for row in lost.values()} == {"not_subscribed", "not_registered"}
        assert {row.billing for row in ledger.values() if row.status == "sent"} == {5}, "each was charged"
        tokens = Counter(row.platform_id for row in ledger.values() if row.platform_id)
        assert max(tokens.values()) > 200, "one number for all of one call"
        stopped = select(addresses.c.id).where(addresses.c.status == "blocked")
        gone = await here.process.database.read(lambda c: set(c.execute(stopped).scalars()))
        assert gone == set(lost)


async def test_an_answer_that_is_lost_repeats_one_call_and_no_more(database_url: str) -> None:
    async with square(database_url, 700) as here:
        here.fake.fail_next("broadcast_message", drop_after=True)
        await here.announce()
        got = here.got()
        assert set(got) == reached(700)
        assert max(got.values()) == 2
        assert 0 < sum(times == 2 for times in got.values()) <= 300, "those of the call whose answer was lost"


@pytest.mark.parametrize("status", [19, 20])
async def test_where_broadcasts_are_not_allowed_each_gets_a_message_of_their_own(
    database_url: str, status: int
) -> None:
    async with square(database_url, 30) as here:
        here.fake.fail_next("broadcast_message", status, times=99)
        await here.announce()
        assert here.got() == Counter(dict.fromkeys(reached(30), 1))
        assert here.fake.counts["broadcast_message"] == 1
        assert here.fake.counts["send_message"] >= 30


async def test_a_death_in_the_middle_of_a_call_repeats_that_call_at_most(database_url: str) -> None:
    async with square(database_url, 700) as here:
        job = Broadcasts(here.process.database, RULES, AsyncIOScheduler(timezone="UTC"), here.clock)
        here.clock.pass_by(125)
        here.fake.fail_next("broadcast_message", hang=True, after=True, times=3)  # carried out, and never answered
        await job.step()
        await here.process.sender._claim()
        await here.fake.wait_until(lambda: here.fake.hanging > 0)
        here.process.database.dead = True
        clock = here.clock
        clock.pass_by(60)
        async with life(database_url, here.viber, clock, me="the next", all_of=WORLD) as process:  # type: ignore[arg-type]
            here.fake.release()
            next_one = Square(here.fake, here.viber, process, clock)
            here.fake._faults.clear()
            await next_one.announce()
            got = next_one.got()
            assert set(got) == reached(700), "nobody is left out"
            assert max(got.values()) <= 2
            assert sum(times == 2 for times in got.values()) <= 900, "only what was on the wire"
