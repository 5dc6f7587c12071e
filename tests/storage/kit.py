"""What tests of storage share: a key, a moment, and rows made the way the service makes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Table, event, insert, select

from bot.chat import Acting
from bot.messages import Address, Delivery, Incoming, Kind, Lane, Outgoing
from storage import outbox, people
from storage.cipher import Cipher
from storage.database import Database
from storage.outbox import Draft, Held, Taker
from storage.people import Known
from storage.tables import contacts as contact_rows
from storage.tables import conversations
from storage.tables import outbox as outbox_rows
from tests.conversations.client import Service, Town

KEY = bytes(range(32))
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def opened(url: str, key: bytes = KEY) -> Database:
    """A database that is yet to be entered."""
    return Database(url, Cipher(key))


def said(number: int = 1, external: str = "1", channel: str = "telegram", **more: Any) -> Incoming:
    """One event of somebody."""
    return Incoming(f"{channel}:{number}", Address(channel, external), more.pop("kind", Kind.TEXT), **more)


def meet(connection: Connection, external: str = "1", channel: str = "telegram", now: datetime = NOW) -> Known:
    """Whoever writes at an address; entered when met for the first time."""
    return people.load(connection, [said(external=external, channel=channel)], now)[Address(channel, external)]


def acting(known: Known, now: datetime = NOW) -> Acting:
    """For whom a query acts."""
    return Acting(known.contact_id, known.address_id, known.address.channel, "bg", "event", now)


def queue(
    connection: Connection, known: Known, *keys: str, lane: Lane = Lane.REPLY, owner: str = "", now: datetime = NOW
) -> list[Held]:
    """Queue one message for each key, held by an owner if there is one."""
    drafts = [Draft(k, known.address, known.address_id, known.contact_id, Outgoing(k), lane) for k in keys]
    return outbox.enqueue(connection, drafts, now, {known.address.channel: Taker(owner)} if owner else {})


def bulk(connection: Connection, known: Known, number: int, status: str = "queued", **more: Any) -> None:
    """Many rows at once, as a broadcast leaves them."""
    row = {
        "channel": known.address.channel, "address_id": known.address_id, "contact_id": known.contact_id,
        "lane": int(Lane.BROADCAST), "body": {"text": "x"}, "status": status, "not_before": NOW,
        "expires_at": NOW + DAY, "created_at": NOW,
    } | more  # fmt: skip
    start = more.pop("start", 0)
    row.pop("start", None)
    connection.execute(insert(outbox_rows), [row | {"key": f"bulk:{status}:{n}"} for n in range(start, start + number)])


def converse(connection: Connection, known: Known, number: int, *, state: str = "open", at: datetime = NOW) -> None:
    """A conversation with a contact."""
    row = {"id": number, "contact_id": known.contact_id, "script": "registration", "state": state, "asked": "name"}
    connection.execute(insert(conversations).values(row | {"misses": 0, "started_at": at, "updated_at": at}))


def enrol(connection: Connection, known: Known, **values: Any) -> None:
    """Make a contact a registered one."""
    mine = contact_rows.c.id == known.contact_id
    connection.execute(contact_rows.update().where(mine).values({"registered_at": NOW} | values))


def everything(connection: Connection, table: Table) -> Sequence[Mapping[str, Any]]:
    """All rows of a table, opened, oldest first."""
    return connection.execute(select(table).order_by(*table.primary_key.columns)).mappings().all()


def engine_of(database: Database) -> Engine:
    """The engine of the writer."""
    engine: Any = database._writer._engine  # type: ignore[attr-defined]
    return engine if isinstance(engine, Engine) else engine.sync_engine


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that a database runs meanwhile; an executemany counts once, a commit is "COMMIT"."""
    seen: list[str] = []

    def statement(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        seen.append(text)

    def commit(_connection: Any) -> None:
        seen.append("COMMIT")

    engine = engine_of(database)
    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


async def steps(database: Database, job: Callable[[Connection], object]) -> list[str]:
    """How SQLite goes about each statement of a job: the lines of EXPLAIN QUERY PLAN."""
    seen: list[tuple[str, Any]] = []

    def statement(_connection: Any, _cursor: Any, text: str, values: Any, *_rest: Any) -> None:
        seen.append((text, values))

    engine = engine_of(database)
    event.listen(engine, "before_cursor_execute", statement)
    await database.write(job)
    event.remove(engine, "before_cursor_execute", statement)

    def explain(connection: Connection) -> list[str]:
        return [
            row[-1] for text, values in seen for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]

    return await database.write(explain)


@asynccontextmanager
async def standing(town: Town) -> AsyncIterator[Service]:
    """One life of the service for many messages, where reloading between them is not what is tested."""

    async def take(event: Incoming) -> list[Delivery]:
        recorder = town.channels[event.address.channel]
        before = len(recorder.sent)
        await service.inbox.accept(event)
        await service.quiet()
        return recorder.sent[before:]

    async with town.service() as service:
        town.take = take  # type: ignore[method-assign]
        yield service
