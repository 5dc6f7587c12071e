"""Receipts: what a platform reports of a message after it took it. Delivered, read, or failed after all.

They are joined with the outbox by address and the platform's id, which for a message to many is the same for all. One
that comes before the answer to the send waits here for it. Must never be kept for somebody whom we do not know.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, literal_column, select

from bot.messages import Receipt
from storage import notices, outbox, people, reported
from storage.people import hash_of, upsert
from storage.reported import Told
from storage.tables import addresses
from storage.tables import notices as notice_rows
from storage.tables import outbox as outbox_rows
from storage.tables import receipts as rows

WAITS: Final = timedelta(days=1)  # an answer to a send that is not there by then will not come
LONGEST: Final = 64  # of a platform's id, as the outbox keeps it
SOME: Final = 500  # in one statement: SQLite takes a limited number of values
MANY: Final = 20  # failures in a day of which staff are told: fewer are people's old phones
KIND: Final = "receipts"  # of that notice


def keep(connection: Connection, receipts: Sequence[Receipt], now: datetime) -> None:
    """Put receipts to the messages that they are about; those whose message is still on its way wait for it.

    An address where a message failed is written to no more, until they write to us. Twice is as once.
    """
    for some in (receipts[n : n + SOME] for n in range(0, len(receipts), SOME)):
        _keep(connection, some, now)


def forget(connection: Connection, *, before: datetime) -> None:
    """Drop what nothing was sent for: a greeting that a platform showed for us has a token that we never learn."""
    connection.execute(delete(rows).where(rows.c.at < before))


def _keep(connection: Connection, receipts: Sequence[Receipt], now: datetime) -> None:
    told = _known(connection, receipts, now)
    if not told:
        return
    people.lock(connection, {one.address_id for one in told if one.status == reported.FAILED})  # they may be stopped
    _wait_for_marks(connection, {one.address_id for one in told})
    applied = reported.apply(connection, told)
    if applied.unknown:
        early = [
            {"address_id": t.address_id, "platform_id": t.platform_id, "status": t.status, "text": t.text, "at": t.at}
            for t in applied.unknown
        ]
        connection.execute(upsert(connection, rows).on_conflict_do_nothing(), early)
    if applied.lost:
        outbox.block(connection, sorted(applied.lost))
        _tell(connection, now)


def _known(connection: Connection, receipts: Sequence[Receipt], now: datetime) -> list[Told]:
    lookups = {address: hash_of(connection, address) for address in {receipt.address for receipt in receipts}}
    found = select(addresses.c.lookup, addresses.c.id).where(addresses.c.lookup.in_(lookups.values()))
    ids = {bytes(lookup): number for lookup, number in connection.execute(found)}
    return [
        Told(ids[lookups[one.address]], one.platform_id, one.status, _printable(one.text), one.at or now)
        for one in receipts
        if lookups[one.address] in ids and 0 < len(one.platform_id) <= LONGEST
    ]


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:180]


def _wait_for_marks(connection: Connection, address_ids: Collection[int]) -> None:
    """Let `outbox.mark` of another process be either before us or after us.

    Before: we wait here for its commit, and then see the message as sent. After: it waits for our commit, and then sees
    what we kept for it.
    """
    if connection.dialect.name == "postgresql":
        on_wire = (outbox_rows.c.status == literal_column("'sending'")) & outbox_rows.c.address_id.in_(address_ids)
        locked = select(outbox_rows.c.id).where(on_wire).order_by(outbox_rows.c.id).with_for_update()
        connection.execute(locked).all()


def _tell(connection: Connection, now: datetime) -> None:
    """Say once a day that much fails: what we send may be what their phones refuse."""
    day = now - timedelta(days=1)
    told = select(notice_rows.c.id).where(notice_rows.c.kind == KIND, notice_rows.c.at > day).limit(1)
    if connection.execute(told).first() is not None:
        return
    lately = (outbox_rows.c.not_before > day) & (outbox_rows.c.status == literal_column("'failed'"))
    number = connection.execute(
        select(func.count()).select_from(outbox_rows).where(lately, outbox_rows.c.platform_id != "")
    ).scalar_one()
    if number >= MANY:
        notices.add(connection, KIND, f"{number} message(s) were taken by a platform and failed on the phone", now)
