"""Small changes of what is published: its name, what to bring, how many places. Nobody is written to because of them.

They show in whatever is written later; only whoever waits hears at once that there is a place now. A course changes
from this date on, an appointment with its slots.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select, update

from bot.calendar import Rules
from bot.chat import Acting, Conflict, words
from storage import events, invitations, moments, staff
from storage.events import Event
from storage.tables import events as event_rows
from storage.tables import invitations as rows


def rename(connection: Connection, acting: Acting, *, event_id: int, version: int, title: str) -> None:
    """Give an event another name. Conflict when somebody else changed it meanwhile."""
    for one in _together(connection, acting, event_id, version):
        _write(connection, acting, one, title=title)
    staff.audit(connection, acting, "rename", f"event:{event_id}")


def set_bring(connection: Connection, acting: Acting, *, event_id: int, version: int, bring: str) -> None:
    """Say what people shall take along; empty for nothing. Conflict when somebody else changed the event meanwhile."""
    for one in _together(connection, acting, event_id, version):
        _write(connection, acting, one, bring=bring)
    staff.audit(connection, acting, "bring", f"event:{event_id}")


def set_capacity(
    connection: Connection, acting: Acting, *, event_id: int, version: int, capacity: int | None, rules: Rules
) -> None:
    """Give an event so many places; None for no limit. Whoever waits gets what is free then, and is told.

    Raises:
        Conflict: somebody else changed it meanwhile, or more people have a place; asks for `seats` again.
    """
    every = _together(connection, acting, event_id, version)
    taken = max(_taken(connection, one) for one in every)
    if capacity is not None and capacity < taken:
        raise Conflict("seats", words("event.seats_taken", number=taken))
    for one in every:
        wider = _write(connection, acting, one, capacity=capacity)
        while invitations.promote(connection, wider, acting.now, rules):
            pass
    staff.audit(connection, acting, "capacity", f"event:{event_id}")


def _taken(connection: Connection, event: Event) -> int:
    here = (rows.c.event_id == event.id) & (rows.c.seat == invitations.SEAT)
    return connection.execute(select(func.count()).select_from(rows).where(here)).scalar_one()


def _together(connection: Connection, acting: Acting, event_id: int, version: int) -> list[Event]:
    """What changes at once, the event itself first."""
    event = events.unchanged(connection, acting, event_id, version)
    if event.kind not in ("course", "appointment"):
        return [event]
    others = [one for one in events.series(connection, event) if one.id != event.id]
    return [event, *(one for one in others if one.starts_at >= event.starts_at)]


def _write(connection: Connection, acting: Acting, event: Event, **values: Any) -> Event:
    after = replace(event, version=event.version + 1, **values)
    here = event_rows.c.id == event.id
    connection.execute(update(event_rows).where(here).values(values | {"version": after.version}))
    events.note_version(connection, acting, after)
    moments.call_back(connection, event.id)
    return after
