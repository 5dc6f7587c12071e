"""Two contacts turn out to be one person: the older takes over what the newer one is, and the newer is no more.

As where a phone that a platform vouches for joins an address to an older contact (storage.shared): words and consents
go with their writer, the older contact's facts stay. What the newer one chose and answered besides is added, because
they said it just now; where both said something, the older one's word counts. Must never be done for anybody's asking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from bot.calendar import Rules
from bot.chat import Acting
from storage import invitations
from storage.tables import (
    addresses,
    children,
    claims,
    consents,
    contacts,
    conversations,
    feedback,
    inbox,
    interests,
    notifications,
    outbox,
    participations,
    recipients,
    residents,
    tickets,
)
from storage.tables import invitations as invitation_rows

WORDS: Sequence[Table] = (inbox, outbox, tickets, consents, claims)
BESIDE: Sequence[tuple[Table, Sequence[str]]] = (  # rows that a contact has once for each of something
    (children, ("institution", "group")),
    (interests, ("activity",)),
    (participations, ("activity",)),
    (invitation_rows, ("event_id",)),
    (notifications, ("event_id", "offset")),
    (feedback, ("event_id",)),
    (recipients, ("broadcast_id",)),
    (residents, ("address_id",)),
)
FACTS = ("settlement", "purpose", "work")  # that fill a gap
ANSWER = ("rsvp", "rsvp_at", "rsvp_by", "seat", "waiting_since", "leave_at")


def absorb(connection: Connection, acting: Acting, *, newcomer: int, known: int, rules: Rules) -> None:
    """Make one contact of two. Whoever calls has locked both, and knows that they are one."""
    _answers(connection, newcomer, known)
    for table in WORDS:
        connection.execute(update(table).where(table.c.contact_id == newcomer).values(contact_id=known))
    for table, columns in BESIDE:
        _move(connection, table, columns, newcomer, known)
    theirs = addresses.c.contact_id == newcomer
    here = select(addresses.c.id).where(theirs)
    linked = residents.c.address_id.in_(here) & (residents.c.contact_id == known)
    connection.execute(update(residents).where(linked).values(linked_at=acting.now))
    connection.execute(update(addresses).where(theirs).values(contact_id=known))
    # A seat of an event for which both have one goes to whoever waits.
    invitations.leave_all(connection, replace(acting, contact_id=newcomer), rules, newcomer)
    _facts(connection, newcomer, known)
    open_ = (conversations.c.contact_id == newcomer) & (conversations.c.state == "open")
    connection.execute(update(conversations).where(open_).values(state="left"))
    connection.execute(delete(contacts).where(contacts.c.id == newcomer))


def _move(connection: Connection, table: Table, columns: Sequence[str], newcomer: int, known: int) -> None:
    """Rows of the newer contact that the older one has not."""
    has = table.alias()
    same = [has.c[name] == table.c[name] for name in columns]
    there = select(has.c.contact_id).where(has.c.contact_id == known, *same).exists()
    mine = (table.c.contact_id == newcomer) & ~there
    connection.execute(update(table).where(mine).values(contact_id=known))


def _answers(connection: Connection, newcomer: int, known: int) -> None:
    """Where both are invited and only the newer one answered, that is the answer, with its seat."""
    older = invitation_rows.alias()
    silent = (older.c.contact_id == known) & (older.c.event_id == invitation_rows.c.event_id) & (older.c.rsvp == "")
    said = (invitation_rows.c.contact_id == newcomer) & (invitation_rows.c.rsvp != "")
    rows: Sequence[Any] = connection.execute(
        select(invitation_rows).where(said, select(older).where(silent).exists())
    ).all()
    for row in rows:
        here = invitation_rows.c.event_id == row.event_id
        answer = {name: getattr(row, name) for name in ANSWER}
        connection.execute(update(invitation_rows).where(here, invitation_rows.c.contact_id == known).values(answer))
        empty = {"seat": "", "waiting_since": None}
        connection.execute(update(invitation_rows).where(here, invitation_rows.c.contact_id == newcomer).values(empty))


def _facts(connection: Connection, newcomer: int, known: int) -> None:
    """Facts that were missing; and they want to hear from us, in the language that they chose now."""
    new = connection.execute(select(contacts).where(contacts.c.id == newcomer)).one()
    gaps = {name: func.coalesce(contacts.c[name], getattr(new, name)) for name in FACTS if getattr(new, name)}
    values = gaps | {"status": "active", "language": new.language}
    connection.execute(update(contacts).where(contacts.c.id == known).values(values))
