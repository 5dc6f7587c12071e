"""A month at a glance, for one of the staff: whom we reached, who came, whose questions were answered, who is new.

A mediator's own work, and everybody's for those who see all numbers. Only counts leave it, never a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case, distinct, func, literal, select, true, union

from bot.chat import Acting
from storage import charges, months, staff
from storage.months import SEES_NUMBERS
from storage.tables import broadcasts, contacts, invitations, notifications, outbox, recipients, ticket_lines, tickets
from storage.tables import events as event_rows

ARRIVED = ("sent", "delivered", "read")
DAYS = 7


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of a month, or its last few. Days are those of the local calendar."""

    first: int
    last: int
    came: int  # people
    fresh: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """One month, as far as it is over. People are counted once, however often."""

    begins: datetime  # local
    reached: int  # somebody to whom a message of ours arrived: about an event of this month, or announced in it
    came: int
    answered: int  # questions
    fresh: int  # registered
    weeks: Sequence[Week]  # those that have begun


def pulse(connection: Connection, acting: Acting, *, ago: int, zone: ZoneInfo) -> Pulse:
    """This month, or the one so many months ago."""
    local = acting.now.astimezone(zone)
    begins, ends = months.bounds(local, ago)
    role = staff.role_of(connection, acting.contact_id)
    edges = [begins + timedelta(days=n) for n in range(0, (ends - begins).days + 1, DAYS)]
    edges = [edge for edge in edges if edge < min(ends, local)] or [begins]
    came, by_week = _came(connection, acting, edges, ends)
    new, new_by_week = _fresh(connection, acting, role, edges, ends)
    weeks = [
        Week(first.day, (last - timedelta(days=1)).day, by_week.get(n, 0), new_by_week.get(n, 0))
        for n, (first, last) in enumerate(zip(edges, [*edges[1:], min(edges[-1] + timedelta(DAYS), ends)], strict=True))
    ]
    return Pulse(
        begins, _reached(connection, acting, role, begins, ends), came,
        _answered(connection, acting, role, begins, ends), new, weeks,
    )  # fmt: skip


def _between(column: Any, begins: datetime, ends: datetime) -> ColumnElement[bool]:
    inside: ColumnElement[bool] = (column >= begins) & (column < ends)
    return inside


def _week(column: Any, edges: Sequence[datetime]) -> ColumnElement[int]:
    """The number of the week in which a time lies."""
    later = [(column < edge, number) for number, edge in enumerate(edges[1:])]
    return case(*later, else_=len(later)) if later else literal(0)


def _came(
    connection: Connection, acting: Acting, edges: Sequence[datetime], ends: datetime
) -> tuple[int, Mapping[int, int]]:
    here = _between(event_rows.c.starts_at, edges[0], ends) & invitations.c.attended.is_(True)
    joined = invitations.join(event_rows, event_rows.c.id == invitations.c.event_id)
    return _counted(
        connection, joined, here & months.seen(connection, acting), invitations.c.contact_id,
        _week(event_rows.c.starts_at, edges),
    )  # fmt: skip


def _fresh(
    connection: Connection, acting: Acting, role: str, edges: Sequence[datetime], ends: datetime
) -> tuple[int, Mapping[int, int]]:
    theirs = true() if role in SEES_NUMBERS else charges.own(acting.contact_id, role)
    here = _between(contacts.c.registered_at, edges[0], ends) & theirs
    return _counted(connection, contacts, here, contacts.c.id, _week(contacts.c.registered_at, edges))


def _counted(
    connection: Connection, table: Any, here: ColumnElement[bool], who: Any, week: ColumnElement[int]
) -> tuple[int, Mapping[int, int]]:
    """How many people in all, and by week: whoever came in two weeks is in both, and once in the whole."""
    weekly = select(week.label("week"), who.label("who")).select_from(table).where(here).subquery()
    each = select(weekly.c.week, func.count(distinct(weekly.c.who))).group_by(weekly.c.week)
    total = connection.execute(select(func.count(distinct(weekly.c.who)))).scalar_one()
    return total, {row[0]: row[1] for row in connection.execute(each)}


def _reached(connection: Connection, acting: Acting, role: str, begins: datetime, ends: datetime) -> int:
    mine = true() if role in SEES_NUMBERS else broadcasts.c.by_id == acting.contact_id
    arrived = outbox.c.status.in_(ARRIVED)
    of_events = (
        select(notifications.c.contact_id)
        .join(event_rows, event_rows.c.id == notifications.c.event_id)
        .join(outbox, outbox.c.key == notifications.c.message)
        .where(_between(event_rows.c.starts_at, begins, ends), arrived, months.seen(connection, acting))
    )
    announced = (
        select(recipients.c.contact_id)
        .join(broadcasts, broadcasts.c.id == recipients.c.broadcast_id)
        .join(outbox, outbox.c.key == recipients.c.message)
        .where(_between(broadcasts.c.started_at, begins, ends), arrived, mine)
    )
    people = union(of_events, announced).subquery()
    return connection.execute(select(func.count()).select_from(people)).scalar_one()


def _answered(connection: Connection, acting: Acting, role: str, begins: datetime, ends: datetime) -> int:
    if role in SEES_NUMBERS:
        all_of_them = select(func.count()).where(_between(tickets.c.answered_at, begins, ends))
        return connection.execute(all_of_them).scalar_one()
    mine = (ticket_lines.c.by_id == acting.contact_id) & (ticket_lines.c.side == "staff")
    counted = select(func.count(distinct(ticket_lines.c.ticket_id)))
    return connection.execute(counted.where(mine, _between(ticket_lines.c.at, begins, ends))).scalar_one()
