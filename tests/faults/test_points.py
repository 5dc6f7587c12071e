"""A process that dies at a named point, and a database that cannot be written: what is kept, repeated and refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, func, make_url, select

from bot import outbox as sending
from bot.channels import Unavailable
from bot.messages import Address, Incoming, Kind
from bot.outbox import Sender
from storage import database as storage_database
from storage import leases, outbox, tables
from storage.cipher import Cipher
from storage.database import Database, Down
from tests.faults import life as lives
from tests.faults.life import Clock, Life, Recorder, dead_owner, life

SOMEBODY = Address("telegram", "7")
START = Incoming("telegram:1:1", SOMEBODY, Kind.START)
A_WHILE = 3.0  # longer than what was on the wire is put off


world = cache(lives.world)


async def rows(database: Database, table: Any) -> list[Any]:
    return list(await database.read(lambda connection: connection.execute(select(table).order_by(table.c.id)).all()))


# --- a process dies -------------------------------------------------------------------------------------------------


async def before_the_wire(url: str, channel: Recorder, clock: Clock) -> None:
    """After the commit: the row is held, and nobody began to send it."""
    async with life(url, channel, clock, me=dead_owner(1), all_of=world(), sends=False) as process:
        await process.inbox.accept(START)
        process.database.dead = True


async def on_the_wire(url: str, channel: Recorder, clock: Clock) -> None:
    """The platform has the message; the process died before it heard so."""
    channel.hangs = True
    async with life(url, channel, clock, me=dead_owner(1), all_of=world()) as process:
        await process.inbox.accept(START)
        await channel.called(1)
        process.database.dead = True
    channel.hangs = False


async def after_the_mark(url: str, channel: Recorder, clock: Clock) -> None:
    """The outcome is kept; only the platform that brought the event was never told."""
    async with life(url, channel, clock, me=dead_owner(1), all_of=world()) as process:
        await process.inbox.accept(START)
        await process.sender.settled()
        process.database.dead = True


@pytest.mark.parametrize(
    ("die", "sends"),
    [
        pytest.param(before_the_wire, 1, id="before the wire"),
        pytest.param(on_the_wire, 2, id="on the wire"),
        pytest.param(after_the_mark, 1, id="after the mark"),
    ],
)
async def test_event_that_was_kept_but_not_acknowledged_is_answered_once(
    database_url: str, die: Callable[[str, Recorder, Clock], Any], sends: int
) -> None:
    """The platform offers it again; the inbox knows it. Only what was on the wire is sent a second time."""
    channel, clock = Recorder(), Clock()
    await die(database_url, channel, clock)
    clock.pass_by(1)
    async with life(database_url, channel, clock, all_of=world()) as process:
        await process.inbox.accept(START)
        clock.pass_by(A_WHILE)
        await channel.called(sends)
        await process.sender.settled()
        assert [row.key for row in await rows(process.database, tables.inbox)] == [START.key]
        assert [(row.status, row.owner != "") for row in await rows(process.database, tables.outbox)] == [
            ("sent", True)
        ]
    assert [call.id for call in channel.calls] == [channel.calls[0].id] * sends


async def test_what_was_twice_on_the_wire_becomes_uncertain_and_staff_hear_of_it(database_url: str) -> None:
    """A third copy is worse than none: the person asks again, staff see that nobody knows."""
    channel, clock = Recorder(hangs=True), Clock()
    for number in (1, 2):
        async with life(database_url, channel, clock, me=dead_owner(number), all_of=world()) as process:
            if number == 1:
                await process.inbox.accept(START)
            clock.pass_by(A_WHILE)
            await channel.called(number)
            process.database.dead = True
    channel.hangs = False
    async with life(database_url, channel, clock, all_of=world()) as process:
        clock.pass_by(A_WHILE)
        [row] = await rows(process.database, tables.outbox)
        assert (row.status, row.attempts) == ("uncertain", 2)
        assert [notice.kind for notice in await rows(process.database, tables.notices)] == ["uncertain"]
        assert await process.database.read(lambda c: outbox.next_due(c, "telegram")) is None
    assert len(channel.calls) == 2


async def test_clearing_up_that_fails_at_first_is_done_once_the_database_is_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may go away between taking the lease and freeing what its last holder held; nothing stays held."""
    channel, clock = Recorder(), Clock()
    await before_the_wire(database_url, channel, clock)
    recover, failures = outbox.recover, [Down("gone for a moment")]

    def fails_once(connection: Connection, *args: Any, **more: object) -> tuple[int, int]:
        if failures:
            raise failures.pop()
        return recover(connection, *args, **more)

    monkeypatch.setattr(outbox, "recover", fails_once)
    async with Database(database_url, Cipher(lives.KEY)) as database:
        sender = Sender(database, channel, {}, clock=clock)
        await sender._try_lease("sender:telegram")
        await sender._try_lease("sender:telegram")
        held = await rows(database, tables.outbox)
        assert [leases.is_dead(row.owner) for row in held] == [False], "held by the living"


async def test_reply_goes_out_without_being_looked_for(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looking is for what a dead process left; a reply that waited for it would take a quarter of a second."""
    monkeypatch.setattr(sending, "POLL", 3600.0)
    channel = Recorder()
    async with life(database_url, channel, Clock(), all_of=world()) as process:
        await process.inbox.accept(START)
        await channel.called(1)


# --- who may send ---------------------------------------------------------------------------------------------------


def alive() -> str:
    """Another process of this machine that lives: the one that started us."""
    host, boot, *_ = leases.me().split("|")
    return f"{host}|{boot}|{os.getppid()}|{leases._began(os.getppid())}"


LIVES, RAN_OUT = leases.LEASE.total_seconds() - 1, leases.LEASE.total_seconds() + 1


@pytest.mark.parametrize(
    ("holder", "seconds", "taken"),
    [
        pytest.param(alive, LIVES, False, id="alive, and its lease too"),
        pytest.param(alive, RAN_OUT, True, id="alive, and silent for too long"),
        pytest.param(lambda: dead_owner(1), 0, True, id="dead here: at once"),
        pytest.param(lambda: "elsewhere|0|1|1", LIVES, False, id="on another machine, perhaps alive"),
        pytest.param(lambda: "elsewhere|0|1|1", RAN_OUT, True, id="on another machine, and silent for too long"),
    ],
)
async def test_second_process_sends_only_when_the_first_cannot(
    database_url: str, holder: Callable[[], str], seconds: float, taken: bool
) -> None:
    """One sender a channel: two would send everything twice."""
    clock, owners = Clock(), dict[str, str]()
    async with Database(database_url, Cipher(lives.KEY)) as database:
        first = holder()
        await database.write(lambda c: leases.acquire(c, "sender:telegram", first, clock()))
        clock.pass_by(seconds)
        await Sender(database, Recorder(), owners, clock=clock)._try_lease("sender:telegram")
    assert bool(owners) is taken


# --- the database cannot be written ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """A way for a database to refuse, and how it ends."""

    begin: str
    end: str
    from_outside: bool = False  # by another connection, otherwise by the service's own


SQLITE = {
    "another program holds it": Trouble("BEGIN IMMEDIATE", "ROLLBACK", from_outside=True),
    "its disk is full": Trouble("PRAGMA max_page_count=1", "PRAGMA max_page_count=100000"),
    "it is read-only": Trouble("PRAGMA query_only=ON", "PRAGMA query_only=OFF"),
}
_READ_ONLY = (
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {}', current_database()); END $$"
)
_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
POSTGRES = {
    "another session holds the table": Trouble(
        "BEGIN; LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE", "ROLLBACK", from_outside=True
    ),
    "it became a read-only copy": Trouble(
        f"{_READ_ONLY.format('on')}; {_END_SESSIONS}", f"{_READ_ONLY.format('off')}; {_END_SESSIONS}", from_outside=True
    ),
}
TROUBLES = [("sqlite", name, trouble) for name, trouble in SQLITE.items()]
TROUBLES += [("postgres", name, trouble) for name, trouble in POSTGRES.items()]


@pytest.mark.parametrize(
    ("_new_database", "trouble"),
    [pytest.param(kind, trouble, id=f"{kind}: {name}") for kind, name, trouble in TROUBLES],
    indirect=["_new_database"],
)
async def test_event_is_refused_whole_while_the_database_refuses_and_taken_afterwards(
    database_url: str, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """The platform hears "not now" and offers it again: nothing of it was kept, and nothing of it is lost."""
    monkeypatch.setattr(storage_database, "BUSY_SECONDS", 0.1)
    channel, clock = Recorder(), Clock()
    async with life(database_url, channel, clock, all_of=world()) as process:
        async with in_trouble(database_url, process, trouble):
            number = await _first_refused(process)
        before = await process.database.read(counts)
        assert before["inbox"] == before["contacts"] == number - 1
        await offer_until_taken(process, event(number))
        await process.sender.settled()
        after = await process.database.read(counts)
        assert after["inbox"] == after["contacts"] == number
        assert [row.key for row in await rows(process.database, tables.inbox)][-1] == event(number).key
        assert len({call.id for call in channel.calls}) == after["outbox"] > before["outbox"]


FILLING = 200  # events after which the free pages of a full file must be used up


def event(number: int) -> Incoming:
    """The first words of somebody new."""
    return Incoming(f"telegram:1:{number}", Address("telegram", str(number)), Kind.TEXT, text="Кога? " * 100)


def counts(connection: Connection) -> dict[str, int]:
    """How many rows there are of what an event leaves behind."""
    kept = (tables.inbox, tables.outbox, tables.contacts)
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in kept}


async def _first_refused(process: Life) -> int:
    for number in range(1, FILLING):
        try:
            await process.inbox.accept(event(number))
        except Unavailable:
            return number
    pytest.fail("nothing was refused")


async def offer_until_taken(process: Life, said: Incoming) -> None:
    """What a platform does with an event that was refused."""
    async with asyncio.timeout(lives.SOON):
        while True:
            with contextlib.suppress(Unavailable):
                await process.inbox.accept(said)
                return


@asynccontextmanager
async def in_trouble(url: str, process: Life, trouble: Trouble) -> AsyncIterator[None]:
    """The trouble, for as long as it lasts."""
    async with _outside(url) if trouble.from_outside else _inside(process) as order:
        await order(trouble.begin)
        yield
        await order(trouble.end)


Order = Callable[[str], Awaitable[object]]


@asynccontextmanager
async def _inside(process: Life) -> AsyncIterator[Order]:
    """The writer's own connection, without the transaction that every job gets."""
    writer = process.database._writer
    assert isinstance(writer, storage_database._Sqlite)
    yield writer._connection.execute


@asynccontextmanager
async def _outside(url: str) -> AsyncIterator[Order]:
    where = make_url(url)
    if where.get_backend_name() == "sqlite":
        with contextlib.closing(
            sqlite3.connect(where.database or "", isolation_level=None, check_same_thread=False)
        ) as connection:
            yield lambda line: asyncio.to_thread(connection.execute, line)
    else:
        session = await asyncpg.connect(where.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            yield session.execute
        finally:
            await session.close()
