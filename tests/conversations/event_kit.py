"""What transcripts of events share: people of a class, an event that staff made, and what a change leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from storage import events
from storage.events import Event
from storage.tables import audit, moments, notifications
from storage.tables import events as event_rows
from tests.conversations.client import Talker, Town, programme
from tests.conversations.people import contact_of, make_staff, t
from tests.storage.events_kit import by, fire, published, settle

if TYPE_CHECKING:
    from sqlalchemy import Connection

SOFIA = ZoneInfo("Europe/Sofia")
MORNING = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)  # Thursday, 10:30 in Sofia; a town begins on Tuesday
HOUR = timedelta(hours=1)


async def staff_member(town: Town, channel: str, role: str = "mediator", external: str = "1", **more: str) -> Talker:
    """Somebody of the staff who has their menu."""
    person = town.person(channel, external)
    await make_staff(town, person, role, more.get("name", "Стоян Илиев"))
    return person


async def parents(town: Town, number: int, **more: Any) -> None:
    """So many parents of class 3 а, whom Telegram reaches."""
    await town.change(lambda c: settle(c, number, first=more.pop("first", 5000), **more))


async def made_by(person: Talker, starts: datetime = MORNING, **more: Any) -> Event:
    """An event that somebody of the staff published a moment ago."""
    acting = by((await contact_of(person)).id, person.town.now)
    values = {"rules": programme().rules, "offsets": ("3d", "1d", "2h")} | more
    return await person.town.change(lambda c: published(c, acting, starts, **values))


async def told(town: Town, event: Event) -> None:
    """Everybody whom it concerns has read the invitation."""

    def tell(connection: Connection) -> None:
        fire(connection, event, "invite", town.now, programme().rules)
        connection.execute(update(notifications).values(version=1))

    await town.change(tell)


async def all_events(town: Town) -> list[Event]:
    """Every event there is, in the order in which they were made."""
    return await town.look(lambda c: [events.event_of(row) for row in c.execute(select(event_rows).order_by("id"))])


async def waiting(town: Town, event_id: int) -> dict[str, str]:
    """The moments that an event waits for, with their local time."""
    wanted = select(moments).where(moments.c.event_id == event_id, moments.c.state == "waiting")
    found = await town.look(lambda c: list(c.execute(wanted.order_by(moments.c.due_at))))
    return {row.offset: f"{row.due_at.astimezone(SOFIA):%d.%m %H:%M}" for row in found}


async def deeds(town: Town) -> list[str]:
    """What staff did, as the record keeps it."""
    rows = await town.look(lambda c: list(c.execute(select(audit).order_by(audit.c.id))))
    return [f"{row.action} {row.subject}" for row in rows if row.action not in ("join", "invite")]


def label(key: str, **values: Any) -> str:
    """A button's words without what is only known later."""
    return t(key, **values).partition("{")[0].strip()
