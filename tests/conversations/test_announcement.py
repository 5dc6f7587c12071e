"""An announcement after its last button: answers, calls, its report, a pause, a mistake, and a second person's yes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bot.messages import Failure, Lane, Media
from storage.people import hash_of
from storage.tables import addresses, residents, staff
from storage.tables import broadcasts as broadcast_rows
from tests.conversations.announce_kit import (
    FIRST,
    SIGNED,
    blocks,
    class_of,
    flows,
    further,
    go_on,
    jams,
    latest,
    looked_at,
    refuse,
    sent,
    set_contact,
)
from tests.conversations.client import Talker, Town
from tests.conversations.event_kit import deeds, staff_member
from tests.conversations.people import line, t

DAY = timedelta(days=1)


async def announced(town: Town, channel: str, number: int, **more: Any) -> tuple[Talker, list[Talker], int]:
    """A coordinator, people who got an announcement, and its number."""
    coordinator = await staff_member(town, channel, "coordinator")
    people = await class_of(town, channel, number)
    one = await sent(coordinator, answers=True, **more)
    await go_on(town)
    for person in (coordinator, *people):
        person.receive()
    return coordinator, people, one


# --- what people answer ----------------------------------------------------------------------------------------------


async def test_answers_come_back_as_a_list_with_names(town: Town, channel: str) -> None:
    coordinator, (first, second, third), number = await announced(town, channel, 3)
    assert await first.press(t("announce.do_interested")) == t("announce.thanks_interested")
    assert await second.press(t("announce.do_call_me")) == t("announce.thanks_call")
    assert await third.press(t("announce.do_not_me")) == t("announce.thanks_no")
    await coordinator.press_data(f"/announcement {number}")
    await coordinator.press(t("announce.do_answers", number=3))
    assert coordinator.labels[:3] == ["👍 Интересува ме: 1", "👎 Не: 1", "📞 Обадете ми се: 1"]
    await coordinator.press("👍 Интересува ме: 1")
    assert f"👤 Човек {FIRST}" in coordinator.labels
    assert coordinator.find(f"👤 Човек {FIRST}")[1].press == f"/contact {FIRST} a{number}"


async def test_whoever_changes_their_mind_is_counted_once(town: Town, channel: str) -> None:
    coordinator, (person,), number = await announced(town, channel, 1)
    await person.press(t("announce.do_interested"))
    assert await person.press(t("announce.do_not_me")) == t("announce.thanks_no")
    await coordinator.press_data(f"/a_answers {number}")
    assert coordinator.labels[:3] == ["👍 Интересува ме: 0", "👎 Не: 1", "📞 Обадете ми се: 0"]


async def test_an_answer_after_it_was_stopped_still_counts(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    person, other = await class_of(town, channel, 2)
    refuse(town, lambda d: d.address == other.address, Failure("too_many", retryable=True, retry_after=3600))
    number = await sent(coordinator, answers=True)
    await go_on(town)
    await coordinator.press_data(f"/a_stop {number}")
    person.receive()
    assert await person.press(t("announce.do_interested")) == t("announce.thanks_interested")
    await coordinator.press_data(f"/a_answers {number}")
    assert "👍 Интересува ме: 1" in coordinator.labels


@pytest.mark.parametrize(
    "forged", ["/heard {n}.{other} call", "/heard 999.{me} call", "/heard x", "/heard {n}.{me} all"]
)
async def test_an_answer_that_is_not_ones_own_gets_a_kind_word_and_changes_nothing(
    town: Town, channel: str, forged: str
) -> None:
    coordinator, (person, _), number = await announced(town, channel, 2)
    said = await person.press_data(forged.format(n=number, me=FIRST, other=FIRST + 1))
    assert said == t("announce.not_asked")
    await coordinator.press_data(f"/a_answers {number}")
    assert not any(label.endswith(": 1") for label in coordinator.labels)


async def test_an_announcement_without_buttons_takes_no_answer(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (person,) = await class_of(town, channel, 1)
    number = await sent(coordinator)
    await go_on(town)
    assert await person.press_data(f"/heard {number}.{FIRST} call") == t("announce.not_asked")


# --- whom to call ----------------------------------------------------------------------------------------------------


async def test_whoever_wants_a_call_is_on_the_list_first_with_the_number(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    people = await class_of(town, channel, 2, phone="+359888123456")
    blocks(town, people[0].address)
    number = await sent(coordinator, answers=True)
    await go_on(town)
    people[1].receive()
    await people[1].press(t("announce.do_call_me"))
    await coordinator.press_data(f"/announcement {number}")
    await coordinator.press_data(f"/a_to_calls {number}")
    listed = coordinator.last.text
    assert t("announce.to_call", number=2) in listed
    assert coordinator.labels[:2] == [f"📞 Човек {FIRST + 1}", f"📞 Човек {FIRST}"]
    card = await coordinator.press(f"📞 Човек {FIRST + 1}")
    assert "0888 123 456" in card
    assert t("announce.call_asked") in card
    assert coordinator.find(t("call.did_dial"))[1].url == "tel:+359888123456"
    assert f"phone_seen broadcast:{number} contact:{FIRST + 1}" in await deeds(town)


async def test_what_came_of_a_call_is_noted_and_can_be_mended(town: Town, channel: str) -> None:
    coordinator, (person,), number = await announced(town, channel, 1)
    await person.press(t("announce.do_call_me"))
    await coordinator.press_data(f"/a_call {number}.{FIRST}")
    assert t("announce.to_call", number=1) in await coordinator.press(t("call.did_ring")), "they are called again"
    await coordinator.press("📵 Човек")
    assert t("announce.all_called") in await coordinator.press(t("announce.do_reached"))
    assert f"✅ Човек {FIRST}" in coordinator.labels
    await coordinator.press("✅ Човек")
    await coordinator.press(t("announce.do_refused"))
    assert f"❌ Човек {FIRST}" in coordinator.labels


async def test_whoever_is_on_no_list_has_no_card(town: Town, channel: str) -> None:
    coordinator, _, number = await announced(town, channel, 1)
    for command in (
        f"/a_call {number}.{FIRST}",
        f"/a_called {number}.{FIRST} yes",
        f"/a_call {number}.999",
        "/a_call x",
    ):
        said = await coordinator.press_data(command)
        assert said in (t("announce.not_listed"), t("announce.none_such")), command
    assert not any("phone" in deed for deed in await deeds(town))


# --- the report ------------------------------------------------------------------------------------------------------


async def test_the_report_says_who_was_not_reached_and_what_to_do(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    people = await class_of(town, channel, 3)
    await class_of(town, "", 2, first=6000)
    blocks(town, people[0].address)
    number = await sent(coordinator)
    await go_on(town)
    report = await coordinator.press_data(f"/announcement {number}")
    assert t("announce.got", number=2) in report
    why = f"{t('announce.not_blocked', number=1)}, {t('announce.not_connected', number=2)}"
    assert t("announce.got_not", number=3, why=why) in report
    assert report.splitlines()[-2:] == coordinator_report(coordinator), "the message that came says the same"
    await coordinator.press(t("announce.do_calls", number=3))
    assert len([label for label in coordinator.labels if label.startswith("📞")]) == 3


def coordinator_report(coordinator: Talker) -> list[str]:
    return coordinator.receive().splitlines()[-2:]


async def test_a_photo_that_the_platform_refuses_is_reported_with_the_way_on(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    await class_of(town, "telegram", 2)
    refuse(town, lambda d: d.message.media is not None and d.lane == Lane.BROADCAST, Failure("bad_request"))
    photo = Media("photo", "telegram", "photo-1", mime="image/jpeg", size=80_000)
    await looked_at(coordinator, "Снимка", media=photo)
    await coordinator.press("📣 Изпрати на 2 души")
    await go_on(town)
    report = coordinator.receive()
    assert t("announce.got_none") in report
    assert t("announce.not_failed", number=2) in report
    assert t("announce.do_calls", number=2) in coordinator.labels


async def test_one_tap_tries_another_channel(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (person,) = await class_of(town, channel, 1)
    other = town.person("web" if channel == "telegram" else "telegram", "8888")

    def link(connection: Any) -> None:
        row = {
            "id": 8888, "channel": other.address.channel, "external": "8888", "status": "active",
            "contact_id": FIRST, "lookup": hash_of(connection, other.address), "created_at": town.now,
        }  # fmt: skip
        connection.execute(insert(addresses).values(row))
        connection.execute(insert(residents).values(address_id=8888, contact_id=FIRST))

    await town.change(link)
    refuse(town, lambda d: d.address in (person.address, other.address), Failure("bad_request"))
    number = await sent(coordinator)
    await go_on(town)
    flows(town)
    await coordinator.press_data(f"/announcement {number}")
    assert t("announce.goes_other") in await coordinator.press(t("announce.do_other_way", number=1))
    await go_on(town)
    got = f"{person.receive()}{other.receive()}"
    assert got.count("Здравейте") == 1
    assert t("announce.got_one") in await coordinator.press_data(f"/announcement {number}")


# --- while it runs ---------------------------------------------------------------------------------------------------


async def running(town: Town, channel: str) -> tuple[Talker, list[Talker], int]:
    """An announcement that has started and that nobody has got."""
    coordinator = await staff_member(town, channel, "coordinator")
    people = await class_of(town, channel, 2)
    jams(town)
    number = await sent(coordinator)
    await go_on(town)
    coordinator.receive()
    await coordinator.press_data(f"/announcement {number}")
    return coordinator, people, number


async def test_it_can_be_paused_and_go_on(town: Town, channel: str) -> None:
    coordinator, people, _ = await running(town, channel)
    answer = await coordinator.press(t("announce.do_pause"))
    assert t("announce.is_paused", sent=0, all=2) in answer
    flows(town)
    await go_on(town)
    assert [one.receive() for one in people] == ["", ""]
    assert t("announce.went_on") in await coordinator.press(t("announce.do_on"))
    await go_on(town, timedelta(hours=1))
    assert all(one.receive() for one in people)


async def test_what_is_paused_can_be_stopped_for_good(town: Town, channel: str) -> None:
    coordinator, people, number = await running(town, channel)
    await coordinator.press(t("announce.do_pause"))
    flows(town)
    answer = await coordinator.press(t("announce.do_stop"))
    assert answer.count("Спряно") == 1
    await go_on(town, timedelta(hours=1))
    assert [one.receive() for one in people] == ["", ""]
    answer = await coordinator.press_data(f"/announcement {number}")
    assert t("announce.was_stopped", sent="0 души", rest="2 души") in answer


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("a_pause", "announce.all_gone"),
        ("a_on", "announce.not_paused"),
        ("a_stop", "announce.all_gone"),
        ("a_undo", "announce.started"),
    ],
)
async def test_what_is_too_late_is_said_above_how_it_stands(town: Town, channel: str, command: str, why: str) -> None:
    coordinator, _, number = await announced(town, channel, 1)
    answer = await coordinator.press_data(f"/{command} {number}")
    assert answer.startswith(t(why))
    assert t("announce.got_one") in answer


async def test_whoever_stops_while_it_runs_gets_nothing(town: Town, channel: str) -> None:
    _, people, _ = await running(town, channel)
    await people[0].say("стоп")
    flows(town)
    await go_on(town, timedelta(hours=2))
    assert [bool(one.receive()) for one in people] == [False, True]


# --- a mistake -------------------------------------------------------------------------------------------------------


async def test_words_are_changed_where_they_stand(town: Town) -> None:
    coordinator, people, _ = await announced(town, "telegram", 2)
    before = people[0].seen[-1].id
    await coordinator.press_data("/announcements")
    assert coordinator.labels[0] == "📣 В сряда няма… · 3 а · 2/2"
    await coordinator.press("📣 В сряда")
    await coordinator.press(t("announce.do_correct"))
    asked = await coordinator.press(t("announce.do_change", people="2 души"))
    assert "В сряда няма занимания." in asked
    assert t("announce.change_sure", people="2 души") in await coordinator.say("В четвъртък няма занимания.")
    assert t("announce.words_changed") in await coordinator.press(t("announce.do_yes_change", people="2 души"))
    await go_on(town)
    assert people[0].receive().startswith("В четвъртък няма занимания.")
    assert people[0].last.replaces == f"m{before}"
    assert people[0].labels[0] == t("announce.do_interested"), "and its buttons stay"


async def test_words_in_romani_are_changed_with_them_or_stay(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    bulgarian, romani = await class_of(town, "telegram", 2)
    await set_contact(town, FIRST + 1, language="rom")
    await looked_at(coordinator, "Утре има среща.")
    await further(coordinator, t("announce.do_romani"))
    await coordinator.say("Tajsa si khidipe.")
    await coordinator.press("📣 Изпрати на 2 души")
    await go_on(town)
    await coordinator.press_data(f"/a_change {(await latest(town)).id}")
    assert "Tajsa si khidipe." in await coordinator.say("В петък има среща.")
    assert t("announce.change_sure", people="2 души") in await coordinator.say("Paraštuj si khidipe.")
    await coordinator.press(t("announce.do_yes_change", people="2 души"))
    await go_on(town)
    assert bulgarian.receive().endswith(f"В петък има среща.{SIGNED}")
    assert romani.receive().endswith(f"Paraštuj si khidipe.{SIGNED}")


async def test_a_correction_goes_only_to_those_who_got_what_was_wrong(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    got, blocked = await class_of(town, channel, 2)
    blocks(town, blocked.address)
    number = await sent(coordinator)
    await go_on(town)
    got.receive()
    (new,) = await class_of(town, channel, 1, first=6000)
    await coordinator.press_data(f"/a_correct {number}")
    await coordinator.press(t("announce.do_fix", people="1 човек"))
    look = await coordinator.say("Грешка: в петък няма занимания.")
    assert t("announce.to_the_same") in look
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert got.receive().startswith("✏️ Поправка:\nГрешка: в петък")
    assert not new.receive()


async def test_it_is_deleted_only_once_that_is_sure(town: Town) -> None:
    coordinator, people, number = await announced(town, "telegram", 2)
    before = people[0].seen[-1].id
    await coordinator.press_data(f"/a_correct {number}")
    assert t("announce.delete_sure", people="2 души") in await coordinator.press(
        t("announce.do_delete", people="2 души")
    )
    assert not [d for d in town.channels["telegram"].sent if d.message.removes]
    assert t("announce.deleting") in await coordinator.press(t("announce.do_yes_delete", people="2 души"))
    await go_on(town)
    people[0].receive()
    assert people[0].last.removes == f"m{before}"


async def test_what_cannot_be_changed_any_more_is_said(town: Town, channel: str) -> None:
    coordinator, _, number = await announced(town, channel, 2)
    town.now += 2 * DAY
    answer = await coordinator.press_data(f"/a_correct {number}")
    assert t("announce.too_old") in answer
    assert [label for label in coordinator.labels if label.startswith(("✏", "🗑"))] == []
    for command in ("a_change", "a_delete", "a_delete {n} yes"):
        assert t("announce.nothing_to_change") in await coordinator.press_data(
            f"/{command} {number}".format(n=number)
        ), command


async def test_before_it_starts_there_is_nothing_to_correct(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    number = await sent(coordinator)
    for command in ("a_correct", "a_change", "a_delete"):
        assert t("announce.nothing_to_change") in await coordinator.press_data(f"/{command} {number}"), command
    assert t("announce.none_such") in await coordinator.press_data(f"/a_again {number}")


# --- a second person -------------------------------------------------------------------------------------------------


async def many(town: Town, channel: str) -> tuple[Talker, Talker, int]:
    """An announcement to more than 200 people, and a colleague who is asked."""
    author = await staff_member(town, channel, "coordinator")
    colleague = await staff_member(town, channel, "mediator", external="2", name="Росица Димова")
    await class_of(town, channel, 201)
    look = await looked_at(author)
    assert t("announce.goes_held") in look
    assert line("announce.held") in await author.press("📣 Изпрати на 201 души")
    await go_on(town, timedelta(seconds=1))
    assert "201" in colleague.receive()
    return author, colleague, int((await latest(town)).id)


async def test_a_colleague_lets_it_go(town: Town, channel: str) -> None:
    author, colleague, _ = await many(town, channel)
    assert t("announce.approved") in await colleague.press(t("announce.do_approve"))
    await go_on(town)
    assert t("announce.got", number=201) in author.receive()


async def test_a_colleague_reads_all_of_it_and_does_not_let_it_go(town: Town, channel: str) -> None:
    author, colleague, number = await many(town, channel)
    assert "В сряда няма занимания." in await colleague.press_data(f"/a_show {number}")
    assert t("announce.refused") in await colleague.press_data(f"/a_refuse {number}")
    await go_on(town, timedelta(minutes=5))
    assert t("announce.was_refused") in author.receive()
    assert t("announce.was_refused") in await author.press_data(f"/announcement {number}")
    assert await latest_status(town) == "refused"


async def latest_status(town: Town) -> str:
    return str((await latest(town)).status)


async def test_without_an_answer_it_goes_after_two_minutes(town: Town, channel: str) -> None:
    author, colleague, _ = await many(town, channel)
    await go_on(town, timedelta(minutes=2))
    assert t("announce.got", number=201) in author.receive()
    assert await colleague.press(t("announce.do_approve")) == t("announce.decided")


async def test_nobody_approves_their_own(town: Town, channel: str) -> None:
    author, _, number = await many(town, channel)
    for command in ("a_approve", "a_refuse"):
        assert await author.press_data(f"/{command} {number}") == t("announce.approve_own"), command
    assert await latest_status(town) == "waiting"


async def test_a_role_taken_away_approves_nothing(town: Town, channel: str) -> None:
    _, colleague, number = await many(town, channel)
    await town.change(lambda c: c.execute(update(staff).where(staff.c.role == "mediator").values(role="reporter")))
    await colleague.press(t("announce.do_approve"))
    row = await town.look(lambda c: c.execute(select(broadcast_rows).where(broadcast_rows.c.id == number)).one())
    assert row.approved_by is None


async def test_another_mediators_announcement_is_none_of_theirs(town: Town, channel: str) -> None:
    _, _, number = await announced(town, channel, 1)
    other = await staff_member(town, channel, "mediator", external="3")
    for command in ("announcement", "a_show", "a_stop", "a_answers", "a_calls", "a_correct", "a_other", "a_to_calls"):
        assert await other.press_data(f"/{command} {number}") == t("announce.none_such"), command
    assert await other.press_data("/announcements") == t("announce.none")


async def test_rubbish_in_a_command_is_no_announcement(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    async with town.awake():
        for command in ("announcement", "a_stop", "a_calls", "a_answers", "a_change", "a_delete", "a_again", "a_show"):
            for typed in ("", " x", " -1", " 99999999999999999999", " 1.2"):
                assert await coordinator.say(f"/{command}{typed}") == t("announce.none_such"), command + typed
        assert await coordinator.say("/announcements 99999999") == t("announce.none")


async def test_the_newest_stand_first_and_are_leafed_through(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    for n in range(9):
        await sent(coordinator, f"Новина {n}")
    await go_on(town)
    await set_contact(town, FIRST, status="stopped")
    async with town.awake():
        await coordinator.press_data("/announcements")
        assert coordinator.labels[0].startswith("📣 Новина 8 · 3 а")
        await coordinator.press(t("button.leaf"))
        assert coordinator.labels[0].startswith("📣 Новина 0 · 3 а")
        await coordinator.press(t("button.back"))
        assert coordinator.labels[0].startswith("📣 Новина 8 · 3 а")
