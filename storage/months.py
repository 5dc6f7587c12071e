"""A month in numbers: what was held, who was invited, answered and came, and how they found it. Never a name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case, distinct, func, or_, select, true

from bot.chat import Acting
from storage import events, feedback, staff
from storage.feedback import Opinions
from storage.tables import events as event_rows
from storage.tables import invitations

SEES_NUMBERS = staff.SEES_ALL | {staff.REPORTER}  # of everything; the others see those of their own events


@dataclass(frozen=True, slots=True)
class Line:
    """The numbers of one activity, or of all together. People are counted once, however often they came."""

    activity: str  # empty: all
    events: int
    invited: int
    answered: int
    came: int
    opinions: Opinions
    walked_in: int = 0  # of those who came: without being invited


@dataclass(frozen=True, slots=True)
class Month:
    """One month, as far as it is over."""

    begins: datetime  # local
    total: Line
    activities: Sequence[Line]


def month(connection: Connection, acting: Acting, *, ago: int, zone: ZoneInfo) -> Month:
    """This month, or the one so many months ago."""
    begins, ends = bounds(acting.now.astimezone(zone), ago)
    held = (event_rows.c.ends_at <= acting.now) & (event_rows.c.status == events.PUBLISHED)
    then = (event_rows.c.starts_at >= begins) & (event_rows.c.starts_at < ends)
    which = held & then & seen(connection, acting)
    opinions = feedback.of_month(connection, acting, which=which)
    counted, together = _counted(connection, which), _people(connection, which)

    def line(code: str, held: int) -> Line:
        invited, answered, came, walked_in = together.get(code, (0, 0, 0, 0))
        return Line(code, held, invited, answered, came, opinions.get(code, Opinions()), walked_in)

    codes = sorted({*counted, *together} - {""})
    return Month(begins, line("", sum(counted.values())), [line(code, counted.get(code, 0)) for code in codes])


def bounds(local: datetime, ago: int) -> tuple[datetime, datetime]:
    """Local midnight of the month's first day, and of the next month's."""
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    for _ in range(ago):
        first = (first - timedelta(days=1)).replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def seen(connection: Connection, acting: Acting) -> ColumnElement[bool]:
    """Whether an event is in the numbers of whoever asks."""
    if staff.role_of(connection, acting.contact_id) in SEES_NUMBERS:
        return true()
    return or_(event_rows.c.mediator_id == acting.contact_id, event_rows.c.created_by == acting.contact_id)


def _counted(connection: Connection, which: ColumnElement[bool]) -> Mapping[str, int]:
    """How many events each activity held; an appointment is one, whatever slots it has."""
    grouped = select(event_rows.c.activity, func.count()).where(which, event_rows.c.kind != "slot")
    return dict(_pairs(connection.execute(grouped.group_by(event_rows.c.activity))))


def _pairs(found: Iterable[Any]) -> Iterable[tuple[str, int]]:
    return ((activity, count) for activity, count in found)


def _people(connection: Connection, which: ColumnElement[bool]) -> Mapping[str, tuple[int, int, int, int]]:
    """By activity, and under "" in all: how many people were invited, answered, came, and came uninvited."""
    asked, came = ~events.walked_in(), invitations.c.attended.is_(True)
    groups = (asked, asked & (invitations.c.rsvp != ""), came, came & ~asked)
    columns = [func.count(distinct(case((group, invitations.c.contact_id)))) for group in groups]
    joined = invitations.join(event_rows, event_rows.c.id == invitations.c.event_id)
    each = select(event_rows.c.activity, *columns).select_from(joined).where(which).group_by(event_rows.c.activity)
    found = {row[0]: (row[1], row[2], row[3], row[4]) for row in connection.execute(each)}
    total = connection.execute(select(*columns).select_from(joined).where(which)).one()
    return found | {"": (total[0], total[1], total[2], total[3])}
