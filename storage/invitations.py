"""Invitations: whom an event concerns, what they answered, their seats, and whether they came.

Every change runs in the transaction of its reason. A seat is given out with the event's row locked, so that the last
one is given once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal, or_, select, update

from bot.calendar import Rules
from bot.chat import Acting, Conflict
from storage import contacts as profiles
from storage import events, groups, moments, notifications
from storage.contacts import Outcome
from storage.events import Event, event_of
from storage.people import upsert
from storage.tables import UtcTime, contacts, residents
from storage.tables import events as event_rows
from storage.tables import invitations as rows
from storage.tables import staff as staff_rows

YES, NO, MAYBE = "yes", "no", "maybe"
SEAT, WAITS = "seat", "waiting"
THERE = "there"  # instead of why somebody did not come: they say that they did
AUDIENCE, STAFF, WALKIN, OWN = "audience", "staff", "walkin", "own"


@dataclass(frozen=True, slots=True)
class Guest:
    """One contact's place in one event, with the event."""

    event: Event
    contact_id: int
    rsvp: str
    seat: str
    leave_at: str
    attended: bool | None
    miss_reason: str


@dataclass(frozen=True, slots=True)
class Details:
    """An event as its guest sees it."""

    guest: Guest
    now: datetime  # UTC
    line: int  # their number in the waiting line; 0 for who does not wait
    leader: str  # name and E.164 phone of who leads it; may be empty
    phone: str
    dates: Sequence[Guest]  # their coming dates of the same course, or slots of the same appointment

    @property
    def is_over(self) -> bool:
        """Whether it is too late for an answer."""
        return self.now >= self.guest.event.ends_at

    @property
    def slot(self) -> Guest | None:
        """The slot that they have chosen of this appointment."""
        return next((one for one in self.dates if one.event.kind == "slot" and one.seat == SEAT), None)


def _guest(row: Any, event: Event) -> Guest:
    return Guest(event, row.contact_id, row.rsvp, row.seat, row.leave_at, row.attended, row.miss_reason)


# --- who is invited -------------------------------------------------------------------------------------------------


def fill(connection: Connection, event_id: int, now: datetime, *, whole: bool = True) -> int:
    """Invite whoever belongs to the event's audience by now and is not invited yet.

    `whole`: to a course with all its dates. Gives how many rows that were.
    """
    event = events.by_id(connection, event_id)
    if event is None or event.status != events.PUBLISHED or not event.audience:
        return 0
    dates = events.series(connection, event) if event.kind == "course" and whole else [event]
    hosts = [number for number in (event.mediator_id, event.created_by) if number]  # are there anyway
    who = groups.matching(event.audience).where(contacts.c.id.not_in(hosts))
    return sum(_invite(connection, one.id, who, AUDIENCE, now) for one in dates if one.ends_at > now)


def _invite(connection: Connection, event_id: int, who: Select[Any], source: str, now: datetime) -> int:
    found = who.subquery()
    chosen = select(literal(event_id), found.c.id, literal(source), literal(now, UtcTime())).where(found.c.id > 0)
    fresh = upsert(connection, rows).from_select(("event_id", "contact_id", "source", "created_at"), chosen)
    return connection.execute(fresh.on_conflict_do_nothing()).rowcount


def enrol(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, source: str = STAFF) -> None:
    """Enter one contact for an event and its series' later dates. Entering twice changes nothing."""
    event = events.by_id(connection, event_id)
    if event is None:
        return
    for one in [event, *events.series(connection, event)] if event.kind == "course" else [event]:
        if one.starts_at >= event.starts_at:
            who = select(contacts.c.id).where(contacts.c.id == contact_id)
            _invite(connection, one.id, who, source, acting.now)


def welcome(connection: Connection, acting: Acting, rules: Rules) -> None:
    """Somebody registered or joined an activity just now: what is coming and meant for them reaches them too."""
    meant = _meant_for(connection, acting)
    if not meant:
        return
    columns = ("event_id", "contact_id", "source", "created_at")
    mine = select(event_rows.c.id, literal(acting.contact_id), literal(AUDIENCE), literal(acting.now, UtcTime()))
    fresh = upsert(connection, rows).from_select(columns, mine.where(event_rows.c.id.in_(meant)))
    new = set(connection.execute(fresh.on_conflict_do_nothing().returning(rows.c.event_id)).scalars())
    known = {one.series for number, one in meant.items() if number not in new}
    unheard = [one for one in meant.values() if one.series not in known]
    invited = _announced(unheard, notifications.opens_at(rules, moments.INVITE, acting.now))
    if invited:
        notifications.tell_together(connection, invited, moments.INVITE, acting.contact_id, acting.now, rules)


@dataclass(frozen=True, slots=True)
class _Coming:
    id: int
    series: int
    starts_at: datetime


def _announced(coming: Sequence[_Coming], opens: datetime) -> list[int]:
    """Of which of these events somebody is told: of a course, of the first date of which they can hear in time."""
    in_time = [one for one in coming if one.starts_at > opens]
    first: dict[int, int] = {}
    for one in (*in_time, *coming):
        first.setdefault(one.series, one.id)
    return [one.id for one in coming if first[one.series] == one.id]


def _meant_for(connection: Connection, acting: Acting) -> dict[int, _Coming]:
    """The coming events, in order, to whose audience whoever acts belongs, unless it is their own.

    Many events share few audiences, and each of those is looked at once.
    """
    soon = (event_rows.c.status == events.PUBLISHED) & (event_rows.c.starts_at > acting.now)
    hosts = (event_rows.c.mediator_id, event_rows.c.created_by)
    others = [func.coalesce(host, 0) != acting.contact_id for host in hosts]
    columns = (event_rows.c.id, event_rows.c.lead_id, event_rows.c.starts_at, event_rows.c.audience)
    upcoming = select(*columns).where(soon, *others)
    found = connection.execute(upcoming.order_by(event_rows.c.starts_at, event_rows.c.id)).all()
    audiences = {repr(row.audience): row.audience for row in found if row.audience}
    mine = {name for name, group in audiences.items() if groups.holds(connection, group, acting.contact_id)}
    theirs = [row for row in found if repr(row.audience) in mine]
    return {row.id: _Coming(row.id, row.lead_id or row.id, row.starts_at) for row in theirs}


def register(connection: Connection, acting: Acting, *, rules: Rules, **said: Any) -> Outcome:
    """Keep a registration, or its correction, and invite to what is coming. Takes what contacts.register takes."""
    outcome = profiles.register(connection, acting, **said)
    welcome(connection, acting, rules)
    return outcome


def join(connection: Connection, acting: Acting, *, activity: str, rules: Rules) -> None:
    """Note that a contact would like an activity, and invite to what is coming of it."""
    profiles.join(connection, acting, activity=activity)
    welcome(connection, acting, rules)


# --- the guest's own side -------------------------------------------------------------------------------------------


def guest(
    connection: Connection, acting: Acting, *, event_id: int, contact_id: int, locked: bool = True
) -> Guest | None:
    """An invitation, if it belongs to whoever acts or to somebody behind the same address. Locks the event's series."""
    event = events.by_id(connection, event_id, locked=locked)
    if event is None:
        return None
    here = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    row = connection.execute(
        select(rows).where(mine, or_(rows.c.contact_id == acting.contact_id, rows.c.contact_id.in_(here)))
    ).first()
    return _guest(row, event) if row else None


def details(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> Details | None:
    """All that a guest may see of an event; None where `guest` gives none."""
    found = guest(connection, acting, event_id=event_id, contact_id=contact_id, locked=False)
    if found is None:
        return None
    event = found.event
    dates = [g for g in _coming(connection, contact_id, acting.now) if g.event.series == event.series]
    name, phone = _leader(connection, event)
    waits = found.seat == WAITS
    return Details(found, acting.now, _number_in_line(connection, found) if waits else 0, name, phone, dates)


def _leader(connection: Connection, event: Event) -> tuple[str, str]:
    """Name and phone of whoever leads an event, as long as they are of the staff."""
    known = select(contacts.c.name, contacts.c.phone).where(contacts.c.id == event.mediator_id)
    row = connection.execute(known.where(contacts.c.id.in_(select(staff_rows.c.contact_id)))).first()
    return (row.name or "", row.phone or "") if row else ("", "")


def _number_in_line(connection: Connection, found: Guest) -> int:
    here = rows.c.event_id == found.event.id
    since = select(rows.c.waiting_since).where(here, rows.c.contact_id == found.contact_id).scalar_subquery()
    before = or_(
        rows.c.waiting_since < since, (rows.c.waiting_since == since) & (rows.c.contact_id <= found.contact_id)
    )
    ahead = select(func.count()).select_from(rows).where(here, rows.c.seat == WAITS, before)
    return connection.execute(ahead).scalar_one()


def mine(connection: Connection, acting: Acting) -> list[Guest]:
    """The coming events that concern whoever acts, the nearest first."""
    return _coming(connection, acting.contact_id, acting.now)


def _coming(connection: Connection, contact_id: int, now: datetime) -> list[Guest]:
    concerned = select(rows.c.event_id).where(rows.c.contact_id == contact_id)
    ahead = (event_rows.c.ends_at > now) & (event_rows.c.status == events.PUBLISHED)
    found = connection.execute(
        select(event_rows)
        .where(ahead, event_rows.c.id.in_(concerned))
        .order_by(event_rows.c.starts_at, event_rows.c.id)
    )
    upcoming = {event.id: event for event in map(event_of, found)}
    answers = connection.execute(select(rows).where(rows.c.contact_id == contact_id, rows.c.event_id.in_(upcoming)))
    guests = {row.event_id: _guest(row, upcoming[row.event_id]) for row in answers}
    return [guests[number] for number in upcoming]


def free_seats(connection: Connection, event: Event) -> int | None:
    """How many seats are left; None where there is no limit."""
    if event.capacity is None:
        return None
    taken = (rows.c.event_id == event.id) & (rows.c.seat == SEAT)
    return max(0, event.capacity - connection.execute(select(func.count()).select_from(rows).where(taken)).scalar_one())


def seats_left(connection: Connection, acting: Acting, *, event_id: int) -> int | None:
    """The same, for scripts; 0 for an event that is not there."""
    event = events.by_id(connection, event_id)
    return free_seats(connection, event) if event else 0


def answer(
    connection: Connection, acting: Acting, *, event_id: int, contact_id: int, said: str, rules: Rules,
    whole: bool = False, by_staff: bool = False,
) -> None:  # fmt: skip
    """Keep an answer: yes, no or maybe. `whole`: for every coming date of the course. Seats follow from it."""
    event = events.by_id(connection, event_id)
    if event is None:
        return
    if event.kind in ("appointment", "slot"):
        meant = _with_hour(connection, event, contact_id, said)
    else:
        dates = events.series(connection, event) if whole else [event]
        meant = [one for one in events.lock(connection, [date.id for date in dates]) if _is_open(one, event, acting)]
    for one in meant:
        _answer_one(connection, acting, one, contact_id, said, rules, by_staff=by_staff)


def _is_open(date: Event, asked: Event, acting: Acting) -> bool:
    return date.ends_at > acting.now or date.id == asked.id


def _with_hour(connection: Connection, event: Event, contact_id: int, said: str) -> list[Event]:
    """An appointment and the hour that somebody holds of it, locked: what is said of one is said of the other.

    Of an hour that is not theirs they can only say that they will not come, as long as they hold no other.
    """
    lead = events.by_id(connection, event.series, locked=True)
    held = held_slot(connection, event.series, contact_id)
    if lead is None or (event.kind == "slot" and event.id != held and (held or said == YES)):
        return []
    slot = events.by_id(connection, held, locked=True) if held else None
    return [lead, slot] if slot else [lead]


def _answer_one(
    connection: Connection, acting: Acting, event: Event, contact_id: int, said: str, rules: Rules, *, by_staff: bool
) -> None:
    mine = (rows.c.event_id == event.id) & (rows.c.contact_id == contact_id)
    had = connection.execute(select(rows.c.seat).where(mine)).scalar()
    if had is None:
        return
    seat = _seat_after(connection, event, had, said)
    values: dict[str, Any] = {
        "rsvp": said, "rsvp_at": acting.now, "rsvp_by": acting.contact_id if by_staff else None, "seat": seat,
    }  # fmt: skip
    if seat != had:
        values["waiting_since"] = acting.now if seat == WAITS else None
    if said != YES:
        values["leave_at"] = ""
    connection.execute(update(rows).where(mine).values(values))
    if had == SEAT and seat != SEAT:
        promote(connection, event, acting.now, rules)


def _seat_after(connection: Connection, event: Event, had: str, said: str) -> str:
    if said == NO:
        return ""
    if said == MAYBE or had == SEAT or event.kind == "appointment":
        return had if had == SEAT else ""
    left = free_seats(connection, event)
    return SEAT if left is None or left > 0 else WAITS


def promote(connection: Connection, event: Event, now: datetime, rules: Rules) -> bool:
    """A seat is free: it goes to whoever waits longest, and they are told. Gives whether there was somebody."""
    if free_seats(connection, event) == 0 or event.starts_at <= now or event.status != events.PUBLISHED:
        return False
    waiting = (rows.c.event_id == event.id) & (rows.c.seat == WAITS)
    reachable = rows.c.contact_id.in_(select(contacts.c.id).where(contacts.c.status == "active"))
    line = select(rows.c.contact_id).where(waiting, reachable).order_by(rows.c.waiting_since, rows.c.contact_id)
    lucky = connection.execute(line.limit(1)).scalar()
    if lucky is None:
        return False
    mine = (rows.c.event_id == event.id) & (rows.c.contact_id == lucky)
    connection.execute(update(rows).where(mine).values(seat=SEAT, waiting_since=None))
    offset = notifications.next_offset(connection, event.id, lucky, moments.PLACE)
    notifications.tell(connection, event.id, offset, [lucky], now, rules)
    return True


def leaves_at(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, at: str) -> None:
    """Keep when somebody means to leave home: „09:30“, local."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    connection.execute(update(rows).where(mine).values(leave_at=at))


def missed_because(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, reason: str) -> None:
    """Keep why somebody did not come: a code, never about health."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    connection.execute(update(rows).where(mine).values(miss_reason=reason))


# --- slots of an appointment ----------------------------------------------------------------------------------------


def slots(connection: Connection, acting: Acting, *, event_id: int) -> list[Event]:
    """The free slots of an appointment that are still to come, in order."""
    taken = select(rows.c.event_id).where(rows.c.seat == SEAT)
    free = (
        (event_rows.c.lead_id == event_id) & (event_rows.c.kind == "slot") & (event_rows.c.status == events.PUBLISHED)
    )
    found = connection.execute(
        select(event_rows)
        .where(free, event_rows.c.starts_at > acting.now, event_rows.c.id.not_in(taken))
        .order_by(event_rows.c.starts_at)
    )
    return [event_of(row) for row in found]


def held_slot(connection: Connection, event_id: int, contact_id: int) -> int | None:
    """The number of the slot that somebody holds of an appointment."""
    theirs = (event_rows.c.lead_id == event_id) & (event_rows.c.kind == "slot")
    held = select(rows.c.event_id).join(event_rows, event_rows.c.id == rows.c.event_id).where(theirs)
    return connection.execute(held.where(rows.c.contact_id == contact_id, rows.c.seat == SEAT).limit(1)).scalar()


def take_slot(
    connection: Connection, acting: Acting, *, event_id: int, contact_id: int, slot_id: int, rules: Rules
) -> None:
    """Take a slot of an appointment; one that was taken before is given back.

    Raises:
        Conflict: somebody else took it meanwhile; asks for `slot` again.
    """
    lead = events.by_id(connection, event_id, locked=True)
    slot = events.by_id(connection, slot_id, locked=True)
    free = {one.id for one in slots(connection, acting, event_id=event_id)}
    if lead is None or slot is None or slot.id not in free:
        raise Conflict("slot", "slot.taken")
    give_back_slot(connection, acting, event_id=event_id, contact_id=contact_id, rules=rules)
    who = select(contacts.c.id).where(contacts.c.id == contact_id)
    _invite(connection, slot.id, who, OWN, acting.now)
    _answer_one(connection, acting, slot, contact_id, YES, rules, by_staff=False)
    _answer_one(connection, acting, lead, contact_id, YES, rules, by_staff=False)


def give_back_slot(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, rules: Rules) -> None:
    """Give back whatever slot of an appointment somebody has, so that others may take it."""
    theirs = select(event_rows.c.id).where(event_rows.c.lead_id == event_id, event_rows.c.kind == "slot")
    mine = (rows.c.contact_id == contact_id) & rows.c.event_id.in_(theirs) & (rows.c.seat != "")
    gone = {"rsvp": NO, "rsvp_at": acting.now, "seat": "", "leave_at": ""}
    connection.execute(update(rows).where(mine).values(gone))


# --- leaving for good -----------------------------------------------------------------------------------------------


def leave_all(connection: Connection, acting: Acting, rules: Rules, contact_id: int) -> None:
    """Somebody is erased: their seats in what is to come go to others."""
    held = connection.execute(
        select(event_rows.c.id)
        .join(rows, rows.c.event_id == event_rows.c.id)
        .where(rows.c.contact_id == contact_id, rows.c.seat != "", event_rows.c.starts_at > acting.now)
    ).scalars()
    for event in events.lock(connection, held):
        _answer_one(connection, acting, event, contact_id, NO, rules, by_staff=False)
