"""Who comes and who came: the staff's side of an event. Names are opened here, so it must never be logged.

An appointment's people stand on one list over all its slots; what is marked there is kept with the slot they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, or_, select, update

from bot import calendar
from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting
from storage import events, invitations, moments, participation, staff
from storage.events import Event
from storage.invitations import MAYBE, NO, OWN, SEAT, STAFF, THERE, WAITS, WALKIN, YES
from storage.tables import contacts
from storage.tables import events as event_rows
from storage.tables import invitations as rows
from storage.tables import moments as moment_rows

EARLY = timedelta(hours=1)  # before the beginning: from then on it is natural that people come
REMEMBERED = timedelta(days=14)  # after which nobody can say any more who was there
ORDER = (YES, WAITS, MAYBE, "silent", NO)  # whoever is expected stands first


@dataclass(frozen=True, slots=True)
class Sheet:
    """The list of one event for one of the staff: the event, and how far it is."""

    event: Event
    now: datetime  # UTC
    done: bool  # somebody has said that the list of who came is complete

    @property
    def is_early(self) -> bool:
        """Whether nobody can be there yet."""
        return self.now < self.event.starts_at - EARLY

    @property
    def has_begun(self) -> bool:
        """Whether somebody can be missed by now."""
        return self.now >= self.event.starts_at

    @property
    def is_over(self) -> bool:
        """Whether it makes no sense any more to ask who will come."""
        return self.now > self.event.ends_at

    @property
    def is_cancelled(self) -> bool:
        """Whether it does not take place."""
        return self.event.status == events.CANCELLED


@dataclass(frozen=True, slots=True)
class Tally:
    """How an event stands, in numbers."""

    invited: int
    yes: int  # also those who wait for a seat
    no: int
    maybe: int
    silent: int
    waiting: int
    came: int  # also those who were not invited
    absent: int
    walked_in: int = 0  # came without being invited: in none of the numbers above but `came`


@dataclass(frozen=True, slots=True)
class Line:
    """One person on a list of an event."""

    contact_id: int
    name: str
    rsvp: str
    seat: str
    leave_at: str
    attended: bool | None
    source: str
    hour: datetime | None = None  # UTC; of an appointment: when their slot begins
    says_there: bool = False  # asked why they did not come, they said that they had
    walked_in: bool = False  # not invited, but there

    @property
    def standing(self) -> str:
        """What can be said of their coming: yes, waiting, maybe, silent or no."""
        return WAITS if self.seat == WAITS else self.rsvp or "silent"


# --- reading --------------------------------------------------------------------------------------------------------


def sheet(connection: Connection, acting: Acting, *, event_id: int) -> Sheet | None:
    """An event's list, if whoever acts may see it; of one slot, that of the whole appointment."""
    event = events.for_staff(connection, acting, event_id=event_id)
    if event is not None and event.kind == "slot" and event.lead_id is not None:
        event = events.for_staff(connection, acting, event_id=event.lead_id)
    return Sheet(event, acting.now, _is_done(connection, event.id)) if event else None


def _is_done(connection: Connection, event_id: int) -> bool:
    asked = (moment_rows.c.event_id == event_id) & (moment_rows.c.offset == moments.MISSED)
    return connection.execute(select(exists().where(asked))).scalar_one()


def unmarked(connection: Connection, acting: Acting) -> list[Event]:
    """Own events that are over, with guests of whom nobody has said yet who came; the latest first."""
    role = staff.role_of(connection, acting.contact_id)
    if role not in staff.LEADS | {staff.TRAINER}:
        return []
    mine = or_(event_rows.c.mediator_id == acting.contact_id, event_rows.c.created_by == acting.contact_id)
    over = (event_rows.c.ends_at < acting.now) & (event_rows.c.ends_at > acting.now - REMEMBERED)
    held = (event_rows.c.status == events.PUBLISHED) & (event_rows.c.kind != "slot")
    done = exists().where(moment_rows.c.event_id == event_rows.c.id, moment_rows.c.offset == moments.MISSED)
    guests = exists().where(rows.c.event_id == event_rows.c.id)
    found = select(event_rows).where(mine, over, held, guests, ~done)
    return [events.event_of(row) for row in connection.execute(found.order_by(event_rows.c.ends_at.desc()))]


def ahead(connection: Connection, acting: Acting, *, limit: int = 6) -> list[Sheet]:
    """The nearest events of whoever acts that are not over, as lists that nobody has marked yet."""
    return [Sheet(event, acting.now, done=False) for event in events.coming(connection, acting, limit=limit)]


def tally(connection: Connection, acting: Acting, *, event_id: int) -> Tally:
    """The numbers of an event. Those who were erased count no more."""
    mine, uninvited = rows.c.event_id == event_id, events.walked_in()
    asked = mine & ~uninvited

    def those(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    numbers = (
        select(
            those(asked), those(asked & (rows.c.rsvp == YES)), those(asked & (rows.c.rsvp == NO)),
            those(asked & (rows.c.rsvp == MAYBE)), those(asked & (rows.c.rsvp == "")),
            those(asked & (rows.c.seat == WAITS)), those(rows.c.attended.is_(True)), those(rows.c.attended.is_(False)),
            those(mine & uninvited & rows.c.attended.is_(True)),
        )
        .select_from(rows.join(contacts, contacts.c.id == rows.c.contact_id))
        .where(or_(mine, rows.c.event_id.in_(_slots(event_id)) & (rows.c.seat == SEAT)), _is_known())
    )  # fmt: skip
    return Tally(*connection.execute(numbers).one())


def _slots(event_id: int) -> Any:
    return select(event_rows.c.id).where(event_rows.c.lead_id == event_id, event_rows.c.kind == "slot")


def _is_known() -> ColumnElement[bool]:
    return contacts.c.status != "archived"


def people(connection: Connection, acting: Acting, *, event_id: int) -> list[Line]:
    """Everybody whom an event concerns: whoever is expected first, then by name. Erased ones are not among them."""
    held, slot = rows.alias(), event_rows.alias()
    taken = (
        select(held.c.contact_id, held.c.attended, held.c.leave_at, held.c.miss_reason, slot.c.starts_at)
        .join(slot, slot.c.id == held.c.event_id)
        .where(slot.c.lead_id == event_id, slot.c.kind == "slot", held.c.seat == SEAT)
        .subquery()
    )
    found = connection.execute(
        select(
            rows, contacts.c.name, taken.c.starts_at.label("hour"), taken.c.attended.label("slot_attended"),
            taken.c.leave_at.label("slot_leave_at"), taken.c.miss_reason.label("slot_miss_reason"),
            case((events.walked_in(), True), else_=False).label("uninvited"),
        )
        .select_from(
            rows.join(contacts, contacts.c.id == rows.c.contact_id)
            .outerjoin(taken, taken.c.contact_id == rows.c.contact_id)
        )
        .where(rows.c.event_id == event_id, _is_known())
    )  # fmt: skip
    return sorted(map(_line, found), key=lambda one: (ORDER.index(one.standing), fold(one.name), one.contact_id))


def _line(row: Any) -> Line:
    by_slot = row.hour is not None
    return Line(
        row.contact_id, row.name or "", row.rsvp, row.seat, row.slot_leave_at if by_slot else row.leave_at,
        row.slot_attended if by_slot else row.attended, row.source, row.hour,
        (row.slot_miss_reason if by_slot else row.miss_reason) == THERE, bool(row.uninvited),
    )  # fmt: skip


def at_the_door(connection: Connection, acting: Acting, *, event_id: int) -> list[Line]:
    """Who is on the list to be marked. Of an appointment: whoever has an hour, in their order, and who just came."""
    lines = people(connection, acting, event_id=event_id)
    event = events.by_id(connection, event_id)
    if event is None or event.kind != "appointment":
        return lines
    late = event.ends_at
    there = [one for one in lines if one.hour or one.attended is not None or one.source == WALKIN]
    return sorted(there, key=lambda one: (one.hour or late, fold(one.name), one.contact_id))


# --- marking --------------------------------------------------------------------------------------------------------


def mark(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, came: bool) -> None:
    """Keep that somebody came, or take it back. Said twice, or by two at once, it changes nothing more.

    The first time somebody comes to an activity they enter it.
    """
    place = _place(connection, event_id, contact_id)
    if place is None or (place.attended is True) is came:
        return
    mine = (rows.c.event_id == place.event_id) & (rows.c.contact_id == contact_id)
    back = False if _is_done(connection, event_id) and place.expected else None
    marked = {"attended": True if came else back, "marked_at": acting.now, "marked_by": acting.contact_id}
    connection.execute(update(rows).where(mine).values(marked))
    follow = participation.enter_by_event if came else participation.take_back
    follow(connection, acting, event_id=place.event_id, contact_id=contact_id)
    action = "attendance" if came else "attendance_back"
    staff.audit(connection, acting, action, f"event:{event_id} contact:{contact_id}")


def _place(connection: Connection, event_id: int, contact_id: int) -> Any:
    """The row that counts, locked: that of the slot which somebody holds, or the event's own. None of the erased."""
    here = or_(rows.c.event_id == event_id, rows.c.event_id.in_(_slots(event_id)) & (rows.c.seat == SEAT))
    return connection.execute(
        select(rows.c.event_id, rows.c.attended, case((_expected(), True), else_=False).label("expected"))
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(here, rows.c.contact_id == contact_id, _is_known())
        .order_by((rows.c.event_id == event_id), rows.c.event_id)
        .limit(1)
        .with_for_update(of=rows)
    ).first()


def _expected() -> ColumnElement[bool]:
    """Whom it is right to miss: who said yes, came by themselves or through staff, or comes to the same course."""
    other, then, now = rows.alias(), event_rows.alias(), event_rows.alias()
    same_course = func.coalesce(then.c.lead_id, then.c.id) == func.coalesce(now.c.lead_id, now.c.id)
    comes_otherwise = exists().where(
        other.c.contact_id == rows.c.contact_id, other.c.attended.is_(True), then.c.id == other.c.event_id,
        now.c.id == rows.c.event_id, then.c.id != now.c.id, same_course,
    )  # fmt: skip
    entered = rows.c.source.in_((OWN, STAFF, WALKIN))
    return (rows.c.rsvp != NO) & (rows.c.seat != WAITS) & or_(rows.c.rsvp == YES, entered, comes_otherwise)


def walk_in(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Somebody came who was not on the list. To a course's later dates they are entered too."""
    here = (contacts.c.id == contact_id) & _is_known()
    if connection.execute(select(contacts.c.id).where(here)).scalar() is None:
        return
    invitations.enrol(connection, acting, event_id=event_id, contact_id=contact_id, source=WALKIN)
    mark(connection, acting, event_id=event_id, contact_id=contact_id, came=True)


def finish(connection: Connection, acting: Acting, *, event_id: int, rules: Rules) -> None:
    """The list is complete: who was expected and is not marked was absent, and is asked kindly why the next day.

    Nothing before the event has begun. May be corrected and finished again.
    """
    event = events.by_id(connection, event_id, locked=True)
    if event is None or acting.now < event.starts_at or event.status == events.CANCELLED:
        return
    where: ColumnElement[bool] = rows.c.event_id == event_id
    if event.kind == "appointment":
        where = rows.c.event_id.in_(_slots(event_id)) & (rows.c.seat == SEAT)
    missing = where & rows.c.attended.is_(None) & _expected()
    absent = {"attended": False, "marked_at": acting.now, "marked_by": acting.contact_id}
    connection.execute(update(rows).where(missing).values(absent))
    for number in {event_id, *_missed_in(connection, where)}:
        moments.add(connection, number, [moments.missed(rules, acting.now)])
    marked = connection.execute(select(rows.c.event_id).where(where).distinct()).scalars()
    due = calendar.next_open(rules, acting.now)
    moments.again(connection, {event_id, *marked}, (moments.AFTER, moments.MISSED), due)
    staff.audit(connection, acting, "attendance_done", f"event:{event_id}")


def _missed_in(connection: Connection, where: ColumnElement[bool]) -> Sequence[int]:
    missed = select(rows.c.event_id).where(where, rows.c.attended.is_(False)).distinct()
    return connection.execute(missed).scalars().all()
