"""The call list of an event: whom nobody and nothing has reached yet, why, and what came of each call.

People without any channel live on it: what a reminder is to others, a call is to them. A number is opened for one
person at a time, and every such look is in the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import literal as value

from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting
from storage import events, invitations, notifications, staff
from storage.attendance import Sheet
from storage.invitations import MAYBE, NO, SEAT, WAITS, YES
from storage.notifications import LATE
from storage.tables import UtcTime, consents, contacts, event_versions, outbox, residents
from storage.tables import events as event_rows
from storage.tables import invitations as rows
from storage.tables import notifications as ledger

TOLD, NO_ANSWER, WRONG = "told", "no_answer", "wrong_number"
OUTCOMES = (YES, NO, TOLD, NO_ANSWER, WRONG)
SPOKEN = (YES, NO, TOLD, WRONG)  # after which nobody is called again
CHANGED, FAILED, NO_CHANNEL, REMIND, SILENT = "changed", "failed", "no_channel", "remind", "silent"
STOPPED = "stopped"
URGENT = (CHANGED, FAILED, REMIND, STOPPED, NO_CHANNEL, SILENT)  # a change may send somebody to a closed door
REST = timedelta(hours=20)  # after a call nobody is called again only to be reminded
BY_STAFF = "staff-"  # a contact's source, before the number of whoever registered them


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody to call, and why: changed, failed, remind, stopped, no_channel or silent."""

    contact_id: int
    name: str
    why: str
    called: str  # what came of the last call; empty if there was none


@dataclass(frozen=True, slots=True)
class Callee:
    """The same with all that helps to reach them."""

    contact_id: int
    name: str
    phone: str  # E.164, or empty
    settlement: str  # the programme's code, or empty
    registered_by: str  # the name of whoever of the staff did it, or empty
    why: str
    called: str
    standing: str  # what is known of their coming: yes, waiting, maybe, silent, no
    hour: datetime | None = None  # UTC; of an appointment: when the slot that they hold begins
    due: bool = True  # they are on the list; otherwise they were called, and it can only be mended


# --- whom to call ---------------------------------------------------------------------------------------------------


def call_list(connection: Connection, acting: Acting, *, sheet: Sheet) -> list[Call]:
    """Whom to call, the urgent first; whoever did not pick up comes last. Nobody once the event is over."""
    if sheet.is_over:
        return []
    found = connection.execute(_concerned(acting, sheet).where(_needs_a_call(acting, sheet)))
    calls = [Call(row.contact_id, row.name or "", row.why, row.called) for row in found]
    return sorted(calls, key=lambda c: (c.called == NO_ANSWER, URGENT.index(c.why), fold(c.name), c.contact_id))


def heard(connection: Connection, acting: Acting, *, sheet: Sheet) -> list[Call]:
    """Who was called and is not on the list any more, the last first: what was noted by a slip can be mended."""
    if sheet.is_over:
        return []
    found = connection.execute(
        _concerned(acting, sheet)
        .add_columns(_is_due(acting, sheet))
        .where(rows.c.called.in_(SPOKEN))
        .order_by(rows.c.called_at.desc(), rows.c.contact_id)
    )
    return [Call(row.contact_id, row.name or "", row.why, row.called) for row in found if not row.due]


def _is_due(acting: Acting, sheet: Sheet) -> ColumnElement[bool]:
    return case((_needs_a_call(acting, sheet), True), else_=False).label("due")


def callee(connection: Connection, acting: Acting, *, sheet: Sheet, contact_id: int) -> Callee | None:
    """One person of the event, to be called; None if they are not in it, want nothing more, or were erased."""
    wanted = _concerned(acting, sheet).add_columns(_is_due(acting, sheet))
    row = connection.execute(wanted.where(rows.c.contact_id == contact_id)).first()
    if row is None:
        return None
    by = "" if row.phone else _registered_by(connection, row.source_of_contact)
    standing = WAITS if row.seat == WAITS else row.rsvp or SILENT
    hour = _hour(connection, sheet, contact_id)
    known = (row.name or "", row.phone or "", row.settlement or "")
    return Callee(contact_id, *known, by, row.why, row.called, standing, hour, bool(row.due))


def _hour(connection: Connection, sheet: Sheet, contact_id: int) -> datetime | None:
    held = invitations.held_slot(connection, sheet.event.id, contact_id)
    slot = events.by_id(connection, held) if held else None
    return slot.starts_at if slot else None


def _concerned(acting: Acting, sheet: Sheet) -> Select[Any]:
    """The event's people who may be called, each with the most urgent reason."""
    why = case(
        (_knows_of_no_change(sheet), CHANGED), (_has_stopped(), STOPPED), (_did_not_arrive(sheet), FAILED),
        (_is_to_be_reminded(acting, sheet), REMIND), (_no_channel(), NO_CHANNEL), else_=SILENT,
    )  # fmt: skip
    return (
        select(
            rows, contacts.c.name, contacts.c.phone, contacts.c.settlement,
            contacts.c.source.label("source_of_contact"), why.label("why"),
        )
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(rows.c.event_id == sheet.event.id, contacts.c.status != "archived", ~_has_stopped() | _keeps_a_place())
    )  # fmt: skip


def _needs_a_call(acting: Acting, sheet: Sheet) -> ColumnElement[bool]:
    urgent = [_knows_of_no_change(sheet), (rows.c.rsvp != NO) & _did_not_arrive(sheet)]
    if not sheet.is_cancelled:
        urgent += [rows.c.rsvp == "", _is_to_be_reminded(acting, sheet), _stopped_since_the_last_call()]
    answered = (rows.c.rsvp == "") & _home_answered() if sheet.event.kind == "meeting" else false()
    return rows.c.attended.is_(None) & (rows.c.called != WRONG) & or_(*urgent) & ~answered


def _home_answered() -> ColumnElement[bool]:
    """Whether somebody else who lives there has answered: of a parents' meeting a home is asked once."""
    mine, theirs, other = residents.alias(), residents.alias(), rows.alias()
    together = (mine.c.contact_id == rows.c.contact_id) & (theirs.c.address_id == mine.c.address_id)
    said = (other.c.event_id == rows.c.event_id) & (other.c.contact_id == theirs.c.contact_id) & (other.c.rsvp != "")
    return exists().where(together, said)


def _of_theirs(event_id: Any, sheet: Sheet) -> ColumnElement[bool]:
    """Whether it is the event, or the slot that they hold of it: what is said of one is said of the other."""
    its_own: ColumnElement[bool] = event_id == rows.c.event_id
    if sheet.event.kind != "appointment":
        return its_own
    slot, held = event_rows.alias(), rows.alias()
    holds = (held.c.contact_id == rows.c.contact_id) & (held.c.seat == SEAT)
    theirs = (slot.c.lead_id == rows.c.event_id) & (slot.c.kind == "slot") & (held.c.event_id == slot.c.id)
    return or_(its_own, event_id.in_(select(slot.c.id).where(theirs, holds).correlate(rows)))


def _has_stopped() -> ColumnElement[bool]:
    stopped: ColumnElement[bool] = contacts.c.status == "stopped"
    return stopped


def _keeps_a_place() -> ColumnElement[bool]:
    """Whether they are expected. To stop our messages is not to refuse: the place stays, and one call asks about it."""
    return or_(rows.c.seat == SEAT, (rows.c.rsvp == YES) & (rows.c.seat != WAITS))


def _stopped_since_the_last_call() -> ColumnElement[bool]:
    theirs = (consents.c.contact_id == rows.c.contact_id) & (consents.c.action == "withdrawn")
    last = select(func.max(consents.c.at)).where(theirs).correlate(rows).scalar_subquery()
    return _has_stopped() & _not_called_since(func.coalesce(last, rows.c.created_at))


def _no_channel() -> ColumnElement[bool]:
    none: ColumnElement[bool] = notifications.best_address().is_(None)
    return none


def _not_called_since(at: Any) -> ColumnElement[bool]:
    """Whether nobody has talked to them since; that it rang and they did not pick up is no talk."""
    return or_(rows.c.called_at.is_(None), rows.c.called_at < at, rows.c.called == NO_ANSWER)


def _knows_of_no_change(sheet: Sheet) -> ColumnElement[bool]:
    """Said they would come, and then the event changed; no message can tell them so."""
    changes = _of_theirs(event_versions.c.event_id, sheet) & _sends_elsewhere()
    last = select(func.max(event_versions.c.at)).where(changes).correlate(rows).scalar_subquery()
    answered = func.coalesce(rows.c.rsvp_at, rows.c.created_at)
    came_later = and_(last.is_not(None), answered < last, _not_called_since(last))
    return rows.c.rsvp.in_((YES, MAYBE)) & came_later & (_no_channel() | _has_stopped())


def _sends_elsewhere() -> ColumnElement[bool]:
    """Whether a version has another time or place than the one before, or none at all: not only another name."""
    now, before = event_versions, event_versions.alias()
    columns = ("starts_at", "place", "landmark", "status")
    return exists().where(
        before.c.event_id == now.c.event_id, before.c.version == now.c.version - 1,
        or_(*(before.c[name] != now.c[name] for name in columns)),
    )  # fmt: skip


def _did_not_arrive(sheet: Sheet) -> ColumnElement[bool]:
    """The last message about the event failed or came too late, and nothing was heard from them since."""
    newest = ledger.alias()
    theirs = _of_theirs(newest.c.event_id, sheet) & (newest.c.contact_id == rows.c.contact_id)
    last = (
        select(newest.c.event_id, newest.c.offset)
        .where(theirs, or_(newest.c.message != "", newest.c.status == LATE))
        .order_by(newest.c.at.desc(), newest.c.message == "", newest.c.offset)  # of two at once, what was sent counts
        .limit(1)
        .correlate(rows)
    )
    failed = exists().where(outbox.c.key == ledger.c.message, outbox.c.status.in_(("failed", "expired", "uncertain")))
    return exists().where(
        tuple_(ledger.c.event_id, ledger.c.offset).in_(last), ledger.c.contact_id == rows.c.contact_id,
        or_(ledger.c.status == LATE, failed), _not_called_since(ledger.c.at),
        or_(rows.c.rsvp_at.is_(None), rows.c.rsvp_at < ledger.c.at),
    )  # fmt: skip


def _is_to_be_reminded(acting: Acting, sheet: Sheet) -> ColumnElement[bool]:
    """A reminder was due since the last call to somebody who means to come and whom no channel reaches."""
    due = exists().where(
        _of_theirs(ledger.c.event_id, sheet), ledger.c.contact_id == rows.c.contact_id,
        ledger.c.reason.in_(("no_channel", "blocked")), _not_called_since(ledger.c.at),
    )  # fmt: skip
    rested = _not_called_since(value(acting.now - REST, UtcTime()))
    return rows.c.rsvp.in_((YES, MAYBE)) & due & rested & _no_channel()


def _registered_by(connection: Connection, source: str) -> str:
    number = source.removeprefix(BY_STAFF)
    if number == source or not number.isdigit() or not staff.role_of(connection, int(number)):
        return ""
    found: str | None = connection.execute(select(contacts.c.name).where(contacts.c.id == int(number))).scalar()
    return found or ""


# --- what came of it ------------------------------------------------------------------------------------------------


def opened(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Record that somebody's number was looked at."""
    staff.audit(connection, acting, "phone_seen", f"event:{event_id} contact:{contact_id}")


def called(
    connection: Connection, acting: Acting, *, event_id: int, contact_id: int, outcome: str, rules: Rules,
    slot_id: int = 0,
) -> None:  # fmt: skip
    """Keep what came of a call. Yes and no are answers too; with a slot, they chose this hour of an appointment.

    Raises:
        Conflict: the slot was taken meanwhile.
    """
    if slot_id:
        invitations.take_slot(
            connection, acting, event_id=event_id, contact_id=contact_id, slot_id=slot_id, rules=rules
        )
    elif outcome in (YES, NO):
        invitations.answer(
            connection, acting, event_id=event_id, contact_id=contact_id, said=outcome, rules=rules, by_staff=True
        )
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    values = {"called": outcome, "called_at": acting.now, "called_by": acting.contact_id}
    connection.execute(update(rows).where(mine).values(values))
    staff.audit(connection, acting, "call", f"event:{event_id} contact:{contact_id}")


def taken_back(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, rules: Rules) -> None:
    """It was a slip: they were not called. An answer noted with the call is forgotten, and its place is free again."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    noted = connection.execute(select(rows.c.called, rows.c.called_at, rows.c.rsvp_at).where(mine)).first()
    if noted is None or not noted.called:
        return
    fresh: dict[str, Any] = {"called": "", "called_at": None, "called_by": None}
    if noted.called in (YES, NO) and noted.rsvp_at == noted.called_at:  # not what they said themselves since
        invitations.answer(
            connection, acting, event_id=event_id, contact_id=contact_id, said=NO, rules=rules, by_staff=True
        )
        fresh |= {"rsvp": "", "rsvp_at": None, "rsvp_by": None}
    connection.execute(update(rows).where(mine).values(fresh))
    staff.audit(connection, acting, "call_back", f"event:{event_id} contact:{contact_id}")
