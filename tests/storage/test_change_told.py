"""Who is told of a change: once a home, and as many as was promised to whoever made it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, insert

from storage import events, invitations, notifications, telling
from storage.database import Database
from storage.events import Event
from storage.tables import residents
from tests.storage.events_kit import DAY, NOW, RULES, by, fire, go_out, lead, ledger, published, queued, settle

LATER = NOW + timedelta(hours=1)


def invited(connection: Connection, kind: str = "meeting") -> Event:
    event = published(connection, lead(connection), NOW + 6 * DAY, kind=kind)
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    return event


def say(connection: Connection, event: Event, who: int, said: str) -> None:
    invitations.answer(connection, by(who), event_id=event.id, contact_id=who, said=said, rules=RULES)


def change(connection: Connection, event: Event, how: str) -> None:
    what = {"event_id": event.id, "version": 1, "rules": RULES}
    match how:
        case "moved":
            events.move(connection, by(now=LATER), starts_at=event.starts_at + DAY, **what)
        case "relocated":
            events.relocate(connection, by(now=LATER), place="Читалището", landmark="", **what)
        case _:
            events.cancel(connection, by(now=LATER), **what)
    fire(connection, event, "change@2", LATER)


@pytest.mark.parametrize("kind", ["meeting", "training"])
@pytest.mark.parametrize(("how", "told"), [("moved", 5), ("relocated", 2), ("cancelled", 2)])
async def test_as_many_are_told_as_was_promised(database: Database, how: str, told: int, kind: str) -> None:
    """Another time may suit those who said no; another place does not, and of what is off they need not hear."""

    def go(connection: Connection) -> None:
        people = settle(connection, 5)
        event = invited(connection, kind)
        for who in people[:3]:
            say(connection, event, who, "no")
        me = by(now=LATER)
        promised = notifications.hearers(connection, me, event_ids=[event.id], rules=RULES, moved=how == "moved")
        change(connection, event, how)
        assert (promised, len(queued(connection))) == (told, told)

    await database.write(go)


@pytest.mark.parametrize("how", ["moved", "relocated", "cancelled"])
async def test_a_home_is_told_once_and_it_is_told_to_who_comes(database: Database, how: str) -> None:
    def go(connection: Connection) -> None:
        first, second = settle(connection, 2)
        connection.execute(delete(residents).where(residents.c.contact_id == second))
        connection.execute(insert(residents).values(address_id=first, contact_id=second))
        event = invited(connection)
        say(connection, event, second, "yes")
        me = by(now=LATER)
        assert notifications.hearers(connection, me, event_ids=[event.id], rules=RULES, moved=how == "moved") == 1
        change(connection, event, how)
        told = {who: said for (offset, who), said in ledger(connection, event).items() if offset == "change@2"}
        assert told == {first: "household", second: "queued"}
        (key,) = queued(connection)
        facts = telling.facts(connection, [key], LATER)[key]
        assert [(about.base, about.before is not None) for about in facts.about] == [("change", True)]

    await database.write(go)
