"""A chat as its page shows it: what the person said and what we said, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.messages import Address, Kind, Outgoing, Shown
from storage import media
from storage.people import hash_of
from storage.tables import addresses, inbox, outbox

LATEST = 200  # lines of ours at most: an old chat must open as fast as a new one
GONE = ("cancelled", "expired")
AGAIN = "again:"  # an open question that was put once more behind a reminder


def lines(connection: Connection, address: Address, after: int = 0) -> Sequence[Shown]:
    """Everything said in a chat; with `after`, only our messages with a greater outbox id."""
    found = connection.execute(
        select(addresses.c.id).where(addresses.c.lookup == hash_of(connection, address))
    ).scalar()
    if found is None:
        return []
    ours = _ours(connection, found, after)
    if after:
        return [line for _, line in ours]
    since = next((event for event, _ in ours if event), 0) if len(ours) == LATEST else 0
    theirs = _theirs(connection, found, since, [line.message for _, line in ours])
    return [line for _, line in sorted(ours + theirs, key=lambda pair: (pair[0], not pair[1].mine, pair[1].id))]


def message_of(connection: Connection, outbox_id: int) -> Outgoing | None:
    """What one row of the outbox says, for a link of ours to what it brings; None once its words are kept no longer."""
    here = (outbox.c.id == outbox_id) & outbox.c.body.is_not(None) & outbox.c.status.not_in(GONE)
    body = connection.execute(select(outbox.c.body).where(here)).scalar()
    return Outgoing.from_json(body) if body else None


def _ours(connection: Connection, address_id: int, after: int) -> list[tuple[int, Shown]]:
    """Our messages with the event that each answers: what it answers stands before it."""
    here = (outbox.c.address_id == address_id) & (outbox.c.id > after) & outbox.c.body.is_not(None)
    rows = connection.execute(
        select(outbox.c.id, outbox.c.key, outbox.c.inbox_id, outbox.c.body, outbox.c.created_at)
        .where(here, outbox.c.status.not_in(GONE))
        .order_by(outbox.c.id.desc())
        .limit(LATEST)
    ).all()
    messages = _still_there(connection, [Outgoing.from_json(row.body) for row in rows])
    last = 0
    shown = []
    for row, message in zip(reversed(rows), reversed(messages), strict=True):
        last = row.inbox_id or last  # what we said of our own accord stands after the latest talk
        unasked = row.inbox_id is None and not row.key.startswith(AGAIN)
        shown.append((last, Shown(row.id, False, message, row.created_at, unasked=unasked)))
    return shown


def _still_there(connection: Connection, messages: Sequence[Outgoing]) -> list[Outgoing]:
    """The same, without the numbers of pictures and notes whose content is gone: a page says so in their place."""
    numbers = {message.media.number for message in messages if message.media and message.media.number}
    there = media.kept(connection, numbers) | media.coming(connection, numbers)
    return [
        replace(m, media=replace(m.media, number=0)) if m.media and m.media.number not in there else m for m in messages
    ]


def _theirs(connection: Connection, address_id: int, since: int, ours: Sequence[Outgoing]) -> list[tuple[int, Shown]]:
    rows = connection.execute(
        select(inbox.c.id, inbox.c.key, inbox.c.body, inbox.c.received_at)
        .where(inbox.c.address_id == address_id, inbox.c.id >= since, inbox.c.body.is_not(None))
        .order_by(inbox.c.id)
    )
    labels = {button.press: button.label for message in ours for row in message.rows for button in row if button.press}
    said = [(row, _said(row.body, labels)) for row in rows]
    return [(row.id, _shown(row.key, words, row.received_at)) for row, words in said if words]


def _said(body: dict[str, Any], labels: dict[str, str]) -> str:
    """What the person's bubble says: their words, or the label of what they pressed."""
    if body["kind"] == Kind.PRESS:
        return labels.get(body.get("press", ""), "")
    if body["kind"] == Kind.START:
        return "/start"
    return str(body.get("text") or body.get("phone") or "")


def _shown(key: str, words: str, at: datetime) -> Shown:
    return Shown(0, True, Outgoing(words), at, client_id=key.rpartition(":")[2])
