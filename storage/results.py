"""What came of a participation: asked some weeks after its exit and half a year after it, as the funds want to know it.

Raw facts as they were said, never an indicator. Who is asked and who confirms is in storage/followups.py.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select, update

from storage.people import upsert
from storage.tables import participations
from storage.tables import results as rows

WAITING, ASKED, ANSWERED, CONFIRMED, DROPPED = "waiting", "asked", "answered", "confirmed", "dropped"
WEEKS, MONTHS = "4w", "6m"
SETTLED = timedelta(days=14)  # what somebody does on the very day of an exit is no result yet
WITHIN = timedelta(days=28)  # of the exit: a later fact is no immediate result (1304/2013, Annex I)
WINDOW = timedelta(days=30)  # after the six months
HALF_A_YEAR = 6


def expect(connection: Connection, participation_id: int, exit_at: datetime, zone: ZoneInfo) -> None:
    """What is to be asked after an exit. After another exit everything is asked anew: the last one counts."""
    later = months_later(exit_at, HALF_A_YEAR, zone)
    for due, ask_at, until in ((WEEKS, exit_at + SETTLED, exit_at + WITHIN), (MONTHS, later, later + WINDOW)):
        fresh = {
            "ask_at": ask_at, "until": until, "state": WAITING, "asked_at": None, "answers": None,
            "answered_at": None, "confirmed_by": None, "confirmed_at": None,
        }  # fmt: skip
        added = upsert(connection, rows).values(participation_id=participation_id, due=due, **fresh)
        connection.execute(added.on_conflict_do_update(index_elements=["participation_id", "due"], set_=fresh))


def months_later(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """The same local hour so many months later; 31 August leads to the last of February. UTC."""
    local = at.astimezone(zone)
    years, month = divmod(local.month - 1 + months, 12)
    year = local.year + years
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def drop(connection: Connection, participation_id: int) -> None:
    """Somebody came back: what waits to be asked or answered is not asked any more."""
    theirs = (rows.c.participation_id == participation_id) & rows.c.state.in_((WAITING, ASKED))
    connection.execute(update(rows).where(theirs).values(state=DROPPED))


def forget(connection: Connection, contact_id: int) -> None:
    """Somebody is erased: what they said goes, and nobody asks them again."""
    theirs = rows.c.participation_id.in_(select(participations.c.id).where(participations.c.contact_id == contact_id))
    connection.execute(update(rows).where(theirs).values(answers=None))
    connection.execute(update(rows).where(theirs, rows.c.state != CONFIRMED).values(state=DROPPED))
