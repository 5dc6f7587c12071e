"""Announcements as they are looked at again and again: nothing typed is lost, nothing is asked or counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from bot.messages import Kind, Media
from handlers.announce import ROUNDS
from storage import broadcasts
from storage.tables import broadcasts as broadcast_rows
from storage.tables import charges, staff
from tests.conversations.announce_kit import FIRST, SIGNED, class_of, for_class, further, go_on, latest, looked_at, sent
from tests.conversations.client import Talker, Town
from tests.conversations.event_kit import MORNING, deeds, made_by, staff_member, told
from tests.conversations.people import contact_of, line, t

PHOTO = Media("photo", "telegram", "photo-1", mime="image/jpeg", size=80_000)


# --- many looks ------------------------------------------------------------------------------------------------------


async def test_after_many_looks_everything_is_still_there(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    async with town.awake():
        await looked_at(coordinator, "Утре има среща.")
        await further(coordinator, t("announce.do_romani"))
        await coordinator.say("Tajsa si khidipe.")
        await further(coordinator, t("announce.do_later"))
        await coordinator.say("утре в 10")
        await further(coordinator, t("announce.do_buttons"))
        for _ in range(2 * ROUNDS):
            assert "Tajsa si khidipe." in await further(coordinator, t("announce.do_me"))
        assert "🔘" in coordinator.last.text
        assert t("announce.do_now") in coordinator.labels
        await coordinator.press(t("announce.do_now"))
        await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive().startswith("Утре има среща.")
    assert (await latest(town)).words["rom"] == "Tajsa si khidipe."


async def test_a_picture_and_a_correction_outlast_many_looks_too(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    (parent,) = await class_of(town, "telegram", 1)
    number = await sent(coordinator)
    await go_on(town)
    async with town.awake():
        await coordinator.press_data(f"/a_again {number}")
        await coordinator.say("Вярната снимка.", media=PHOTO)
        for _ in range(ROUNDS + 1):
            await further(coordinator, t("announce.do_buttons"))
            await further(coordinator, t("announce.do_no_buttons"))
        assert t("announce.to_the_same") in coordinator.last.text
        await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive().endswith(f"Вярната снимка.{SIGNED}")
    assert parent.last.media is not None
    assert (await latest(town)).corrects_id == number


async def test_people_are_counted_once_for_one_tap(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    await class_of(town, "telegram", 1)
    await looked_at(coordinator)
    counted, reach = list[Any](), broadcasts.reach
    monkeypatch.setattr(broadcasts, "reach", lambda *a, **more: (counted.append(more), reach(*a, **more))[1])
    for label in ("announce.do_me", "announce.do_buttons", "announce.do_later"):
        await coordinator.press(t("announce.do_more"))
        counted.clear()
        await coordinator.press(t(label))
        assert len(counted) == 1, label


# --- the same once more ----------------------------------------------------------------------------------------------


async def told_today(town: Town, channel: str) -> Talker:
    """A coordinator who sent something a moment ago, and begins it anew."""
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await sent(coordinator, "Утре в 10 има среща.")
    await go_on(town)
    coordinator.receive()
    return coordinator


async def test_one_full_stop_less_is_the_same_and_romani_is_not_asked_about_again(town: Town, channel: str) -> None:
    coordinator = await told_today(town, channel)
    assert line("announce.sent_before") in await looked_at(coordinator, "утре в 10 има среща")
    await coordinator.press(t("announce.do_again"))
    await further(coordinator, t("announce.do_romani"))
    assert "📣" not in await coordinator.say("Tajsa si khidipe.")
    assert "📣 Изпрати на 1 човек" in coordinator.labels


async def test_the_same_picture_without_words_asks_too(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    (parent,) = await class_of(town, "telegram", 1)

    async def picture() -> str:
        await coordinator.press_data("/announce")
        await coordinator.send(Kind.OTHER, text="photo", media=PHOTO)
        return await for_class(coordinator)

    async with town.awake():
        await picture()
        await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    async with town.awake():
        assert line("announce.sent_before") in await picture()
        await coordinator.press(t("announce.do_again"))
        await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    parent.receive()
    assert len([d for d in town.channels["telegram"].sent if d.address == parent.address and d.message.media]) == 2


# --- the list --------------------------------------------------------------------------------------------------------


async def test_what_waits_stands_first_however_much_was_sent_since(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator, "Утре има среща.")
    await further(coordinator, t("announce.do_later"))
    await coordinator.say("утре в 10")
    await coordinator.press("🕐 Изпрати в ср 10:00 на 1 човек")
    async with town.awake():
        for n in range(9):
            await sent(coordinator, f"Новина {n}")
    await town.change(lambda c: c.execute(update(broadcast_rows).where(broadcast_rows.c.id > 1).values(status="done")))
    await coordinator.press_data("/announcements")
    assert coordinator.labels[0].endswith("насрочено ср 10:00")
    assert coordinator.labels[1].startswith("📣 Новина 8")


async def test_the_same_people_as_last_time_are_ones_own_last_whatever_others_sent_since(
    town: Town, channel: str
) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    other = await staff_member(town, channel, "coordinator", external="2")
    await class_of(town, channel, 1)
    await sent(coordinator)
    async with town.awake():
        for n in range(3):
            await sent(other, f"Новина {n}")
    await coordinator.press_data("/announce")
    await coordinator.say("И още нещо.")
    assert any(label.startswith("🔁 родители") for label in coordinator.labels)


# --- people who are no longer theirs ---------------------------------------------------------------------------------


async def test_names_and_numbers_close_with_the_charge(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    row = {"staff_id": (await contact_of(mediator)).id, "kind": "institution", "code": "sofroniy"}
    await town.change(lambda c: c.execute(insert(charges).values(row)))
    (person,) = await class_of(town, channel, 1, phone="+359888123456")
    number = await sent(mediator, answers=True)
    await go_on(town)
    person.receive()
    await person.press(t("announce.do_call_me"))
    assert "0888 123 456" in await mediator.press_data(f"/a_call {number}.{FIRST}")
    await town.change(lambda c: c.execute(delete(charges)))
    seen = await phones_seen(town)
    for command in (f"a_call {number}.{FIRST}", f"a_calls {number}", f"a_answers {number} call 0"):
        shown = await mediator.press_data(f"/{command}")
        assert "0888" not in shown + str(mediator.labels), command
        assert f"Човек {FIRST}" not in shown + str(mediator.labels), command
    assert t("announce.not_listed") in await mediator.press_data(f"/a_called {number}.{FIRST} yes")
    await mediator.press_data(f"/announcement {number}")
    assert not any(label.startswith("📞") for label in mediator.labels)
    assert await phones_seen(town) == seen


async def phones_seen(town: Town) -> list[str]:
    return [deed for deed in await deeds(town) if "phone" in deed]


async def test_a_trainer_is_told_who_has_the_number(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    (person,) = await class_of(town, channel, 1, phone="+359888123456")
    event = await made_by(mediator, MORNING)
    await told(town, event)
    async with town.awake():
        await mediator.press_data(f"/announce {event.id}")
        await mediator.say("Елате!")
        await further(mediator, t("announce.do_buttons"))
        await mediator.press("📣 Изпрати на 1 човек")
    number = int((await latest(town)).id)
    await go_on(town)
    person.receive()
    await person.press(t("announce.do_call_me"))
    await town.change(lambda c: c.execute(update(staff).values(role="trainer")))
    shown = await mediator.press_data(f"/a_call {number}.{FIRST}")
    assert t("announce.phone_of_others") in shown
    assert "0888" not in shown
    assert t("call.did_dial") not in mediator.labels
    assert await phones_seen(town) == []
