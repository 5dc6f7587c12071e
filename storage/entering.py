"""Rows that enter the outbox by one statement, many at once; their words are found when they go out.

Each has a unique key, so a second run enters nothing. Must never decide who gets something: a select says that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, cast, literal, select

from bot.messages import Lane
from storage import notifications
from storage.people import INSERTS
from storage.tables import UtcTime, addresses, contacts, outbox

COLUMNS = ("key", "channel", "address_id", "contact_id", "lane", "status", "not_before", "expires_at", "created_at")


def row(
    key: Any, contact_id: ColumnElement[int], lane: Lane, *, opens: Any, until: Any, now: datetime
) -> tuple[Any, ...]:
    """What a select gives for each row, beside the address with which it is joined. Times: UTC, or columns."""
    times = (literal(at, UtcTime()) if isinstance(at, datetime) else at for at in (opens, until, now))
    return (key, addresses.c.channel, addresses.c.id, contact_id, literal(int(lane)), literal("queued"), *times)


def enter(connection: Connection, rows: Select[Any]) -> int:
    """Enter what a select of `row` gives. Gives how many are new."""
    return connection.execute(
        _entering(connection.dialect.name).from_select(COLUMNS, rows).on_conflict_do_nothing()
    ).rowcount


@cache
def _entering(dialect: str) -> Any:
    return INSERTS[dialect](outbox)


def to_staff(
    connection: Connection, key: str, staff_ids: Sequence[int], now: datetime, opens: datetime, until: datetime
) -> int:
    """Queue a message to some of the staff, not before `opens`. With `{}` in the key their number stands in it.

    In the lane of replies: neither a budget nor a quiet hour that has begun meanwhile may keep it from them.
    """
    before, mark, _ = key.partition("{}")
    whole = literal(before).concat(cast(contacts.c.id, String)) if mark else literal(key)
    return enter(
        connection,
        select(*row(whole, contacts.c.id, Lane.REPLY, opens=opens, until=until, now=now))
        .select_from(contacts.join(addresses, addresses.c.id == notifications.best_address()))
        .where(contacts.c.id.in_(staff_ids), contacts.c.status == "active"),
    )
