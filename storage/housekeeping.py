"""What is thrown away, and when: words after 90 days, those of staff after one, beginnings after 30, keys after 180."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from storage import claims, media, outbox, receipts, screens, stopping, tickets
from storage.tables import addresses, answers, conversations, feedback, inbox, residents
from storage.tables import contacts as contact_rows
from storage.tables import outbox as outbox_rows

UNFINISHED = timedelta(days=30)  # a registration that was begun and left
WORDS = timedelta(days=90)  # what was said, by them and by us
KEYS = timedelta(days=180)  # after that no platform can repeat an event
SOME = 500  # contacts in one statement: SQLite takes a limited number of values


def often(connection: Connection, now: datetime) -> None:
    """Every few minutes: farewells that are out, what came too late, questions left behind, used codes, old screens."""
    stopping.bury(connection)
    outbox.expire(connection, now)
    tickets.rescue(connection, now)
    claims.sweep(connection, now)
    screens.forget(connection, before=now - screens.KEPT)


def daily(connection: Connection, now: datetime) -> None:
    """Once a day: words and beginnings that have grown old."""
    old = now - WORDS
    connection.execute(update(inbox).where(inbox.c.received_at < old, inbox.c.body.is_not(None)).values(body=None))
    rows = (outbox_rows.c.created_at < old) & outbox_rows.c.body.is_not(None)
    connection.execute(update(outbox_rows).where(rows).values(body=None))
    remarks = (feedback.c.at < old) & (feedback.c.comment.is_not(None) | feedback.c.voice.is_not(None))
    connection.execute(update(feedback).where(remarks).values(comment=None, voice=None))
    tickets.forget(connection, before=old)
    media.forget(connection, now, before=old)
    receipts.forget(connection, before=now - receipts.WAITS)
    connection.execute(delete(inbox).where(inbox.c.received_at < now - KEYS))
    untouched = conversations.c.updated_at < old
    # Left first: a talk that went on without its answers would end with a summary of nothing.
    connection.execute(update(conversations).where(untouched, conversations.c.state == "open").values(state="left"))
    closed = select(conversations.c.id).where(untouched)
    connection.execute(delete(answers).where(answers.c.conversation_id.in_(closed)))
    _forget_unfinished(connection, now - UNFINISHED)


def _forget_unfinished(connection: Connection, before: datetime) -> None:
    """Whoever began, wrote nothing for a month and never registered is forgotten, with what only they used."""
    lately = select(conversations.c.contact_id).where(conversations.c.updated_at >= before)
    left = (
        contact_rows.c.registered_at.is_(None)
        & (contact_rows.c.status != "archived")
        & (contact_rows.c.created_at < before)
        & contact_rows.c.id.not_in(lately)
    )
    ids = list(connection.execute(select(contact_rows.c.id).where(left)).scalars())
    for some in (ids[n : n + SOME] for n in range(0, len(ids), SOME)):
        _turn_back(connection, some)
        connection.execute(delete(addresses).where(addresses.c.contact_id.in_(some)))
        connection.execute(delete(contact_rows).where(contact_rows.c.id.in_(some)))


def _turn_back(connection: Connection, forgotten: Sequence[int]) -> None:
    """A phone that others use too goes on being theirs."""
    others = residents.c.contact_id.not_in(forgotten) & (residents.c.address_id == addresses.c.id)
    before_them = select(func.min(residents.c.contact_id)).where(others).scalar_subquery()
    theirs = addresses.c.contact_id.in_(forgotten) & before_them.is_not(None)
    connection.execute(update(addresses).where(theirs).values(contact_id=before_them))
