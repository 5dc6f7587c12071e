"""A second person for what goes to many, a mistake that is mended once, and an author who may not any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.chat import Acting
from bot.messages import Failure, Media
from storage import broadcasts, staff
from storage.broadcasts import Draft
from tests.conversations.announce_kit import (
    class_of,
    flows,
    go_on,
    jams,
    latest,
    looked_at,
    one_life,
    refuse,
    sent,
)
from tests.conversations.client import Talker, Town, programme
from tests.conversations.event_kit import staff_member
from tests.conversations.people import contact_of, line, t

MANY = 201
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def many(town: Town) -> tuple[Talker, Talker]:
    """A coordinator who may write to many, and a mediator who is asked."""
    author = await staff_member(town, "telegram", "coordinator")
    colleague = await staff_member(town, "telegram", "mediator", external="2", name="Росица Димова")
    await class_of(town, "telegram", MANY)
    return author, colleague


async def remove(town: Town, chief: Talker, who: Talker) -> None:
    """A coordinator takes a role away."""
    by, number = (await contact_of(chief)).id, (await contact_of(who)).id

    def act(connection: Any) -> None:
        staff.remove(connection, Acting(by, 0, "", "", "", town.now), contact_id=number)

    await town.change(act)


# --- a second person --------------------------------------------------------------------------------------------------


async def test_a_yes_to_what_goes_tomorrow_says_tomorrow(town: Town) -> None:
    author, colleague = await many(town)
    by = Acting((await contact_of(author)).id, 0, "", "", "", town.now)
    draft = Draft({"bg": "Утре е празник."}, {}, (), {"all": True})
    later = {"starts": town.now + DAY, "rules": programme().rules}
    await town.change(lambda c: broadcasts.publish(c, by, draft=draft, **later))
    await go_on(town)
    answer = await colleague.press_data(f"/a_approve {(await latest(town)).id}")
    assert answer.startswith(t("announce.approved"))
    assert "10:00 (утре)" in answer


async def test_where_there_is_nobody_to_ask_nobody_is_promised(town: Town) -> None:
    author = await staff_member(town, "telegram", "coordinator")
    await class_of(town, "telegram", MANY)
    async with one_life(town):
        assert t("announce.goes_alone") in await looked_at(author)
        card = await author.press(f"📣 Изпрати на {MANY}")
    assert t("announce.in_seconds", number=120) in card


async def test_other_words_on_the_way_to_many_are_shown_to_a_colleague_first(town: Town) -> None:
    author, colleague = await many(town)
    number = await sent(author)
    await colleague.press_data(f"/a_approve {number}")
    await go_on(town)
    colleague.receive()
    reader = town.person("telegram", "5000")
    reader.receive()
    async with one_life(town):
        await author.press_data(f"/a_change {number}")
        await author.say("В събота няма занимания.")
        card = await author.press(f"✏ Смени при {MANY}")
    assert t("announce.change_asked") in card
    assert line("announce.new_words") in card
    assert t("announce.do_on") not in author.labels
    await go_on(town, timedelta(seconds=1))
    assert not reader.receive()
    assert "В събота няма занимания." in colleague.receive()
    assert t("announce.approved") in await colleague.press(t("announce.do_approve"))
    await go_on(town, timedelta(seconds=1))
    assert reader.receive().startswith("В събота няма занимания.")


# --- a mistake --------------------------------------------------------------------------------------------------------


async def test_a_correction_ends_what_still_runs_and_says_so(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    got, waits = await class_of(town, channel, 2)
    refuse(town, lambda d: d.address == waits.address, Failure("too_many", retryable=True, retry_after=3600))
    number = await sent(coordinator)
    await go_on(town)
    got.receive()
    async with one_life(town):
        assert t("announce.stops_wrong") in await coordinator.press_data(f"/a_correct {number}")
        await coordinator.press(t("announce.do_fix", people="1 човек"))
        assert t("announce.stops_wrong") in await coordinator.say("В петък няма занимания.")
        await coordinator.press("📣 Изпрати на 1 човек")
    flows(town)
    await go_on(town, 2 * HOUR)
    assert "В петък няма занимания." in got.receive()
    assert not waits.receive()


async def test_what_was_corrected_is_not_corrected_again(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    number = await sent(coordinator)
    await go_on(town)
    async with one_life(town):
        await coordinator.press_data(f"/a_again {number}")
        await coordinator.say("В петък няма занимания.")
        await coordinator.press("📣 Изпрати на 1 човек")
    assert t("announce.was_corrected") in await coordinator.press_data(f"/a_correct {number}")
    assert not any(label.startswith("📣 Прати") for label in coordinator.labels)
    assert t("announce.was_corrected") in await coordinator.press_data(f"/a_again {number}")


async def test_what_was_deleted_says_where_and_is_tried_again_where_it_failed(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    _, other = await class_of(town, "telegram", 2)
    number = await sent(coordinator)
    await go_on(town)
    refuse(town, lambda d: bool(d.message.removes) and d.address == other.address, Failure("bad_request"))
    await coordinator.press_data(f"/a_delete {number} yes")
    await go_on(town)
    card = await coordinator.press_data(f"/announcement {number}")
    assert t("announce.is_gone", people="1 човек") in card
    assert t("announce.not_gone", people="1 човек") in card
    assert t("announce.do_correct") not in coordinator.labels
    for command in ("a_again", "a_change"):
        assert t("announce.was_deleted") in await coordinator.press_data(f"/{command} {number}"), command
    flows(town)
    await coordinator.press_data(f"/announcement {number}")
    await coordinator.press(t("announce.do_delete_again", people="1 човек"))
    await go_on(town)
    card = await coordinator.press_data(f"/announcement {number}")
    assert t("announce.is_gone", people="2 души") in card
    assert line("announce.not_gone") not in card


async def test_words_that_a_picture_leaves_no_room_for_have_no_button_to_send(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    await class_of(town, "telegram", 1)
    photo = Media("photo", "telegram", "photo-1", mime="image/jpeg", size=80_000)
    look = await looked_at(coordinator, "а" * 950, media=photo)
    assert t("announce.over_caption", over=56) in look
    assert not any(label.startswith("📣 Изпрати") for label in coordinator.labels)


# --- an author who may not any more -----------------------------------------------------------------------------------


async def test_whose_role_is_taken_away_is_told_to_the_coordinators(town: Town, channel: str) -> None:
    author = await staff_member(town, channel, "coordinator", external="3", name="Вера Илиева")
    chief = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    number = await sent(author)
    await remove(town, chief, author)
    await go_on(town)
    assert t("broadcast.lost", name="Вера") in chief.receive()
    assert not parent.receive()
    assert t("announce.lost_right") in await chief.press_data(f"/announcement {number}")


async def test_what_runs_then_is_held_until_a_coordinator_decides(town: Town, channel: str) -> None:
    author = await staff_member(town, channel, "coordinator", external="3", name="Вера Илиева")
    chief = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    jams(town)
    await sent(author)
    await go_on(town)
    await remove(town, chief, author)
    flows(town)
    await go_on(town, HOUR)
    assert t("broadcast.lost_paused", name="Вера") in chief.receive()
    assert not parent.receive()
    await chief.press(t("announce.do_on"))
    await go_on(town, HOUR)
    assert "В сряда няма занимания." in parent.receive()
