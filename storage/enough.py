"""Enough: how much somebody was told of late, and whether one more message in a week would be too much.

One cap holds for a person over all senders: invitations to events and broadcasts together.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, select

from bot.calendar import Rules
from storage.moments import INVITE
from storage.tables import UtcTime, broadcasts, notifications, outbox, recipients

WEEK = timedelta(days=7)
QUEUED, JOINT = "queued", "joint"

_n, _r = notifications, recipients
_Sql = ColumnElement[Any]


def has_enough(contact_id: _Sql, now: datetime, rules: Rules) -> ColumnElement[bool]:
    """Whether one more announcement would be too much for somebody that week. `contact_id`: a column."""
    since, before = (literal(now - weeks * WEEK, UtcTime()) for weeks in (1, 2))
    enough: ColumnElement[bool] = announcements(since, before, contact_id) >= rules.announcements_a_week
    return enough


def announcements(then: _Sql, long_before: _Sql, contact_id: _Sql) -> Any:
    """How much went to somebody since then that they did not wait for.

    `long_before`: a time before which nothing was entered that could have gone out so late.
    """
    return _invitations(then, long_before, contact_id) + _broadcasts(then, long_before, contact_id)


def told_since(then: _Sql, long_before: _Sql, contact_id: _Sql) -> ColumnElement[bool]:
    """Whether a message about an event was queued since then, or went out since then, or still waits.

    Not one that was taken back.
    """
    waits = outbox.c.status.in_(("queued", "sending"))
    return (
        (_n.c.contact_id == contact_id) & _n.c.status.in_((QUEUED, JOINT)) & (_n.c.at > long_before)
        & (outbox.c.key == _n.c.message) & outbox.c.status.not_in(_GONE)
        & or_(_n.c.at > then, outbox.c.sent_at > then, waits)
    )  # fmt: skip


_GONE = ("cancelled", "expired", "failed")


def _invitations(then: _Sql, long_before: _Sql, contact_id: _Sql) -> Any:
    lately = told_since(then, long_before, contact_id) & (_n.c.offset == INVITE) & (_n.c.status == QUEUED)
    return select(func.count()).select_from(_n, outbox).where(lately).scalar_subquery()


def _broadcasts(then: _Sql, long_before: _Sql, contact_id: _Sql) -> Any:
    """Those on their way count too. The first correction does not: it only makes up for one that did."""
    wrong = broadcasts.alias()
    first = (wrong.c.id == broadcasts.c.corrects_id) & wrong.c.corrects_id.is_(None)
    is_first = select(wrong.c.id).where(first).correlate(broadcasts).exists()
    status = outbox.c.status
    told = _r.join(broadcasts, broadcasts.c.id == _r.c.broadcast_id).outerjoin(outbox, outbox.c.key == _r.c.message)
    theirs = (_r.c.contact_id == contact_id) & (_r.c.at > long_before) & _r.c.status.in_(("waiting", "queued"))
    lately = or_(_r.c.at > then, outbox.c.sent_at > then, status.in_(("queued", "sending", "held")))
    alive = or_(status.is_(None), status.not_in(_GONE))
    return (
        select(func.count())
        .select_from(told)
        .where(theirs, lately, alive, ~is_first)
        .correlate_except(_r, broadcasts, outbox)
        .scalar_subquery()
    )
