"""What of our own accord reaches somebody in the middle of a conversation: after it the open question is put again.

Must never touch an answer: it only shows what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.messages import Incoming, Kind, Lane
from bot.visit import Visit, World
from storage import outbox, people
from storage.people import Changes
from storage.transcript import AGAIN

FRESH = timedelta(hours=1)  # an older question was left for good, and would only puzzle beside a reminder

PutAgain = Callable[[Connection, Sequence[int], datetime], None]


def nobody_talks(connection: Connection, rows: Sequence[int], now: datetime) -> None:
    """Nothing is put again."""


def putting_again(world: World) -> PutAgain:
    """Queue the open question once more behind each of these outbox rows whose reader is in a conversation."""

    def put(connection: Connection, rows: Sequence[int], now: datetime) -> None:
        found = {row.address: row for row in outbox.interrupts(connection, rows, now - FRESH)}
        if not found:
            return
        nothing = [Incoming("", address, Kind.OTHER) for address in found]
        known = people.load(connection, nothing, now)
        changes, drafts = Changes(), []
        for event in nothing:
            row = found[event.address]
            visit = Visit(world, connection, event, known[event.address], 0, now, changes)
            if visit.contact_id == row.contact_id and visit.talk is not None:
                visit.put_again()
                drafts += [
                    outbox.Draft(
                        f"{AGAIN}{row.id}:{n}", event.address, row.address_id, row.contact_id, message, Lane.REMINDER
                    )
                    for n, message in enumerate(visit.finished())
                ]
        people.write(connection, changes)
        outbox.enqueue(connection, drafts, now, {})

    return put
