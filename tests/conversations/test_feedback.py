"""After an event: a tap, a few words or a voice; why somebody did not come; and what staff see of it all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.messages import Kind, Media
from storage import feedback as kept
from storage.events import Event
from storage.tables import audit, events, feedback, invitations, tickets
from storage.tables import conversations as talks
from tests.conversations.client import Talker, Town, programme
from tests.conversations.guests import HOUR, acting_of, change, event, people, set_columns, staff_of
from tests.conversations.people import contact_of, line, register, rows, t

VOICE = Media("voice", "telegram", "AwAC")
FACES = {3: "button.face_good", 2: "button.face_so_so", 1: "button.face_bad"}
RUBBISH = ("", "x", "12", "1.2.3", "0.0", "-1.2", "1.", ".1", "9" * 40, "9" * 15 + "." + "9" * 15, "٣.٣", "'; drop--")


async def past_event(town: Town, channel: str, **more: Any) -> tuple[Talker, Talker, Event, str]:
    """Somebody, who leads a training, the training, and what buttons call the two: an hour after its end."""
    person, mediator = town.person(channel), await staff_of(town, channel)
    await register(person)
    number = (await contact_of(person)).id
    made = await event(mediator, [number], after=2 * HOUR, **more)
    town.now += 4 * HOUR
    return person, mediator, made, f"{made.id}.{number}"


async def opinions_of(town: Town) -> list[Any]:
    return await rows(town, feedback)


async def many_say(town: Town, made: Event, faces: list[int], words: str = "Думи") -> None:
    """Others say what they thought, each with a few words."""
    guests = await people(town, *(f"Гост {n}" for n in range(len(faces))))
    said = [
        {"event_id": made.id, "contact_id": n, "face": face, "comment": f"{words} {n}", "at": town.now}
        for n, face in zip(guests, faces, strict=True)
    ]
    await change(town, lambda c: c.execute(insert(feedback), said))


# --- how it was -----------------------------------------------------------------------------------------------------


async def test_a_tap_is_kept_at_once_and_another_changes_it(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    assert line("feedback.ask") in await person.press_data(f"/face {who}")
    assert person.labels == [*(t(key) for key in FACES.values()), *person.home]
    assert t("feedback.thanks", face=t(FACES[3])) in await person.press(t(FACES[3]))
    assert person.in_place, "the card takes the place of the question"
    assert [row.face for row in await opinions_of(town)] == [3]
    await person.press(t("button.other_face"))
    assert line("feedback.sorry") in await person.press(t(FACES[1]))
    assert [row.face for row in await opinions_of(town)] == [1]
    assert line("feedback.bye") in await person.press(t("button.no_thanks"))
    assert person.in_place


async def test_words_are_kept_beside_the_face(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await person.press_data(f"/face {who} 2")
    asked = await person.press(t("button.add_words"))
    assert t("feedback.note_or_voice" if "voice" in person.can.brings else "feedback.note") in asked
    assert t("miss.long", limit=1000) in await person.say("а" * 1001)
    assert line("feedback.kept") in await person.say("Беше студено в залата")
    assert person.last.menu
    (row,) = await opinions_of(town)
    assert (row.face, row.comment, row.voice) == (2, "Беше студено в залата", None)
    assert await rows(town, tickets) == []


async def test_words_typed_right_below_the_thanks_are_the_comment(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await person.press_data(f"/face {who} 1")
    assert line("feedback.kept") in await person.say("Беше студено в залата")
    (row,) = await opinions_of(town)
    assert (row.face, row.comment) == (1, "Беше студено в залата")
    assert await rows(town, tickets) == []
    assert "и шумно" in await person.say("и шумно"), "below the last thanks they are a question again"
    assert [row.comment for row in await opinions_of(town)] == ["Беше студено в залата"]


@pytest.mark.parametrize("typed", ["Кога е следващата?", "да", "не", "здравейте", "мерси", "а" * 1001])
async def test_what_is_no_comment_stays_what_it_was(town: Town, typed: str) -> None:
    person, _, _, who = await past_event(town, "telegram")
    await person.press_data(f"/face {who} 3")
    assert line("feedback.kept") not in await person.say(typed)
    assert [row.comment for row in await opinions_of(town)] == [None]


async def test_words_later_or_after_no_thanks_are_no_comment(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await person.press_data(f"/face {who} 3")
    await person.press(t("button.no_thanks"))
    assert "търся работа" in await person.say("търся работа")
    await person.press_data(f"/face {who} 2")
    town.now += 2 * HOUR
    assert "търся работа" in await person.say("търся работа")
    assert [row.comment for row in await opinions_of(town)] == [None]


async def test_no_words_after_all(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await person.press_data(f"/face {who} 3")
    await person.press(t("button.add_words"))
    assert line("feedback.bye") in await person.press(t("button.no_thanks"))
    (row,) = await opinions_of(town)
    assert row.comment is None


async def test_a_comment_needs_a_face_first(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    assert line("feedback.ask") in await person.say(f"/comment {who}")
    assert not await opinions_of(town)


async def test_a_voice_note_is_an_answer_here_and_not_where_buttons_are_asked(town: Town) -> None:
    person, _, _, who = await past_event(town, "telegram")
    await person.press_data(f"/face {who} 3")
    await person.press(t("button.add_words"))
    assert line("stray.media_in_talk") in await person.send(Kind.OTHER, text="photo")
    assert line("feedback.note_or_voice") in person.last.text
    assert line("feedback.kept") in await person.send(Kind.OTHER, text="voice", media=VOICE)
    assert [row.voice for row in await opinions_of(town)] == [{"channel": "telegram", "file": "AwAC"}]
    await person.say(t("menu.language"))
    assert line("stray.media_in_talk") in await person.send(Kind.OTHER, text="voice", media=VOICE)


async def test_a_voice_note_with_words_under_it_gives_both(town: Town) -> None:
    person, _, _, who = await past_event(town, "telegram")
    await person.press_data(f"/face {who} 3")
    await person.press(t("button.add_words"))
    await person.send(Kind.OTHER, text="voice\nЕто какво мисля", media=VOICE)
    (row,) = await opinions_of(town)
    assert (row.comment, row.voice["file"]) == ("Ето какво мисля", "AwAC")


async def test_a_tap_in_the_middle_of_another_talk_comes_back_to_it(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await person.say(t("menu.question"))
    said = await person.press_data(f"/face {who} 3")
    assert line("feedback.thanks") in said
    assert line("question.ask") in person.last.text
    assert [row.face for row in await opinions_of(town)] == [3]
    await person.press_data("/thanks")
    assert line("question.ask") in person.last.text
    assert [row.state for row in await rows(town, talks) if row.script == "question"] == ["open"]


@pytest.mark.parametrize("command", ["face", "comment", "why", "call_me"])
async def test_a_button_that_names_nothing_gets_one_clear_sentence(town: Town, channel: str, command: str) -> None:
    person, _, made, _ = await past_event(town, channel)
    stranger = town.person(channel, "99")
    await register(stranger, phone="0888 999 999")
    foreign = f"{made.id}.{(await contact_of(person)).id}"
    async with town.awake():
        for who in RUBBISH:
            assert await person.say(f"/{command} {who} 3") == t("feedback.gone"), who
        assert await stranger.say(f"/{command} {foreign} 3") == t("feedback.gone")
    assert not await opinions_of(town)


async def test_a_button_long_after_or_before_or_of_what_was_cancelled(town: Town, channel: str) -> None:
    person, mediator, made, who = await past_event(town, channel)
    later = await event(mediator, [int(who.partition(".")[2])])
    early = f"{later.id}.{who.partition('.')[2]}"
    assert await person.press_data(f"/face {early} 3") == t("feedback.early")
    town.now += timedelta(days=40)
    assert await person.press_data(f"/face {who} 3") == t("feedback.gone")
    town.now -= timedelta(days=40)
    await set_columns(town, events, made.id, status="cancelled")
    assert await person.press_data(f"/face {who} 3") == t("feedback.gone")
    assert not await opinions_of(town)


@pytest.mark.parametrize("face", ["0", "4", "9", "x", "-1", "3 3", "٣"])
async def test_a_face_that_there_is_not_is_asked_again(town: Town, face: str) -> None:
    person, _, _, who = await past_event(town, "telegram")
    assert line("feedback.ask") in await person.press_data(f"/face {who} {face}")
    assert not await opinions_of(town)


async def test_a_confidential_meeting_is_not_named(town: Town, channel: str) -> None:
    quiet = next(a.code for a in programme().activities if a.confidential)
    person, _, _, who = await past_event(town, channel, activity=quiet, title="Тайна среща")
    for command in (f"/face {who}", f"/face {who} 3", f"/why {who}", f"/why {who} way"):
        assert "Тайна" not in await person.press_data(command), command


# --- why not --------------------------------------------------------------------------------------------------------


async def test_why_not_is_kept_and_answered_kindly(town: Town, channel: str) -> None:
    person, mediator, made, who = await past_event(town, channel)
    following = await event(mediator, [int(who.partition(".")[2])], after=70 * HOUR)
    assert line("why.ask") in await person.press_data(f"/why {who}")
    assert len(person.labels) == 6 + len(person.home)
    said = await person.press(t("button.why_child"))
    assert said.startswith(t("why.thanks"))
    assert "петък, 27.11, 12:0" in said
    assert t("why.call") in said
    assert f"/meeting {following.id}." in person.find(t("button.next_date"))[1].press
    reasons = await town.look(lambda c: c.execute(select(invitations.c.miss_reason, invitations.c.event_id)).all())
    assert {(r.miss_reason, r.event_id) for r in reasons} == {("child", made.id), ("", following.id)}


async def test_whoever_was_there_says_so_and_the_list_shows_it(town: Town, channel: str) -> None:
    person, mediator, made, who = await past_event(town, channel)
    await change(town, lambda c: c.execute(invitations.update().values(attended=False)))
    await person.press_data(f"/why {who}")
    assert await person.press(t("button.why_there")) == t("why.there")
    assert await town.look(lambda c: c.execute(select(invitations.c.miss_reason)).scalar()) == "there"
    assert t("attend.says_there") in await mediator.press_data(f"/attend {made.id} 0")
    assert mediator.labels[0].startswith("⬜ ✋ ")
    assert t("attend.says_there") not in await mediator.press(mediator.labels[0]), "it is marked now"
    assert mediator.labels[0].startswith("☑️ ")


async def test_a_call_is_asked_for_once(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    assert t("button.next_date") not in await person.press_data(f"/why {who} way")
    _, call = person.find(t("button.call_me"))
    for _ in range(2):
        assert line("why.will_call") in await person.press_data(call.press)
    (ticket,) = await rows(town, tickets)
    assert (ticket.contact_id, ticket.about) == ((await contact_of(person)).id, "vocational")


async def test_whoever_came_is_not_asked_why_they_did_not(town: Town, channel: str) -> None:
    person, _, _, who = await past_event(town, channel)
    await change(town, lambda c: c.execute(invitations.update().values(attended=True)))
    assert await person.press_data(f"/why {who} way") == t("why.came")
    assert t(FACES[3]) in person.labels
    assert await town.look(lambda c: c.execute(select(invitations.c.miss_reason)).scalar()) == ""


# --- what staff see -------------------------------------------------------------------------------------------------


async def test_opinions_are_numbers_and_nameless_words_from_five_on(town: Town, channel: str) -> None:
    _, mediator, made, _ = await past_event(town, channel)
    assert t("opinions.none") in await mediator.press_data(f"/opinions {made.id}")
    await many_say(town, made, [3, 3, 2, 1])
    few = await mediator.press_data(f"/opinions {made.id}")
    assert t("opinions.few") in few
    assert "Думи" not in few
    assert "😀" not in few
    await many_say(town, made, [3, 3])
    shown = await mediator.press_data(f"/opinions {made.id}")
    assert t("opinions.faces", good=4, so_so=1, bad=1) in shown
    assert t("opinions.asked", asked=6, answered=6) in shown
    assert shown.count("• Думи") == 5
    assert "Гост" not in shown
    assert (await mediator.press(t("button.leaf"))).count("• Думи") == 1


async def test_a_voice_is_played_where_it_came_from(town: Town) -> None:
    person, mediator, made, who = await past_event(town, "telegram")
    other = await staff_of(town, "web", "coordinator", "s2")
    await many_say(town, made, [3] * 5)
    note = {"event_id": made.id, "contact_id": (await contact_of(person)).id}
    acting = await acting_of(person)
    await change(town, lambda c: kept.keep(c, acting, **note, face=3))
    await change(town, lambda c: kept.voice(c, acting, **note, file="AwAC"))
    listen = None
    await mediator.press_data(f"/opinions {made.id}")
    for _ in range(2):
        listen = next((b for row in mediator.last.rows for b in row if b.press.startswith("/listen")), listen)
        if t("button.leaf") in mediator.labels:
            await mediator.press(t("button.leaf"))
    assert listen is not None
    assert line("opinions.voice") in await mediator.press_data(listen.press)
    assert mediator.last.media == VOICE
    assert t("button.back") in mediator.labels
    assert [row.action for row in await rows(town, audit)][-1] == "listen"
    pages = [await other.press_data(f"/opinions {made.id} {page}") for page in (0, 1)]
    assert t("opinions.elsewhere", channel="Telegram") in "".join(pages)
    assert await other.press_data(listen.press) == t("opinions.no_voice")
    assert await mediator.press_data(f"/listen {made.id} x") == t("opinions.no_voice")
    assert who


async def test_opinions_are_for_those_who_lead_the_event(town: Town, channel: str) -> None:
    person, mediator, made, _ = await past_event(town, channel)
    other = await staff_of(town, channel, "mediator", "s2")
    coordinator = await staff_of(town, channel, "coordinator", "s3")
    reporter = await staff_of(town, channel, "reporter", "s4")
    async with town.awake():
        for talker, sees in ((mediator, True), (coordinator, True), (other, False)):
            said = await talker.say(f"/opinions {made.id}")
            assert (made.title in said, said == t("opinions.gone")) == (sees, not sees)
        for talker in (person, reporter):
            assert made.title not in await talker.say(f"/opinions {made.id}")
        for number in ("", "x", "0", "9" * 15, "9" * 40):
            assert await mediator.say(f"/opinions {number}") == t("opinions.gone"), number


async def test_a_month_in_numbers(town: Town, channel: str) -> None:
    _, mediator, made, _ = await past_event(town, channel)
    await many_say(town, made, [3] * 6)
    text = await mediator.say("/numbers")
    assert text.startswith(t("numbers.so_far", month="ноември", year=2026))
    assert t("numbers.events", count=1) in text
    assert t("numbers.invited", count=t("numbers.few")) in text, "one person is not told of"
    assert t("opinions.faces", good=6, so_so=0, bad=0) in text
    assert "Нова професия" in text
    last = await mediator.press(t("button.last_month"))
    assert last.startswith(t("numbers.title", month="октомври", year=2026))
    assert "Нова професия" not in last
    assert t("numbers.so_far", month="ноември", year=2026) in await mediator.press(t("button.this_month"))


async def test_numbers_are_for_all_staff_and_nobody_else(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    reporter = await staff_of(town, channel, "reporter", "s4")
    assert line("menu.home") in await person.say("/numbers")
    assert t("numbers.events", count=0) in await reporter.say("/numbers")
    await reporter.say("/staff")
    await reporter.press(t("button.day_month"))
    assert t("numbers.events", count=0) in await reporter.press(t("button.by_activity"))
