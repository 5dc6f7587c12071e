"""The screens of an announcement: what goes, to whom and when, once more in another shape, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from storage.calls import BY_STAFF
from storage.tables import broadcasts, contacts
from tests.conversations.announce_kit import FIRST, SIGNED, class_of, further, go_on, latest, looked_at, sent
from tests.conversations.client import Talker, Town
from tests.conversations.event_kit import staff_member
from tests.conversations.people import contact_of, line, t

FEAST = datetime(2026, 12, 25, 9, 0, tzinfo=UTC)  # a Friday
DAY = timedelta(days=1)


async def statuses(town: Town) -> list[str]:
    wanted = select(broadcasts.c.status).order_by(broadcasts.c.id)
    return list(await town.look(lambda c: c.execute(wanted).scalars().all()))


# --- to whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "then"), [("3", "3 а"), ("3 а", "3")])
async def test_a_class_takes_the_place_of_its_year_and_the_other_way_round(
    town: Town, channel: str, first: str, then: str
) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    async with town.awake():
        await coordinator.press_data("/announce")
        await coordinator.say("Утре има среща.")
        await coordinator.press(t("announce.do_class"))
        await coordinator.press("ОУ „Софр.")
        await coordinator.say(first)
        await coordinator.say(then)
        assert [label for label in coordinator.labels if label.startswith("☑")] == [f"☑️ {then}"]
        assert f"{then} клас" in await coordinator.press(t("button.done"))


async def test_only_institutions_with_ones_own_people_are_offered_each_with_their_number(
    town: Town, channel: str
) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 2)
    await coordinator.press_data("/announce")
    await coordinator.say("Утре има среща.")
    await coordinator.press(t("announce.do_class"))
    assert [label for label in coordinator.labels if label.startswith("🏫")] == ["🏫 ОУ „Софр. Врачански“ (2)"]


async def test_all_of_a_mediators_people_are_hers_for_her_and_for_others(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    coordinator = await staff_member(town, channel, "coordinator", external="2", name="Петя Илиева")
    await class_of(town, channel, 1)
    mine = f"{BY_STAFF}{(await contact_of(mediator)).id}"
    await town.change(lambda c: c.execute(update(contacts).where(contacts.c.id == FIRST).values(source=mine)))
    async with town.awake():
        await mediator.press_data("/announce")
        await mediator.say("Утре има среща.")
        assert t("announce.all_mine") in await mediator.press("👥 Всички мои хора (1)")
        await mediator.press("📣 Изпрати на 1 човек")
    number = (await latest(town)).id
    assert t("announce.people_of", name="Стоян") in await coordinator.press_data(f"/announcement {number}")
    await mediator.press_data("/announce")
    await mediator.say("И още нещо.")
    assert not any(label.startswith("🔁") for label in mediator.labels), "it stands there already"


async def test_whoever_has_heard_enough_this_week_can_be_told_from_a_day_that_is_named(
    town: Town, channel: str
) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    for n in range(3):
        await sent(coordinator, f"Новина {n}")
        await go_on(town)
    look = await looked_at(coordinator, "И още една.")
    assert t("announce.left_one", why=t("announce.why_week", number=1)) in look
    assert t("announce.free_on", day="вт 01.12") in look
    assert coordinator.labels[0] == t("announce.do_whom")


# --- when ------------------------------------------------------------------------------------------------------------


async def test_on_a_holiday_it_goes_when_that_is_over_and_the_button_says_when(town: Town, channel: str) -> None:
    town.now = FEAST
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    assert t("announce.goes_feast", when="нд 27.12, 10:00") in await looked_at(coordinator)
    assert coordinator.labels[:2] == ["🕐 Изпрати в нд 27.12, 10:00 на 1 човек", t("announce.do_other_time")]


async def test_another_hour_is_typed_and_a_number_alone_is_none(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    await further(coordinator, t("announce.do_later"))
    await coordinator.say("утре в 10")
    await coordinator.say("17:30")
    assert coordinator.labels[:3] == [
        "🕐 Изпрати в ср 17:30 на 1 човек",
        t("announce.do_other_time"),
        t("announce.do_now"),
    ]
    await coordinator.say("9")
    assert coordinator.labels[0] == "🕐 Изпрати в ср 17:30 на 1 човек"


# --- once more in another shape --------------------------------------------------------------------------------------


async def planned(town: Town, channel: str) -> tuple[Talker, Talker, int]:
    """An announcement with buttons that goes tomorrow, and who will get it."""
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    async with town.awake():
        await looked_at(coordinator, "Утре има среща.")
        await further(coordinator, t("announce.do_buttons"))
        await further(coordinator, t("announce.do_later"))
        await coordinator.say("утре в 10")
        await coordinator.press("🕐 Изпрати в ср 10:00")
    return coordinator, parent, int((await latest(town)).id)


async def test_what_is_planned_goes_in_its_new_shape_only(town: Town, channel: str) -> None:
    coordinator, parent, _ = await planned(town, channel)
    async with town.awake():
        look = await coordinator.press(t("announce.do_reuse"))
        assert f"Утре има среща.{SIGNED}" in look
        assert "🔘" in look
        assert "3 а клас" in look
        await further(coordinator, t("announce.do_words"))
        await coordinator.say("Срещата е в петък.")
        await coordinator.press("🕐 Изпрати в ср 10:00")
    assert await statuses(town) == ["stopped", "waiting"]
    await go_on(town, DAY)
    assert parent.receive() == f"Срещата е в петък.{SIGNED}"


async def test_what_is_planned_gets_another_hour_by_two_taps(town: Town, channel: str) -> None:
    coordinator, _, _ = await planned(town, channel)
    assert line("announce.ask_when") in await coordinator.press(t("announce.do_other_time"))
    await coordinator.say("утре в 15:00")
    answer = await coordinator.press("🕐 Изпрати в ср 15:00 на 1 човек")
    assert t("announce.goes_at", when="ср 15:00 (утре)") in answer
    assert await statuses(town) == ["stopped", "waiting"]


async def test_what_has_started_meanwhile_is_not_sent_a_second_time(town: Town, channel: str) -> None:
    coordinator, parent, _ = await planned(town, channel)
    await coordinator.press(t("announce.do_reuse"))
    await coordinator.press(t("announce.do_now"))
    await go_on(town, DAY)
    await coordinator.press_late("📣 Изпрати на")
    assert await statuses(town) == ["done"]
    assert parent.receive().count("Утре има среща.") == 1


async def test_what_was_cancelled_can_be_sent_after_all(town: Town, channel: str) -> None:
    coordinator, parent, _ = await planned(town, channel)
    await coordinator.press(t("announce.do_undo"))
    await coordinator.press(t("announce.do_reuse"))
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive() == f"Утре има среща.{SIGNED}"
    await coordinator.press_data("/announcements")
    assert coordinator.labels[:2] == ["📣 Утре има среща. · 3 а · 1/1", "↩ Утре има среща. · 3 а · отменено"]
    assert t("announce.list_waiting") not in coordinator.last.text


async def test_nobody_takes_up_what_somebody_else_wrote(town: Town, channel: str) -> None:
    _, _, number = await planned(town, channel)
    other = await staff_member(town, channel, "coordinator", external="2")
    await other.press_data(f"/announcement {number}")
    assert t("announce.do_reuse") not in other.labels
    assert await other.press_data(f"/a_reuse {number}") == t("announce.none_such")


# --- a correction, and calls -----------------------------------------------------------------------------------------


async def test_a_correction_keeps_the_buttons_and_says_who_heard_the_wrong_words_by_telephone(
    town: Town, channel: str
) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await class_of(town, "", 1, first=6000)
    number = await sent(coordinator, answers=True)
    await go_on(town)
    parent.receive()
    await coordinator.press_data(f"/announcement {number}")
    await coordinator.press(t("announce.do_calls", number=1))
    await coordinator.press("📞 Човек")
    await coordinator.press(t("announce.do_reached"))
    await coordinator.press_data(f"/announcement {number}")
    assert t("announce.do_calls", number=0) in coordinator.labels, "it falls when somebody was reached"
    await coordinator.press_data(f"/a_again {number}")
    look = await coordinator.say("Срещата е в петък.")
    assert t("announce.told_by_phone", people="1 човек") in look
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive() == f"{t('announce.correction')}\nСрещата е в петък.{SIGNED}"
    assert t("announce.do_interested") in parent.labels


async def test_a_picture_is_promised_only_where_one_can_be_sent(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    asked = await coordinator.press_data("/announce")
    by_channel = {"telegram": "announce.ask_words", "viber": "announce.ask_no_voice", "web": "announce.ask_plain"}
    assert asked == t(by_channel[channel])
