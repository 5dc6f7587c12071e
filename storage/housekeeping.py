"""What is thrown away, and when: security-privacy.md's table of retention, kept by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from storage import contacts, outbox
from storage.tables import addresses, answers, conversations, inbox
from storage.tables import contacts as contact_rows
from storage.tables import outbox as outbox_rows

UNFINISHED = timedelta(days=30)  # a registration that was begun and left
WORDS = timedelta(days=90)  # what was said, by them and by us
KEYS = timedelta(days=180)  # after that no platform can repeat an event


def often(connection: Connection, now: datetime) -> None:
    """Every few minutes: farewells that are out, messages that came too late."""
    contacts.bury(connection)
    outbox.expire(connection, now)


def daily(connection: Connection, now: datetime) -> None:
    """Once a day: words and beginnings that have grown old."""
    old = now - WORDS
    connection.execute(update(inbox).where(inbox.c.received_at < old, inbox.c.body.is_not(None)).values(body=None))
    rows = (outbox_rows.c.created_at < old) & outbox_rows.c.body.is_not(None)
    connection.execute(update(outbox_rows).where(rows).values(body=None))
    connection.execute(delete(inbox).where(inbox.c.received_at < now - KEYS))
    closed = select(conversations.c.id).where(conversations.c.state != "open", conversations.c.updated_at < old)
    connection.execute(delete(answers).where(answers.c.conversation_id.in_(closed)))
    _forget_unfinished(connection, now - UNFINISHED)


def _forget_unfinished(connection: Connection, before: datetime) -> None:
    """Whoever began, wrote nothing for a month and never registered is forgotten, address and all."""
    lately = select(conversations.c.contact_id).where(conversations.c.updated_at >= before)
    left = (
        contact_rows.c.registered_at.is_(None)
        & (contact_rows.c.status != "archived")
        & (contact_rows.c.created_at < before)
        & contact_rows.c.id.not_in(lately)
    )
    ids = select(contact_rows.c.id).where(left)
    connection.execute(delete(addresses).where(addresses.c.contact_id.in_(ids)))
    connection.execute(delete(contact_rows).where(left))
