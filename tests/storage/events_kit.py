"""What tests of events share: people who live in a town, staff, an event, and a moment that comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, update

from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Address
from storage import events, reminders, telling
from storage.events import Draft, Event
from storage.people import hash_of
from storage.tables import addresses, children, contacts, notifications, outbox, residents, staff

RULES = Rules(ZoneInfo("Europe/Sofia"))
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # Tuesday, 10:00 in Sofia
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LEADER = 1
CLASS = {"children": [["sofroniy", "3 а"]]}


def settle(
    connection: Connection, number: int, *, first: int = 100, channel: str = "telegram", group: str = "3 а",
    now: datetime = NOW, home: int | None = None, **more: Any,
) -> list[int]:  # fmt: skip
    """So many registered parents of one class, each with an address of their own, or all at one home."""
    ids = list(range(first, first + number))
    person = {"status": "active", "language": "bg", "created_at": now, "registered_at": now} | more
    connection.execute(insert(contacts), [person | {"id": n, "name": f"Човек {n}"} for n in ids])
    if channel:
        homes = ids[:1] if home is None else [home]
        wanted = ids if home is None else []
        rows = [_address(connection, n, channel, now) for n in wanted]
        if rows:
            connection.execute(insert(addresses), rows)
        lives = [{"address_id": n if home is None else homes[0], "contact_id": n} for n in ids]
        connection.execute(insert(residents), lives)
    if group:
        kids = [{"contact_id": n, "institution": "sofroniy", "group": group} for n in ids]
        connection.execute(insert(children), kids)
    return ids


def _address(connection: Connection, number: int, channel: str, now: datetime) -> dict[str, Any]:
    external = str(number)
    return {
        "id": number, "channel": channel, "external": external, "status": "active", "contact_id": number,
        "lookup": hash_of(connection, Address(channel, external)), "created_at": now,
    }  # fmt: skip


def lead(connection: Connection, number: int = LEADER, role: str = "coordinator") -> Acting:
    """Somebody of the staff, who acts."""
    settle(connection, 1, first=number, group="")
    connection.execute(insert(staff).values(contact_id=number, role=role, since=NOW))
    return by(number)


def by(number: int = LEADER, now: datetime = NOW) -> Acting:
    """Whoever acts, at the address of their number."""
    return Acting(number, number, "telegram", "bg", "event", now)


def published(
    connection: Connection, acting: Acting, starts: datetime, *, rules: Rules = RULES, lasts: timedelta = HOUR,
    kind: str = "meeting", dates: Sequence[datetime] = (), audience: Mapping[str, Any] = CLASS, **more: Any,
) -> Event:  # fmt: skip
    """An event, as staff publish it."""
    values: dict[str, Any] = {
        "kind": kind, "activity": "parents", "title": "Родителска среща", "place": "ОУ „Епископ Софроний“",
        "landmark": "до пазара", "bring": "", "capacity": None, "mediator_id": acting.contact_id,
        "audience": audience, "offsets": ("7d", "3d", "1d", "2h"),
        "dates": [(start, start + lasts) for start in (starts, *dates)],
    } | more  # fmt: skip
    events.publish(connection, acting, draft=Draft(**values), rules=rules)
    made = events.latest(connection, acting)
    assert made is not None
    return made


def fire(connection: Connection, event: Event | int, offset: str, now: datetime, rules: Rules = RULES) -> int:
    """A moment comes. Gives for how many was decided."""
    number = event if isinstance(event, int) else event.id
    decided = 0
    while count := reminders.fire(connection, number, offset, now, rules):
        decided += count
    return decided


def ledger(connection: Connection, event: Event | int | None = None) -> dict[tuple[str, int], str]:
    """By offset and contact: "queued", "joint", or why somebody was left out."""
    rows = connection.execute(select(notifications).order_by(notifications.c.contact_id))
    number = event.id if isinstance(event, Event) else event
    return {
        (row.offset, row.contact_id): row.reason or row.status
        for row in rows
        if number is None or row.event_id == number
    }


def queued(connection: Connection) -> list[str]:
    """The keys of what waits in the outbox."""
    return list(
        connection.execute(select(outbox.c.key).where(outbox.c.status == "queued").order_by(outbox.c.id)).scalars()
    )


def go_out(connection: Connection, at: datetime, *keys: str) -> None:
    """Everything that is queued, or only these messages, was sent at that time, and noted with what it told."""
    gone = list(keys) or queued(connection)
    telling.heard(connection, gone)
    connection.execute(update(outbox).where(outbox.c.key.in_(gone)).values(status="sent", sent_at=at))
