"""Sessions: the day after somebody wrote to us, in which writing to them is free; and when they were last heard of.

Only where a channel has them (bot.abilities). Must never make a session look longer than the platform counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, literal, or_, update

from bot.abilities import SESSIONS
from bot.messages import Incoming, Kind
from storage.tables import UtcTime, addresses

# "Session = 24 hours counted from the user's first message of the session" (Viber's commercial terms for bots, in force
# since 5 February 2024). One source counts from the last message: then ours ends too early, and nobody pays for that.
HOURS: Final = timedelta(hours=24)
LIFE: Final = (Kind.OPENED, Kind.BLOCKED, Kind.UNBLOCKED)  # what a platform reports; nobody said anything


def open_at(now: datetime) -> ColumnElement[bool]:
    """Whether the session of a row of addresses began less than a day ago. False where there was none."""
    return addresses.c.session_at.is_not(None) & (addresses.c.session_at > literal(now - HOURS, UtcTime()))


def moment(event: Incoming, now: datetime) -> datetime:
    """When something was done, by the platform's clock; a clock that is ahead of ours does not make it later."""
    return min(event.sent_at or now, now)


def hear(connection: Connection, heard: Sequence[tuple[int, Incoming]], now: datetime) -> None:
    """Note of each address what its owner did there: when we last heard of them, and the beginning of a session."""
    rows = [_row(number, e, now) for number, e in heard if e.address.channel in SESSIONS and e.kind not in LIFE]
    if rows:
        connection.execute(_hear, rows)


def _row(address_id: int, event: Incoming, now: datetime) -> dict[str, object]:
    at = moment(event, now)
    # Who comes back by a link with a code has pressed nothing and written nothing: that is no message to count from.
    wrote = event.kind is not Kind.START or event.press != "" or event.text == ""
    return {"here": address_id, "at": at, "begun": at if wrote else None, "day_before": at - HOURS}


_at, _begun, _before = (bindparam(name, type_=UtcTime()) for name in ("at", "begun", "day_before"))
_heard, _session = addresses.c.heard_at, addresses.c.session_at
_hear = (
    update(addresses)
    .where(addresses.c.id == bindparam("here"))
    .values(
        heard_at=case((or_(_heard.is_(None), _heard < _at), _at), else_=_heard),
        session_at=case(
            (or_(_session.is_(None), _session <= _before), func.coalesce(_begun, _session)), else_=_session
        ),
    )
)
