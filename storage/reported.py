"""What platforms report of messages that they took, put to the rows of the outbox.

Reports come twice, late, from several devices and in any order, and must lead to the same end: a row only goes forward.
Whatever says that it arrived outweighs a failure, for that was on another device of theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, func, literal_column, select, update

from storage.tables import addresses, contacts, outbox, receipts, residents

FAILED: Final = "failed"  # stands before the colon of the error, where the ledger and the call list look for a code
ALONG: Final = "along"  # read along with a later one: that says nothing of how this one fared, and a failure counts
_ORDER: Final = {"sent": 0, FAILED: 1, "delivered": 2, "read": 3}


@dataclass(frozen=True, slots=True)
class Told:
    """One report about a message to one address."""

    address_id: int
    platform_id: str
    status: str  # delivered, read, failed
    text: str
    at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Applied:
    """What reports led to."""

    unknown: Sequence[Told]  # of no message that is there
    lost: frozenset[int]  # addresses to which nothing more shall be written


def apply(connection: Connection, told: Sequence[Told]) -> Applied:
    """Put reports to the messages that they are about. Addresses that are lost are left for the caller to stop."""
    found = _rows(connection, told)
    by_pair = _best(told)
    best = {row.id: max(_own(row), by_pair[row.address_id, row.platform_id]) for row in found}
    moved = [row for row in found if best[row.id] > _own(row)]
    _move(connection, [row.id for row in moved if best[row.id] == _ORDER["delivered"]], "delivered")
    _move(connection, [row.id for row in moved if best[row.id] == _ORDER["read"]], "read")
    failed = [row for row in found if best[row.id] == _ORDER[FAILED]]
    _fail(connection, told, failed)
    arrived = {row.address_id for row in moved if row.status == FAILED}
    read = {row.address_id for row in moved if best[row.id] == _ORDER["read"]}
    _read_along(connection, read | arrived)
    _revive(connection, arrived)
    there = {(row.address_id, row.platform_id) for row in found}
    unknown = [one for one in told if (one.address_id, one.platform_id) not in there]
    return Applied(unknown, _lost(connection, told, {(row.address_id, row.platform_id) for row in failed}))


_joined = delete(receipts).where(
    receipts.c.address_id == bindparam("at_address"), receipts.c.platform_id == bindparam("token"),
    receipts.c.status == bindparam("to"),
)  # fmt: skip


def join(connection: Connection, sent: Sequence[int]) -> frozenset[int]:
    """Put to rows that were just sent what came before the answer to the send. Gives the addresses that are lost."""
    here = (outbox.c.address_id == receipts.c.address_id) & (outbox.c.platform_id == receipts.c.platform_id)
    early = connection.execute(select(receipts).join(outbox, here).where(outbox.c.id.in_(sent))).all()
    if not early:
        return frozenset()
    connection.execute(_joined, [{"at_address": r.address_id, "token": r.platform_id, "to": r.status} for r in early])
    return apply(connection, [Told(r.address_id, r.platform_id, r.status, r.text, r.at) for r in early]).lost


def _rows(connection: Connection, told: Sequence[Told]) -> Sequence[Any]:
    """The messages that reports are about. A platform's id may be that of many people's messages: the pair counts."""
    pairs = {(one.address_id, one.platform_id) for one in told}
    here = outbox.c.address_id.in_({pair[0] for pair in pairs}) & outbox.c.platform_id.in_({pair[1] for pair in pairs})
    columns = (outbox.c.id, outbox.c.address_id, outbox.c.platform_id, outbox.c.status, outbox.c.error)
    found = connection.execute(select(*columns).where(here, outbox.c.status.in_(_ORDER)))
    return [row for row in found if (row.address_id, row.platform_id) in pairs]


def _own(row: Any) -> int:
    """How far a message came by reports about itself."""
    return 0 if row.error == ALONG else _ORDER[row.status]


def _best(told: Sequence[Told]) -> dict[tuple[int, str], int]:
    """The furthest that is reported of each message."""
    best: dict[tuple[int, str], int] = {}
    for one in told:
        pair = one.address_id, one.platform_id
        best[pair] = max(best.get(pair, 0), _ORDER[one.status])
    return best


def _move(connection: Connection, ids: Sequence[int], status: str) -> None:
    """One that was read along with a later one stays read when it turns out to have been delivered."""
    if ids:
        to = case((outbox.c.status == "read", "read"), else_=status)
        connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(status=to, error=""))


_to_failed = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"))
    .values(status=FAILED, error=bindparam("why"), not_before=bindparam("noted"))  # by that staff are shown it
)


def _fail(connection: Connection, told: Sequence[Told], rows: Sequence[Any]) -> None:
    if not rows:
        return
    last = {(one.address_id, one.platform_id): one for one in sorted(told, key=_by_time) if one.status == FAILED}
    values = [
        {"row": row.id, "why": f"{FAILED}: {one.text}"[:200], "noted": one.at}
        for row in rows
        if (one := last.get((row.address_id, row.platform_id)))
    ]
    if values:
        connection.execute(_to_failed, values)


def _by_time(one: Told) -> tuple[datetime, str]:
    return one.at, one.text


def _read_along(connection: Connection, address_ids: Collection[int]) -> None:
    """Whoever has read one has read what was sent before it: a chat is opened once, not once for each message."""
    if not address_ids:
        return
    later = outbox.alias()
    until = (
        select(func.max(later.c.sent_at))
        .where(later.c.address_id == outbox.c.address_id, later.c.status == "read")
        .scalar_subquery()
    )
    there = outbox.c.address_id.in_(address_ids) & outbox.c.status.in_(("sent", "delivered"))
    values = {"status": "read", "error": case((outbox.c.status == "sent", ALONG), else_="")}
    connection.execute(update(outbox).where(there, outbox.c.sent_at <= until).values(values))


def _lost(connection: Connection, told: Sequence[Told], failed: Collection[tuple[int, str]]) -> frozenset[int]:
    """Addresses where a message failed, unless they have given a sign of themselves since."""
    mine = [one for one in told if one.status == FAILED and (one.address_id, one.platform_id) in failed]
    if not mine:
        return frozenset()
    ids = {one.address_id for one in mine}
    found = connection.execute(select(addresses.c.id, addresses.c.heard_at).where(addresses.c.id.in_(ids)))
    heard: dict[int, datetime | None] = dict(map(tuple, found))
    return frozenset(one.address_id for one in mine if (at := heard[one.address_id]) is None or at <= one.at)


def _revive(connection: Connection, address_ids: Collection[int]) -> None:
    """What was held for failed has arrived: they can be written to again, unless they left or another failed."""
    if not address_ids:
        return
    failed = (outbox.c.status == literal_column("'failed'")) & (outbox.c.platform_id != "")
    since = func.coalesce(addresses.c.heard_at, addresses.c.created_at)
    another = select(outbox.c.id).where(failed, outbox.c.address_id == addresses.c.id, outbox.c.not_before >= since)
    left = addresses.c.left_at.is_not(None) & (addresses.c.left_at > since)
    back = addresses.c.id.in_(address_ids) & (addresses.c.status == "blocked") & ~left & ~another.exists()
    here = connection.execute(update(addresses).where(back).values(status="active").returning(addresses.c.id))
    served = select(residents.c.contact_id).where(residents.c.address_id.in_(here.scalars().all()))
    cut_off = contacts.c.id.in_(served) & (contacts.c.status == "blocked")
    connection.execute(update(contacts).where(cut_off).values(status="active"))
