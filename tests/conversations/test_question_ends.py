"""Questions that end otherwise than with an answer that was read: lost, taken back, called; and who saw what."""

from __future__ import annotations

from datetime import timedelta

from bot.messages import Failure
from handlers import TALKS
from storage import screens
from storage.tables import answers, media, staff, ticket_lines, tickets
from tests.conversations import announce_kit
from tests.conversations.client import Talker, Town, programme
from tests.conversations.event_kit import deeds
from tests.conversations.people import rows, t
from tests.conversations.test_questions import SEND
from tests.conversations.ticket_kit import (
    ASKED,
    PHOTO,
    ask,
    clock,
    coordinator,
    mediator,
    number_of,
    resident,
    shown,
    voice,
    waiting,
)


async def given(person: Talker, text: str = "Утре в 10.") -> None:
    """One of the team answers what they were sent."""
    await person.press(t("ticket.do_answer"))
    await person.say(text)
    await person.press(SEND)
    await person.town.deliver()


# --- an answer that is lost -----------------------------------------------------------------------------------------


async def test_whoever_answered_hears_that_it_did_not_arrive_and_calls(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    announce_kit.blocks(town, maria.address)
    await given(rositsa)
    assert t("ticket.is_lost") in await rositsa.press_data("/ticket 1"), "seen at once by whoever looks"
    assert await clock(town) == 1
    heard = rositsa.receive()
    assert t("ticket.is_lost") in heard
    assert "Утре в 10." in heard
    assert await waiting(rositsa) == 1
    await rositsa.press_data("/staff")
    assert t("button.day_lost", count=1) in rositsa.labels
    assert t("ticket.call_them", phone="+359 88… 456") in await rositsa.press_data("/ticket 1")
    await rositsa.press(t("ticket.do_called"))
    assert await clock(town) == 0


async def test_one_that_is_refused_once_is_given_again_and_that_is_the_end(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    announce_kit.refuse(town, lambda d: "Утре" in d.message.text and d.address == maria.address, Failure("bad_request"))
    await given(rositsa)
    assert await clock(town) == 1
    assert t("ticket.is_lost") in rositsa.receive()
    await given(rositsa, "В сряда в 10.")
    assert "В сряда в 10." in maria.receive()
    assert await clock(town) == 0
    assert [one.status for one in await rows(town, tickets)] == ["answered"]


# --- a number -------------------------------------------------------------------------------------------------------


async def test_the_number_of_whoever_asked_is_masked_until_it_is_asked_for(town: Town, channel: str) -> None:
    """Also for whoever is no mediator of theirs and was only passed the question; a trainer never sees it."""
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    ivan = await mediator(town, channel, "51", "Иван Колев", place="")
    petar = await mediator(town, channel, "52", "Петър Илиев", place="")
    await ask(maria)
    await maria.say("Стоп")
    await rositsa.press_data("/pass 1")
    await rositsa.press("Иван К.")
    number, who, teaches = await number_of(maria), await number_of(ivan), await number_of(petar)
    card = await ivan.press_data("/ticket 1")
    assert "+359 88… 456" in card
    for other in (rositsa, ivan):
        assert "888123456" not in (await other.press_data("/answer 1")).replace(" ", "")
    assert f"phone contact:{number}" not in await deeds(town)
    assert "0888 123 456" in await ivan.press(t("button.show_phone"))
    assert ivan.find(t("call.did_dial"))[1].url == "tel:+359888123456"
    assert (await deeds(town)).count(f"phone contact:{number}") == 1
    await town.change(lambda c: c.execute(staff.update().where(staff.c.contact_id == who).values(role="trainer")))
    await town.change(lambda c: c.execute(staff.update().where(staff.c.contact_id == teaches).values(role="trainer")))
    for trainer in (ivan, petar):
        for command in ("/ticket 1", "/answer 1", "/ticket_phone 1"):
            said = await trainer.press_data(command)
            assert "456" not in said
            assert t("button.show_phone") not in trainer.labels
    assert t("ticket.let_call") in await ivan.press_data("/ticket 1")


# --- a slip ---------------------------------------------------------------------------------------------------------


async def test_a_slip_after_the_answer_is_deleted_and_said_only_once(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    await voice(maria, PHOTO)
    rositsa.receive()
    copy = shown(rositsa)
    await given(rositsa, "Видях я.")
    assert t("question.slip") in await maria.press(t("button.slip"))
    await town.deliver()
    assert rositsa.receive() == ""
    assert rositsa.last.removes == ("" if rositsa.can.one_keyboard else copy), "what cannot be taken back is left"
    (ticket,) = await rows(town, tickets)
    assert (ticket.media_id, ticket.status) == (None, "answered")
    assert await rows(town, media) == [], "its link leads to nothing any more"
    assert t("question.no_slip") in await maria.press_data(f"/slip {ticket.id}.0")


async def test_a_slip_among_words_leaves_the_words_and_what_was_opened_goes_too(town: Town, channel: str) -> None:
    """The words come anew, without the photo; also the photo that somebody opened by „Покажи“ is taken away."""
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await voice(maria, PHOTO)
    rositsa.receive()
    copy = shown(rositsa)
    await rositsa.press_data("/ticket_files 1")
    opened = next(f"m{d.id}" for d in reversed(rositsa.seen) if d.message.media)
    await maria.press(t("button.slip"))
    await town.deliver()
    before = len(rositsa.seen)
    assert ASKED in rositsa.receive()
    got = [d.message for d in rositsa.seen[before:]]
    assert {message.removes for message in got} == ({""} if rositsa.can.one_keyboard else {copy, opened, ""})
    assert not any(message.media for message in got)
    assert await rows(town, ticket_lines) == []


async def test_a_slip_of_somebody_else_says_that_nothing_is_there(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    stoyan = await resident(town, "telegram", "8", phone="0888 999 888", name="Стоян Петров")
    await voice(maria, PHOTO)
    assert t("question.no_slip") in await stoyan.press_data("/slip 1.0")
    await town.deliver()
    rositsa.receive()
    assert not any(delivery.message.removes for delivery in rositsa.seen)
    assert (await rows(town, tickets))[0].media_id == 1


# --- who sees what, and what is recorded ----------------------------------------------------------------------------


async def test_a_confidential_question_passes_a_mediator_who_does_not_look_after_it(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    ani = await coordinator(town, channel)
    secret = next(a for a in programme().activities if a.confidential)
    await maria.press_data("/activities")
    await maria.press(t(f"activities.{secret.audience[0]}"))
    await maria.press(secret.name)
    await maria.press(t("menu.question"))
    await maria.say("Тайна е.")
    await town.deliver()
    (ticket,) = await rows(town, tickets)
    assert (ticket.about, ticket.confidential) == (secret.code, True)
    assert rositsa.receive() == ""
    assert "Тайна е." in ani.receive()
    assert t("ticket.none_such") in await rositsa.press_data(f"/ticket {ticket.id}")
    assert t("ticket.none_waiting") in await rositsa.press_data("/questions")
    assert await waiting(rositsa) == 0


async def test_whoever_looks_at_somebody_or_at_a_question_is_recorded(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    await voice(maria, PHOTO)
    rositsa.receive()
    number = await number_of(maria)
    for command in ("/ticket 1", "/ticket_files 1", f"/contact {number}"):
        await rositsa.press_data(command)
    assert (await deeds(town))[1:] == ["see ticket:1", "see ticket:1", f"see contact:{number}"]
    for command in ("/ticket 9", "/ticket_files 9", "/contact 999"):
        await rositsa.press_data(command)
    assert len(await deeds(town)) == 4, "what was not shown was not seen"


async def test_words_of_an_abandoned_search_and_letter_go_within_a_day_and_with_whoever_is_erased(
    town: Town, channel: str
) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    number = await number_of(maria)

    async def abandon() -> None:
        await rositsa.press_data("/find")
        await rositsa.say("Мари")
        await rositsa.press_data("/menu")
        await rositsa.press_data(f"/write {number}")
        await rositsa.say("Мария, елате за парите")
        await rositsa.press_data("/menu")

    async def kept() -> str:
        return " ".join(str(row.value) for row in await rows(town, answers))

    await abandon()
    assert "парите" in await kept()
    later = town.now + timedelta(hours=25)
    await town.change(lambda c: screens.forget(c, before=later - screens.KEPT))
    assert not {"Мари", "парите"} & set((await kept()).split())
    await abandon()
    await maria.press_data("/data")
    await maria.press(t("data.delete"))
    await maria.press(t("button.yes_sure"))
    assert not {"Мари", "Мария", "парите"} & set((await kept()).split())


def test_every_talk_in_which_staff_type_about_somebody_is_emptied() -> None:
    assert set(screens.ABOUT_OTHERS) <= set(TALKS.scripts)
    assert {"find", "write", "announce", "a_change"} <= set(screens.ABOUT_OTHERS)
