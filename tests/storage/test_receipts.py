"""Receipts: in any order, twice, early or late, they lead to the same end; and a failure is understood everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, make_url

from bot.messages import Address, Receipt
from storage import housekeeping, outbox, receipts
from storage.cipher import Cipher
from storage.database import Database
from storage.outbox import Held, Mark
from storage.people import Known
from storage.tables import addresses, contacts, metadata, notices, residents
from storage.tables import outbox as rows
from storage.tables import receipts as early
from tests.storage.kit import DAY, KEY, NOW, counted, everything, meet, opened, queue

ME = "process me"
TOKEN = "5741311803571721087"  # as Viber writes it: beyond 2^53
MINUTE = timedelta(minutes=1)


def sent(connection: Connection, known: Known, *tokens: str) -> list[Held]:
    """A message for each token, a minute after the other."""
    held = queue(connection, known, *(f"{known.address_id}:{token}" for token in tokens), owner=ME)
    for n, (row, token) in enumerate(zip(held, tokens, strict=True)):
        outbox.on_wire(connection, [row.delivery.id], ME)
        outbox.mark(connection, [Mark(row, "sent", platform_id=token, at=NOW + n * MINUTE)], ME)
    return held


def told(status: str, token: str = TOKEN, who: str = "1", at: datetime | None = None, text: str = "") -> Receipt:
    return Receipt(Address("viber", who), token, status, text, at)


def statuses(connection: Connection) -> list[str]:
    return [row["status"] for row in everything(connection, rows)]


def standing(connection: Connection) -> tuple[list[str], list[str], list[str]]:
    """All that receipts may change: messages, addresses, people."""
    return (
        statuses(connection),
        [row["status"] for row in everything(connection, addresses)],
        [row["status"] for row in everything(connection, contacts)],
    )


async def after(database: Database, *come: Receipt, tokens: Sequence[str] = (TOKEN,)) -> list[str]:
    """What messages of one person are when these have come, one after the other."""

    def run(connection: Connection) -> list[str]:
        sent(connection, meet(connection, channel="viber"), *tokens)
        for receipt in come:
            receipts.keep(connection, [receipt], NOW)
        assert not everything(connection, early)
        return statuses(connection)

    return await database.write(run)


ORDERS = {
    "delivered": (["delivered"], "delivered"),
    "delivered, then read": (["delivered", "read"], "read"),
    "read before delivered": (["read", "delivered"], "read"),
    "delivered twice, on two devices": (["delivered", "delivered"], "delivered"),
    "read twice": (["read", "read"], "read"),
    "failed": (["failed"], "failed"),
    "failed twice": (["failed", "failed"], "failed"),
    "failed on a second device": (["delivered", "failed"], "delivered"),
    "failed on the first, delivered on the second": (["failed", "delivered"], "delivered"),
    "failed after it was read": (["read", "failed"], "read"),
    "failed, and yet read": (["failed", "read"], "read"),
    "everything": (["failed", "read", "delivered", "failed"], "read"),
}


@pytest.mark.parametrize(("come", "then"), ORDERS.values(), ids=ORDERS)
async def test_a_message_only_goes_forward(database: Database, come: list[str], then: str) -> None:
    assert await after(database, *(told(status) for status in come)) == [then]


@pytest.mark.parametrize(("come", "then"), ORDERS.values(), ids=ORDERS)
async def test_what_comes_before_the_answer_to_the_send_waits_for_it(
    database: Database, come: list[str], then: str
) -> None:
    def run(connection: Connection) -> list[str]:
        held = queue(connection, meet(connection, channel="viber"), "a", owner=ME)
        outbox.on_wire(connection, [held[0].delivery.id], ME)
        receipts.keep(connection, [told(status) for status in come], NOW)
        assert statuses(connection) == ["sending"]
        outbox.mark(connection, [Mark(held[0], "sent", platform_id=TOKEN, at=NOW)], ME)
        assert not everything(connection, early)
        return statuses(connection)

    assert await database.write(run) == [then]


UP_TO = {
    "all before it": (["read 3"], ["read", "read", "read", "sent"]),
    "whatever had been delivered of it": (["delivered 1", "read 3"], ["read", "read", "read", "sent"]),
    "not what failed": (["failed 1", "read 3"], ["failed", "read", "read", "sent"]),
    "also when that is known later": (["read 3", "failed 1"], ["failed", "read", "read", "sent"]),
    "but what was delivered elsewhere": (["read 3", "failed 1", "delivered 1"], ["read", "read", "read", "sent"]),
    "in whichever order": (["read 3", "delivered 1", "failed 1"], ["read", "read", "read", "sent"]),
    "and nothing after": (["read 1", "delivered 3"], ["read", "sent", "delivered", "sent"]),
}


@pytest.mark.parametrize(("come", "then"), UP_TO.values(), ids=UP_TO)
async def test_who_has_read_one_has_read_what_was_sent_before(
    database: Database, come: list[str], then: list[str]
) -> None:
    got = [told(*one.split()) for one in come]
    assert await after(database, *got, tokens=("1", "2", "3", "4")) == then


async def test_one_token_of_a_message_to_many_is_told_apart_by_address(database: Database) -> None:
    def run(connection: Connection) -> list[str]:
        for name in ("1", "2", "3"):
            sent(connection, meet(connection, name, "viber"), TOKEN, f"own {name}")
        receipts.keep(
            connection, [told("delivered", who="1"), told("failed", who="3"), told("read", "own 2", "2")], NOW
        )
        return statuses(connection)

    assert await database.write(run) == ["delivered", "sent", "read", "read", "failed", "sent"]


@pytest.mark.parametrize("token", ["5741311803571721087", "9223372036854775807", str(2**53 + 1)])
async def test_tokens_are_never_rounded(database: Database, token: str) -> None:
    near = str(int(token) - 1)  # the same number to whoever reads it as a float
    assert await after(database, told("delivered", token), tokens=(near, token)) == ["sent", "delivered"]


async def test_of_a_stranger_nothing_is_kept(database: Database) -> None:
    def run(connection: Connection) -> None:
        meet(connection, channel="viber")
        receipts.keep(connection, [told("delivered", who="nobody"), told("delivered", ""), told("read", "7" * 65)], NOW)
        assert not everything(connection, early)

    await database.write(run)


async def test_what_belongs_to_no_message_is_dropped_after_a_day(database: Database) -> None:
    def run(connection: Connection, after: timedelta) -> int:
        meet(connection, channel="viber")
        receipts.keep(connection, [told("delivered", "a welcome's"), told("read", "a welcome's")], NOW)
        housekeeping.daily(connection, NOW + after)
        return len(everything(connection, early))

    assert await database.write(lambda c: run(c, timedelta(hours=20))) == 2
    assert await database.write(lambda c: run(c, timedelta(hours=25))) == 0


async def test_a_channel_without_receipts_pays_nothing_for_them(database: Database) -> None:
    def begin(connection: Connection, channel: str) -> Held:
        held = queue(connection, meet(connection, channel=channel), channel, owner=ME)[0]
        outbox.on_wire(connection, [held.delivery.id], ME)
        return held

    looked = {}
    for channel in ("telegram", "viber"):
        held = await database.write(lambda c, here=channel: begin(c, here))  # type: ignore[misc]
        mark = Mark(held, "sent", platform_id="1", at=NOW)
        with counted(database) as seen:
            await database.write(lambda c, one=mark: outbox.mark(c, [one], ME))  # type: ignore[misc]
        looked[channel] = len([statement for statement in seen if "receipts" in statement])
    assert looked == {"telegram": 0, "viber": 1}


# --- what failed ------------------------------------------------------------------------------------------------------


async def test_a_failure_stops_the_address_and_takes_back_what_waits_for_it(database: Database) -> None:
    """As status 6 does. The other address of the contact and its messages stay."""

    def run(connection: Connection) -> None:
        known, other = meet(connection, channel="viber"), meet(connection, "9", "telegram")
        connection.execute(insert(residents).values(address_id=other.address_id, contact_id=known.contact_id))
        sent(connection, known, TOKEN)
        queue(connection, known, "waits")
        queue(connection, other, "stays")
        receipts.keep(connection, [told("failed", text="client rejected\n it", at=NOW + MINUTE)], NOW + DAY)

    await database.write(run)
    assert await database.read(standing) == (
        ["failed", "cancelled", "queued"], ["blocked", "active"], ["active", "active"],
    )  # fmt: skip
    row = (await database.read(lambda c: everything(c, rows)))[0]
    assert (row["error"], row["not_before"]) == ("failed: client rejected it", NOW + MINUTE)


async def test_whoever_wrote_since_is_not_stopped_by_what_failed_before(database: Database) -> None:
    def run(connection: Connection, at: datetime) -> str:
        sent(connection, meet(connection, channel="viber"), TOKEN)
        connection.execute(addresses.update().values(heard_at=NOW + MINUTE))
        receipts.keep(connection, [told("failed", at=at)], NOW + DAY)
        return standing(connection)[1][0]

    assert await database.write(lambda c: run(c, NOW)) == "active"


async def test_who_left_meanwhile_is_not_brought_back_by_what_arrived_before(database: Database) -> None:
    def run(connection: Connection) -> None:
        known = meet(connection, channel="viber")
        sent(connection, known, TOKEN)
        receipts.keep(connection, [told("failed")], NOW)
        connection.execute(addresses.update().values(left_at=NOW + MINUTE))
        receipts.keep(connection, [told("delivered")], NOW)

    await database.write(run)
    assert await database.read(standing) == (["delivered"], ["blocked"], ["blocked"])


async def test_whoever_said_stop_stays_stopped(database: Database) -> None:
    def run(connection: Connection) -> None:
        sent(connection, meet(connection, channel="viber"), TOKEN)
        connection.execute(addresses.update().values(status="stopped"))
        receipts.keep(connection, [told("failed")], NOW)
        receipts.keep(connection, [told("delivered")], NOW)

    await database.write(run)
    assert (await database.read(standing))[1] == ["stopped"]


async def test_staff_are_told_once_a_day_when_much_fails(database: Database) -> None:
    def fail(connection: Connection, first: int, number: int, at: datetime) -> int:
        come = []
        for n in range(first, first + number):
            sent(connection, meet(connection, f"p{n}", "viber"), f"t{n}")
            come.append(told("failed", f"t{n}", f"p{n}"))
        receipts.keep(connection, come, at)
        return len(everything(connection, notices))

    assert await database.write(lambda c: fail(c, 0, receipts.MANY - 1, NOW)) == 0
    assert await database.write(lambda c: fail(c, 50, 1, NOW)) == 1
    assert await database.write(lambda c: fail(c, 60, 5, NOW)) == 1


# --- two processes ----------------------------------------------------------------------------------------------------


async def somebody_waits(url: str, job: asyncio.Future[Any]) -> None:
    """Until a job waits for a lock; it must not come through without."""
    plain = make_url(url)
    watch = await asyncpg.connect(plain.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
        while not await watch.fetchval(waiting, plain.database):
            assert not job.done()
            await watch.execute("SELECT pg_stat_clear_snapshot()")
    finally:
        await watch.close()


@pytest.mark.parametrize("first", ["mark", "keep"])
async def test_a_receipt_and_the_answer_of_one_moment_in_two_processes_find_each_other(
    database_url: str, first: str
) -> None:
    """On PostgreSQL they meet inside their transactions; SQLite has one writer, and there one waits for the other."""
    loop = asyncio.get_running_loop()
    inside, go = asyncio.Event(), asyncio.Event()
    async with opened(database_url) as one, opened(database_url) as two:

        def begin(connection: Connection) -> Held:
            held = queue(connection, meet(connection, channel="viber"), "a", owner=ME)[0]
            outbox.on_wire(connection, [held.delivery.id], ME)
            return held

        held = await one.write(begin)
        jobs = {
            "mark": lambda c: outbox.mark(c, [Mark(held, "sent", platform_id=TOKEN, at=NOW)], ME),
            "keep": lambda c: receipts.keep(c, [told("delivered")], NOW),
        }
        (second,) = set(jobs) - {first}
        if one.is_sqlite:
            await asyncio.gather(one.write(jobs[first]), two.write(jobs[second]))
        else:
            leading = loop.create_task(_stopped_inside(one, jobs[first], inside, go))
            await inside.wait()
            following = loop.create_task(two.write(jobs[second]))
            await somebody_waits(database_url, following)
            go.set()
            await asyncio.gather(leading, following)
        assert await one.read(statuses) == ["delivered"]
        assert not await one.read(lambda c: everything(c, early))


async def _stopped_inside(database: Database, job: Any, inside: asyncio.Event, go: asyncio.Event) -> None:
    """Run a job on PostgreSQL and commit it only when told to."""
    engine: Any = database._writer._engine  # type: ignore[attr-defined]
    async with engine.begin() as connection:
        await connection.run_sync(job)
        inside.set()
        await go.wait()


# --- any order --------------------------------------------------------------------------------------------------------

REPORT = st.tuples(
    st.sampled_from(["delivered", "read", "failed"]), st.sampled_from(["1", "2", "3"]), st.integers(1, 3)
)


@dataclass
class Bare:
    """A database in memory: hypothesis runs hundreds."""

    engine: Any = field(default_factory=lambda: create_engine("sqlite://"))

    def __post_init__(self) -> None:
        self.engine.dialect.cipher = Cipher(KEY)
        metadata.create_all(self.engine)

    def end(self, come: Sequence[Receipt], *, early_ones: int = 0, together: bool = False) -> Any:
        """What is left when these have come in this order, the first of them before the answers to the sends."""
        with self.engine.connect() as connection:
            known = meet(connection, channel="viber")
            held = queue(connection, known, "a", "b", "c", owner=ME)
            outbox.on_wire(connection, [row.delivery.id for row in held], ME)
            self._keep(connection, come[:early_ones], together)
            for n, row in enumerate(held):
                mark = Mark(row, "sent", platform_id=str(n + 1), at=NOW + n * MINUTE)
                outbox.mark(connection, [mark], ME)
            self._keep(connection, come[early_ones:], together)
            assert not everything(connection, early)
            return standing(connection)

    def _keep(self, connection: Connection, come: Sequence[Receipt], together: bool) -> None:
        for some in [come] if together else [[one] for one in come]:
            receipts.keep(connection, some, NOW + DAY)


@pytest.fixture(scope="module")
def bare() -> Bare:
    return Bare()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(REPORT, max_size=7), st.randoms(use_true_random=False), st.integers(0, 7), st.booleans())
def test_any_order_of_the_same_receipts_leads_to_the_same_end(
    bare: Bare, reports: list[tuple[str, str, int]], shuffle: Any, early_ones: int, together: bool
) -> None:
    come = [told(status, token, at=NOW + hour * timedelta(hours=1)) for status, token, hour in reports]
    mixed = [*come, *come[:2]]
    shuffle.shuffle(mixed)
    assert bare.end(mixed, early_ones=early_ones, together=together) == bare.end(come)


def test_every_order_of_one_of_each_leads_to_the_same_end(bare: Bare) -> None:
    come = [told("failed", "1"), told("delivered", "1"), told("read", "2"), told("failed", "3")]
    assert len({str(bare.end(order)) for order in permutations(come)}) == 1
