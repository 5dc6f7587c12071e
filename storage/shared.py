"""Several people behind one address, and one person on several channels."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from bot.chat import Acting
from storage.contacts import Outcome, consent
from storage.people import blank
from storage.tables import addresses, consents, contacts, conversations, inbox, residents, tickets
from storage.tables import outbox as outbox_table


def link(connection: Connection, acting: Acting, *, contact_id: int, consent_text: str) -> Outcome:
    """This address belongs to an older contact: its owner proved the phone and said so. Can be undone.

    What was said here goes with its writer, and so does the consent that they gave on the way.
    """
    newcomer = acting.contact_id
    connection.execute(
        insert(residents).values(address_id=acting.address_id, contact_id=contact_id, linked_at=acting.now)
    )
    _move_words(connection, acting, to=contact_id)
    connection.execute(update(consents).where(consents.c.contact_id == newcomer).values(contact_id=contact_id))
    writer = replace(acting, contact_id=contact_id)
    consent(connection, writer, action="given", form="button", text=consent_text, age_ok=True)
    again = contacts.c.id == contact_id
    connection.execute(update(contacts).where(again).values(status="active", language=acting.language))
    _turn_to(connection, acting, contact_id)
    connection.execute(delete(contacts).where(contacts.c.id == newcomer, contacts.c.registered_at.is_(None)))
    return Outcome(contact_id, registered=True)


def unlink(connection: Connection, acting: Acting) -> Outcome:
    """Undo a link: this address begins anew with what was said here, the older contact keeps what it had.

    Talks since then may have been either's, and what they led to is kept elsewhere: they go.
    """
    consent(connection, acting, action="withdrawn", form="unlinked")
    mine = (residents.c.address_id == acting.address_id) & (residents.c.contact_id == acting.contact_id)
    since = select(residents.c.linked_at).where(mine).scalar_subquery()
    doubtful = (conversations.c.contact_id == acting.contact_id) & (conversations.c.started_at >= since)
    connection.execute(delete(conversations).where(doubtful))
    connection.execute(delete(residents).where(mine))
    outcome = _newcomer(connection, acting)
    _move_words(connection, acting, to=outcome.contact_id)
    return outcome


def _move_words(connection: Connection, acting: Acting, *, to: int) -> None:
    """Words belong to whoever sat at the address, or one person's file would hold another's."""
    for table in (inbox, outbox_table, tickets):
        here = (table.c.address_id == acting.address_id) & (table.c.contact_id == acting.contact_id)
        connection.execute(update(table).where(here).values(contact_id=to))


def is_linked(connection: Connection, acting: Acting) -> bool:
    """Whether this address was joined to the contact by a phone number."""
    mine = (residents.c.address_id == acting.address_id) & (residents.c.contact_id == acting.contact_id)
    return connection.execute(select(residents.c.linked_at).where(mine)).scalar() is not None


def add_person(connection: Connection, acting: Acting) -> Outcome:
    """Another person begins to write from the same chat."""
    return _newcomer(connection, acting)


def switch_person(connection: Connection, acting: Acting, *, contact_id: int) -> Outcome:
    """Talk to another person who is registered at this address."""
    _turn_to(connection, acting, contact_id)
    theirs = connection.execute(select(contacts.c.language).where(contacts.c.id == contact_id)).scalar_one()
    return Outcome(contact_id, registered=True, language=theirs)


def _newcomer(connection: Connection, acting: Acting) -> Outcome:
    contact_id = blank(connection, acting.now, language=acting.language)
    connection.execute(insert(residents).values(address_id=acting.address_id, contact_id=contact_id))
    _turn_to(connection, acting, contact_id)
    return Outcome(contact_id, registered=False)


def _turn_to(connection: Connection, acting: Acting, contact_id: int) -> None:
    here = addresses.c.id == acting.address_id
    connection.execute(update(addresses).where(here).values(contact_id=contact_id, status="active"))
    open_ = (conversations.c.contact_id == acting.contact_id) & (conversations.c.state == "open")
    connection.execute(update(conversations).where(open_).values(state="left"))


def people_here(connection: Connection, acting: Acting) -> list[tuple[int, str]]:
    """Who registered at this address: contact and name, in the order they came."""
    rows = connection.execute(
        select(contacts.c.id, contacts.c.name)
        .join(residents, residents.c.contact_id == contacts.c.id)
        .where(
            residents.c.address_id == acting.address_id, contacts.c.registered_at.is_not(None),
            contacts.c.status != "archived",
        )
        .order_by(contacts.c.id)
    )  # fmt: skip
    return [(row.id, row.name or "") for row in rows]
