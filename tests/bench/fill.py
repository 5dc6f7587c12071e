"""Made-up rows, written straight into a bot's database: people who registered long ago, and announcements that wait.

Written through the tables of storage, so that names and numbers are sealed as the bot seals them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, select, text

from bot.messages import Address, Lane, Outgoing
from storage.cipher import Cipher
from storage.database import Database
from storage.people import hash_of
from storage.tables import addresses, answers, consents, contacts, conversations, outbox, residents

FIRST_CHAT: Final = 5_000_000_000  # beyond the chats of people who talk
_CHUNK: Final = 5_000
_ANSWERED: Final = {
    "language": "bg", "practice": "ok", "consent": "yes", "adult": True, "phone": {"number": "", "own": False},
}  # fmt: skip
_WORDS: Final = "📅 В сряда, 12:00, в читалището: среща за родители. Елате с детето си."


async def fill(url: str, key: bytes, *, people: int = 0, midway: int = 0, bulk: int = 0, viber: bool = False) -> None:
    """Make the database: registered contacts, the last of them in a conversation, a broadcast waiting for the first.

    `viber`: they are there, and not on Telegram.
    """
    now = datetime.now(UTC)
    async with Database(url, Cipher(key)) as database:
        numbers = iter(range(1, people + 1))
        while chunk := list(islice(numbers, _CHUNK)):
            await database.write(lambda c, ids=chunk: _contacts(c, ids, now, viber=viber))  # type: ignore[misc]
        if midway:
            await database.write(lambda c: _midway(c, range(people - midway + 1, people + 1), now))
        broadcast = iter(range(1, bulk + 1))
        while chunk := list(islice(broadcast, _CHUNK)):
            await database.write(lambda c, ids=chunk: _insert(c, outbox, _broadcast(ids, now)))  # type: ignore[misc]
        await database.write(count_on)


def _contacts(connection: Connection, ids: list[int], now: datetime, *, viber: bool) -> None:
    places = {n: Address("viber", viber_id(n)) if viber else Address("telegram", str(FIRST_CHAT + n)) for n in ids}
    _insert(connection, contacts, (_contact(n, now) for n in ids))
    _insert(connection, addresses, (_address(connection, n, places[n], now) for n in ids))
    _insert(connection, residents, ({"address_id": n, "contact_id": n} for n in ids))
    _insert(connection, consents, (_consent(n, places[n].channel, now) for n in ids))


def _midway(connection: Connection, ids: range, now: datetime) -> None:
    talks = {n: secrets.randbits(40) for n in ids}
    _insert(connection, conversations, (_talk(talk, n, now) for n, talk in talks.items()))
    _insert(
        connection,
        answers,
        (
            {"conversation_id": talk, "key": key, "value": value, "complete": True, "at": now}
            for talk in talks.values()
            for key, value in _ANSWERED.items()
        ),
    )


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    connection.execute(insert(table), list(rows))


def _contact(number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": number, "status": "active", "language": "bg", "name": f"Човек {number}", "phone": f"+35987{number:07d}",
        "phone_hash": secrets.token_bytes(16), "phone_is_own": True, "settlement": "vidin", "purpose": "work",
        "created_at": now, "registered_at": now,
    }  # fmt: skip


def viber_id(number: int) -> str:
    """An id as Viber makes them."""
    return base64.b64encode(number.to_bytes(16, "big")).decode()


def _address(connection: Connection, number: int, place: Address, now: datetime) -> dict[str, Any]:
    return {
        "id": number, "channel": place.channel, "external": place.external, "lookup": hash_of(connection, place),
        "status": "active", "contact_id": number, "created_at": now,
    }  # fmt: skip


def _consent(number: int, channel: str, now: datetime) -> dict[str, Any]:
    return {"contact_id": number, "purpose": f"channel_{channel}", "action": "given", "form": "button", "at": now}


def _talk(talk: int, number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": talk, "contact_id": number, "script": "registration", "state": "open", "asked": "name",
        "started_at": now, "updated_at": now,
    }  # fmt: skip


def _broadcast(ids: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    for number in ids:
        yield {
            "key": f"bulk:1:{number}", "channel": "telegram", "address_id": number, "contact_id": number,
            "lane": int(Lane.BROADCAST), "body": Outgoing(_WORDS).to_json(), "status": "queued", "not_before": now,
            "expires_at": now + timedelta(days=1), "created_at": now,
        }  # fmt: skip


def count_on(connection: Connection) -> None:
    """PostgreSQL's counters know nothing of ids that were given, nor its planner of who registered long ago."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))
        for table in (contacts, addresses):
            sequence = func.pg_get_serial_sequence(table.name, "id")
            last = select(func.max(table.c.id)).scalar_subquery()
            connection.execute(select(func.setval(sequence, func.coalesce(last, 1))))
