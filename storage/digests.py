"""What whoever leads an event hears the day before it: who comes, and how many are to be called.

Numbers only; names open on a tap, where rights are checked. Must never go to anybody who is no longer staff.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, String, cast, literal, select

from bot.chat import Acting
from bot.messages import Lane
from storage import attendance, calls, events, notifications
from storage.attendance import Tally
from storage.events import Event
from storage.people import upsert
from storage.tables import UtcTime, addresses, contacts, outbox, staff
from storage.tables import events as event_rows

PREFIX = "digest"  # of the outbox keys


@dataclass(frozen=True, slots=True)
class Digest:
    """How an event stands, for one of the staff."""

    event: Event
    tally: Tally
    to_call: int
    language: str


def queue(connection: Connection, event_id: int, now: datetime, until: datetime) -> None:
    """Queue the digest of an event for whoever leads it; once for each version of its timetable."""
    leader = event_rows.c.mediator_id
    key = literal(f"{PREFIX}:{event_id}:").concat(cast(event_rows.c.version, String))
    rows = (
        select(
            key, addresses.c.channel, addresses.c.id, leader, literal(int(Lane.REMINDER)), literal("queued"),
            literal(now, UtcTime()), literal(until, UtcTime()), literal(now, UtcTime()),
        )
        .select_from(event_rows.join(staff, staff.c.contact_id == leader))
        .join(contacts, contacts.c.id == leader)
        .join(addresses, addresses.c.id == notifications.best_address(contacts.c.id))
        .where(event_rows.c.id == event_id, event_rows.c.kind != "slot", contacts.c.status == "active")
    )  # fmt: skip
    columns = (
        "key", "channel", "address_id", "contact_id", "lane", "status", "not_before", "expires_at", "created_at",
    )  # fmt: skip
    connection.execute(upsert(connection, outbox).from_select(columns, rows).on_conflict_do_nothing())


def facts(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Digest]:
    """What each digest says today; absent where the event is off, or its reader leads it no more."""
    found = {}
    for key in keys:
        digest = _digest(connection, int(key.split(":")[1]), now)
        if digest is not None:
            found[key] = digest
    return found


def _digest(connection: Connection, event_id: int, now: datetime) -> Digest | None:
    event = events.by_id(connection, event_id)
    if event is None or event.status != events.PUBLISHED or event.mediator_id is None:
        return None
    reader = Acting(event.mediator_id, 0, "", "", "", now)
    sheet = attendance.sheet(connection, reader, event_id=event_id)
    speaks = select(contacts.c.language).join(staff, staff.c.contact_id == contacts.c.id)
    language = connection.execute(speaks.where(contacts.c.id == event.mediator_id)).scalar()
    if sheet is None or language is None:
        return None
    to_call = len(calls.call_list(connection, reader, sheet=sheet))
    return Digest(event, attendance.tally(connection, reader, event_id=event_id), to_call, language)
