"""What people sent with a message: by which handle it can be sent on, and its content once that was fetched.

A row is kept only together with what it belongs to (a question, an announcement), and goes when that is gone. Must
never keep a content above LARGEST, and none longer than the words that came with it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, and_, delete, insert, or_, select, update

from bot.messages import Media
from storage.tables import broadcasts, ticket_lines, tickets
from storage.tables import media as rows

LARGEST = 10 * 1024 * 1024  # bytes; what is larger can be sent on by its handle, and is not kept here
MIME = 64  # letters of a media type
ATTEMPTS = 5
# After so many failed attempts, counted from the day it came: a line that is down for an hour loses nothing.
WAITS = (timedelta(0), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
UNUSED = timedelta(days=1)  # whatever belongs to nothing after that

# What a row may belong to. One more column that refers to media has to be named here, or its media would be swept.
_OWNERS: Sequence[Column[int]] = (
    broadcasts.c.media_id,
    broadcasts.c.media_rom_id,
    tickets.c.media_id,
    ticket_lines.c.media_id,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A content that waits to be fetched."""

    number: int
    kind: str
    handle: str


def keep(connection: Connection, media: Media | None, now: datetime) -> int:
    """Enter something that came, in the transaction of what it belongs to. Gives its number; 0 for none.

    What has a number is kept already. What comes as data is kept with it; for what has a handle the content is
    fetched later, unless the platform says that it is above LARGEST.
    """
    if media is None or media.number:
        return media.number if media else 0
    if not media.data and not media.handle:
        return 0
    size = len(media.data) or media.size
    state = "lost" if size > LARGEST else "kept" if media.data else "waiting"
    made = connection.execute(
        insert(rows).values(
            kind=media.kind, channel=media.channel, handle=media.handle, filename=media.filename or None,
            mime=media.mime[:MIME], size=size, content=_sealed(media.data) if state == "kept" else None, state=state,
            attempts=0, created_at=now,
        )
    )  # fmt: skip
    assert made.inserted_primary_key is not None  # noqa: S101  (one row was inserted)
    return int(made.inserted_primary_key[0])


def load(connection: Connection, number: int) -> Media | None:
    """What is kept under a number, without its content: by its handle, or by its number, it can be sent on."""
    row = connection.execute(select(*_HEAD).where(rows.c.id == number)).first()
    if row is None:
        return None
    return Media(row.kind, row.channel, row.handle, row.id, row.filename or "", row.mime, row.size)


_HEAD = (rows.c.id, rows.c.kind, rows.c.channel, rows.c.handle, rows.c.filename, rows.c.mime, rows.c.size)


def content(connection: Connection, number: int) -> bytes | None:
    """The bytes of what was sent, once they are here and as long as they are kept."""
    found = connection.execute(select(rows.c.content).where(rows.c.id == number, rows.c.state == "kept")).scalar()
    return base64.b64decode(found) if found else None


def kept(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """Those of these numbers whose content is here."""
    return _in_state(connection, numbers, "kept")


def coming(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """Those of these numbers whose content is not here yet, and may still come."""
    return _in_state(connection, numbers, "waiting")


def _in_state(connection: Connection, numbers: Iterable[int], state: str) -> set[int]:
    wanted = sorted(set(numbers))
    if not wanted:
        return set()
    return set(connection.execute(select(rows.c.id).where(rows.c.id.in_(wanted), rows.c.state == state)).scalars())


# --- fetching -------------------------------------------------------------------------------------------------------


def due(connection: Connection, channel: str, now: datetime, limit: int) -> Sequence[Due]:
    """What came by a channel and is to be fetched now: the new before what failed before, the older first."""
    ripe = [and_(rows.c.attempts == tries, rows.c.created_at <= now - wait) for tries, wait in enumerate(WAITS)]
    found = connection.execute(
        select(rows.c.id, rows.c.kind, rows.c.handle)
        .where(rows.c.state == "waiting", rows.c.channel == channel, or_(*ripe))
        .order_by(rows.c.attempts, rows.c.id)
        .limit(limit)
    )
    return [Due(row.id, row.kind, row.handle) for row in found]


def fetched(connection: Connection, number: int, content: bytes, mime: str) -> None:
    """Keep a content that has come. `mime` is what its bytes say; what is too large, or nothing, is lost instead."""
    if not 0 < len(content) <= LARGEST:
        failed(connection, number, final=True)
        return
    new = {"content": _sealed(content), "mime": mime, "size": len(content), "state": "kept"}
    connection.execute(update(rows).where(rows.c.id == number, rows.c.state == "waiting").values(new))


def failed(connection: Connection, number: int, *, final: bool) -> None:
    """Note that a content could not be fetched; after ATTEMPTS, or where another cannot help, it is lost."""
    waiting = (rows.c.id == number) & (rows.c.state == "waiting")
    connection.execute(update(rows).where(waiting).values(attempts=rows.c.attempts + 1))
    if not final:
        waiting &= rows.c.attempts >= ATTEMPTS
    connection.execute(update(rows).where(waiting).values(state="lost"))


def _sealed(content: bytes) -> str:
    return base64.b64encode(content).decode()  # the column seals JSON, which has no bytes


# --- growing old ----------------------------------------------------------------------------------------------------


def forget(connection: Connection, now: datetime, *, before: datetime) -> None:
    """Empty what came before a day, and drop what belongs to nothing any more."""
    old = (rows.c.created_at < before) & (rows.c.state != "old")
    connection.execute(update(rows).where(old).values(content=None, filename=None, state="old"))
    sweep(connection, before=now - UNUSED)


def sweep(connection: Connection, *, before: datetime) -> None:
    """Drop what came before a moment and belongs to nothing: with `before` now, right after a person was erased."""
    unused = [rows.c.id.not_in(select(owner).where(owner.is_not(None))) for owner in _OWNERS]
    connection.execute(delete(rows).where(rows.c.created_at < before, *unused))
