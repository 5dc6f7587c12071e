"""One question with all that was said about it, and who of the staff may see it. Only reads.

Deny by default: a mediator sees the questions of their own people and those passed to them, a trainer only the latter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, false, func, or_, select

from bot.chat import Acting
from bot.messages import Media
from bot.privacy import masked
from storage import charges, media, notifications, ticket_about
from storage import staff as roles
from storage.notifications import TEL
from storage.staff import LEADS, MEDIATOR, SEES_ALL, TRAINER
from storage.tables import addresses, contacts, outbox, residents, staff, ticket_lines, tickets
from storage.tables import charges as charge_rows

OPEN, ANSWERED, CLOSED = "open", "answered", "closed"
ANSWER = "answer"  # what the outbox keys of answers begin with
LOST = ("failed", "uncertain", "expired", "cancelled")
RESIDENT, STAFF, NOTE = "resident", "staff", "note"  # whose a line is; a note is for colleagues alone
HANDLES = LEADS | {TRAINER}  # who may answer


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said: the question itself, what was added, an answer."""

    id: int  # of its line; 0 for the question itself
    side: str
    by: str  # the name of whoever of the staff said it
    by_id: int | None
    text: str
    media: Media | None
    at: datetime  # UTC
    is_lost: bool = False  # an answer that did not arrive


@dataclass(frozen=True, slots=True)
class Ticket:
    """One question. Times are UTC."""

    id: int
    contact_id: int
    name: str
    phone: str  # masked
    settlement: str
    language: str
    about: str  # an activity's code, or an announcement; empty where it is about nothing in particular
    status: str
    said: Sequence[Said]  # the question first
    created_at: datetime
    due_at: datetime | None
    escalated_at: datetime | None
    taken_by: int | None
    taker: str  # the name of whoever means to answer
    answered_at: datetime | None
    closed_by: int | None
    closer: str
    announced: str = ""  # how the announcement begins that it is about
    confidential: bool = False

    @property
    def answer(self) -> Said | None:
        """The latest thing that one of the staff said to the resident."""
        return next((one for one in reversed(self.said) if one.side == STAFF), None)

    @property
    def is_lost(self) -> bool:
        """Whether the latest thing that staff did about it was an answer that did not arrive."""
        latest = next((one for one in reversed(self.said) if one.side in (STAFF, NOTE)), None)
        return latest is not None and latest.is_lost

    @property
    def spoke_at(self) -> datetime:
        """When the resident said something last."""
        return max(one.at for one in self.said if one.side == RESIDENT)

    @property
    def attached(self) -> Sequence[Said]:
        """What the resident sent that is more than words."""
        return [one for one in self.said if one.media and one.side == RESIDENT]


@dataclass(frozen=True, slots=True)
class Way:
    """How an answer reaches somebody."""

    address_id: int
    channel: str
    is_shared: bool  # others live behind it too


# --- who may see it -------------------------------------------------------------------------------------------------


def visible(staff_id: int, role: str) -> ColumnElement[bool]:
    """Whether one of the staff may see a row of `tickets` that is joined with its contact.

    What is confidential only those of a person's mediators who look after that activity.
    """
    if role not in HANDLES:
        return false()
    mine = tickets.c.taken_by == staff_id
    if role not in LEADS:
        return mine
    looks_after = exists().where(
        charge_rows.c.staff_id == staff_id, charge_rows.c.kind == charges.ACTIVITY,
        charge_rows.c.code == tickets.c.about,
    )  # fmt: skip
    theirs = charges.own(staff_id, role)
    return or_(mine, theirs if role in SEES_ALL else theirs & or_(~tickets.c.confidential, looks_after))


def seen_by(connection: Connection, staff_id: int, ids: Collection[int]) -> set[int]:
    """Those of these questions that one of the staff may see now."""
    role = roles.role_of(connection, staff_id)
    wanted = select(tickets.c.id).join(contacts, contacts.c.id == tickets.c.contact_id)
    return set(connection.execute(wanted.where(tickets.c.id.in_(ids), visible(staff_id, role))).scalars())


def is_theirs(acting: Acting) -> ColumnElement[bool]:
    """Whether a ticket is a question of whoever writes, or of somebody who lives behind the same address."""
    here = (residents.c.address_id == acting.address_id) & (residents.c.contact_id == tickets.c.contact_id)
    return or_(tickets.c.contact_id == acting.contact_id, exists().where(here))


# --- reading --------------------------------------------------------------------------------------------------------


def question_for(connection: Connection, acting: Acting, *, ticket_id: int) -> Ticket | None:
    """A question that whoever asks may see; None for all others and for none."""
    if ticket_id not in seen_by(connection, acting.contact_id, [ticket_id]):
        return None
    return load(connection, [ticket_id]).get(ticket_id)


def phone_of(connection: Connection, acting: Acting, *, ticket_id: int) -> str:
    """The whole number of whoever asked, for one of the staff who may call them about it; empty for all others."""
    role = roles.role_of(connection, acting.contact_id)
    wanted = select(contacts.c.phone).join(tickets, tickets.c.contact_id == contacts.c.id)
    mine = wanted.where(tickets.c.id == ticket_id, visible(acting.contact_id, role))
    return connection.execute(mine).scalar() or "" if role in LEADS else ""


def load(connection: Connection, ids: Iterable[int]) -> Mapping[int, Ticket]:
    """These questions with everything said about them, by number."""
    wanted = sorted(set(ids))
    rows = connection.execute(_heads.where(tickets.c.id.in_(wanted))).all() if wanted else []
    lines: dict[int, list[Any]] = {row.id: [] for row in rows}
    if rows:
        found = select(ticket_lines).where(ticket_lines.c.ticket_id.in_(wanted)).order_by(ticket_lines.c.id)
        for line in connection.execute(found):
            lines[line.ticket_id].append(line)
    names = _names(connection, rows, lines)
    lost = _lost(connection, [line.id for some in lines.values() for line in some if line.side == STAFF])
    told = ticket_about.first_words(connection, {row.about for row in rows})
    return {
        row.id: _ticket(connection, row, lines[row.id], names, lost, told.get(row.about, "")) for row in rows
    }  # fmt: skip


_heads: Select[Any] = select(
    tickets, contacts.c.name, contacts.c.phone, contacts.c.settlement, contacts.c.language
).join(contacts, contacts.c.id == tickets.c.contact_id)


def _names(connection: Connection, rows: Sequence[Any], lines: Mapping[int, Sequence[Any]]) -> Mapping[int, str]:
    """The names of those of the staff who had to do with these."""
    who = {number for row in rows for number in (row.taken_by, row.closed_by)}
    who |= {line.by_id for some in lines.values() for line in some}
    found = select(contacts.c.id, contacts.c.name).where(contacts.c.id.in_(who - {None}))
    return {row.id: row.name or "" for row in connection.execute(found)} if who - {None} else {}


def _lost(connection: Connection, lines: Collection[int]) -> Collection[int]:
    """Those of these answers that did not arrive."""
    keys = {f"{ANSWER}:{line}": line for line in lines}
    found = select(outbox.c.key).where(outbox.c.key.in_(keys), outbox.c.status.in_(LOST))
    return {keys[key] for key in connection.execute(found).scalars()} if keys else set()


def _ticket(
    connection: Connection, row: Any, lines: Sequence[Any], names: Mapping[int, str], lost: Collection[int],
    announced: str,
) -> Ticket:  # fmt: skip
    def attached(number: int | None) -> Media | None:
        return media.load(connection, number) if number else None

    first = Said(0, RESIDENT, "", None, row.text, attached(row.media_id), row.created_at)
    more = [
        Said(n.id, n.side, names.get(n.by_id, ""), n.by_id, n.text, attached(n.media_id), n.at, n.id in lost)
        for n in lines
    ]
    return Ticket(
        row.id, row.contact_id, row.name or "", masked(row.phone or ""), row.settlement or "", row.language, row.about,
        row.status, (first, *more), row.created_at, row.due_at, row.escalated_at, row.taken_by,
        names.get(row.taken_by, ""), row.answered_at, row.closed_by, names.get(row.closed_by, ""), announced,
        row.confidential,
    )  # fmt: skip


def way_back(connection: Connection, acting: Acting, *, ticket_id: int) -> Way | None:
    """Where an answer goes: to the address that the question came from, otherwise to their best. None: only a call.

    Whoever stopped our messages has none, whatever address they wrote from.
    """
    here = (residents.c.address_id == tickets.c.address_id) & (residents.c.contact_id == tickets.c.contact_id)
    came_from = (
        select(addresses.c.id)
        .join(residents, residents.c.address_id == addresses.c.id)
        .where(here, addresses.c.status == "active", addresses.c.channel != TEL)
        .correlate(tickets)
        .scalar_subquery()
    )
    best = func.coalesce(came_from, notifications.best_address(tickets.c.contact_id))
    wanted = (
        select(addresses.c.id, addresses.c.channel)
        .select_from(tickets.join(contacts, contacts.c.id == tickets.c.contact_id))
        .join(addresses, addresses.c.id == best)
        .where(tickets.c.id == ticket_id, contacts.c.status == "active")
    )
    row = connection.execute(wanted).first()
    return Way(row.id, row.channel, is_shared(connection, row.id)) if row else None


def is_shared(connection: Connection, address_id: int) -> bool:
    """Whether several people who registered live behind an address."""
    people = (
        select(func.count())
        .select_from(residents.join(contacts, contacts.c.id == residents.c.contact_id))
        .where(
            residents.c.address_id == address_id, contacts.c.registered_at.is_not(None), contacts.c.status != "archived"
        )
    )
    return connection.execute(people).scalar_one() > 1


# --- who answers ----------------------------------------------------------------------------------------------------


def answerers(connection: Connection, ticket_id: int) -> Sequence[int]:
    """Who of the staff a question goes to: whoever took it, otherwise those in charge whom a message reaches.

    What is about an announcement goes to its author first. Where none of them can be reached, the coordinators; and
    nobody is asked their own question if others are there.
    """
    row = connection.execute(select(tickets).where(tickets.c.id == ticket_id)).one()
    for one in (row.taken_by, ticket_about.author(connection, row.about, row.contact_id)):
        if one and (first := _reached(connection, [one])):
            return first
    in_charge = charges.in_charge(connection, row.contact_id, row.about, confidential=row.confidential)
    for group in (in_charge, charges.coordinators(connection)):
        others = _reached(connection, [who for who in group if who != row.contact_id])
        if others:
            return others
    return _reached(connection, in_charge)


def mediators(connection: Connection, acting: Acting) -> Sequence[str]:
    """The names of those who would answer whoever acts; none where it is the coordinators."""
    of_them = select(staff.c.contact_id).where(staff.c.role == MEDIATOR)
    who = _reached(connection, charges.in_charge(connection, acting.contact_id))
    found = select(contacts.c.name).where(contacts.c.id.in_(who), contacts.c.id.in_(of_them)).order_by(contacts.c.id)
    return [name or "" for name in connection.execute(found).scalars()] if who else []


def _reached(connection: Connection, who: Sequence[int]) -> Sequence[int]:
    """Those of them who may answer at all and whom a message reaches."""
    able = staff.c.contact_id.in_(who) & staff.c.role.in_(HANDLES) & (contacts.c.status == "active")
    reached = notifications.best_address(contacts.c.id).is_not(None)
    found = select(contacts.c.id).join(staff, staff.c.contact_id == contacts.c.id).where(able, reached)
    return connection.execute(found.order_by(contacts.c.id)).scalars().all() if who else []
