"""What came of a participation: asked of the person some weeks and half a year after their exit, confirmed by staff."""

from __future__ import annotations

from sqlalchemy import Connection, update

from storage.tables import results as rows

WAITING, ASKED, ANSWERED, CONFIRMED, DROPPED = "waiting", "asked", "answered", "confirmed", "dropped"


def drop(connection: Connection, participation_id: int) -> None:
    """Somebody came back: what waits to be asked is not asked any more."""
    theirs = (rows.c.participation_id == participation_id) & rows.c.state.in_((WAITING, ASKED))
    connection.execute(update(rows).where(theirs).values(state=DROPPED))
