"""Events: published, moved, changed, cancelled. Each change runs in the transaction of whoever asked for it.

A course's later dates and an appointment's slots are events of their own behind a first one, their lead. Whatever
changes here leaves moments behind, from which people are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, exists, func, insert, or_, select, true, update

from bot import calendar
from bot.calendar import Rules
from bot.chat import Acting, Conflict, literal, words
from storage import moments, staff
from storage.tables import contacts, event_versions, events, invitations

KINDS = ("training", "course", "meeting", "appointment", "outreach", "public")
PUBLISHED, CANCELLED = "published", "cancelled"
LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it stands. Times are UTC."""

    id: int
    kind: str
    activity: str
    title: str
    place: str
    landmark: str
    bring: str
    starts_at: datetime
    ends_at: datetime
    capacity: int | None
    mediator_id: int | None
    audience: Mapping[str, Any]
    offsets: tuple[str, ...]
    status: str
    version: int
    lead_id: int | None = None
    created_by: int | None = None

    @property
    def series(self) -> int:
        """The number that all dates of one course, or all slots of one appointment, share."""
        return self.lead_id or self.id


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that is yet to be published. `dates` are a course's dates, or an appointment's slots; UTC, in order."""

    kind: str
    activity: str
    title: str
    place: str
    landmark: str
    bring: str
    dates: Sequence[tuple[datetime, datetime]]
    capacity: int | None
    mediator_id: int | None
    audience: Mapping[str, Any]
    offsets: Sequence[str]


def event_of(row: Any) -> Event:
    """A row of the table, opened."""
    return Event(
        row.id, row.kind, row.activity, row.title, row.place, row.landmark, row.bring, row.starts_at, row.ends_at,
        row.capacity, row.mediator_id, row.audience, tuple(row.offsets.split(",")) if row.offsets else (), row.status,
        row.version, row.lead_id, row.created_by,
    )  # fmt: skip


# --- reading --------------------------------------------------------------------------------------------------------


def by_id(connection: Connection, event_id: int, *, locked: bool = False) -> Event | None:
    """One event; locked, nobody else changes it or takes a place in it until this transaction ends."""
    if locked:
        return next(iter(lock(connection, [event_id])), None)
    row = connection.execute(_one, {"number": event_id}).first()
    return event_of(row) if row else None


_one = select(events).where(events.c.id == bindparam("number"))


def lock(connection: Connection, event_ids: Iterable[int]) -> list[Event]:
    """Several events, each locked with its whole series, by their numbers.

    Whoever answers one date of a course goes on to the others, or to the hour of an appointment. Taken all at once and
    in one order, two of them wait for each other; taken one by one, each would hold what the other needs. Events of
    different series, which one batch may take in any order, still collide now and then: the database has it tried anew.
    """
    these = set(event_ids)
    lead = select(func.coalesce(events.c.lead_id, events.c.id)).where(events.c.id.in_(these))
    wanted = select(events).where(or_(events.c.id.in_(lead), events.c.lead_id.in_(lead))).order_by(events.c.id)
    # Rows that only refer to them, as the ledger's, are written meanwhile: to wait for those would deadlock.
    found = map(event_of, connection.execute(wanted.with_for_update(key_share=True)))
    return [event for event in found if event.id in these]


def for_staff(connection: Connection, acting: Acting, *, event_id: int) -> Event | None:
    """One event, if whoever acts may see it: a coordinator every one, the others those they lead or made."""
    found = by_id(connection, event_id)
    if found is None:
        return None
    mine = acting.contact_id in (found.mediator_id, found.created_by)
    return found if mine or staff.role_of(connection, acting.contact_id) in staff.SEES_ALL else None


def series(connection: Connection, event: Event) -> list[Event]:
    """Every date of an event's series that is not cancelled, in order; an appointment's lead is none of its slots."""
    all_of_them = or_(events.c.id == event.series, events.c.lead_id == event.series)
    rows = connection.execute(
        select(events)
        .where(all_of_them, events.c.status == PUBLISHED, events.c.kind != "appointment")
        .order_by(events.c.starts_at, events.c.id)
    )
    return [event_of(row) for row in rows]


def coming(connection: Connection, acting: Acting, *, limit: int = 20) -> list[Event]:
    """What staff see first: events that are not over, the nearest first; slots stand with their lead."""
    return _listed(connection, acting, events.c.ends_at >= acting.now, events.c.starts_at.asc(), limit)


def past(connection: Connection, acting: Acting, *, limit: int = 10) -> list[Event]:
    """Events that are over, the latest first."""
    return _listed(connection, acting, events.c.ends_at < acting.now, events.c.starts_at.desc(), limit)


def _listed(connection: Connection, acting: Acting, when: Any, order: Any, limit: int) -> list[Event]:
    mine = or_(events.c.mediator_id == acting.contact_id, events.c.created_by == acting.contact_id)
    wanted = select(events).where(when, events.c.status == PUBLISHED, events.c.kind != "slot")
    if staff.role_of(connection, acting.contact_id) not in staff.SEES_ALL:
        wanted = wanted.where(mine)
    return [event_of(row) for row in connection.execute(wanted.order_by(order, events.c.id).limit(limit))]


def dates(connection: Connection, acting: Acting, *, event_id: int) -> list[Event]:
    """The dates of a course or the slots of an appointment, for scripts; of any other event, itself."""
    event = by_id(connection, event_id)
    return series(connection, event) if event else []


def heads(connection: Connection, acting: Acting, *, event_ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """How many will come, or came, and how many were asked, for each event; one that nobody was asked to is absent.

    Whoever is marked as absent came to nothing, whatever they had said.
    """
    said_yes = invitations.c.attended.is_(None) & (invitations.c.rsvp == "yes") & (invitations.c.seat != "waiting")
    will_come = case((or_(invitations.c.attended.is_(True), said_yes), 1), else_=0)
    found = connection.execute(
        select(invitations.c.event_id, func.sum(will_come), func.count())
        .join(contacts, contacts.c.id == invitations.c.contact_id)
        .where(invitations.c.event_id.in_(event_ids), contacts.c.status != "archived", ~walked_in())
        .group_by(invitations.c.event_id)
    )
    return {number: (int(come), asked) for number, come, asked in found}


def walked_in() -> ColumnElement[bool]:
    """Whether somebody just came to an event without being asked. To a course's later dates they are asked."""
    other, then, this = invitations.alias(), events.alias(), events.alias()
    earlier = exists().where(
        other.c.contact_id == invitations.c.contact_id, other.c.source == "walkin", then.c.id == other.c.event_id,
        this.c.id == invitations.c.event_id, then.c.starts_at < this.c.starts_at,
        func.coalesce(then.c.lead_id, then.c.id) == func.coalesce(this.c.lead_id, this.c.id),
    )  # fmt: skip
    return (invitations.c.source == "walkin") & ~earlier


def places(connection: Connection, acting: Acting, *, limit: int = 3) -> list[tuple[str, str]]:
    """Where events took place, each place once with its newest landmark: first what whoever acts used last."""
    mine = func.max(case((events.c.created_by == acting.contact_id, 1), else_=0)).label("mine")
    each = select(func.max(events.c.id).label("last"), mine).where(events.c.kind != "slot")
    last = each.group_by(events.c.place).subquery()
    found = connection.execute(
        select(events.c.place, events.c.landmark)
        .join(last, last.c.last == events.c.id)
        .order_by(last.c.mine.desc(), events.c.id.desc())
        .limit(limit)
    )
    return [(place, landmark) for place, landmark in found]


def latest(connection: Connection, acting: Acting) -> Event | None:
    """The event that whoever acts published last."""
    mine = select(events).where(events.c.created_by == acting.contact_id, events.c.lead_id.is_(None))
    row = connection.execute(mine.order_by(events.c.id.desc()).limit(1)).first()
    return event_of(row) if row else None


def changed_by(connection: Connection, acting: Acting, *, event_id: int) -> str:
    """The name of whoever changed an event last; empty when they are nobody's colleague any more."""
    v = event_versions
    last = select(contacts.c.name).join(v, v.c.by_id == contacts.c.id).where(v.c.event_id == event_id)
    return connection.execute(last.order_by(v.c.version.desc()).limit(1)).scalar() or ""


def at_version(connection: Connection, event_id: int, version: int) -> Any:
    """What an event was at a version: starts_at, ends_at, place, landmark, status."""
    wanted = (event_versions.c.event_id == event_id) & (event_versions.c.version == version)
    return connection.execute(select(event_versions).where(wanted)).first()


# --- publishing -----------------------------------------------------------------------------------------------------


def publish(connection: Connection, acting: Acting, *, draft: Draft, rules: Rules) -> None:
    """Make an event, with its further dates or slots, and its moments. Invitations go out from those.

    A course of whose first date nobody can hear in time is announced with the first of which people can.

    Raises:
        Conflict: the first date has passed while the draft lay there; asks for `starts` again.
    """
    if draft.dates[0][0] <= acting.now:
        raise Conflict("starts", "event.past")
    lead = _insert(connection, acting, draft, _span(draft), None)
    moments.add(connection, lead.id, [moments.invitation(lead, rules, acting.now)])
    _arm(connection, acting, lead, rules)
    announced = draft.kind != "course" or is_in_time(lead, rules, acting.now)
    for dates in draft.dates if draft.kind == "appointment" else draft.dates[1:]:
        child = _insert(connection, acting, draft, dates, lead.id)
        if not announced and is_in_time(child, rules, acting.now):
            moments.add(connection, child.id, [moments.invitation(child, rules, acting.now)])
            announced = True
        _arm(connection, acting, child, rules)
    if draft.kind == "course":
        starts = [start for start, _ in draft.dates]
        moments.add(connection, lead.id, moments.weekly(rules, starts, acting.now))
    staff.audit(connection, acting, "publish", f"event:{lead.id}")


def is_in_time(event: Event, rules: Rules, now: datetime) -> bool:
    """Whether people can still hear of an event before it begins."""
    return calendar.next_open(rules, now) < event.starts_at


def _span(draft: Draft) -> tuple[datetime, datetime]:
    """From when to when the lead lasts: an appointment from its first slot to its last."""
    return (draft.dates[0][0], draft.dates[-1][1]) if draft.kind == "appointment" else draft.dates[0]


def _insert(
    connection: Connection, acting: Acting, draft: Draft, dates: tuple[datetime, datetime], lead_id: int | None
) -> Event:
    is_slot = draft.kind == "appointment" and lead_id is not None
    row = {
        "lead_id": lead_id, "kind": "slot" if is_slot else draft.kind, "activity": draft.activity,
        "title": draft.title, "place": draft.place, "landmark": draft.landmark, "bring": draft.bring,
        "starts_at": dates[0], "ends_at": dates[1],
        "capacity": 1 if is_slot else None if draft.kind == "appointment" else draft.capacity,
        "mediator_id": draft.mediator_id, "audience": {} if is_slot else dict(draft.audience),
        "offsets": ",".join(draft.offsets), "status": PUBLISHED, "version": 1, "created_by": acting.contact_id,
        "created_at": acting.now,
    }  # fmt: skip
    number = connection.execute(insert(events).values(row).returning(events.c.id)).scalar_one()
    made = by_id(connection, number)
    assert made is not None  # noqa: S101  (it was inserted a moment ago)
    note_version(connection, acting, made)
    return made


def note_version(connection: Connection, acting: Acting, event: Event) -> None:
    """Record what an event is from now on."""
    connection.execute(
        insert(event_versions).values(
            event_id=event.id, version=event.version, starts_at=event.starts_at, ends_at=event.ends_at,
            place=event.place, landmark=event.landmark, status=event.status, by_id=acting.contact_id, at=acting.now,
        )
    )  # fmt: skip


def _arm(connection: Connection, acting: Acting, event: Event, rules: Rules) -> None:
    """Set an event's reminders as its time asks for. What the invitation or the notice of a change says is said."""
    told = moments.told_at(connection, event.id) or acting.now
    wanted = moments.of_event(event, rules, acting.now)
    reminds = {moment for moment in wanted if moments.base_of(moment.offset) in moments.TIMED}
    moments.add(connection, event.id, [moment for moment in wanted if moment.due > told or moment not in reminds])


# --- changing -------------------------------------------------------------------------------------------------------


def move(
    connection: Connection, acting: Acting, *, event_id: int, version: int, starts_at: datetime, rules: Rules
) -> None:
    """Give an event another time; an appointment takes its slots along. Everybody who was told is told once.

    Raises:
        Conflict: somebody else changed it meanwhile, or the new time has passed.
    """
    event = unchanged(connection, acting, event_id, version)
    if starts_at <= acting.now:
        raise Conflict("starts", "event.past")
    by = starts_at - event.starts_at
    for one in _with_slots(connection, event):
        moved = replace(one, starts_at=one.starts_at + by, ends_at=one.ends_at + by)
        _change(connection, acting, moved, rules, before=one)
    staff.audit(connection, acting, "move", f"event:{event_id}")


def relocate(
    connection: Connection, acting: Acting, *, event_id: int, version: int, place: str, landmark: str, rules: Rules
) -> None:
    """Give an event another place. Conflict when somebody else changed it meanwhile."""
    event = unchanged(connection, acting, event_id, version)
    for one in _with_slots(connection, event):
        _change(connection, acting, replace(one, place=place, landmark=landmark), rules, before=one)
    staff.audit(connection, acting, "relocate", f"event:{event_id}")


def cancel(
    connection: Connection, acting: Acting, *, event_id: int, version: int, rules: Rules, whole: bool = False
) -> None:
    """Cancel an event; `whole`: with every later date of its course. Conflict when somebody changed it meanwhile."""
    event = unchanged(connection, acting, event_id, version)
    later = series(connection, event) if whole and event.kind == "course" else []
    also = [date for date in later if date.id != event.id and date.ends_at > acting.now]
    if event.kind == "course" and not whole:
        _hand_over(connection, acting, event, rules)
    for one in [*_with_slots(connection, event), *also]:
        _change(connection, acting, replace(one, status=CANCELLED), rules, before=one)
    staff.audit(connection, acting, "cancel", f"event:{event_id}")


def hand_to(connection: Connection, acting: Acting, *, event_id: int, leader_id: int) -> None:
    """Let somebody else of the staff lead an event: a course from this date on, an appointment with all its slots."""
    event = by_id(connection, event_id)
    if event is None or not staff.role_of(connection, leader_id):
        return
    together = (events.c.id == event.series) | (events.c.lead_id == event.series)
    ahead = events.c.starts_at >= event.starts_at if event.kind == "course" else true()
    connection.execute(update(events).where(together, ahead).values(mediator_id=leader_id))
    staff.audit(connection, acting, "lead", f"event:{event_id} contact:{leader_id}")


def _hand_over(connection: Connection, acting: Acting, event: Event, rules: Rules) -> None:
    """A course goes on without this date: what is yet to be said of the whole of it is said with its next one."""
    ahead = [date for date in series(connection, event) if date.id != event.id and date.starts_at > acting.now]
    in_time = [date for date in ahead if is_in_time(date, rules, acting.now)]
    for heir in [*in_time, *ahead][:1]:
        moments.hand_over(connection, event.id, heir.id)


def unchanged(connection: Connection, acting: Acting, event_id: int, version: int) -> Event:
    """An event, locked, as whoever acts has seen it; a Conflict on "sure" where somebody changed it meanwhile."""
    event = by_id(connection, event_id, locked=True)
    if event is None or event.status != PUBLISHED or event.version != version:
        name = changed_by(connection, acting, event_id=event_id)
        raise Conflict("sure", words("event.changed_meanwhile", who=literal(name) if name else words("event.somebody")))
    return event


def _with_slots(connection: Connection, event: Event) -> Iterable[Event]:
    return [event, *series(connection, event)] if event.kind == "appointment" else [event]


def _change(connection: Connection, acting: Acting, after: Event, rules: Rules, *, before: Event) -> None:
    """Write one event's change: its old reminders vanish, new ones stand, and a moment tells of it."""
    after = replace(after, version=before.version + 1)
    connection.execute(
        update(events)
        .where(events.c.id == after.id)
        .values(
            starts_at=after.starts_at, ends_at=after.ends_at, place=after.place, landmark=after.landmark,
            status=after.status, version=after.version,
        )
    )  # fmt: skip
    note_version(connection, acting, after)
    if after.status == CANCELLED:
        moments.withdraw(connection, after.id, acting.now, moments.EVERY)
    elif after.starts_at != before.starts_at:
        moments.withdraw(connection, after.id, acting.now, (*moments.TIMED, moments.CHANGE, moments.AFTER))
        moments.forget_answers(connection, after.id)
    else:
        moments.withdraw(connection, after.id, acting.now, (moments.CHANGE,))
    moments.call_back(connection, after.id)
    moments.add(connection, after.id, [moments.change(before, after, rules, acting.now)])
    if after.status == PUBLISHED and after.starts_at != before.starts_at:
        _arm(connection, acting, after, rules)
