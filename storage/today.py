"""What waits for one of the staff today: questions, events, calls, messages that did not arrive, results.

Only own people and own events, by the role of this moment. Names are opened here, so it must never be logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, exists, false, func, literal_column, or_, select

from bot.alphabets import fold
from bot.chat import Acting
from bot.messages import Lane
from storage import attendance, calls, charges, events, followups, staff, ticket_about, tickets
from storage.events import Event
from storage.results import ANSWERED
from storage.tables import broadcasts, contacts, outbox, recipients
from storage.tables import staff as team
from storage.ticket_view import ANSWER, LOST

LATELY = timedelta(days=3)  # a message that failed earlier is an old story
AHEAD = timedelta(days=3)  # events whose people may still be called
SHOWN = 10  # events that are looked at for calls: more cannot be called on one day
LETTERS = 24  # of an announcement that stand for its title
ARRIVED = ("sent", "delivered", "read")
STILL = ("", "no_answer")  # of a call: it is still to be made, or made again
HEARD = 3  # announcements whose answers are named
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calls:
    """One list of people to call: an event's or an announcement's."""

    title: str
    people: int
    event_id: int = 0
    broadcast_id: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody whom a message of ours did not reach; or who came to us, and when."""

    contact_id: int
    name: str
    at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Today:
    """All that waits. Times are UTC."""

    now: datetime
    questions: int
    events: Sequence[Event]  # of today, or the next one
    heads: Mapping[int, tuple[int, int]]  # of each: who will come, of how many
    calls: Sequence[Calls]
    lost: int
    results: int
    heard: Sequence[Calls] = ()  # announcements that interested somebody since yesterday
    unmarked: Sequence[Event] = ()  # that are over, and nobody has said who came
    fresh: int = 0  # people who signed up lately


def today(connection: Connection, acting: Acting, *, zone: ZoneInfo) -> Today:
    """What waits for whoever asks."""
    role = staff.role_of(connection, acting.contact_id)
    near = _near(connection, acting, zone)
    heads = events.heads(connection, acting, event_ids=[event.id for event in near])
    return Today(
        acting.now, tickets.waiting(connection, acting), near, heads, to_call(connection, acting),
        lost(connection, acting), _results(connection, acting, role), heard(connection, acting, zone=zone),
        attendance.unmarked(connection, acting), _how_many_new(connection, acting, role),
    )  # fmt: skip


def _near(connection: Connection, acting: Acting, zone: ZoneInfo) -> list[Event]:
    """Today's events, or the next one where today has none left."""
    coming = events.coming(connection, acting)
    day = acting.now.astimezone(zone).date()
    of_today = [event for event in coming if event.starts_at.astimezone(zone).date() <= day]
    return of_today or coming[:1]


def _results(connection: Connection, acting: Acting, role: str) -> int:
    if role not in staff.LEADS:
        return 0
    return sum(result.state == ANSWERED for result in followups.listed(connection, acting))


# --- whom to call ---------------------------------------------------------------------------------------------------


def to_call(connection: Connection, acting: Acting) -> list[Calls]:
    """The lists that are not empty: of events first, the nearest first."""
    if staff.role_of(connection, acting.contact_id) not in staff.LEADS | {staff.TRAINER}:
        return []
    soon = [e for e in events.coming(connection, acting) if e.starts_at <= acting.now + AHEAD][:SHOWN]
    lists = [Calls(event.title, _how_many(connection, acting, event), event_id=event.id) for event in soon]
    return [one for one in lists if one.people] + _after_announcements(connection, acting)


def _how_many(connection: Connection, acting: Acting, event: Event) -> int:
    sheet = attendance.sheet(connection, acting, event_id=event.id)
    return len(calls.call_list(connection, acting, sheet=sheet)) if sheet else 0


def _after_announcements(connection: Connection, acting: Acting) -> list[Calls]:
    role = staff.role_of(connection, acting.contact_id)
    waiting = recipients.c.to_call.is_(True) & recipients.c.called.in_(STILL)
    return _by_announcement(connection, waiting & _is_mine(acting, role))


def _by_announcement(connection: Connection, which: ColumnElement[bool]) -> list[Calls]:
    """How many of these rows of the ledger each announcement has, the newest first."""
    counted = (
        select(broadcasts.c.id, func.count().label("people"))
        .select_from(
            recipients.join(broadcasts, broadcasts.c.id == recipients.c.broadcast_id).join(
                contacts, contacts.c.id == recipients.c.contact_id
            )
        )
        .where(which)
        .group_by(broadcasts.c.id)
        .subquery()
    )
    found = select(broadcasts.c.id, broadcasts.c.words, counted.c.people)
    found = found.join(counted, counted.c.id == broadcasts.c.id).order_by(broadcasts.c.id.desc())
    return [Calls(_title(row.words), row.people, broadcast_id=row.id) for row in connection.execute(found)]


def _is_mine(acting: Acting, role: str) -> ColumnElement[bool]:
    """Own people; a mediator's and a trainer's besides only in what they wrote themselves."""
    own = charges.own(acting.contact_id, role)
    return own if role in staff.SEES_ALL else own & (broadcasts.c.by_id == acting.contact_id)


def _title(said: Mapping[str, str] | None) -> str:
    return ticket_about.beginning(said or {}, LETTERS)


# --- what is new ----------------------------------------------------------------------------------------------------


def heard(connection: Connection, acting: Acting, *, zone: ZoneInfo) -> list[Calls]:
    """Whom announcements interested since yesterday morning; those that were heard of last."""
    role = staff.role_of(connection, acting.contact_id)
    if role not in staff.LEADS | {staff.TRAINER}:
        return []
    midnight = acting.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    fresh = (recipients.c.answer == "interested") & (recipients.c.answered_at >= midnight - DAY)
    return _by_announcement(connection, fresh & _is_mine(acting, role))[:HEARD]


def newcomers(connection: Connection, acting: Acting) -> list[Lost]:
    """Own people who signed up in the last days, the latest first; not whom whoever asks has entered."""
    found = connection.execute(_new(acting, staff.role_of(connection, acting.contact_id))).all()
    return [Lost(row.id, row.name or "", row.registered_at) for row in found]


def _how_many_new(connection: Connection, acting: Acting, role: str) -> int:
    those = _new(acting, role).subquery()
    return connection.execute(select(func.count()).select_from(those)).scalar_one()


def _new(acting: Acting, role: str) -> Select[Any]:
    lately = (contacts.c.registered_at > acting.now - LATELY) & (contacts.c.status != "archived")
    entered = contacts.c.source == f"{calls.BY_STAFF}{acting.contact_id}"
    came = lately & ~entered & contacts.c.id.not_in(select(team.c.contact_id))
    theirs = came & charges.own(acting.contact_id, role) if role in staff.LEADS else false()
    found = select(contacts.c.id, contacts.c.name, contacts.c.registered_at)
    return found.where(theirs).order_by(contacts.c.registered_at.desc(), contacts.c.id.desc())


# --- whom no message reached ----------------------------------------------------------------------------------------


def unreached(connection: Connection, acting: Acting) -> list[Lost]:
    """Own people whom a message of our own accord, or an answer, did not reach lately, and none since; latest first."""
    role = staff.role_of(connection, acting.contact_id)
    found = connection.execute(_losses(acting, role)).all()
    lost = [Lost(row.id, row.name or "", row.at) for row in found]
    return sorted(lost, key=lambda one: (-one.at.timestamp(), fold(one.name), one.contact_id))


def lost(connection: Connection, acting: Acting) -> int:
    """How many these are. No name is opened for it."""
    those = _losses(acting, staff.role_of(connection, acting.contact_id)).subquery()
    return connection.execute(select(func.count()).select_from(those)).scalar_one()


# Spelled out rather than bound, or the planner could not know that the small partial index will do.
_lost = or_(*(outbox.c.status == literal_column(f"'{status}'") for status in LOST))


def _losses(acting: Acting, role: str) -> Select[Any]:
    later = outbox.alias()
    arrived = exists().where(
        later.c.contact_id == outbox.c.contact_id, later.c.id > outbox.c.id, later.c.status.in_(ARRIVED)
    )
    # What was cancelled had nothing to say any more; an answer always has.
    unasked = (outbox.c.lane != int(Lane.REPLY)) & (outbox.c.status != "cancelled")
    lately = (outbox.c.not_before > acting.now - LATELY) & or_(unasked, outbox.c.key.like(f"{ANSWER}:%"))
    return (
        select(contacts.c.id, contacts.c.name, func.max(outbox.c.not_before).label("at"))
        .join(outbox, outbox.c.contact_id == contacts.c.id)
        .where(_lost, lately, ~arrived, contacts.c.status != "archived")
        .where(charges.own(acting.contact_id, role))
        .group_by(contacts.c.id, contacts.c.name)
    )
