"""What whoever leads an event hears of it: how it stands the day before, whom to mark afterwards, that it is theirs.

Numbers only; names open on a tap, where rights are checked. Must never go to anybody who is no longer staff, or who
leads the event no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, exists, literal, select

from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane
from storage import attendance, calls, entering, events, moments, notifications
from storage.attendance import Sheet, Tally
from storage.events import Draft, Event
from storage.staff import LEADS, TRAINER
from storage.tables import UtcTime, addresses, contacts, outbox, staff
from storage.tables import events as event_rows
from storage.tables import moments as moment_rows

PREFIX = "digest"  # of the outbox keys
AHEAD, MARKS, LED = "ahead", "marks", "led"  # the day before; afterwards; somebody else led it until now


@dataclass(frozen=True, slots=True)
class Digest:
    """How an event stands, for one of the staff."""

    event: Event
    tally: Tally
    to_call: int
    language: str
    what: str = AHEAD


def queue(connection: Connection, event_id: int, now: datetime, until: datetime, what: str = AHEAD) -> None:
    """Queue a digest for whoever leads the event; once for each version of its timetable and each leader.

    Of an appointment one is asked whom to mark when its last slot is over; each slot comes here, and the lead counts.
    """
    slot = event_rows.alias()
    lead = select(case((slot.c.kind == "slot", slot.c.lead_id), else_=slot.c.id)).where(slot.c.id == event_id)
    about = event_rows.c.id == (lead.scalar_subquery() if what == MARKS else event_id)
    fits = (event_rows.c.ends_at <= now) & ~_is_marked() if what == MARKS else event_rows.c.kind != "slot"
    _enter(connection, f":{what}:", about & fits, now, literal(until, UtcTime()))


def _is_marked() -> ColumnElement[bool]:
    """Whether somebody has said that the list of who came is complete: those who did not are asked why then."""
    asked = (moment_rows.c.event_id == event_rows.c.id) & (moment_rows.c.offset == moments.MISSED)
    return exists().where(asked)


def publish(connection: Connection, acting: Acting, *, draft: Draft, rules: Rules) -> None:
    """Publish an event, and tell whoever leads it, unless they made it themselves. Raises what events.publish does."""
    events.publish(connection, acting, draft=draft, rules=rules)
    made = events.latest(connection, acting)
    if made is not None and made.mediator_id is not None:
        _tell_leader(connection, acting, made.id, made.mediator_id)


def hand_to(connection: Connection, acting: Acting, *, event_id: int, leader_id: int) -> None:
    """Let somebody else of the staff lead an event, and tell them so, unless they took it themselves."""
    events.hand_to(connection, acting, event_id=event_id, leader_id=leader_id)
    _tell_leader(connection, acting, event_id, leader_id)


def _tell_leader(connection: Connection, acting: Acting, event_id: int, leader_id: int) -> None:
    if leader_id != acting.contact_id:
        theirs = (event_rows.c.id == event_id) & (event_rows.c.mediator_id == leader_id)
        _enter(connection, f":{LED}-{acting.now:%m%dT%H%M%S}:", theirs, acting.now, event_rows.c.ends_at)


def _enter(connection: Connection, what: str, which: ColumnElement[bool], now: datetime, until: Any) -> None:
    """One row of the outbox for each event's leader; its words are found when it goes out."""
    leader = event_rows.c.mediator_id
    number, version = cast(event_rows.c.id, String), cast(event_rows.c.version, String)
    key = literal(f"{PREFIX}:").concat(number).concat(":").concat(version).concat(what).concat(cast(leader, String))
    entering.enter(
        connection,
        select(*entering.row(key, leader, Lane.REMINDER, opens=now, until=until, now=now))
        .select_from(event_rows.join(staff, staff.c.contact_id == leader))
        .join(contacts, contacts.c.id == leader)
        .join(addresses, addresses.c.id == notifications.best_address(contacts.c.id))
        .where(which, contacts.c.status == "active"),
    )


def facts(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Digest]:
    """What each digest says today; absent where nothing is left to say, or its reader leads the event no more."""
    readers = connection.execute(select(outbox.c.key, outbox.c.contact_id).where(outbox.c.key.in_(keys)))
    found = {}
    for key, reader in readers:
        _, number, _, *rest = key.split(":")
        digest = _digest(connection, int(number), reader, rest[0].partition("-")[0] if rest else AHEAD, now)
        if digest is not None:
            found[key] = digest
    return found


def _digest(connection: Connection, event_id: int, reader: int, what: str, now: datetime) -> Digest | None:
    acting = Acting(reader, 0, "", "", "", now)
    sheet = attendance.sheet(connection, acting, event_id=event_id)
    if sheet is None or sheet.is_cancelled or sheet.event.mediator_id != reader:
        return None
    speaks = select(contacts.c.language).join(staff, staff.c.contact_id == contacts.c.id)
    can_do_it = (contacts.c.id == reader) & staff.c.role.in_(LEADS | {TRAINER})
    language = connection.execute(speaks.where(can_do_it)).scalar()
    if language is None or (what == MARKS and not _is_to_be_marked(connection, acting, sheet)):
        return None
    to_call = len(calls.call_list(connection, acting, sheet=sheet))
    return Digest(sheet.event, attendance.tally(connection, acting, event_id=event_id), to_call, language, what)


def _is_to_be_marked(connection: Connection, acting: Acting, sheet: Sheet) -> bool:
    """Whether nobody has said that the list is complete. An appointment without a taken slot has nobody on it."""
    if sheet.done:
        return False
    return sheet.event.kind != "appointment" or bool(
        attendance.at_the_door(connection, acting, event_id=sheet.event.id)
    )
