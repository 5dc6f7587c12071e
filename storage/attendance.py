"""Who comes and who came: the staff's side of an event. Names are opened here, so it must never be logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, or_, select, update

from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting
from storage import events, invitations, moments, notifications, participation, staff
from storage.tables import contacts, outbox
from storage.tables import invitations as rows
from storage.tables import notifications as ledger


@dataclass(frozen=True, slots=True)
class Tally:
    """How an event stands, in numbers."""

    invited: int
    yes: int
    no: int
    maybe: int
    silent: int
    waiting: int
    came: int
    absent: int


@dataclass(frozen=True, slots=True)
class Line:
    """One person on a list of an event."""

    contact_id: int
    name: str
    phone: str
    rsvp: str
    seat: str
    leave_at: str
    attended: bool | None
    called: str
    why: str = ""  # on the call list: silent, no_channel, failed


def tally(connection: Connection, acting: Acting, *, event_id: int) -> Tally:
    """The numbers of an event."""

    def those(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    numbers = select(
        func.count(), those(rows.c.rsvp == "yes"), those(rows.c.rsvp == "no"), those(rows.c.rsvp == "maybe"),
        those(rows.c.rsvp == ""), those(rows.c.seat == "waiting"), those(rows.c.attended.is_(True)),
        those(rows.c.attended.is_(False)),
    ).where(rows.c.event_id == event_id)  # fmt: skip
    return Tally(*connection.execute(numbers).one())


def people(connection: Connection, acting: Acting, *, event_id: int) -> list[Line]:
    """Everybody whom an event concerns, by name; erased ones are not among them."""
    found = connection.execute(
        select(rows, contacts.c.name, contacts.c.phone)
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(rows.c.event_id == event_id, contacts.c.status != "archived")
    )
    return sorted((_line(row) for row in found), key=lambda line: (fold(line.name), line.contact_id))


def _line(row: Any, why: str = "") -> Line:
    return Line(
        row.contact_id, row.name or "", row.phone or "", row.rsvp, row.seat, row.leave_at, row.attended, row.called, why
    )


# --- the call list --------------------------------------------------------------------------------------------------


def call_list(connection: Connection, acting: Acting, *, event_id: int) -> list[Line]:
    """Whom to call: nobody answered, no channel reaches them, or the message failed. Those called already come last."""
    unreached = rows.c.contact_id.in_(_unreached(event_id))
    no_channel = notifications.best_address().is_(None)
    why = case((no_channel, "no_channel"), (unreached, "failed"), else_="silent")
    waits = (rows.c.rsvp == "") & or_(rows.c.called == "", rows.c.called == "no_answer")
    found = connection.execute(
        select(rows, contacts.c.name, contacts.c.phone, why.label("why"))
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(
            rows.c.event_id == event_id, rows.c.attended.is_(None), contacts.c.status.not_in(("archived", "stopped"))
        )
        .where(or_(rows.c.rsvp == "", unreached & (rows.c.rsvp != "no")), waits)
    ).all()
    lines = [_line(row, row.why) for row in found]
    return sorted(lines, key=lambda line: (line.called != "", line.why, fold(line.name), line.contact_id))


def _unreached(event_id: int) -> Any:
    """Contacts whose latest message about an event did not arrive, and who have not answered since."""
    failed = outbox.c.status.in_(("failed", "expired", "uncertain"))
    return (
        select(ledger.c.contact_id)
        .join(outbox, outbox.c.key == ledger.c.message)
        .where(ledger.c.event_id == event_id, failed)
    )


def called(
    connection: Connection, acting: Acting, *, event_id: int, contact_id: int, outcome: str, rules: Rules
) -> None:
    """Keep what came of a call: yes, no, no_answer, wrong_number. Yes and no are answers too."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    values = {"called": outcome, "called_at": acting.now, "called_by": acting.contact_id}
    connection.execute(update(rows).where(mine).values(values))
    if outcome in (invitations.YES, invitations.NO):
        invitations.answer(
            connection, acting, event_id=event_id, contact_id=contact_id, said=outcome, rules=rules, by_staff=True
        )
    staff.audit(connection, acting, "call", f"event:{event_id} contact:{contact_id}")


# --- who came -------------------------------------------------------------------------------------------------------


def toggle(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Came, or took back: a tap on a name. The first time somebody comes to an activity they enter it."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    row = connection.execute(select(rows.c.attended).where(mine).with_for_update()).first()
    if row is None:
        return
    came = row.attended is not True
    mark(connection, acting, event_id=event_id, contact_id=contact_id, came=came)


def mark(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, came: bool | None) -> None:
    """Keep whether somebody came."""
    mine = (rows.c.event_id == event_id) & (rows.c.contact_id == contact_id)
    marked = {"attended": came, "marked_at": acting.now, "marked_by": acting.contact_id}
    connection.execute(update(rows).where(mine).values(marked))
    if came:
        participation.enter_by_event(connection, acting, event_id=event_id, contact_id=contact_id)
    staff.audit(connection, acting, "attendance", f"event:{event_id} contact:{contact_id}")


def walk_in(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Somebody came who was not on the list."""
    invitations.enrol(connection, acting, event_id=event_id, contact_id=contact_id, source=invitations.WALKIN)
    mark(connection, acting, event_id=event_id, contact_id=contact_id, came=True)


def finish(connection: Connection, acting: Acting, *, event_id: int, rules: Rules) -> None:
    """The list is complete: who is not marked was absent, and is asked kindly why. May be corrected afterwards."""
    expected = (rows.c.event_id == event_id) & rows.c.attended.is_(None) & (rows.c.rsvp != "no")
    absent = {"attended": False, "marked_at": acting.now, "marked_by": acting.contact_id}
    connection.execute(update(rows).where(expected).values(absent))
    moments.add(connection, event_id, [moments.missed(rules, acting.now)])
    staff.audit(connection, acting, "attendance_done", f"event:{event_id}")


def event_of(connection: Connection, acting: Acting, *, event_id: int) -> events.Event | None:
    """The event, if whoever acts may mark its list."""
    return events.for_staff(connection, acting, event_id=event_id)
