"""What an announcement, an event and a month cost, as staff are shown it; nothing of it where nothing costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from bot.messages import Failure, Lane
from bot.money import Tariff
from storage import money_notes, spending
from storage.spending import Billed
from storage.tables import addresses, outbox
from tests.conversations.announce_kit import class_of, further, go_on, looked_at, refuse, sent
from tests.conversations.event_kit import made_by, parents, staff_member, told
from tests.conversations.people import t
from tests.conversations.test_new_event import to_the_summary
from tests.storage.test_costs import also_on

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.conversations.client import Talker, Town

TARIFFS = {"viber": Tariff(Decimal("0.02"), Decimal("0.30"))}  # fifteen messages


@pytest.fixture
def channel() -> str:
    return "telegram"  # of whoever reads what it costs


@pytest.fixture
def town(town: Town) -> Town:
    town.world = replace(town.world, tariffs=TARIFFS)
    return town


@pytest.fixture
async def stoyan(town: Town, channel: str) -> Talker:
    return await staff_member(town, channel, "coordinator", name="Стоян Колев")


def bill(number: int, cost: str, left: str = "0,30 €") -> str:
    return f"{t('costs.bill', channel='Viber', number=number, cost=cost)}\n{t('costs.left', left=left)}"


async def charged(town: Town, number: int) -> None:
    await town.change(lambda c: spending.note(c, [Billed("viber", 1, town.now, 5)] * number))


async def test_an_announcement_says_what_it_costs_before_it_goes(town: Town, stoyan: Talker) -> None:
    await class_of(town, "viber", 4)
    await class_of(town, "telegram", 2, first=6000)
    assert bill(4, "0,08 €") in await looked_at(stoyan)
    talking = update(addresses).where(addresses.c.id == 5000).values(session_at=town.now)
    await town.change(lambda c: c.execute(talking))
    shown = await stoyan.press_data("/announce") + await looked_at(stoyan)
    assert bill(3, "0,06 €") in shown, "whoever wrote today costs nothing"


async def test_where_the_money_does_not_do_it_says_for_how_many(town: Town, stoyan: Talker) -> None:
    await class_of(town, "viber", 20)
    shown = await looked_at(stoyan)
    short = t("costs.too_few", number=5)
    assert f"{bill(20, '0,40 €')}\n{short}\n{t('costs.then', people='5 души')}" in shown
    await town.change(lambda c: [also_on(c, "web", 5000 + n) for n in range(20)])
    shown = await stoyan.press_data("/announce") + await looked_at(stoyan)
    assert f"{short}\n{t('costs.all_free')}" in shown


async def test_where_nothing_is_paid_any_more_it_says_who_gets_it_free_and_who_does_not(
    town: Town, stoyan: Talker
) -> None:
    await class_of(town, "viber", 3)
    await town.change(lambda c: also_on(c, "web", 5000))
    await town.change(lambda c: spending.pause(c, "viber", "quota", town.now))
    shown = await looked_at(stoyan)
    assert "⚠ Viber е спрян: безплатните за месеца свършиха, до 1 декември." in shown
    assert f"{t('costs.elsewhere', people='1 човек')}\n{t('costs.to_call', people='2 души')}" in shown


async def test_what_is_planned_for_the_next_month_is_paid_by_its_money(town: Town, stoyan: Talker) -> None:
    await class_of(town, "viber", 4)
    await charged(town, 15)
    assert t("costs.why_budget") in await looked_at(stoyan)
    await further(stoyan, t("announce.do_later"))
    assert bill(4, "0,08 €") in await stoyan.say("2 декември 10:00")


async def test_another_way_says_what_it_costs(town: Town, stoyan: Talker) -> None:
    await class_of(town, "telegram", 2)
    await town.change(lambda c: also_on(c, "viber", 5000))
    refuse(town, lambda delivery: delivery.lane is Lane.BROADCAST, Failure("gone", "", contact_gone=True))
    number = await sent(stoyan)
    await go_on(town)
    shown = await stoyan.press_data(f"/announcement {number}")
    assert f"{t('costs.other_way')}\n{bill(1, '0,02 €')}" in shown
    assert t("announce.do_other_way", number=1) in stoyan.labels


async def test_where_nothing_shall_be_paid_it_says_that_and_no_month(town: Town, stoyan: Talker) -> None:
    await class_of(town, "viber", 2)
    town.world = replace(town.world, tariffs={"viber": Tariff(Decimal("0.02"), Decimal(0))})
    shown = await looked_at(stoyan)
    assert f"⚠ Viber е спрян: {t('costs.why_none')}." in shown
    assert "💶" not in await stoyan.press_data("/staff"), "it was wished so"


async def test_what_costs_nothing_says_nothing_of_money(town: Town, stoyan: Talker) -> None:
    await class_of(town, "telegram", 3)
    assert "💶" not in await looked_at(stoyan)


async def test_the_card_of_one_that_waits_says_it_too(town: Town, stoyan: Talker) -> None:
    await class_of(town, "viber", 4)
    number = await sent(stoyan)
    assert bill(4, "0,08 €") in await stoyan.press_data(f"/announcement {number}")


async def test_an_event_says_what_its_round_of_messages_costs(town: Town, stoyan: Talker) -> None:
    await parents(town, 3, first=5000, channel="viber")
    shown = await to_the_summary(stoyan)
    assert bill(15, "0,30 €") in shown, "an invitation, three reminders and the question afterwards for each"


async def test_a_change_of_an_event_says_what_it_costs_to_tell_of_it(town: Town, stoyan: Talker) -> None:
    await parents(town, 3, channel="viber")
    event = await made_by(stoyan)
    await told(town, event)
    await town.change(lambda c: c.execute(update(outbox).values(status="sent", sent_at=town.now)))
    assert bill(3, "0,06 €") in await stoyan.press_data(f"/cancel {event.id}.1")
    await stoyan.press_data(f"/move {event.id}.1")
    assert bill(3, "0,06 €") in await stoyan.say("27.11 18:00")


async def test_a_coordinator_sees_a_shortage_in_their_day_and_the_month_in_its_numbers(
    town: Town, stoyan: Talker
) -> None:
    assert "💶" not in await stoyan.press_data("/staff")
    await charged(town, 12)
    assert t("costs.short", channel="Viber", why=t("costs.why_near")) in await stoyan.press_data("/staff")
    assert t("costs.month", channel="Viber", number=12, cost="0,24 €") in await stoyan.press_data("/month")
    await charged(town, 3)
    until = t("costs.until", why=t("costs.why_budget"), month="декември")
    assert t("costs.short", channel="Viber", why=until) in await stoyan.press_data("/staff")


async def test_a_mediator_does_not(town: Town, channel: str) -> None:
    ani = await staff_member(town, channel, "mediator", external="2", name="Ани Петрова")
    await charged(town, 15)
    assert "💶" not in await ani.press_data("/staff") + await ani.press_data("/month")


async def test_coordinators_are_told_in_their_own_chat(town: Town, stoyan: Talker) -> None:
    await charged(town, 15)

    def tell(connection: Connection) -> None:
        rules = town.world.programme.rules
        assert money_notes.tell(connection, TARIFFS, rules, town.now) == 1
        assert money_notes.tell(connection, TARIFFS, rules, town.now) == 0, "once"

    await town.change(tell)
    town.now += timedelta(minutes=1)
    await town.deliver()
    assert stoyan.receive() == t("costs.no_budget", channel="Viber")
    assert datetime(2026, 11, 1, tzinfo=UTC) < town.now < datetime(2026, 12, 1, tzinfo=UTC)
