"""What a message about events has to say: the facts of queued rows, gathered by few queries for many of them.

Facts are read when the message goes out, so they are today's. What it told is noted, so that a later change is told
from what this very person last heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, update

from storage.events import Event, event_of
from storage.moments import base_of
from storage.notifications import went_out
from storage.tables import contacts, event_versions, events, invitations, notifications, outbox, staff

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Before:
    """What somebody last heard of an event's time and place. Times are UTC."""

    starts_at: datetime
    place: str
    landmark: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """One event in a message, as it concerns one person."""

    event: Event
    base: str  # invite, 3d, change…
    rsvp: str
    seat: str
    leave_at: str
    mediator: str = ""  # the first name of whoever leads it
    before: Before | None = None  # only of a change: what they heard last
    dates: tuple[datetime, ...] = ()  # only of a course's week: when it meets in the coming seven days


@dataclass(frozen=True, slots=True)
class Facts:
    """What one message is about, and to whom it goes."""

    contact_id: int
    name: str
    language: str
    about: tuple[About, ...]  # the event that it was queued for first


def facts(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Facts]:
    """The facts of each message; a message that has nothing to say any more is absent.

    That is so when its reader stopped or left, or its event was cancelled or moved after it was queued.
    """
    told = _told(connection, keys)
    found = {row.event_id for row in told}
    known = {e.id: e for e in map(event_of, connection.execute(_events, {"these": list(found)}))}
    people = _people(connection, {row.contact_id for row in told})
    leaders = _leaders(connection, {event.mediator_id for event in known.values()})
    heard, dates = _heard(connection, told, keys), _dates(connection, told, known, now)
    gathered: dict[str, dict[int, About]] = {}  # after a long silence two reminders of one event may have met
    whose: dict[str, int] = {}
    for row in told:
        event, person = known[row.event_id], people.get(row.contact_id)
        if person is None or person.status != "active" or not _still_true(row, event):
            continue
        about = _about(row, event, leaders, heard, dates)
        if about is not None:
            gathered.setdefault(row.message, {}).setdefault(row.event_id, about)
            whose[row.message] = row.contact_id
    return {
        key: Facts(whose[key], people[whose[key]].name or "", people[whose[key]].language, tuple(about.values()))
        for key, about in gathered.items()
    }


def heard(connection: Connection, keys: Sequence[str]) -> None:
    """Note at which version of each event these messages were written."""
    connection.execute(_hearing, {"these": keys})


def _told(connection: Connection, keys: Sequence[str]) -> Sequence[Any]:
    """The ledger's rows of these messages, with each reader's invitation; the message's own event first."""
    return connection.execute(_telling, {"these": keys}).all()


def _people(connection: Connection, numbers: set[int]) -> dict[int, Any]:
    return {row.id: row for row in connection.execute(_readers, {"these": list(numbers)})}


def _leaders(connection: Connection, numbers: set[int | None]) -> Mapping[int, str]:
    """The first names of those who are of the staff now: nobody else signs a message."""
    found = connection.execute(_staff, {"these": [n for n in numbers if n is not None]})
    return {row.id: (row.name or "").partition(" ")[0] for row in found}


# Built once: for the few messages of one claim, building them would take longer than running them.
_these: Any = bindparam("these", expanding=True)
_events = select(events).where(events.c.id.in_(_these))
_telling = (
    select(
        notifications.c.message, notifications.c.event_id, notifications.c.offset, notifications.c.contact_id,
        invitations.c.rsvp, invitations.c.seat, invitations.c.leave_at,
    )
    .outerjoin(
        invitations,
        and_(
            invitations.c.event_id == notifications.c.event_id, invitations.c.contact_id == notifications.c.contact_id
        ),
    )
    .join(events, events.c.id == notifications.c.event_id)
    .where(notifications.c.message.in_(_these), notifications.c.status.in_(("queued", "joint")))
    .order_by(notifications.c.status.desc(), events.c.starts_at, notifications.c.event_id)
)  # fmt: skip
_hearing = (
    update(notifications)
    .where(notifications.c.message.in_(_these))
    .values(version=select(events.c.version).where(events.c.id == notifications.c.event_id).scalar_subquery())
)
_readers = select(contacts.c.id, contacts.c.name, contacts.c.language, contacts.c.status).where(
    contacts.c.id.in_(_these)
)
_staff = (
    select(contacts.c.id, contacts.c.name)
    .join(staff, staff.c.contact_id == contacts.c.id)
    .where(contacts.c.id.in_(_these))
)


def _still_true(row: Any, event: Event) -> bool:
    """Whether a message that was queued for an event still fits it: no reminder of a time that was given up."""
    base = base_of(row.offset)
    if event.status == "cancelled":
        return base == "change"
    if base == "week":
        return True  # it is told of their own dates, where there are any left
    return row.rsvp is not None and (row.rsvp != "no" or base in ("after", "missed"))


def _standing(of: Any) -> Before:
    """Time and place, of an event or of one of its versions."""
    return Before(of.starts_at, of.place, of.landmark)


def _about(
    row: Any, event: Event, leaders: Mapping[int, str], heard: Mapping[tuple[int, int], Any],
    dates: Mapping[tuple[int, int], tuple[Event, ...]],
) -> About | None:  # fmt: skip
    """One event's part of a message; None for a change of which nothing is left to tell."""
    base, before = base_of(row.offset), heard.get((row.event_id, row.contact_id))
    was = _standing(before) if before and base == "change" else None
    if base == "change" and event.status != "cancelled" and was == _standing(event):
        return None
    meets = dates.get((event.series, row.contact_id), ()) if base == "week" else ()
    if base == "week" and not meets:
        return None
    mediator = leaders.get(event.mediator_id or 0, "")
    theirs = meets[0] if meets else event  # who came to a course later has no place in its first date
    answer = (row.rsvp or "", row.seat or "", row.leave_at or "")
    return About(theirs, base, *answer, mediator, was, tuple(date.starts_at for date in meets))


def _heard(connection: Connection, told: Sequence[Any], keys: Sequence[str]) -> Mapping[tuple[int, int], Any]:
    """What each reader of a change last heard of the event, these messages aside: by event and contact."""
    changed = {row.event_id for row in told if base_of(row.offset) == "change"}
    if not changed:
        return {}
    readers = {row.contact_id for row in told}
    n, v = notifications, event_versions
    last = (
        select(n.c.event_id, n.c.contact_id, func.max(n.c.version).label("version"))
        .join(outbox, outbox.c.key == n.c.message)
        .where(n.c.event_id.in_(changed), n.c.contact_id.in_(readers), n.c.version.is_not(None), went_out())
        .where(n.c.message.not_in(keys))  # one that a crash met says again what it said
        .group_by(n.c.event_id, n.c.contact_id)
        .subquery()
    )
    rows = connection.execute(
        select(last.c.contact_id, v).join(v, and_(v.c.event_id == last.c.event_id, v.c.version == last.c.version))
    )
    told_of = {(row.event_id, row.contact_id): row for row in rows}
    return {**_entered_at(connection, changed, readers), **told_of}


def _entered_at(connection: Connection, changed: set[int], readers: set[int]) -> Mapping[tuple[int, int], Any]:
    """What these events were when each reader was entered: who was never written to was told of it then."""
    i, v, then = invitations, event_versions, event_versions.alias()
    latest = (
        select(func.max(then.c.version))
        .where(then.c.event_id == i.c.event_id, then.c.at <= i.c.created_at)
        .correlate(i)
        .scalar_subquery()
    )
    known = i.join(v, and_(v.c.event_id == i.c.event_id, v.c.version == latest))
    those = i.c.event_id.in_(changed) & i.c.contact_id.in_(readers)
    rows = connection.execute(select(i.c.contact_id, v).select_from(known).where(those))
    return {(row.event_id, row.contact_id): row for row in rows}


def _dates(
    connection: Connection, told: Sequence[Any], known: Mapping[int, Event], now: datetime
) -> Mapping[tuple[int, int], tuple[Event, ...]]:
    """The dates of courses to which each reader may come in the seven days from now, by series and contact."""
    weekly = [row for row in told if base_of(row.offset) == "week"]
    if not weekly:
        return {}
    lead, i = func.coalesce(events.c.lead_id, events.c.id), invitations
    soon = (events.c.starts_at > now) & (events.c.starts_at <= now + WEEK) & (events.c.status == "published")
    courses, readers = {known[row.event_id].series for row in weekly}, {row.contact_id for row in weekly}
    theirs = lead.in_(courses) & i.c.contact_id.in_(readers) & (i.c.rsvp != "no")
    wanted = select(events, i.c.contact_id).join(i, i.c.event_id == events.c.id).where(theirs, soon)
    found: dict[tuple[int, int], tuple[Event, ...]] = {}
    for row in connection.execute(wanted.order_by(events.c.starts_at)):
        date, key = event_of(row), (row.lead_id or row.id, row.contact_id)
        found[key] = (*found.get(key, ()), date)
    return found
