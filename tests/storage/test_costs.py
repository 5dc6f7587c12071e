"""What it will cost is what it then costs: counted over the very people who get it, where a channel charges."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select, update

from bot.money import Tariff
from storage import costs, deliveries, events, money_notes, spending
from storage.costs import Cost
from storage.spending import Billed
from storage.tables import addresses, notifications, outbox, residents, staff
from tests.storage.broadcasts_kit import SOON, WORDS, begun
from tests.storage.events_kit import CLASS, NOW, RULES, fire, lead, published, settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from bot.chat import Acting
    from storage.database import Database

DAY = timedelta(days=1)
TARIFFS = {"viber": Tariff(Decimal("0.02"), Decimal("0.20"))}  # ten messages


def paid(connection: Connection, acting: Acting, at: Any = SOON) -> Mapping[str, int]:
    """How many messages, by channel."""
    found = costs.of_announcement(
        connection, acting, audience=CLASS, words=WORDS, media={}, again=False, corrects=0, rules=RULES, at=at
    )
    return {name: cost.messages for name, cost in found.items()}


def also_on(connection: Connection, channel: str, *people: int) -> None:
    """A second way to reach somebody."""
    for n in people:
        address = {
            "id": n + 10_000, "channel": channel, "external": f"{n}", "lookup": f"{channel}{n}".encode().ljust(16),
            "status": "active", "contact_id": n, "created_at": NOW,
        }  # fmt: skip
        connection.execute(insert(addresses).values(address))
        connection.execute(insert(residents).values(address_id=n + 10_000, contact_id=n))


def session(connection: Connection, began: Any, *people: int) -> None:
    connection.execute(update(addresses).where(addresses.c.contact_id.in_(people)).values(session_at=began))


async def test_who_is_counted(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 6, channel="viber")
        settle(connection, 3, first=200)
        also_on(connection, "telegram", 100)
        also_on(connection, "web", 101)
        session(connection, NOW - DAY / 2, 102)
        session(connection, NOW - DAY, 103)
        assert paid(connection, acting) == {"viber": 4}, "not who has Telegram, nor who is in a session"
        assert paid(connection, acting, NOW + DAY) == {"viber": 5}, "tomorrow that session is over"

    await database.write(go)


async def test_each_round_of_an_event_costs_what_its_hour_costs(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4, channel="viber")
        session(connection, NOW - DAY / 2, 100)
        also_on(connection, "web", 101)
        rounds = [NOW, NOW + DAY, NOW + 9 * DAY]
        assert costs.of_group(connection, acting, group=CLASS, times=rounds) == {"viber": Cost(11, 4, 3)}
        assert costs.of_group(connection, acting, group=CLASS, hosts=[103], times=rounds) == {"viber": Cost(8, 3, 2)}
        assert costs.of_group(connection, acting, group=CLASS, times=[]) == {}

    await database.write(go)


async def test_of_a_parents_meeting_one_message_goes_to_a_home(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3, channel="viber")
        connection.execute(insert(residents).values(address_id=102, contact_id=101))
        connection.execute(residents.delete().where(residents.c.address_id == 101))
        assert costs.of_group(connection, acting, group=CLASS, times=[NOW])["viber"].messages == 3
        assert costs.of_group(connection, acting, group=CLASS, kind="meeting", times=[NOW])["viber"].messages == 2

    await database.write(go)


@pytest.mark.parametrize("kind", ["training", "meeting"])
async def test_a_change_costs_as_many_messages_as_then_go_out(database: Database, kind: str) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 5, channel="viber")
        settle(connection, 2, first=200)
        session(connection, NOW - DAY / 2, 100)
        event = published(connection, acting, NOW + 5 * DAY, kind=kind, mediator_id=1)
        fire(connection, event, "invite", NOW, RULES)
        connection.execute(update(notifications).values(version=1))
        connection.execute(update(outbox).values(status="sent", sent_at=NOW))
        expected = costs.of_change(connection, acting, event_ids=[event.id], rules=RULES, moved=True, kind=kind)
        assert expected == {"viber": Cost(4, 4, 4)}
        values = {"event_id": event.id, "version": 1, "starts_at": NOW + 6 * DAY, "rules": RULES}
        events.move(connection, acting, **values)
        fire(connection, event, "change@2", NOW, RULES)
        went = select(func.count()).select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
        ours = outbox.c.key.like("%change%") & (outbox.c.channel == "viber") & spending.costs(NOW)
        assert connection.execute(went.where(ours)).scalar_one() == 4

    await database.write(go)


async def test_who_may_not_write_to_them_learns_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        trainer = lead(connection, role="trainer")
        settle(connection, 3, channel="viber")
        assert paid(connection, trainer) == {}

    await database.write(go)


@pytest.mark.parametrize("seed", range(5))
async def test_the_number_on_the_screen_is_the_number_of_messages_that_cost(database: Database, seed: int) -> None:
    def go(connection: Connection) -> None:
        chance = random.Random(seed)
        acting = lead(connection)
        for n in range(100, 160):
            settle(connection, 1, first=n, channel=chance.choice(["viber", "viber", "telegram", "web", ""]))
            if chance.random() < 0.2:
                also_on(connection, chance.choice(["telegram", "web", "viber"]), n)
            if chance.random() < 0.4:
                session(connection, NOW - DAY * chance.random() * 2, n)
        on_the_screen = paid(connection, acting)
        number = begun(connection, acting)
        assert not deliveries.bite(connection, number, SOON, RULES)
        ours = outbox.c.key.like("broadcast:%") & (outbox.c.channel == "viber")
        cost = ~(addresses.c.session_at.is_not(None) & (addresses.c.session_at > SOON - DAY))
        went = select(func.count()).select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
        assert connection.execute(went.where(ours, cost)).scalar_one() == on_the_screen.get("viber", 0) > 0

    await database.write(go)


async def test_coordinators_hear_once_of_each_shortage_and_not_at_night(database: Database) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        lead(connection, 2, "mediator")

        def tell(now: Any = NOW) -> list[str]:
            money_notes.tell(connection, TARIFFS, RULES, now)
            keys = connection.execute(select(outbox.c.key).where(outbox.c.key.like("money:%")).order_by(outbox.c.id))
            return [key.split(":", 2)[2] for key in keys.scalars()]

        assert tell() == []
        spending.note(connection, [Billed("viber", 1, NOW, 5)] * 7)
        assert tell() == []
        spending.note(connection, [Billed("viber", 1, NOW, 5), Billed("viber", 1, NOW, 1), Billed("telegram", 1, NOW)])
        night = NOW + timedelta(hours=14)
        assert tell(night) == tell(night) == ["2026-11:near:1"]
        held = select(outbox.c.not_before, outbox.c.lane).where(outbox.c.key.like("money:%"))
        waits, lane = connection.execute(held).one()
        assert (waits > night, lane) == (True, 0), "in the morning, and not kept back for want of money"
        spending.note(connection, [Billed("viber", 1, NOW, 5)] * 2)
        assert tell(night) == ["2026-11:near:1", "2026-11:budget:1"]
        (told,) = money_notes.facts(connection, ["money:viber:2026-11:budget:1"], NOW, TARIFFS).values()
        assert (told.what, told.state.charged) == ("budget", 10)
        connection.execute(staff.delete())
        assert money_notes.facts(connection, ["money:viber:2026-11:budget:1"], NOW, TARIFFS) == {}

    await database.write(go)
