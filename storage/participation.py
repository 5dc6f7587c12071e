"""Participations: who has entered which activity, when, and when they left it. Raw facts, never an indicator.

One row for a contact and an activity, for good: coming back neither makes a second one nor changes the entry, and what
ends is always the last stay. What comes of it is in storage/results.py. Names are opened here, so it must never be
logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, case, delete, exists, func, or_, select, true, update

from bot.alphabets import fold
from bot.chat import Acting
from storage import results, staff
from storage.people import upsert
from storage.tables import contacts, events, invitations
from storage.tables import participations as rows

OPEN_TO_ALL = ("public", "outreach")  # kinds of event that nobody enters: whoever passes by is no participant
COMPLETED, LEFT = "completed", "left"
REASONS = ("work_found", "moved", "family", "no_interest", "other")  # why somebody left; never about health


# --- entering -------------------------------------------------------------------------------------------------------


def enter_by_event(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Somebody attended an event: they enter its activity, or come back to it.

    The entry is that of the first event, also where its list is marked after a later one's.
    """
    event = connection.execute(select(events).where(events.c.id == event_id)).first()
    if event is None or event.kind in OPEN_TO_ALL:
        return
    fresh = {
        "contact_id": contact_id, "activity": event.activity, "entry_at": event.starts_at, "entry_event_id": event_id,
        "entry_by": acting.contact_id,
    }  # fmt: skip
    _enter(connection, fresh)


def enrol(connection: Connection, acting: Acting, *, contact_id: int, activity: str) -> None:
    """Staff enter somebody in an activity now. Doing so twice changes nothing; after an exit they are back.

    Whoever asks for it asks the programme first whether anybody can join this activity at all.
    """
    fresh = {"contact_id": contact_id, "activity": activity, "entry_at": acting.now, "entry_by": acting.contact_id}
    _enter(connection, fresh)
    staff.audit(connection, acting, "enrol", f"contact:{contact_id}")


def _enter(connection: Connection, fresh: dict[str, Any]) -> None:
    """Enter once. What somebody says of their work later changes nothing of how they came."""
    works = select(contacts.c.work).where(contacts.c.id == fresh["contact_id"])
    fresh = fresh | {"entry_work": connection.execute(works).scalar()}
    if connection.execute(upsert(connection, rows).values(fresh).on_conflict_do_nothing()).rowcount:
        return
    mine = (rows.c.contact_id == fresh["contact_id"]) & (rows.c.activity == fresh["activity"])
    row = connection.execute(select(rows).where(mine).with_for_update()).one()
    if fresh["entry_at"] < row.entry_at:
        connection.execute(update(rows).where(rows.c.id == row.id).values(fresh))
    elif row.exit_at is not None and fresh["entry_at"] > row.exit_at:
        _reopen(connection, row.id)


def _reopen(connection: Connection, number: int) -> None:
    """They are back: the exit was not the last one, and nobody asks what came of it."""
    stays = {"exit_at": None, "exit_kind": "", "exit_reason": "", "exit_by": None}
    connection.execute(update(rows).where(rows.c.id == number).values(stays))
    results.drop(connection, number)


def take_back(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """A tap on the wrong name is taken back: whoever entered by this event alone never entered.

    Where they attended others of the activity, the first of those is their entry.
    """
    mine = (rows.c.contact_id == contact_id) & (rows.c.entry_event_id == event_id) & rows.c.exit_at.is_(None)
    row = connection.execute(select(rows).where(mine).with_for_update()).first()
    if row is None:
        return
    first = _first_attended(connection, row)
    if first is None:
        connection.execute(delete(rows).where(rows.c.id == row.id))
    else:
        entry = {"entry_at": first.starts_at, "entry_event_id": first.id, "entry_by": acting.contact_id}
        connection.execute(update(rows).where(rows.c.id == row.id).values(entry))


def _first_attended(connection: Connection, row: Row[Any]) -> Row[int, datetime] | None:
    came = (invitations.c.contact_id == row.contact_id) & invitations.c.attended.is_(True)
    return connection.execute(
        select(events.c.id, events.c.starts_at)
        .join(invitations, invitations.c.event_id == events.c.id)
        .where(came, events.c.activity == row.activity, events.c.kind.not_in(OPEN_TO_ALL))
        .order_by(events.c.starts_at, events.c.id)
        .limit(1)
    ).first()


# --- the staff's side -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Participation:
    """One person's stay in one activity. Times are UTC."""

    id: int
    contact_id: int
    name: str
    phone: str
    activity: str
    entry_at: datetime
    exit_at: datetime | None
    exit_kind: str
    exit_reason: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many take part in one activity now, and how many left it."""

    activity: str
    inside: int
    gone: int


def visible(connection: Connection, acting: Acting) -> ColumnElement[bool]:
    """Whose participation staff may see: a coordinator everybody's, the others of whom they entered or led."""
    if staff.role_of(connection, acting.contact_id) in staff.SEES_ALL:
        return true()
    led = or_(events.c.mediator_id == acting.contact_id, events.c.created_by == acting.contact_id)
    theirs = (invitations.c.contact_id == rows.c.contact_id) & (events.c.activity == rows.c.activity)
    by_event = exists().where(invitations.c.event_id == events.c.id, invitations.c.attended.is_(True), theirs, led)
    return or_(rows.c.entry_by == acting.contact_id, by_event)


def crowds(connection: Connection, acting: Acting) -> Sequence[Crowd]:
    """Every activity that has had participants."""
    inside = func.sum(case((rows.c.exit_at.is_(None), 1), else_=0))
    found = connection.execute(
        select(rows.c.activity, inside, func.count() - inside)
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(visible(connection, acting), contacts.c.status != "archived")
        .group_by(rows.c.activity)
        .order_by(rows.c.activity)
    )
    return [Crowd(activity, int(here), int(gone)) for activity, here, gone in found]


def people(connection: Connection, acting: Acting, *, activity: str) -> Sequence[Participation]:
    """Everybody in an activity by name, those who left it after the others; erased ones are not among them."""
    found = _opened(connection, visible(connection, acting) & (rows.c.activity == activity))
    return sorted(found, key=lambda p: (p.exit_at is not None, fold(p.name), p.id))


def by_id(connection: Connection, acting: Acting, *, participation_id: int) -> Participation | None:
    """One participation, if whoever acts may see it."""
    found = _opened(connection, visible(connection, acting) & (rows.c.id == participation_id))
    return found[0] if found else None


def _opened(connection: Connection, which: ColumnElement[bool]) -> list[Participation]:
    found = connection.execute(
        select(rows, contacts.c.name, contacts.c.phone)
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(which, contacts.c.status != "archived")
    )
    return [
        Participation(
            row.id, row.contact_id, row.name or "", row.phone or "", row.activity, row.entry_at, row.exit_at,
            row.exit_kind, row.exit_reason,
        )
        for row in found
    ]  # fmt: skip


# --- leaving --------------------------------------------------------------------------------------------------------


def leave(
    connection: Connection, acting: Acting, *, participation_id: int, kind: str, reason: str = "", zone: ZoneInfo
) -> None:
    """Somebody completed an activity or left it. What came of it is asked later; a second exit changes nothing."""
    here = (rows.c.id == participation_id) & rows.c.exit_at.is_(None)
    gone = {"exit_at": acting.now, "exit_kind": kind, "exit_reason": reason, "exit_by": acting.contact_id}
    if connection.execute(update(rows).where(here).values(gone)).rowcount:
        results.expect(connection, participation_id, acting.now, zone)
        staff.audit(connection, acting, "exit", f"participation:{participation_id}")


def come_back(connection: Connection, acting: Acting, *, participation_id: int) -> None:
    """An exit is taken back: it was entered by mistake, or they came again."""
    _reopen(connection, participation_id)
    staff.audit(connection, acting, "exit_back", f"participation:{participation_id}")
