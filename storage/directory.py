"""The people of one of the staff: found by name or phone, and what may be seen of one of them.

Every question asks anew whose people they are. A trainer sees names and their own events, and never a number; names and
numbers are opened here, so it must never be logged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from bot.alphabets import fold
from bot.chat import Acting
from bot.privacy import masked
from storage import charges, contacts, door, events, staff
from storage.contacts import Child
from storage.notifications import TEL
from storage.tables import addresses, children, interests, invitations, participations, residents, search_tokens
from storage.tables import contacts as rows
from storage.tables import events as event_rows

MANY = 200  # people that one search gives: whoever has more needs more letters
_DIGITS = re.compile(r"[\d\s()+./-]+")
_NEXT = 3  # events on a card


@dataclass(frozen=True, slots=True)
class Found:
    """One of one's own people."""

    contact_id: int
    name: str
    settlement: str  # the programme's code, or empty


# --- finding --------------------------------------------------------------------------------------------------------


def find(connection: Connection, acting: Acting, *, typed: str, phone: str = "") -> Sequence[Found]:
    """Own people whose name has words that begin so, or with this number, or one that ends so."""
    role = staff.role_of(connection, acting.contact_id)
    ending = "".join(filter(str.isdigit, typed)) if _DIGITS.fullmatch(typed) else ""
    if phone or ending:  # a trainer could guess a number by it, digit after digit
        by_phone = phone if role in staff.LEADS else ""
        found = _by_phone(connection, acting, role, by_phone, ending if role in staff.LEADS else "")
    else:
        found = _by_name(connection, acting, role, fold(typed))
    return sorted((_found(row) for row in found), key=lambda one: (fold(one.name), one.contact_id))


def _theirs(acting: Acting, role: str) -> ColumnElement[bool]:
    known = rows.c.registered_at.is_not(None) & (rows.c.status != "archived")
    return and_(known, charges.own(acting.contact_id, role))


def _by_phone(connection: Connection, acting: Acting, role: str, phone: str, ending: str) -> Sequence[Any]:
    mine = select(rows.c.id, rows.c.name, rows.c.settlement, rows.c.phone).where(_theirs(acting, role))
    if phone:
        whole = rows.c.phone_hash == contacts.phone_hash(connection, phone)
        return connection.execute(mine.where(whole).limit(MANY)).all()
    if len(ending) < contacts.ENDING:
        return []
    alike = search_tokens.c.token == contacts.ending(connection, ending)
    found = mine.where(rows.c.id.in_(select(search_tokens.c.contact_id).where(alike))).order_by(rows.c.id)
    if len(ending) == contacts.ENDING:
        return connection.execute(found.limit(MANY)).all()
    return [row for row in connection.execute(found) if (row.phone or "").endswith(ending)][:MANY]


def _by_name(connection: Connection, acting: Acting, role: str, typed: str) -> Sequence[Any]:
    long_enough = " ".join(word for word in typed.split() if len(word) >= contacts.TOKEN_LENGTHS[0])
    named = rows.c.id.in_(contacts.named(connection, long_enough))
    mine = select(rows.c.id, rows.c.name, rows.c.settlement).where(named, _theirs(acting, role))
    found = connection.execute(mine.order_by(rows.c.id).limit(MANY))
    return [row for row in found if door.begins_so(row.name or "", typed)]


def _found(row: Any) -> Found:
    return Found(row.id, row.name or "", row.settlement or "")


# --- one person -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meeting:
    """One event of theirs."""

    event_id: int
    title: str
    starts_at: datetime  # UTC
    standing: str  # yes, waiting, maybe, silent, no
    came: bool | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What whoever asks may see of somebody."""

    contact_id: int
    name: str
    coming: Sequence[Meeting]
    last: Meeting | None  # the latest event at which it was marked whether they came
    settlement: str = ""
    phone: str = ""  # masked; empty for none, and for whoever may not see it
    children: Sequence[Child] = ()
    interests: Sequence[str] = ()
    activities: Sequence[str] = ()  # in which they take part
    language: str = ""
    channels: Sequence[str] = ()  # that reach them
    status: str = "active"
    full: bool = True  # more than the name


def card(connection: Connection, acting: Acting, *, contact_id: int, confidential: Collection[str] = ()) -> Card | None:
    """One of one's own people; None for anybody else's. What is confidential only for who looks after it."""
    role = staff.role_of(connection, acting.contact_id)
    row = connection.execute(select(rows).where(rows.c.id == contact_id, _theirs(acting, role))).first()
    if row is None:
        return None
    hidden = set(confidential) - _open_to(connection, acting, role, confidential)
    mine_alone = role == staff.TRAINER
    met = _meetings(connection, acting, contact_id, hidden, mine_alone=mine_alone)
    coming = [one for one in met if one.came is None][:_NEXT]
    last = next((one for one in reversed(met) if one.came is not None), None)
    if mine_alone:
        return Card(row.id, row.name or "", coming, last, full=False)
    return Card(
        row.id, row.name or "", coming, last, row.settlement or "", masked(row.phone or ""),
        _children(connection, contact_id), _codes(connection, interests, contact_id, hidden),
        _codes(connection, participations, contact_id, hidden), row.language, _channels(connection, contact_id),
        row.status,
    )  # fmt: skip


def _open_to(connection: Connection, acting: Acting, role: str, codes: Collection[str]) -> set[str]:
    if role in staff.SEES_ALL:
        return set(codes)
    mine = charges.of(connection, acting, staff_id=acting.contact_id)
    return {code for kind, code in mine if kind == charges.ACTIVITY}


def _meetings(
    connection: Connection, acting: Acting, contact_id: int, hidden: Collection[str], *, mine_alone: bool
) -> list[Meeting]:
    """What is to come, and where it is known whether they came; the earliest first."""
    mine = or_(event_rows.c.mediator_id == acting.contact_id, event_rows.c.created_by == acting.contact_id)
    ahead = (event_rows.c.ends_at >= acting.now) & invitations.c.attended.is_(None)
    wanted = (
        select(event_rows.c.id, event_rows.c.lead_id, event_rows.c.kind, event_rows.c.title, event_rows.c.starts_at)
        .add_columns(invitations.c.rsvp, invitations.c.seat, invitations.c.attended)
        .join(invitations, invitations.c.event_id == event_rows.c.id)
        .where(invitations.c.contact_id == contact_id, event_rows.c.status == events.PUBLISHED)
        .where(or_(ahead, invitations.c.attended.is_not(None)), or_(event_rows.c.activity.not_in(hidden), mine))
        .order_by(event_rows.c.starts_at, event_rows.c.id)
    )
    found = connection.execute(wanted.where(mine) if mine_alone else wanted).all()
    with_hour = {row.lead_id for row in found if row.kind == "slot"}
    return [
        Meeting(row.id, row.title, row.starts_at, _standing(row), row.attended)
        for row in found
        if row.id not in with_hour
    ]


def _standing(row: Any) -> str:
    return str(row.seat if row.seat == "waiting" else row.rsvp or "silent")


def _children(connection: Connection, contact_id: int) -> list[Child]:
    theirs = select(children).where(children.c.contact_id == contact_id).order_by(children.c.id)
    return [Child(row.institution, row.group) for row in connection.execute(theirs)]


def _codes(connection: Connection, table: Any, contact_id: int, hidden: Collection[str]) -> list[str]:
    theirs = select(table.c.activity).where(table.c.contact_id == contact_id, table.c.activity.not_in(hidden))
    stays = theirs.where(table.c.exit_at.is_(None)) if table is participations else theirs
    return list(connection.execute(stays.order_by(table.c.id)).scalars())


def _channels(connection: Connection, contact_id: int) -> list[str]:
    here = (addresses.c.status == "active") & (addresses.c.channel != TEL)
    theirs = select(addresses.c.channel).join(residents, residents.c.address_id == addresses.c.id).distinct()
    return sorted(connection.execute(theirs.where(residents.c.contact_id == contact_id, here)).scalars())


# --- a number -------------------------------------------------------------------------------------------------------


def phone_of(connection: Connection, acting: Acting, *, contact_id: int) -> str:
    """The number of one of one's own people; empty if there is none, or for whoever may not see it."""
    role = staff.role_of(connection, acting.contact_id)
    if role not in staff.LEADS:
        return ""
    theirs = select(rows.c.phone).where(rows.c.id == contact_id, _theirs(acting, role))
    return connection.execute(theirs).scalar() or ""


def phone_seen(connection: Connection, acting: Acting, *, contact_id: int) -> None:
    """Record that somebody's number was looked at."""
    staff.audit(connection, acting, "phone", f"contact:{contact_id}")


def how_many(connection: Connection, acting: Acting, *, staff_id: int) -> int:
    """How many people a member of the staff has, by the role they have now."""
    theirs = _theirs(replace(acting, contact_id=staff_id), staff.role_of(connection, staff_id))
    return connection.execute(select(func.count()).select_from(rows).where(theirs)).scalar_one()


def at_institutions(connection: Connection, acting: Acting) -> dict[str, int]:
    """How many of one's own people have a child at each institution, by its code."""
    theirs = _theirs(acting, staff.role_of(connection, acting.contact_id))
    number = func.count(children.c.contact_id.distinct())
    counted = select(children.c.institution, number).join(rows, rows.c.id == children.c.contact_id).where(theirs)
    return dict(map(tuple, connection.execute(counted.group_by(children.c.institution))))
