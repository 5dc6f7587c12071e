"""What a channel's month costs: what is counted, what a budget still allows, what is put off, what staff are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update

from bot.messages import Address, Lane
from bot.money import Tariff, shown
from storage import outbox as rows_of
from storage import spending
from storage.outbox import Mark
from storage.spending import State, month_of, next_month
from storage.tables import addresses, notices, residents
from storage.tables import outbox as rows
from tests.storage.events_kit import NOW, settle

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.database import Database
    from storage.outbox import Held

TARIFF = Tariff(Decimal("0.02"), Decimal("0.10"))  # five messages
DAY = timedelta(days=1)


def street(connection: Connection, count: int, *, first: int = 1, session: datetime | None = None) -> list[int]:
    """People on Viber; with a session that began then."""
    ids = settle(connection, count, first=first, channel="viber", group="")
    connection.execute(update(addresses).where(addresses.c.id.in_(ids)).values(session_at=session))
    return ids


def wait(connection: Connection, *people: int, lane: Lane = Lane.REMINDER, **more: Any) -> None:
    """A message for each waits; of their own accord unless it answers an event."""
    blank = {
        "channel": "viber", "lane": int(lane), "status": "queued", "not_before": NOW, "created_at": NOW,
        "expires_at": NOW + DAY, "body": {"text": "x"},
    }  # fmt: skip
    at = [{"key": f"x:{lane}:{n}", "address_id": n, "contact_id": n} for n in people]
    connection.execute(insert(rows), [blank | row | more for row in at])


def claim(connection: Connection, tariff: Tariff | None = TARIFF, now: datetime = NOW) -> list[int]:
    limits = {Lane.REPLY: 100, Lane.REMINDER: 100, Lane.BROADCAST: 100}
    return [h.address_id for h in _claim(connection, tariff, now, limits)]


def _claim(connection: Connection, tariff: Tariff | None, now: datetime, limits: dict[Lane, int]) -> list[Held]:
    return rows_of.claim(connection, "viber", "me", now, limits, tariff=tariff)


def sent(connection: Connection, tariff: Tariff | None = TARIFF, now: datetime = NOW, **mark: Any) -> None:
    """Everything that may go is taken and went, each charged for unless told otherwise."""
    mark = {"billing": 5} | mark
    held = _claim(connection, tariff, now, dict.fromkeys(Lane, 100))
    rows_of.on_wire(connection, [h.delivery.id for h in held], "me")
    rows_of.mark(connection, [Mark(h, "sent", platform_id="1", at=now, **mark) for h in held], "me")


def told(connection: Connection) -> list[str]:
    return list(connection.execute(select(notices.c.text).where(notices.c.kind == "spending")).scalars())


def state(connection: Connection, now: datetime = NOW) -> State:
    return spending.state(connection, "viber", TARIFF, now)


@pytest.mark.parametrize(
    ("now", "month", "following"),
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), "2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime.fromisoformat("2026-12-01T01:30:00+02:00"), "2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_one_of_utc(now: datetime, month: str, following: datetime) -> None:
    assert (month_of(now), next_month(now)) == (month, following)


@pytest.mark.parametrize(("euros", "words"), [("0.5", "0,50 €"), ("12", "12,00 €"), ("0.021", "0,02 €")])
def test_euros_are_shown_as_people_write_them(euros: str, words: str) -> None:
    assert shown(Decimal(euros)) == words


def test_a_budget_pays_for_whole_messages_and_costs_are_rounded_up() -> None:
    assert (TARIFF.messages, TARIFF.cost(3), Tariff(Decimal("0.015")).cost(1)) == (5, Decimal("0.06"), Decimal("0.02"))
    assert Tariff(Decimal("0.02")).messages is None
    assert Tariff(Decimal(0), Decimal(0)).messages is None, "what costs nothing is not limited"


async def test_only_what_the_platform_charged_is_counted(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 3))
        sent(connection, billing=5)
        wait(connection, *street(connection, 2, first=10))
        sent(connection, billing=3)
        assert state(connection) == State(charged=3, left=2)
        assert spending.state(connection, "telegram", None, NOW) == State()
        assert state(connection, next_month(NOW)) == State(charged=0, left=5), "a month begins anew"

    await database.write(go)


@pytest.mark.parametrize(
    ("mark", "charged"),
    [
        pytest.param({"billing": 5}, 4, id="the platform says so of each"),
        pytest.param({"billing": 5, "shared": True}, 3, id="it says so of all together: not of who is in a session"),
        pytest.param({"billing": 1, "shared": True}, 3, id="it says so of one who is in a session"),
        pytest.param({"billing": 3, "shared": True}, 0, id="free for this bot"),
        pytest.param({"billing": None}, 3, id="it says nothing"),
        pytest.param({"billing": 2}, 0, id="in a session by its own count"),
    ],
)
async def test_where_nobody_says_what_one_message_cost_what_would_is_counted(
    database: Database, mark: dict[str, Any], charged: int
) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 3), *street(connection, 1, first=30, session=NOW - DAY / 2))
        sent(connection, None, **mark)
        assert state(connection).charged == charged

    await database.write(go)


async def test_a_message_of_which_nobody_knows_may_have_been_charged_each_time(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 2), *street(connection, 1, first=30, session=NOW - DAY / 2))
        held = _claim(connection, None, NOW, dict.fromkeys(Lane, 9))
        rows_of.on_wire(connection, [h.delivery.id for h in held], "me")
        lost = [Mark(h, "queued", again=NOW, ambiguous=1, lost_at=NOW) for h in held]
        rows_of.mark(connection, lost, "me")
        assert state(connection).charged == 2
        again = _claim(connection, None, NOW, dict.fromkeys(Lane, 9))
        rows_of.on_wire(connection, [h.delivery.id for h in again], "me")
        rows_of.recover(connection, "viber", NOW)
        assert state(connection).charged == 4, "and so may be what was on the wire when the process died"

    await database.write(go)


async def test_a_budget_that_is_only_promised_is_no_news(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 5))
        assert len(claim(connection)) == 5
        wait(connection, *street(connection, 2, first=20))
        assert claim(connection) == []
        assert (state(connection).left, state(connection).why, told(connection)) == (0, "", [])

    await database.write(go)


async def test_a_budget_of_nothing_is_a_wish_and_no_news(database: Database) -> None:
    def go(connection: Connection) -> None:
        nothing = Tariff(Decimal("0.02"), Decimal(0))
        wait(connection, *street(connection, 2), *street(connection, 1, first=30, session=NOW))
        assert claim(connection, nothing) == [30]
        assert told(connection) == []

    await database.write(go)


async def test_what_staff_must_know_goes_by_a_free_way_while_nothing_is_paid(database: Database) -> None:
    def go(connection: Connection) -> None:
        one, other = street(connection, 2)
        page = {
            "id": 50, "channel": "web", "external": "w", "lookup": b"w" * 16, "status": "active", "contact_id": one,
            "created_at": NOW,
        }  # fmt: skip
        connection.execute(insert(addresses).values(page))
        connection.execute(insert(residents).values(address_id=50, contact_id=one))
        spending.pause(connection, "viber", "balance", NOW)
        wait(connection, one, other, lane=Lane.REPLY)
        wait(connection, one, lane=Lane.REPLY, key="reply:1", inbox_id=7)
        assert sorted(claim(connection)) == [one, other], "an answer to them, and who has no other way"
        assert [h.address_id for h in rows_of.claim(connection, "web", "me", NOW, {Lane.REPLY: 9})] == [50]

    await database.write(go)


async def test_what_was_taken_up_counts_as_if_it_were_charged(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 3))
        assert len(claim(connection)) == 3
        assert state(connection).left == 2
        wait(connection, *street(connection, 9, first=20))
        assert len(claim(connection)) == 2, "no more than the budget still pays for"
        assert claim(connection) == []

    await database.write(go)


async def test_at_the_end_of_the_budget_what_is_free_goes_on_and_staff_are_told_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 5))
        sent(connection)
        poor, talking = street(connection, 2, first=20), street(connection, 2, first=30, session=NOW - DAY / 2)
        wait(connection, *poor, *talking)
        wait(connection, *poor, lane=Lane.BROADCAST)
        wait(connection, *poor, lane=Lane.REPLY)
        assert sorted(claim(connection)) == [*poor, *talking], "replies, and whoever is in a session"
        assert claim(connection, now=NOW + DAY / 48) == []
        assert state(connection) == State(charged=5, left=0, why="budget")
        assert told(connection) == ["viber: the month's budget"]
        connection.execute(update(rows).where(rows.c.owner == "me").values(status="sent"))
        assert len(claim(connection, now=next_month(NOW))) == 4, "with a new month they go"

    await database.write(go)


async def test_who_can_be_reached_free_is_written_to_there_when_money_is_short(database: Database) -> None:
    def go(connection: Connection) -> None:
        alone, also = street(connection, 2)
        page = {
            "id": 50, "channel": "web", "external": "w", "lookup": b"w" * 16, "status": "active", "contact_id": also,
            "created_at": NOW,
        }  # fmt: skip
        connection.execute(insert(addresses).values(page))
        connection.execute(insert(residents).values(address_id=50, contact_id=also))
        wait(connection, alone, also)
        assert claim(connection, Tariff(Decimal("0.02"), Decimal(0))) == []
        (held,) = rows_of.claim(connection, "web", "me", NOW, {Lane.REMINDER: 9})
        assert (held.address_id, held.delivery.address) == (50, Address("web", "w"))
        left = connection.execute(select(rows.c.address_id).where(rows.c.channel == "viber")).scalars()
        assert list(left) == [alone]

    await database.write(go)


async def test_somebody_who_begins_a_session_meanwhile_is_reached(database: Database) -> None:
    def go(connection: Connection) -> None:
        (one,) = street(connection, 1)
        wait(connection, one)
        assert claim(connection, Tariff(Decimal("0.02"), Decimal(0))) == []
        connection.execute(update(addresses).where(addresses.c.id == one).values(session_at=NOW))
        later = NOW + rows_of.HELD
        assert claim(connection, Tariff(Decimal("0.02"), Decimal(0)), later) == [one]

    await database.write(go)


@pytest.mark.parametrize(
    ("why", "until", "text"),
    [("quota", next_month(NOW), "viber: free messages"), ("balance", NOW + timedelta(hours=1), "viber: no balance")],
)
async def test_what_the_platform_does_not_carry_waits_and_replies_go(
    database: Database, why: str, until: datetime, text: str
) -> None:
    def go(connection: Connection) -> None:
        one, other = street(connection, 2)
        wait(connection, one)
        (held,) = _claim(connection, None, NOW, {Lane.REMINDER: 9})
        mark = Mark(held, "queued", error="x", again=NOW + rows_of.HELD, unpaid=(why, NOW))
        rows_of.mark(connection, [mark], "me")
        assert spending.state(connection, "viber", None, NOW) == State(paused_until=until, why=why)
        wait(connection, other)
        wait(connection, other, lane=Lane.REPLY)
        assert claim(connection, None) == [other], "the reply"
        rows_of.mark(connection, [replace(mark, unpaid=(why, NOW + DAY / 96))], "me")
        assert told(connection) == [text], "once"
        assert sorted(claim(connection, None, next_month(NOW))) == [one, other]

    await database.write(go)


async def test_where_nothing_is_limited_everything_goes(database: Database) -> None:
    def go(connection: Connection) -> None:
        wait(connection, *street(connection, 20))
        assert len(claim(connection, Tariff(Decimal("0.02")))) == 20
        assert told(connection) == []

    await database.write(go)


def test_a_channel_without_sessions_is_never_looked_up() -> None:
    assert Address("telegram", "1").channel not in spending.SESSIONS
