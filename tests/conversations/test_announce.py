"""Staff write an announcement: words, a group, one look, and it goes; and everything that can be wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert

from bot.messages import Kind, Media
from handlers.letter import BIGGEST
from storage.calls import BY_STAFF
from storage.tables import charges, children, staff
from tests.conversations.announce_kit import (
    FIRST,
    SIGNED,
    WORDS,
    class_of,
    for_class,
    further,
    go_on,
    latest,
    looked_at,
    sent,
    set_contact,
)
from tests.conversations.client import Talker, Town
from tests.conversations.event_kit import MORNING, deeds, made_by, staff_member, told
from tests.conversations.people import contact_of, line, t

PHOTO = Media("photo", "telegram", "photo-1", mime="image/jpeg", size=80_000)
VOICE = Media("voice", "telegram", "voice-1", mime="audio/ogg", size=20_000)
NIGHT = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)  # 21:30 in Sofia


# --- the short way ---------------------------------------------------------------------------------------------------


async def test_words_a_group_one_look_and_everybody_gets_what_was_shown(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    people = await class_of(town, channel, 3)
    look = await looked_at(coordinator)
    summary, _, shown = look.partition(t("announce.seen_so"))
    assert shown == f"\nЗдравейте, Стоян!\nВ сряда няма занимания.{SIGNED}"
    assert summary.startswith("👥 3 души · родители: ")
    assert "3 а клас" in summary
    assert t("announce.goes_now") in summary
    assert coordinator.labels[:2] == ["📣 Изпрати на 3 души", t("announce.do_more")]
    assert await latest(town) is None, "nothing is sent by looking at it"
    assert line("announce.in_seconds") in await coordinator.press("📣 Изпрати на 3 души")
    assert not people[0].receive()
    await go_on(town)
    assert [one.receive() for one in people] == [f"Здравейте, Човек!\nВ сряда няма занимания.{SIGNED}"] * 3
    assert t("announce.got", number=3) in coordinator.receive()
    assert await deeds(town) == [f"announce broadcast:{(await latest(town)).id}"]


async def test_what_was_sent_can_be_taken_back_for_half_a_minute(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await sent(coordinator)
    answer = await coordinator.press(t("announce.do_undo"))
    assert answer.count("Отменено") == 1
    assert t("announce.was_undone") in answer
    assert t("announce.do_undo") not in coordinator.labels
    await go_on(town)
    assert not parent.receive()


async def test_what_has_started_cannot_be_taken_back_any_more(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await sent(coordinator)
    await go_on(town)
    answer = await coordinator.press_late(t("announce.do_undo"))
    assert answer.startswith(t("announce.started"))
    assert t("announce.got_one") in answer, "and how it stands is below"
    assert parent.receive()


async def test_each_gets_it_in_the_language_in_which_it_is_written_for_them(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    bulgarian, romani = await class_of(town, channel, 2)
    await set_contact(town, FIRST + 1, language="rom")
    await looked_at(coordinator, "Утре има среща.")
    asked = t("announce.ask_romani" if "voice" in coordinator.can.brings else "announce.ask_romani_plain")
    assert asked in await further(coordinator, t("announce.do_romani"))
    look = await coordinator.say("Tajsa si amen khidipe.")
    romani_shown = f"{t('announce.seen_rom')}\nTajsa si amen khidipe.{SIGNED}"
    assert f"Утре има среща.{SIGNED}\n{romani_shown}" in look, "one look each"
    await coordinator.press("📣 Изпрати на 2 души")
    await go_on(town)
    assert bulgarian.receive() == f"Утре има среща.{SIGNED}"
    assert romani.receive().startswith("Tajsa si amen khidipe.")


@pytest.mark.parametrize(
    ("kind", "text", "media", "caption"),
    [
        pytest.param(Kind.TEXT, "Снимка от празника", PHOTO, "Снимка от празника", id="a photo with a caption"),
        pytest.param(Kind.OTHER, "photo", PHOTO, "", id="a photo alone"),
        pytest.param(Kind.OTHER, "voice", VOICE, "", id="a voice note"),
    ],
)
async def test_a_picture_or_a_voice_goes_along(town: Town, kind: Kind, text: str, media: Media, caption: str) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    (parent,) = await class_of(town, "telegram", 1)
    async with town.awake():
        await coordinator.press_data("/announce")
        await coordinator.send(kind, text=text, media=media)
        await for_class(coordinator)
        shown = coordinator.seen[-2].message
        assert (shown.media, shown.text) == (media, f"{caption}{SIGNED}".strip())
        await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive() == f"{caption}{SIGNED}".strip()
    assert parent.last.media is not None
    assert parent.last.media.handle == media.handle


async def test_it_can_be_sent_to_oneself_first_and_the_look_comes_back(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await looked_at(coordinator)
    again = await further(coordinator, t("announce.do_me"))
    assert again.startswith(f"Здравейте, Стоян!\nВ сряда няма занимания.{SIGNED}\n---\n")
    assert "📣 Изпрати на 1 човек" in coordinator.labels
    assert not parent.receive()


async def test_buttons_of_the_look_only_say_that_they_are_none_yet(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    await further(coordinator, t("announce.do_buttons"))
    assert "🔘 С бутони: 👍 Интересува ме · 👎 Не · 📞 Обадете ми се" in coordinator.last.text
    await further(coordinator, t("announce.do_me"))
    assert t("event.only_example") in await coordinator.press(t("announce.do_interested"))
    await further(coordinator, t("announce.do_no_buttons"))
    assert "🔘" not in coordinator.last.text


async def test_back_takes_the_last_step_back_and_nothing_else(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    await further(coordinator, t("announce.do_buttons"))
    await coordinator.press(t("button.back"))
    assert "🔘" not in coordinator.last.text
    await further(coordinator, t("announce.do_words"))
    assert f"Друго{SIGNED}" in await coordinator.say("Друго")
    assert t("announce.ask_whom") in await further(coordinator, t("announce.do_whom"))


# --- when ------------------------------------------------------------------------------------------------------------


async def test_it_can_go_later_and_waits_in_the_list_where_it_can_be_cancelled(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await looked_at(coordinator)
    await further(coordinator, t("announce.do_later"))
    assert t("announce.goes_at", when="ср 10:00 (утре)") in await coordinator.say("утре в 10")
    await coordinator.say("утре в 11")
    await coordinator.press("🕐 Изпрати в ср 11:00 на 1 човек")
    await go_on(town)
    assert not parent.receive()
    await coordinator.press_data("/announcements")
    assert coordinator.labels[0] == "🕐 В сряда няма… · 3 а · насрочено ср 11:00"
    await coordinator.press("🕐 В сряда")
    await coordinator.press(t("announce.do_undo"))
    await go_on(town, timedelta(days=1))
    assert not parent.receive()


async def test_at_night_it_waits_for_the_morning_and_says_so(town: Town, channel: str) -> None:
    town.now = NIGHT
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    assert t("announce.goes_night", when="ср 8:30 (утре)") in await looked_at(coordinator)
    await coordinator.press("🕐 Изпрати в ср 8:30 на 1 човек")
    await go_on(town)
    assert not parent.receive()
    town.now = datetime(2026, 11, 25, 6, 30, 1, tzinfo=UTC)
    await go_on(town, timedelta(0))
    assert parent.receive()


async def test_night_falls_while_somebody_looks_and_the_old_button_sends_nothing(town: Town, channel: str) -> None:
    town.now = datetime(2026, 11, 24, 17, 58, tzinfo=UTC)
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    town.now += timedelta(minutes=5)
    answer = await coordinator.press("📣 Изпрати на 1 човек")
    assert answer.startswith(t("announce.changed"))
    assert line("announce.goes_night") in answer
    assert await latest(town) is None


async def test_an_hour_that_has_passed_meanwhile_is_now_and_shown_first(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    await further(coordinator, t("announce.do_later"))
    await coordinator.say("днес в 11")
    town.now += timedelta(hours=2)
    answer = await coordinator.press("🕐 Изпрати в 11:00 на 1 човек")
    assert t("announce.goes_now") in answer
    assert await latest(town) is None


# --- the same once more ----------------------------------------------------------------------------------------------


async def test_the_same_words_to_the_same_people_ask_again(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    told_before = await class_of(town, channel, 2)
    await sent(coordinator)
    await go_on(town)
    (new,) = await class_of(town, channel, 1, first=6000)
    answer = await looked_at(coordinator)
    assert "2 души" in answer
    assert coordinator.labels[:2] == [t("announce.do_rest", number=1), t("announce.do_again")]
    answer = await coordinator.press(t("announce.do_rest", number=1))
    assert t("announce.left_out", number=2, why=t("announce.why_told", number=2)) in answer
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert new.receive()
    assert [one.receive().count("Здравейте") for one in told_before] == [1, 1]


async def test_the_same_words_go_to_all_once_more_where_that_is_meant(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await sent(coordinator)
    await go_on(town)
    await looked_at(coordinator)
    assert coordinator.labels[0] == t("announce.do_again"), "there is nobody else"
    await coordinator.press(t("announce.do_again"))
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive().count("Здравейте") == 2


# --- to whom ---------------------------------------------------------------------------------------------------------


async def test_who_is_left_out_and_why(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 3)
    await class_of(town, "", 1, first=6000)
    await set_contact(town, FIRST, status="stopped")
    look = await looked_at(coordinator)
    why = f"{t('announce.why_stopped', number=1)}, {t('announce.why_unreached', number=1)}"
    assert t("announce.left_out", number=2, why=why) in look
    assert "📣 Изпрати на 2 души" in coordinator.labels


async def test_an_empty_group_is_said_and_has_no_button_to_send(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    look = await looked_at(coordinator)
    assert t("announce.nobody") in look
    assert not any(label.startswith("📣") for label in coordinator.labels)
    await class_of(town, channel, 1)
    await set_contact(town, FIRST, status="stopped")
    answer = await further(coordinator, t("announce.do_me"))
    assert t("announce.nobody_gets") in answer
    assert t("announce.left_one", number=1, why=t("announce.why_stopped", number=1)) in answer


async def test_the_number_on_the_button_is_what_was_agreed(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    await class_of(town, channel, 1, first=6000)
    answer = await coordinator.press("📣 Изпрати на 1 човек")
    assert answer.startswith(t("announce.changed"))
    assert "📣 Изпрати на 2 души" in coordinator.labels
    assert await latest(town) is None


async def test_the_group_is_fixed_when_it_starts_and_not_before(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    gone, there = await class_of(town, channel, 2)
    await sent(coordinator)
    await town.change(lambda c: c.execute(delete(children).where(children.c.contact_id == FIRST)))
    await go_on(town)
    assert (gone.receive(), bool(there.receive())) == ("", True)


async def test_a_mediator_writes_to_their_own_people_only(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    mine, other = await class_of(town, channel, 2)
    await set_contact(town, FIRST, source=f"{BY_STAFF}{(await contact_of(mediator)).id}")
    assert "1 човек" in await looked_at(mediator)
    await mediator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert mine.receive()
    assert not other.receive()


async def test_a_mediator_reaches_forty_parents_with_eight_taps_and_one_text(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    people = await class_of(town, channel, 40)
    row = {"staff_id": (await contact_of(mediator)).id, "kind": "institution", "code": "sofroniy"}
    await town.change(lambda c: c.execute(insert(charges).values(row)))
    before = town.events
    async with town.awake():
        await mediator.press_data("/staff")
        await mediator.press(t("announce.do_list"))
        await mediator.press(t("announce.do_new"))
        await mediator.say(WORDS)
        await for_class(mediator)
        await mediator.press("📣 Изпрати на 40 души")
    assert town.events - before == 9
    await go_on(town)
    assert all(one.receive() for one in people)
    assert t("announce.got", number=40) in mediator.receive()


async def test_a_trainer_writes_to_the_guests_of_their_own_events(town: Town, channel: str) -> None:
    trainer = await staff_member(town, channel, "trainer")
    await trainer.press_data("/announce")
    assert t("announce.no_event") in await trainer.say(WORDS)
    (guest,) = await class_of(town, channel, 1)
    event = await made_by(trainer, MORNING)
    await told(town, event)
    await town.deliver()
    guest.receive()
    await trainer.press_data("/announce")
    await trainer.say("((събитие)): елате ((кога)), ((къде))")
    assert all(label.startswith("📅") for label in trainer.labels[:-2]), "and nothing else to choose"
    look = await trainer.press("Родителска среща · 👥 1")
    assert "Родителска среща: елате четвъртък, 26.11, 10:30, ОУ „Епископ Софроний“ (до пазара)" in look
    await trainer.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert guest.receive().startswith("Родителска среща: елате четвъртък")


async def test_from_an_events_card_it_goes_to_its_guests(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await class_of(town, channel, 2)
    event = await made_by(mediator, MORNING)
    await told(town, event)
    await mediator.press_data(f"/event {event.id}")
    assert line("announce.ask_words") in await mediator.press(t("announce.do_write"))
    look = await mediator.say("Не забравяйте ((къде)).")
    assert "📣 Изпрати на 2 души" in mediator.labels
    assert t("announce.guests_of", title=event.title) in look


@pytest.mark.parametrize("role", ["mediator", "trainer"])
async def test_an_event_of_somebody_else_has_no_guests_to_write_to(town: Town, channel: str, role: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", external="2")
    await class_of(town, channel, 2)
    event = await made_by(coordinator, MORNING)
    await told(town, event)
    other = await staff_member(town, channel, role)
    for number in (event.id, 999):
        await other.press_data(f"/announce {number}")
        look = await other.say("Здравейте на всички!")
        assert t("announce.nobody") in look
        assert event.title not in look
        assert not any(label.startswith("📣") for label in other.labels)


async def test_what_is_confidential_is_not_named_for_others_to_read(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await class_of(town, channel, 1)
    event = await made_by(mediator, MORNING, activity="psychological-support", title="Тайна група")
    await told(town, event)
    await mediator.press_data(f"/announce {event.id}")
    look = await mediator.say("Чакаме Ви ((кога)), ((събитие)), ((къде)).")
    shown = look.partition(t("announce.seen_so"))[2]
    assert "26.11, 10:30" in shown
    assert "Тайна" not in shown
    assert "Софроний" not in shown


async def test_the_same_people_as_last_time_are_one_tap(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 2)
    await sent(coordinator)
    await coordinator.press_data("/announce")
    await coordinator.say("И още нещо.")
    assert any(label.startswith("👥 Всички хора (") for label in coordinator.labels)
    assert "3 а клас" in await coordinator.press("🔁 родители")
    assert "📣 Изпрати на 2 души" in coordinator.labels


async def test_to_many_at_a_later_hour_says_that_a_colleague_looks_first(town: Town) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    await staff_member(town, "telegram", "mediator", external="2")
    await class_of(town, "telegram", 201)
    async with town.awake():
        assert t("announce.goes_held") in await looked_at(coordinator)
        await further(coordinator, t("announce.do_later"))
        assert t("announce.held_later") in await coordinator.say("утре в 10")


@pytest.mark.parametrize("role", ["reporter", ""])
async def test_for_anybody_else_it_does_not_exist(town: Town, channel: str, role: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 2)
    number = await sent(coordinator)
    other = town.person(channel, str(FIRST))
    if role:
        other = await staff_member(town, channel, role, external="9")
    home = await other.press_data("/nonsense")
    for command in ("announce", f"announcement {number}", f"a_undo {number}", f"a_stop {number}", "announcements"):
        assert await other.press_data(f"/{command}") == home, command
    await go_on(town)
    assert t("announce.got", number=2) in coordinator.receive()


async def test_a_role_taken_away_ends_what_was_begun(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    (parent,) = await class_of(town, channel, 1)
    await set_contact(town, FIRST, source=f"{BY_STAFF}{(await contact_of(mediator)).id}")
    await looked_at(mediator)
    await town.change(lambda c: c.execute(delete(staff)))
    assert t("staff.no_longer") in await mediator.press("📣 Изпрати на 1 човек")
    assert await latest(town) is None
    assert not parent.receive()


async def test_a_role_taken_away_in_the_last_half_minute_sends_nothing(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    await sent(coordinator)
    await town.change(lambda c: c.execute(delete(staff)))
    await go_on(town)
    assert not parent.receive()


# --- what can be wrong with the words --------------------------------------------------------------------------------


async def begun(person: Talker) -> Talker:
    await person.press_data("/announce")
    return person


async def test_a_placeholder_that_means_nothing_is_named(town: Town, channel: str) -> None:
    coordinator = await begun(await staff_member(town, channel, "coordinator"))
    answer = await coordinator.say("Здравейте, ((фамилия))!")
    assert "((фамилия))" in answer
    assert "((име)), ((събитие)), ((кога)), ((къде))" in answer
    assert t("announce.ask_whom") in await coordinator.say("Здравейте, ((Име))!")


async def test_what_only_guests_can_be_told_goes_to_no_others(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    look = await looked_at(coordinator, "Чакаме Ви ((кога))!")
    assert "⚠ ((кога))" in look
    assert not any(label.startswith("📣") for label in coordinator.labels)
    await coordinator.press(t("announce.do_words"))
    await coordinator.say("Чакаме Ви в сряда!")
    assert "📣 Изпрати на 1 човек" in coordinator.labels


@pytest.mark.parametrize(("role", "most"), [("mediator", 500), ("trainer", 500), ("coordinator", 1000)])
async def test_too_many_letters_are_counted(town: Town, channel: str, role: str, most: int) -> None:
    person = await begun(await staff_member(town, channel, role))
    assert t("announce.too_many", count=most + 7, most=most, over=7) in await person.say("я" * (most + 7))
    assert line("announce.ask_words") not in await person.say("я" * most)


async def test_a_file_that_is_too_big_is_said_with_its_size(town: Town) -> None:
    coordinator = await begun(await staff_member(town, "telegram", "coordinator"))
    big = Media("document", "telegram", "file-1", filename="план.pdf", size=BIGGEST + 1024 * 1024 // 2)
    answer = await coordinator.send(Kind.OTHER, text="document", media=big)
    assert t("announce.file_big", size="10,5", most=10) in answer
    assert t("announce.ask_whom") in await coordinator.say("Само думи")


@pytest.mark.parametrize("text", ["<b>Важно</b> & *утре*\n\n_в 5_ [тук](x)", "{name} {0} %s"])
async def test_marks_of_other_programs_are_shown_as_typed(town: Town, channel: str, text: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    (parent,) = await class_of(town, channel, 1)
    assert (await looked_at(coordinator, text)).endswith(f"\n{text}{SIGNED}")
    await coordinator.press("📣 Изпрати на 1 човек")
    await go_on(town)
    assert parent.receive() == f"{text}{SIGNED}"


async def test_a_number_and_a_yes_send_nothing(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await class_of(town, channel, 1)
    await looked_at(coordinator)
    for typed in ("1", "да", "ок", "изпрати"):
        await coordinator.say(typed)
    assert await latest(town) is None


async def test_a_sticker_is_no_announcement(town: Town, channel: str) -> None:
    coordinator = await begun(await staff_member(town, channel, "coordinator"))
    assert line("announce.ask_words") in await coordinator.send(Kind.OTHER, text="sticker")
