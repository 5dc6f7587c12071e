"""Participations: who has entered which activity, when, and when they left it. Raw facts, never an indicator.

One row for a contact and an activity, for good: coming back neither makes a second one nor changes the entry, and what
ends is always the last stay. What comes of it is in storage/results.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from bot.chat import Acting
from storage import results, staff
from storage.people import upsert
from storage.tables import events, invitations
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
    """Staff enter somebody in an activity now. Doing so twice changes nothing; after an exit they are back."""
    fresh = {"contact_id": contact_id, "activity": activity, "entry_at": acting.now, "entry_by": acting.contact_id}
    _enter(connection, fresh)
    staff.audit(connection, acting, "enrol", f"contact:{contact_id}")


def _enter(connection: Connection, fresh: dict[str, Any]) -> None:
    if connection.execute(upsert(connection, rows).values(fresh).on_conflict_do_nothing()).rowcount:
        return
    mine = (rows.c.contact_id == fresh["contact_id"]) & (rows.c.activity == fresh["activity"])
    row = connection.execute(select(rows).where(mine).with_for_update()).one()
    if fresh["entry_at"] < row.entry_at:
        connection.execute(update(rows).where(rows.c.id == row.id).values(fresh))
    elif row.exit_at is not None and fresh["entry_at"] > row.exit_at:
        _reopen(connection, row.id)


def _reopen(connection: Connection, number: int) -> None:
    """They are back: the exit never was the last one, and nobody asks what came of it."""
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


def _first_attended(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    came = (invitations.c.contact_id == row.contact_id) & invitations.c.attended.is_(True)
    return connection.execute(
        select(events.c.id, events.c.starts_at)
        .join(invitations, invitations.c.event_id == events.c.id)
        .where(came, events.c.activity == row.activity, events.c.kind.not_in(OPEN_TO_ALL))
        .order_by(events.c.starts_at, events.c.id)
        .limit(1)
    ).first()
