"""What staff do with questions: see them, take, pass on, answer, close.

Rights are asked for at every act, whatever a screen showed. Must never let two answer at once without knowing: an
answer names what its writer had seen, and whatever has changed since is shown first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, insert, or_, select, update

from bot.calendar import Rules
from bot.chat import Acting, Conflict
from bot.messages import Media
from bot.office import Office, promise
from storage import media as kept_media
from storage import staff as roles
from storage import ticket_copies
from storage.staff import Member
from storage.tables import contacts, outbox, staff, ticket_lines, tickets
from storage.ticket_copies import LATE, TICKET
from storage.ticket_view import ANSWERED, CLOSED, HANDLES, NOTE, OPEN, STAFF, Ticket, question_for, visible, way_back

LATELY = timedelta(days=7)  # how long what is settled stays on the list


@dataclass(frozen=True, slots=True)
class Row:
    """A question on the list."""

    id: int
    name: str
    status: str
    created_at: datetime  # UTC
    due_at: datetime | None  # UTC
    taken_by: int | None
    text: str = ""  # what was asked first; empty for what is confidential, or came without words
    about: str = ""


# --- seeing ---------------------------------------------------------------------------------------------------------


def questions(connection: Connection, acting: Acting, *, limit: int) -> Sequence[Row]:
    """Those that wait, the longest first, then those of the last days that are settled, the latest first."""
    role = roles.role_of(connection, acting.contact_id)
    waits = case((tickets.c.status == OPEN, 0), else_=1)
    settled = func.coalesce(tickets.c.closed_at, tickets.c.answered_at, tickets.c.created_at)
    wanted = (
        select(
            tickets.c.id, contacts.c.name, tickets.c.status, tickets.c.created_at, tickets.c.due_at,
            tickets.c.taken_by, tickets.c.text, tickets.c.about, tickets.c.confidential,
        )
        .select_from(tickets.join(contacts, contacts.c.id == tickets.c.contact_id))
        .where(visible(acting.contact_id, role), or_(tickets.c.status == OPEN, settled > acting.now - LATELY))
        # A letter of ours was promised nothing: until somebody answers it, nobody has asked anything.
        .where(tickets.c.due_at.is_distinct_from(tickets.c.created_at))
        .order_by(
            waits, case((tickets.c.status == OPEN, tickets.c.created_at), else_=None), settled.desc(), tickets.c.id
        )
        .limit(limit)
    )  # fmt: skip
    return [
        Row(
            r.id, r.name or "", r.status, r.created_at, r.due_at, r.taken_by,
            "" if r.confidential else r.text, r.about,
        )
        for r in connection.execute(wanted)
    ]  # fmt: skip


def colleagues(connection: Connection, acting: Acting) -> Sequence[Member]:
    """To whom a question can be passed on: everybody else of the team who may answer."""
    team = roles.members(connection, acting)
    return [member for member in team if member.role in HANDLES and member.contact_id != acting.contact_id]


def replied_to(connection: Connection, acting: Acting, *, platform_id: str) -> int:
    """The question whose copy a message of one of the staff answers; 0 for every other message of ours."""
    mine = (outbox.c.address_id == acting.address_id) & (outbox.c.contact_id == acting.contact_id)
    found = connection.execute(select(outbox.c.key).where(mine, outbox.c.platform_id == platform_id)).scalars()
    numbers = [int(key.split(":")[1]) for key in found if key.partition(":")[0] in (TICKET, LATE)]
    return numbers[0] if numbers else 0


def stamp(ticket: Ticket, reader: int) -> str:
    """What somebody must have seen before they answer: the latest answer, and that a colleague means to give one."""
    answer = ticket.answer
    colleague = ticket.taken_by if ticket.taken_by != reader else None
    return f"{answer.id if answer else 0}-{colleague or 0}-{'over' if ticket.status == CLOSED else ''}"


# --- doing ----------------------------------------------------------------------------------------------------------


def take(connection: Connection, acting: Acting, *, ticket_id: int) -> None:
    """Say that one means to answer. Of two at one moment, the first; whose role is gone holds nobody up."""
    ticket = _locked(connection, acting, ticket_id)
    if ticket is None or ticket.status != OPEN:
        return
    able = select(staff.c.contact_id).where(staff.c.role.in_(HANDLES))
    free = or_(tickets.c.taken_by.is_(None), tickets.c.taken_by.not_in(able))
    mine = {"taken_by": acting.contact_id, "taken_at": acting.now}
    taking = update(tickets).where(tickets.c.id == ticket_id, free).values(mine)
    if connection.execute(taking).rowcount:
        _done(connection, acting, "take", ticket_id)


def pass_on(connection: Connection, acting: Acting, *, ticket_id: int, to: int, office: Office) -> None:
    """Give a question to somebody else of the team, who hears of it; it is theirs from then on."""
    ticket = _locked(connection, acting, ticket_id)
    able = roles.role_of(connection, to) in HANDLES
    if ticket is None or ticket.status != OPEN or not able or to == acting.contact_id:
        return
    theirs = {"taken_by": to, "taken_at": acting.now}
    connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(theirs))
    roles.audit(connection, acting, "pass", f"ticket:{ticket_id}:{to}")
    ticket_copies.ring(connection, ticket_id, [to], acting.now, office)
    ticket_copies.show(connection, ticket_id, acting.now, but=(acting.contact_id, to))


def answer(
    connection: Connection, acting: Acting, *, ticket_id: int, text: str, media: Mapping[str, Any] | None, seen: str,
    rules: Rules, promised: Office | None = None,
) -> None:  # fmt: skip
    """Send an answer to whoever asked. One that only promises something settles nothing: it waits a working day more.

    Conflict on "sure": somebody else answered or took it since `seen` (the writer's `stamp`), or no way leads there.
    """
    ticket = _locked(connection, acting, ticket_id)
    if ticket is None:
        raise Conflict("sure", "ticket.none_such")
    if stamp(ticket, acting.contact_id) != seen:
        raise Conflict("sure", "ticket.changed")
    way = way_back(connection, acting, ticket_id=ticket_id)
    if way is None:
        raise Conflict("sure", "ticket.no_way")
    sent = kept_media.keep(connection, Media.from_json(dict(media)) if media else None, acting.now)
    line = _say(connection, acting, ticket_id, STAFF, text, sent)
    _settle(connection, acting, ticket, promised)
    ticket_copies.send(connection, ticket, line, way, acting.now, rules)
    _done(connection, acting, "answer", ticket_id)


def answered_by_phone(connection: Connection, acting: Acting, *, ticket_id: int) -> None:
    """Whom no channel reaches was called."""
    ticket = _locked(connection, acting, ticket_id)
    if ticket is not None and ticket.status == OPEN:
        _say(connection, acting, ticket_id, NOTE, "", 0)
        _settle(connection, acting, ticket)
        _done(connection, acting, "call_back", ticket_id)


def close(connection: Connection, acting: Acting, *, ticket_id: int) -> None:
    """No answer is needed. Whoever wrote hears nothing of it."""
    ticket = _locked(connection, acting, ticket_id)
    if ticket is not None and ticket.status == OPEN:
        over = {"status": CLOSED, "closed_by": acting.contact_id, "closed_at": acting.now}
        connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(over))
        _done(connection, acting, "close", ticket_id)


def reopen(connection: Connection, acting: Acting, *, ticket_id: int, office: Office) -> None:
    """That was a slip: it waits again, with a new promise."""
    ticket = _locked(connection, acting, ticket_id)
    if ticket is not None and ticket.status == CLOSED and ticket.closed_by is not None:
        again = {"status": OPEN, "closed_by": None, "closed_at": None, "due_at": promise(office, acting.now)}
        connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(again | {"escalated_at": None}))
        _done(connection, acting, "reopen", ticket_id)


def _locked(connection: Connection, acting: Acting, ticket_id: int) -> Ticket | None:
    """The question as it is now and stays until this transaction ends; None where it is not theirs to handle."""
    connection.execute(select(tickets.c.id).where(tickets.c.id == ticket_id).with_for_update())
    return question_for(connection, acting, ticket_id=ticket_id)


def _say(connection: Connection, acting: Acting, ticket_id: int, side: str, text: str, media_id: int) -> int:
    line = {
        "ticket_id": ticket_id, "by_id": acting.contact_id, "side": side, "text": text, "media_id": media_id or None,
        "at": acting.now,
    }  # fmt: skip
    return int(connection.execute(insert(ticket_lines).values(line).returning(ticket_lines.c.id)).scalar_one())


def _settle(connection: Connection, acting: Acting, ticket: Ticket, promised: Office | None = None) -> None:
    """It is answered; or it stays open, with a new time, for whoever promised to see to it."""
    mine = {"taken_by": acting.contact_id, "taken_at": acting.now, "closed_by": None, "closed_at": None}
    if promised is None:
        said = {"status": ANSWERED, "answered_at": ticket.answered_at or acting.now}
    else:
        said = {"status": OPEN, "due_at": promise(promised, acting.now), "escalated_at": None}
    connection.execute(update(tickets).where(tickets.c.id == ticket.id).values(mine | said))


def _done(connection: Connection, acting: Acting, action: str, ticket_id: int) -> None:
    """Record it, and show it to everybody who has a copy."""
    roles.audit(connection, acting, action, f"ticket:{ticket_id}")
    ticket_copies.show(connection, ticket_id, acting.now, but=[acting.contact_id])
