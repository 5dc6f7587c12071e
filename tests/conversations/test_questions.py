"""A resident asks, and one of the team answers: in each channel, by every way, and never twice without knowing."""

from __future__ import annotations

import pytest

from bot.messages import Kind, Lane
from bot.privacy import short_name
from storage import housekeeping
from storage.tables import staff, ticket_lines, tickets
from tests.conversations.client import Town, programme
from tests.conversations.event_kit import deeds
from tests.conversations.people import finish_registering, line, rows, t
from tests.conversations.ticket_kit import (
    ASKED,
    DAY,
    HOUR,
    PHOTO,
    VOICE,
    ask,
    clock,
    coordinator,
    mediator,
    number_of,
    queued,
    resident,
    shown,
    voice,
    waiting,
)

SEND = t("ticket.do_send", name="Мария И.")


async def test_a_question_is_promised_answered_and_closed_with_thanks(town: Town, channel: str) -> None:
    """From the first word to „Благодаря“: who and when is said, nothing leaves before the button with the name."""
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    said = await ask(maria)
    assert said.startswith(t("question.sent", name="Росица", answer_within="до сряда, 25.11, 10:30 (утре)"))
    got = rositsa.receive()
    assert "Мария И. · гр. Видин" in got
    assert f"„{ASKED}“" in got
    ways = [t(key) for key in ("ticket.do_answer", "ticket.do_take", "ticket.do_pass", "ticket.do_nothing")]
    assert rositsa.labels == [*ways, *rositsa.work]
    assert t("ticket.ask_answer", name="Мария И.") in await rositsa.press(t("ticket.do_answer"))
    looked = await rositsa.say("В сряда, ((име)),\nв 10 ч.")
    assert "В сряда, Мария,\nв 10 ч.\n– Росица" in looked
    assert rositsa.labels[0] == SEND
    assert maria.receive() == ""
    assert t("ticket.sent") in await rositsa.press(SEND)
    answer = maria.receive()
    assert answer == f"{t('question.answer_to', text=ASKED)}\n\nВ сряда, Мария,\nв 10 ч.\n– Росица"
    assert maria.labels == [t("button.thank_you"), t("button.ask_more"), *maria.home]
    assert await waiting(rositsa) == 0
    assert t("stray.thanks") in await maria.press(t("button.thank_you"))
    (ticket,) = await rows(town, tickets)
    assert (ticket.status, ticket.closed_by) == ("closed", None)
    assert t("ticket.thanked") in await rositsa.press_data(f"/ticket {ticket.id}")
    assert await deeds(town) == [
        f"charge contact:{await number_of(rositsa)}:settlement:vidin", f"answer ticket:{ticket.id}",
        f"see ticket:{ticket.id}", f"see ticket:{ticket.id}",
    ]  # fmt: skip


async def test_replying_to_the_message_answers_in_one_step_and_a_look(town: Town) -> None:
    maria, rositsa = await resident(town, "web"), await mediator(town, "telegram")
    await ask(maria)
    rositsa.receive()
    looked = await rositsa.say("Утре сутринта.", reply_to=shown(rositsa))
    assert "Утре сутринта.\n– Росица" in looked
    assert rositsa.labels[0] == SEND
    assert maria.receive() == ""
    await rositsa.press(SEND)
    await town.deliver()
    assert "Утре сутринта." in maria.receive()
    assert maria.last.rows, "in their own channel"


async def test_a_ready_answer_is_only_looked_at_before_it_goes(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    assert programme().answers[0].name in rositsa.labels
    looked = await rositsa.press(programme().answers[1].name)
    assert "Здравейте, Мария!" in looked
    assert programme().person.phone in looked
    await rositsa.press(t("button.change"))
    (ticket,) = await rows(town, tickets)
    assert "Ще Ви се обадя" in await rositsa.press_data(f"/canned {ticket.id} 1")
    await rositsa.press(SEND)
    assert "Здравейте, Мария! Ще Ви се обадя" in maria.receive()


async def test_a_voice_note_opens_a_question_and_a_voice_note_answers_it(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    said = await voice(maria)
    assert line("question.got_voice") in said
    assert "Росица" in said
    assert maria.labels == [t("button.slip")]
    rositsa.receive()
    assert rositsa.last.media is not None
    assert rositsa.last.media.handle == VOICE.handle
    await rositsa.press(t("ticket.do_answer"))
    looked = await rositsa.send(Kind.OTHER, text="voice", media=VOICE)
    assert rositsa.labels[0] == SEND
    assert t("ticket.this_too") in looked
    await rositsa.press(SEND)
    maria.receive()
    assert maria.last.media is not None
    assert maria.last.text == "– Росица"


async def test_what_comes_with_words_or_after_them_goes_along(town: Town) -> None:
    """A photo with words under it, and a voice note in place of a button: one question each, with all of it."""
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "web")
    assert "вижте ми дограмата" in await maria.send(Kind.OTHER, text="photo\nвижте ми дограмата", media=PHOTO)
    assert line("stray.menu") in await voice(maria)
    await maria.press(t("button.send_question"))
    await town.deliver()
    (ticket,) = await rows(town, tickets)
    assert (ticket.text, ticket.media_id) == ("вижте ми дограмата", 1)
    assert "вижте ми дограмата" in rositsa.receive()
    assert rositsa.last.media is not None
    assert rositsa.last.media.number == 1, "another channel shows it by its number"
    town.now += 2 * HOUR
    await maria.say("кога ще плащат тока на баба")
    await voice(maria)
    town.now += 2 * HOUR
    await town.change(lambda c: housekeeping.often(c, town.now))
    assert [(one.text, bool(one.media_id)) for one in await rows(town, tickets)][1] == (
        "кога ще плащат тока на баба", True,
    )  # fmt: skip


async def test_everything_that_was_sent_can_be_looked_at(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    await voice(maria)
    await voice(maria, PHOTO)
    (ticket,) = await rows(town, tickets)
    await rositsa.press_data(f"/ticket {ticket.id}")
    before = len(rositsa.seen)
    await rositsa.press(t("ticket.do_files"))
    assert [d.message.media.kind for d in rositsa.seen[before:] if d.message.media] == ["voice", "photo"]
    assert rositsa.labels == [t("ticket.do_open"), *rositsa.work]


async def test_a_photo_by_mistake_is_taken_back(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await voice(maria, PHOTO)
    rositsa.receive()
    copy = shown(rositsa)
    assert t("question.slip") in await maria.press(t("button.slip"))
    await town.deliver()
    assert rositsa.receive() == ""
    assert rositsa.last.removes == copy, "from the chat of staff too"
    assert t("ticket.withdrawn") in await rositsa.press_data("/ticket 1")
    (ticket,) = await rows(town, tickets)
    assert (ticket.status, ticket.media_id) == ("closed", None)
    assert await waiting(rositsa) == 0


async def test_what_is_said_right_after_belongs_to_the_same_question(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    assert line("question.added") in await maria.say("и носи ли лекарства")
    await voice(maria, VOICE if "voice" in maria.can.brings else PHOTO)
    assert len(await rows(town, tickets)) == 1
    assert [one.text for one in await rows(town, ticket_lines)] == ["и носи ли лекарства", ""]
    got = rositsa.receive()
    assert ASKED in got
    assert "носи ли лекарства" in got
    town.now += 2 * HOUR
    assert "кога да дойда в общината" in await maria.say("кога да дойда в общината"), "hours later it is another one"
    assert t("button.send_question") in maria.labels


async def test_one_more_question_goes_to_whoever_answered(town: Town, channel: str) -> None:
    """Also hours later, and nobody else is bothered by it."""
    maria = await resident(town, channel)
    rositsa, ivan = await mediator(town, channel), await mediator(town, channel, "51", "Иван Колев")
    await ask(maria)
    rositsa.receive()
    ivan.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await rositsa.press(SEND)
    maria.receive()
    town.now += 3 * HOUR
    await town.deliver()
    assert ("В сряда." in ivan.receive()) != ivan.can.one_keyboard, "nobody is rung up for what is settled"
    assert "В сряда." in await ivan.press_data("/ticket 1")
    assert line("question.ask") in await maria.press(t("button.ask_more"))
    assert t("question.added", name="Росица", answer_within="до").removesuffix(".") in await maria.say(
        "А в колко часа?"
    )
    await town.deliver()
    assert "А в колко часа?" in rositsa.receive()
    assert ivan.receive() == ""
    (ticket,) = await rows(town, tickets)
    assert (ticket.status, await waiting(rositsa), await waiting(ivan)) == ("open", 1, 0)


async def test_replying_to_an_answer_goes_on_with_it_however_late(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await ask(maria)
    rositsa.receive()
    await rositsa.say("В сряда.", reply_to=shown(rositsa))
    await rositsa.press(SEND)
    maria.receive()
    town.now += DAY
    assert line("question.added") in await maria.say("А в колко часа?", reply_to=shown(maria))
    await town.deliver()
    assert "А в колко часа?" in rositsa.receive()
    assert [one.status for one in await rows(town, tickets)] == ["open"]


async def test_typed_thanks_after_an_answer_closes_it(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await rositsa.press(SEND)
    maria.receive()
    assert t("stray.thanks") in await maria.say("Благодаря!")
    assert [one.status for one in await rows(town, tickets)] == ["closed"]


# --- hours ----------------------------------------------------------------------------------------------------------


async def test_outside_hours_it_is_said_kindly_and_nobody_of_the_team_is_woken(town: Town, channel: str) -> None:
    """Friday evening: promised for Monday's end, told on Monday when the office opens, and to be seen at once."""
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    town.now += 3 * DAY + 10 * HOUR
    said = await ask(maria)
    assert "до понеделник, 30.11, 17:00" in said
    assert t("question.closed", when="понеделник, 30.11, 9:00") in said
    assert rositsa.receive() == ""
    assert await waiting(rositsa) == 1
    assert "Мария И." in "".join(label for label in [await rositsa.press_data("/questions"), *rositsa.labels])
    town.now += 2 * DAY + 13 * HOUR
    await town.deliver()
    assert ASKED in rositsa.receive()


async def test_an_answer_goes_at_night_only_to_whoever_wrote_within_the_hour(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    town.now += 11 * HOUR
    await ask(maria)
    (ticket,) = await rows(town, tickets)
    for hours, reaches in ((0, True), (2, False)):
        town.now += hours * HOUR
        await rositsa.press_data(f"/answer {ticket.id}")
        looked = await rositsa.say(f"Отговор {hours}")
        assert ("8:30" in looked) is not reaches
        await rositsa.press(SEND)
        await town.deliver()
        assert bool(maria.receive()) is reaches
    assert sorted(row.lane for row in await queued(town, "answer:")) == [Lane.REPLY, Lane.REMINDER]
    town.now += 12 * HOUR
    await town.deliver()
    assert "Отговор 2" in maria.receive()


async def test_what_is_not_answered_in_time_comes_to_the_coordinators_once(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    ani = await coordinator(town, channel)
    await ask(maria)
    await clock(town)
    assert ani.receive() == ""
    town.now += DAY + HOUR
    assert await clock(town) == 1
    assert await clock(town) == 0
    late = ani.receive()
    assert late.count(ASKED) == 1
    assert late.startswith(t("ticket.head_late"))
    assert t("ticket.late", when="сряда, 25.11, 10:30 (днес)") in late
    rositsa.receive()
    assert "🔴" in "".join([await rositsa.press_data("/questions"), *rositsa.labels])
    await ani.press(t("ticket.do_answer"))
    await ani.say("Ще проверя.")
    await ani.press(SEND)
    assert "Ще проверя.\n– Ани" in maria.receive()


async def test_words_that_nobody_went_on_with_are_handed_out_by_the_clock(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await maria.say("кога ще плащат тока на баба")
    town.now += 2 * HOUR
    await town.change(lambda c: housekeeping.often(c, town.now))
    assert await clock(town) == 1
    assert "плащат тока" in rositsa.receive()


# --- several of the team --------------------------------------------------------------------------------------------


async def test_whoever_takes_it_is_seen_by_the_others(town: Town, channel: str) -> None:
    """In place of the copy that they have."""
    maria = await resident(town, channel)
    rositsa, ivan = await mediator(town, channel), await mediator(town, channel, "51", "Иван Колев")
    await ask(maria)
    rositsa.receive()
    ivan.receive()
    copy = shown(ivan)
    assert t("ticket.yours") in await rositsa.press(t("ticket.do_take"))
    await town.deliver()
    if ivan.can.one_keyboard:  # nothing can take its place there, and a message of its own would ring for nothing
        assert ivan.receive() == ""
        assert t("ticket.theirs", name="Росица") in await ivan.press(t("ticket.do_take"))
    else:
        assert t("ticket.theirs", name="Росица") in ivan.receive()
        assert ivan.last.replaces == copy
    assert t("ticket.do_take") not in ivan.labels
    (ticket,) = await rows(town, tickets)
    assert t("ticket.theirs", name="Росица") in await ivan.press_data(f"/take {ticket.id}"), "and stays theirs"
    assert (await rows(town, tickets))[0].taken_by == await number_of(rositsa)
    assert (await waiting(rositsa), await waiting(ivan)) == (1, 0)


async def test_two_never_answer_at_once_without_knowing(town: Town, channel: str) -> None:
    """The button of an older look sends nothing: first it is shown what the other one said."""
    maria = await resident(town, channel)
    rositsa, ivan = await mediator(town, channel), await mediator(town, channel, "51", "Иван Колев")
    await ask(maria)
    for one in (rositsa, ivan):
        one.receive()
        await one.press(t("ticket.do_answer"))
        await one.say(f"Казва {one.name}")
    await rositsa.press(SEND)
    assert "Казва Росица" in maria.receive()
    again = await ivan.press(SEND)
    assert t("ticket.changed") in again
    assert t("ticket.answered_by", name="Росица", text="„Казва Росица Димова“") in again
    assert maria.receive() == ""
    await ivan.press(SEND)
    assert "Казва Иван" in maria.receive(), "and whoever knows may"


async def test_passed_on_it_is_theirs_and_they_hear_of_it(town: Town, channel: str) -> None:
    """Also to somebody whose people they are not; whoever passed it on and is not in charge sees it no more."""
    maria = await resident(town, channel)
    rositsa = await mediator(town, channel)
    ivan = await mediator(town, channel, "51", "Иван Колев", place="inovo")
    await ask(maria)
    rositsa.receive()
    assert ivan.receive() == ""
    (ticket,) = await rows(town, tickets)
    assert t("ticket.none_such") in await ivan.press_data(f"/ticket {ticket.id}")
    await rositsa.press(t("ticket.do_pass"))
    said = await rositsa.press("Иван К.")
    assert t("ticket.passed") in said
    assert t("ticket.theirs", name="Иван") in said
    await town.deliver()
    got = ivan.receive()
    assert ASKED in got
    assert t("ticket.yours") in got
    await ivan.press(t("ticket.do_pass"))
    await ivan.press("Росица Д.")
    assert t("ticket.none_such") in await ivan.press_data(f"/ticket {ticket.id}")
    assert f"pass ticket:{ticket.id}:{await number_of(ivan)}" in await deeds(town)


async def test_no_answer_needed_closes_it_in_silence_and_can_be_undone(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria, "ок, разбрах")
    rositsa.receive()
    assert t("ticket.noted_closed") in await rositsa.press(t("ticket.do_nothing"))
    await town.deliver()
    assert maria.receive() == ""
    assert await waiting(rositsa) == 0
    await rositsa.press(t("ticket.do_reopen"))
    assert await waiting(rositsa) == 1


# --- one phone, no phone, no more -----------------------------------------------------------------------------------


async def test_several_people_behind_one_phone_are_kept_apart(town: Town, channel: str) -> None:
    """The answer says whom it is for, quotes nothing, and „Благодаря“ is tapped by whoever holds the phone."""
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    await maria.press_data("/people")
    await maria.press(t("data.people_new"))
    async with town.awake():
        await maria.press("Български")
        await maria.press("👍")
        await maria.press("✅")
        await maria.press("✅")
        await maria.press(t("button.no_phone"))
        await finish_registering(maria, name="Иван Иванов")
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    looked = await rositsa.say("В сряда.")
    assert "За Мария:\nВ сряда." in looked
    await rositsa.press(SEND)
    got = maria.receive()
    assert "За Мария:\nВ сряда.\n– Росица" in got
    assert ASKED not in got
    await maria.press(t("button.thank_you"))
    assert [one.status for one in await rows(town, tickets)] == ["closed"]


async def test_whoever_stopped_meanwhile_is_to_be_called(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await maria.say("Стоп")
    said = await rositsa.press(SEND)
    assert t("ticket.call_them", phone="+359 88… 456") in said
    await town.deliver()
    assert maria.receive() == ""
    assert t("ticket.noted_call") in await rositsa.press(t("ticket.do_called"))
    (ticket,) = await rows(town, tickets)
    assert ticket.status == "answered"
    assert f"call_back ticket:{ticket.id}" in await deeds(town)


async def test_whoever_blocked_us_is_to_be_called(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await ask(maria)
    rositsa.receive()
    await maria.send(Kind.BLOCKED)
    assert t("ticket.no_way") in await rositsa.press(t("ticket.do_answer"))


async def test_an_erased_resident_takes_the_question_along(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    await maria.say("и още нещо")
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await maria.press_data("/data")
    await maria.press(t("data.delete"))
    await maria.press(t("button.yes_sure"))
    assert await rows(town, tickets) == []
    assert await rows(town, ticket_lines) == []
    said = await rositsa.press(SEND)
    assert ASKED not in said
    await town.deliver()
    assert maria.receive() == ""
    kept = "".join(str(row.body) for row in await queued(town, "ticket:"))
    assert ASKED not in kept


async def test_the_file_of_ones_data_holds_the_whole_talk(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    await maria.say("и още нещо")
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await rositsa.press(SEND)
    maria.receive()
    await maria.press_data("/data")
    await maria.press(t("data.file"))
    documents = [d.message.document.text for d in maria.seen if d.message.document]
    assert "и още нещо" in documents[-1]
    assert "В сряда." in documents[-1]


# --- rights ---------------------------------------------------------------------------------------------------------

COMMANDS = (
    "/questions", "/ticket 1", "/take 1", "/pass 1", "/answer 1", "/canned 1 1", "/no_answer 1", "/reopen 1",
    "/called_back 1", "/ticket_files 1",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_resident_who_forges_a_staff_command_gets_what_any_stranger_gets(town: Town, command: str) -> None:
    maria = await resident(town, "telegram")
    await ask(maria)
    assert await maria.press_data(command) == await maria.press_data("/nothing_like_it")
    (ticket,) = await rows(town, tickets)
    assert (ticket.status, ticket.taken_by) == ("open", None)


@pytest.mark.parametrize("command", COMMANDS[1:])
async def test_a_mediator_cannot_touch_a_question_of_others(town: Town, command: str) -> None:
    maria = await resident(town, "telegram")
    await mediator(town, "telegram")
    ivan = await mediator(town, "telegram", "51", "Иван Колев", place="inovo")
    await ask(maria)
    (ticket,) = await rows(town, tickets)
    assert ASKED not in await ivan.press_data(command.replace(" 1", f" {ticket.id}", 1))
    (after,) = await rows(town, tickets)
    assert (after.status, after.taken_by) == ("open", None)
    assert ASKED not in await ivan.press_data("/questions")


async def test_a_role_taken_away_in_the_middle_sends_nothing(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    who = await number_of(rositsa)
    await town.change(lambda c: c.execute(staff.delete().where(staff.c.contact_id == who)))
    said = await rositsa.press(SEND)
    assert t("staff.no_longer") in said
    await town.deliver()
    assert maria.receive() == ""
    assert await rows(town, ticket_lines) == []


async def test_thanks_for_a_question_of_others_does_nothing(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    stoyan = await resident(town, "telegram", "8", phone="0888 999 888", name="Стоян Петров")
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await rositsa.press(SEND)
    (ticket,) = await rows(town, tickets)
    await stoyan.press_data(f"/thanks_close {ticket.id}")
    await stoyan.press_data(f"/slip {ticket.id}.0")
    await stoyan.press_data(f"/more {ticket.id}")
    await stoyan.say("аз питам друго")
    assert [(one.contact_id, one.status) for one in await rows(town, tickets)] == [
        (await number_of(maria), "answered"), (await number_of(stoyan), "open"),
    ]  # fmt: skip


# --- bad input ------------------------------------------------------------------------------------------------------


async def test_an_answer_that_cannot_go_is_refused_in_a_sentence(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await ask(maria)
    rositsa.receive()
    copy = shown(rositsa)
    await rositsa.press(t("ticket.do_answer"))
    assert "((имя))" in await rositsa.say("Здравейте, ((имя))!")
    assert "901" in await rositsa.say("а" * 901)
    assert "((дата))" in await rositsa.say("На ((дата))", reply_to=copy), "by a reply too"
    assert "Благодаря!\n– Росица" in await rositsa.say("Благодаря!"), "a courtesy is an answer too"
    await rositsa.press(t("button.change"))
    markup = "<b>Да</b> *не* _може_ {name} %s"
    assert markup in await rositsa.say(markup)
    assert t("ticket.press_to_send") in await rositsa.say("да"), "no word stands for the button"
    assert maria.receive() == ""
    await rositsa.press(SEND)
    assert markup in maria.receive()


async def test_who_answers_is_named_as_far_as_it_fits(town: Town) -> None:
    """One, two, more than two, nobody: it always reads as a sentence."""
    maria = await resident(town, "telegram")
    assert programme().person.name in await ask(maria)
    said = []
    for external, name in (("50", "Росица Димова"), ("51", "Иван Колев"), ("52", "Ани Петрова")):
        await mediator(town, "telegram", external, name)
        town.now += 2 * HOUR / 10
        said.append(await ask(maria, f"Въпрос {external}"))
    assert "отговори Росица до" in said[0]
    assert t("question.either", first="Росица", second="Иван") in said[1]
    assert t("question.someone") in said[2]
    assert short_name("Мария Иванова") == "Мария И."
