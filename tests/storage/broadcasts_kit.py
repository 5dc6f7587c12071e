"""What tests of broadcasts share: an announcement that is published, starts, goes out, and what the ledger says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.chat import Acting
from storage import broadcasts, deliveries
from storage.broadcasts import Broadcast, Draft
from storage.tables import outbox, recipients
from tests.storage.events_kit import CLASS, NOW, RULES

SOON = NOW + timedelta(seconds=30)  # when one starts that nobody took back
WORDS = {"bg": "В петък от 17:00 училището е отворено за всички."}


def draft(words: Mapping[str, str] = WORDS, audience: Mapping[str, Any] = CLASS, **more: Any) -> Draft:
    """An announcement to the parents of a class."""
    return Draft(**{"words": words, "media": {}, "buttons": (), "audience": audience} | more)


def published(connection: Connection, acting: Acting, *, starts: datetime | None = None, **more: Any) -> Broadcast:
    """One that whoever acts has published."""
    broadcasts.publish(connection, acting, draft=draft(**more), starts=starts, rules=RULES)
    made = broadcasts.latest(connection, acting)
    assert made is not None
    return made


def begin(connection: Connection, number: int, now: datetime = SOON) -> bool:
    """Its time comes: it starts, and everybody is queued."""
    started = deliveries.start(connection, number, now, RULES)
    while deliveries.bite(connection, number, now, RULES, 3):
        pass
    return started


def begun(connection: Connection, acting: Acting, now: datetime = SOON, **more: Any) -> int:
    """One that has begun."""
    number = published(connection, acting, **more).id
    assert begin(connection, number, now)
    return number


def went(connection: Connection, at: datetime = SOON, status: str = "sent", *who: int, **more: Any) -> None:
    """What is queued of broadcasts came to an end, for all or for some people."""
    mine = outbox.c.key.like("broadcast:%") & outbox.c.status.in_(("queued", "sending"))
    those = mine & outbox.c.contact_id.in_(who) if who else mine
    sent = {"platform_id": "77", "sent_at": at} if status == "sent" else {}
    connection.execute(update(outbox).where(those).values({"status": status} | sent | more))


def ledger(connection: Connection, number: int) -> dict[int, str]:
    """By contact: why they were left out, or how far it is."""
    rows = connection.execute(select(recipients).where(recipients.c.broadcast_id == number))
    return {row.contact_id: row.reason or row.status for row in rows}


def states(connection: Connection, prefix: str = "broadcast") -> dict[str, str]:
    """What the outbox holds under such keys."""
    rows = connection.execute(select(outbox.c.key, outbox.c.status).where(outbox.c.key.like(f"{prefix}:%")))
    return {row.key: row.status for row in rows}
