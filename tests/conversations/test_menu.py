"""The lasting menu and what stands behind it, on each channel and both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.tables import conversations, tickets
from tests.conversations.client import Town, programme
from tests.conversations.people import begin, contact_of, finish_registering, line, profile_of, register, rows, t

ANSWERS = {
    "menu.events": "events.waiting",
    "menu.activities": "activities.kind",
    "menu.question": "question.ask",
    "menu.person": "person.card",
    "menu.language": "registration.language",
    "menu.data": "data.shown",
}


async def test_each_of_the_six_labels_answers_tapped_typed_and_in_romani(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.press_data("/menu")
    assert [label for row in person.last.menu for label in row] == [t(key) for key in ANSWERS]
    async with town.awake():
        for key, answer in ANSWERS.items():
            plain = t(key).partition(" ")[2]
            for typed in (t(key), plain.upper(), f" {plain}! ", t(key, "rom")):
                assert line(answer) in await person.say(typed), typed
            await person.press_data("/menu")
        assert programme().person.phone in await person.say(t("menu.person"))
    assert "Мария Иванова" not in await person.press_data("/menu"), "the chat may be a family's"
    assert "Мария" in person.last.text


async def test_my_events_without_any_and_with_what_was_asked_for(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person, like="")
    assert line("events.none") in await person.say(t("menu.events"))
    assert line("activities.kind") in await person.press(t("menu.activities"))
    await person.press(t("activities.work"))
    await person.press("Нова професия")
    await person.press(t("button.join"))
    waiting = await person.say(t("menu.events"))
    assert line("events.waiting") in waiting
    assert "Нова професия" in waiting
    assert person.last.menu


async def test_each_of_the_thirteen_can_be_found_read_joined_and_left(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person, like="")
    assert len(programme().activities) == 13
    async with town.awake():
        for activity in programme().activities:
            await person.say(t("menu.activities"))
            await person.press(t(f"activities.{activity.audience[0]}"))
            assert activity.text in await person.press(activity.name)
            assert activity.official in await person.press(t("button.more"))
            assert any(t("button.join") in label for label in person.labels) == activity.join, activity.code
            if not activity.join:
                continue
            done = await person.press(t("button.join"))
            assert (activity.name in done) != activity.confidential
            assert activity.code in (await profile_of(person)).interests
            await person.press_data(f"/activity {activity.code}")
            assert not any(t("button.join") in label for label in person.labels), "joined already"
            assert line("activities.left") in await person.press(t("button.leave_activity"))
            assert activity.code not in (await profile_of(person)).interests
    assert not (await profile_of(person)).interests


async def test_the_psychologist_is_named_in_no_first_line_of_consequence(town: Town) -> None:
    person = town.person("telegram")
    await register(person, like="")
    await person.press_data("/activity psychological-support")
    before = len(person.seen)
    await person.press(t("button.join"))
    await person.say(t("menu.events"))
    await person.say(t("menu.data"))
    firsts = [delivery.message.text.partition("\n")[0] for delivery in person.seen[before:]]
    assert len(firsts) == 3
    assert not [first for first in firsts if "психо" in first.lower()]


async def test_an_activity_that_left_the_programme_breaks_nothing(town: Town, channel: str) -> None:
    """The interest stays in storage; nobody is shown a code, and a card that was open leads to the others."""
    person = town.person(channel)
    await register(person)
    await person.press_data("/activity vocational")
    left = tuple(a for a in programme().activities if a.code != "vocational")
    town.world = replace(town.world, programme=replace(programme(), activities=left))
    assert line("activities.gone") in await person.press(t("button.leave_activity"))
    assert line("activities.kind") in person.last.text
    assert line("activities.gone") in await person.press_data("/activity vocational")
    assert line("events.none") in await person.say(t("menu.events"))
    assert "vocational" not in await person.say(t("menu.data"))
    assert "vocational" not in await person.press(t("data.correct"))
    town.world = replace(town.world, programme=programme())
    assert (await profile_of(person)).interests == ["vocational"]


async def test_a_question_is_kept_and_answered_with_who_and_when(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.question"))
    answer = await person.say("Има ли курс за заварчици?\nИ кога?")
    assert line("question.sent") in answer
    assert programme().person.name in answer
    assert "до сряда, 25.11, 10:30 (утре)" in answer
    (ticket,) = await rows(town, tickets)
    assert (ticket.text, ticket.status) == ("Има ли курс за заварчици? И кога?", "open")
    assert ticket.contact_id == (await contact_of(person)).id


@pytest.mark.parametrize("how", ["/language", "menu.language"])
async def test_the_language_changes_in_the_middle_of_a_registration_and_later(
    town: Town, channel: str, how: str
) -> None:
    """Nothing of the registration is asked again, and from the change on every message speaks it."""
    said = how if how.startswith("/") else t(how)
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    assert line("registration.language") in await person.say(said)
    assert t("registration.name", "rom") in await person.press("Романес")
    assert person.labels[-1] == t("button.person", "rom")
    await person.say("Мария")
    assert t("registration.name", "rom") in await person.press("⬅")
    assert line("registration.language") in await person.say(said)
    await person.press("Български")
    async with town.awake():
        await finish_registering(person)
    await person.say(said)
    assert t("language.done", "rom") in await person.press("Романес")
    assert person.last.menu[0][0] == t("menu.events", "rom")
    assert (await contact_of(person)).language == "rom"
    assert t("activities.kind", "rom") in await person.say(t("menu.activities", "rom"))


async def test_only_one_conversation_is_open_at_a_time(town: Town) -> None:
    person = town.person("web")
    await register(person)
    for label in ("menu.activities", "menu.question", "menu.data", "menu.language"):
        await person.say(t(label))
        assert [row.state for row in await rows(town, conversations)].count("open") == 1
    await person.press_data("/menu")
    assert "open" not in [row.state for row in await rows(town, conversations)]
