"""Orphans: announcements whose author lost the right to write them. They are held or ended, and somebody hears of it.

Stands below storage.staff, which calls it: whoever takes a role away must not have to remember what that ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, literal_column, select, update

from storage import entering
from storage.tables import broadcasts, outbox, recipients, staff

LOST = "lost"  # in the key of the message that says so: progress:12:lost:…
LIVES = timedelta(days=3)

_b = broadcasts


def leave(connection: Connection, author_id: int, now: datetime) -> None:
    """The author's role was taken away: what runs is paused, what waits is ended. The coordinators are told."""
    ended = _of(connection, author_id, "waiting")
    values = {"status": "refused", "held": False, "ended_at": now}
    connection.execute(update(_b).where(_b.c.id.in_(ended)).values(values))
    for number in (*ended, *pause(connection, author_id)):
        tell(connection, number, None, now)


def demote(connection: Connection, author_id: int, now: datetime) -> None:
    """The author's role became a smaller one: what runs is paused. What waits is looked at when it starts."""
    for number in pause(connection, author_id):
        tell(connection, number, None, now)


def pause(connection: Connection, author_id: int) -> Sequence[int]:
    """Pause what runs of theirs. Gives the numbers."""
    running = _of(connection, author_id, "running")
    connection.execute(update(_b).where(_b.c.id.in_(running)).values(status="paused"))
    for number in running:
        hold(connection, number)
    return running


def hold(connection: Connection, broadcast_id: int) -> int:
    """Take out of the queue what is there, also what a sender holds. Gives how many.

    Its words go too, as far as they were found: a page would show them.
    """
    ledger = select(recipients.c.message).where(
        recipients.c.broadcast_id == broadcast_id, recipients.c.status == "queued"
    )
    queued = outbox.c.key.in_(ledger) & (outbox.c.status == literal_column("'queued'"))
    return connection.execute(update(outbox).where(queued).values(status="held", owner="", body=None)).rowcount


def tell(connection: Connection, broadcast_id: int, author_id: int | None, now: datetime) -> None:
    """Queue the sentence about it: to the author, as long as they are of the staff, otherwise to the coordinators."""
    those = staff.c.role == "coordinator"
    if author_id and connection.execute(select(staff.c.role).where(staff.c.contact_id == author_id)).scalar():
        those = staff.c.contact_id == author_id
    listed = connection.execute(select(staff.c.contact_id).where(those)).scalars().all()
    entering.to_staff(
        connection, f"progress:{broadcast_id}:{LOST}:{int(now.timestamp())}:{{}}", listed, now, now, now + LIVES
    )


def _of(connection: Connection, author_id: int, status: str) -> Sequence[int]:
    mine = (_b.c.by_id == author_id) & (_b.c.status == status)
    return connection.execute(select(_b.c.id).where(mine).order_by(_b.c.id).with_for_update()).scalars().all()
