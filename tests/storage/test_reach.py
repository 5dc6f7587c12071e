"""The number on the button is the number of messages: whom an invitation reaches is known before it is published."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from storage import groups
from storage.database import Database
from storage.tables import addresses, interests, notifications, residents
from tests.storage.events_kit import CLASS, DAY, NOW, RULES, by, fire, go_out, lead, ledger, published, queued, settle

SOON = NOW + 6 * DAY
GROUPS: tuple[dict[str, Any], ...] = (
    {"all": True},
    CLASS,
    {"children": [["sofroniy", ""]]},
    {"settlements": ["vidin"]},
    {"languages": ["rom"], "settlements": ["inovo"]},
    {"activities": ["parents"]},
    {},
)


def town(connection: Connection, chance: random.Random) -> None:
    """People of all sorts: cut off, stopped, blocked, several at one phone, invited to much, the team among them."""
    for number in (1, 2, 3):
        lead(connection, number, "coordinator" if number == 1 else "mediator")
    for number in range(100, 140):
        settle(
            connection, 1, first=number, channel=chance.choice(("telegram", "viber", "web", "tel", "")),
            group=chance.choice(("3 а", "4 б", "")), language=chance.choice(("bg", "rom")),
            settlement=chance.choice(("vidin", "inovo")), status=chance.choices(STATES, (7, 1, 1, 1))[0],
        )  # fmt: skip
        if chance.random() < 0.3:
            like = {"contact_id": number, "activity": "parents", "created_at": NOW}
            connection.execute(insert(interests).values(like))
    homes = list(range(100, 140))
    connection.execute(update(addresses).where(addresses.c.id.in_(chance.sample(homes, 4))).values(status="blocked"))
    for number in chance.sample(homes, 12):
        home = chance.choice(homes)
        if home != number and connection.execute(addresses.select().where(addresses.c.id == home)).first():
            connection.execute(delete(residents).where(residents.c.contact_id == number))
            connection.execute(insert(residents).values(address_id=home, contact_id=number))
    for _ in range(chance.randint(0, 4)):
        other = published(connection, by(1), SOON, kind="training", audience=chance.choice(GROUPS))
        fire(connection, other, "invite", NOW)
    go_out(connection, NOW)


STATES = ("active", "stopped", "blocked", "archived")


@pytest.mark.parametrize("seed", range(12))
async def test_as_many_are_written_to_as_the_button_says(database: Database, seed: int) -> None:
    def go(connection: Connection) -> None:
        chance = random.Random(seed)
        town(connection, chance)
        group, kind = chance.choice(GROUPS[:6]), chance.choice(("meeting", "training", "course"))
        maker, leader = by(1), chance.choice((1, 2, 3))
        reach = groups.reach(connection, maker, group=group, rules=RULES, kind=kind, hosts=[leader])
        dates = (SOON + DAY,) if kind == "course" else ()
        event = published(connection, maker, SOON, kind=kind, audience=group, mediator_id=leader, dates=dates)
        fire(connection, event, "invite", NOW)
        told = ledger(connection, event)
        assert reach.people == len(told)
        assert reach.told == len(queued(connection)) == sum(said == "queued" for said in told.values())
        assert reach.stopped == sum(said == "stopped" for said in told.values())
        assert reach.unreached == sum(said in ("blocked", "no_channel") for said in told.values())
        assert reach.spared == sum(said in ("household", "week_full") for said in told.values())

    await database.write(go)


async def test_the_towns_have_everybody_in_whom_a_count_could_go_wrong(database: Database) -> None:
    """What the test above would not notice if nobody of the kind were among its people."""

    def go(connection: Connection) -> set[str]:
        town(connection, random.Random(3))
        for kind in ("meeting", *["training"] * 4):
            event = published(connection, by(1), SOON, kind=kind, audience={"all": True}, mediator_id=2)
            fire(connection, event, "invite", NOW)
        return {row.reason or row.status for row in connection.execute(select(notifications))}

    assert {"queued", "stopped", "blocked", "no_channel", "household", "week_full"} <= await database.write(go)


async def test_of_a_meeting_a_home_counts_once_and_of_anything_else_everybody_there(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        first, second = settle(connection, 2)
        connection.execute(delete(residents).where(residents.c.contact_id == second))
        connection.execute(insert(residents).values(address_id=first, contact_id=second))
        for kind, told in (("meeting", 1), ("public", 2)):
            reach = groups.reach(connection, acting, group=CLASS, rules=RULES, kind=kind)
            assert (reach.people, reach.told) == (2, told)

    await database.write(go)
