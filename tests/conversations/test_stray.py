"""What people write that fits nothing: guesses, greetings, pictures, hostile letters. No word is lost, and nobody."""

from __future__ import annotations

import pytest

from bot.messages import Kind
from bot.privacy import HIDDEN
from storage.tables import conversations, inbox, notices, ticket_lines, tickets
from tests.conversations.client import Town, programme
from tests.conversations.people import begin, finish_registering, line, profile_of, register, rows, t


async def test_stray_words_meet_a_guess_then_the_menu_then_a_person(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    assert "кога започва курсът за заварчици" in await person.say("кога започва курсът за заварчици")
    assert any("Нова професия" in label for label in person.labels)
    assert line("stray.menu") in await person.say("абе за заварчици")
    assert any(t("menu.activities") in label for label in person.labels)
    assert line("question.sent") in await person.say("или за готвачи")
    (ticket,) = await rows(town, tickets)
    assert ticket.text.split("\n") == ["кога започва курсът за заварчици", "абе за заварчици", "или за готвачи"]
    assert person.last.menu


async def test_each_way_out_of_a_guess(town: Town, channel: str) -> None:
    """The activity that was meant, the menu, a person at once."""
    person = town.person(channel)
    await register(person)
    await person.say("уроци по български")
    assert programme().activity("bulgarian-language").text in await person.press("Български за деца")
    assert any(t("button.join") in label for label in person.labels)
    await person.say("уроци по български")
    assert line("menu.home") in await person.press(t("button.menu"))
    await person.say("ъъъ")
    assert person.labels == [t("button.send_question"), t("button.back"), t("button.menu")], "nothing to guess"
    assert line("question.sent") in await person.press(t("button.send_question"))
    assert [row.text for row in await rows(town, tickets)] == ["ъъъ"]


async def test_a_command_leaves_the_question_that_nobody_chose(town: Town, channel: str) -> None:
    """Its card would lose its buttons to the question put again below it. What was typed is kept all the same."""
    person = town.person(channel)
    await register(person)
    asked = await person.say("абе за заварчици")
    await person.press_data("/thanks")
    assert person.last.text == t("feedback.bye")
    assert asked not in person.last.text
    assert {row.script: row.state for row in await rows(town, conversations)}["stray"] == "left"


@pytest.mark.parametrize("where", ["menu.activities", "menu.data", "menu.language"])
async def test_words_typed_at_the_buttons_of_another_talk_are_a_question_too(town: Town, where: str) -> None:
    person = town.person("telegram")
    await register(person)
    await person.say(t(where))
    await person.say("искам да говоря с психолог")
    assert any("психолог" in label for label in person.labels)
    await person.press(t("button.send_question"))
    assert [row.text for row in await rows(town, tickets)] == ["искам да говоря с психолог"]


async def test_words_under_a_photo_count_as_typed(town: Town, channel: str) -> None:
    """An open question reads them; elsewhere they are a question for a person. The thing's own name is never shown."""
    person = town.person(channel)
    await begin(person)
    assert line("registration.name") in await person.send(Kind.OTHER, text="photo\n0888 123 456")
    await finish_registering(person)
    assert "вижте ми дограмата" in await person.send(Kind.OTHER, text="photo\nвижте ми дограмата")
    assert "photo" not in person.last.text
    await person.press(t("button.send_question"))
    assert [row.text for row in await rows(town, tickets)] == ["вижте ми дограмата"]
    assert line("stray.media") in await person.send(Kind.OTHER, text="photo")
    assert line("privacy.hidden") in await person.send(Kind.OTHER, text=f"photo\n{HIDDEN}", hidden=("egn",))
    assert len(await rows(town, tickets)) == 1


GREETINGS = ("Здравейте!", "добър ден", "👍", "🙂🙂", "ок", "...")


async def test_greetings_thanks_and_pictures_get_a_friendly_line(town: Town, channel: str) -> None:
    """After the registration a word and the menu, within it a word and the question: never a miss, never a ticket."""
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    assert t("stray.hi") in await person.say("Здравейте")
    assert line("registration.name") in person.last.text
    assert t("stray.thanks") in await person.say("благодаря")
    async with town.awake():
        await finish_registering(person)
        for greeting in GREETINGS:
            assert line("stray.hello") in await person.say(greeting), greeting
        assert t("stray.thanks") in await person.say("Мерси!")
        assert line("stray.media") in await person.send(Kind.OTHER, text="sticker")
        await person.say(t("menu.question"))
        assert line("question.ask") in await person.say("Здравейте!")
    assert not await rows(town, tickets)


async def test_a_thumb_may_be_sent_instead_of_pressed(town: Town) -> None:
    """Whoever is asked for 👍 sends 👍; „да“ and „ок“ agree wherever one can only agree or not."""
    person = town.person("web")
    await person.start()
    await person.press("Български")
    assert line("registration.language") not in await person.say("👍🏽")
    assert person.labels[0] == t("button.agree")
    assert line("registration.age") in await person.say("Да")
    assert line("registration.phone") in await person.say("✅")


async def test_a_card_of_a_registered_person_points_to_their_data(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    assert line("stray.phone") in await person.share_phone("+359899111222")
    assert line("data.shown") in await person.press(t("menu.data"))
    assert (await profile_of(person)).phone == "+359888123456"


async def test_an_edited_message_is_read_like_a_new_one_when_nothing_is_asked(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    assert "в 6 часа" in await person.send(Kind.EDITED, text="идвам в 6 часа")
    assert line("stopped.done") in await person.send(Kind.EDITED, text="стоп")


async def test_a_hidden_number_does_not_take_the_other_words_with_it(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    assert line("privacy.hidden") in await person.say(f"запишете ме за курса, {HIDDEN}", hidden=("egn",))
    await person.press(t("button.send_question"))
    assert [row.text for row in await rows(town, tickets)] == [f"запишете ме за курса, {HIDDEN}"]
    assert person.last.menu
    assert line("privacy.hidden") in await person.say(HIDDEN, hidden=("egn",))
    assert person.last.menu


HOSTILE = {
    "ten thousand letters": "Мария " * 1667,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 Мария",
    "right to left": "\u202eмаря\u202c مريم",
    "zero width": "Ма\u200bр\ufeffия\u200d",
    "only zero width": "\u200b\u200b",
    "lone surrogates": "Мария \ud83d\ude00 \udc00",
    "nul": "Ма\x00рия",
    "braces and percents": "{name} %s {0} {{",
    "markup": "<b>Мария</b> *_[x](y)",
    "combining": "М" + "\u0301" * 500,
    "other digits": "Мария ٣٤٥",
}


async def test_no_letters_break_a_name_or_a_question(town: Town, channel: str) -> None:
    """Even if a channel let them through: there is an answer, no notice to staff, and the talk goes on."""
    person = town.person(channel)
    async with town.awake():
        await begin(person)
        await person.say("0888123456")
        for label, typed in HOSTILE.items():
            answer = await person.say(typed)
            assert line("registration.name") in answer or line("registration.settlement") in answer, label
            await person.say(typed)
            while line("registration.name") not in person.last.text:
                await person.press("⬅")
        await finish_registering(person, name="{name} Мария\ud83d")
        assert "{name} Мария?" in await person.say(t("menu.data"))
        for typed in HOSTILE.values():
            await person.press_data("/menu")
            await person.say(typed)
            await person.say(t("menu.question"))
            await person.say(typed)
            await person.start(typed)
        assert line("question.added") in await person.say("Край"), "what follows a question belongs to it"
    assert not await rows(town, notices)
    assert {row.state for row in await rows(town, inbox)} == {"done"}
    kept = [row.text for row in await rows(town, tickets)]
    assert "{name} %s {0} {{" in kept
    assert (await rows(town, ticket_lines))[-1].text == "Край"


NAMES = {"Меню": "registration.name", "помощ": "registration.name", "/start": "registration.name"}


async def test_words_with_a_meaning_of_their_own_are_no_names(town: Town, channel: str) -> None:
    """A label left on the screen by an earlier talk does what it says, and the question comes again."""
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    async with town.awake():
        for typed in (*NAMES, t("menu.activities"), t("menu.data"), t("menu.question"), t("menu.person")):
            assert line("registration.name") in await person.say(typed), typed
    assert line("stopped.done") in await person.say("Стоп")
    assert line("registration.name") in await person.press(t("button.resume"))
    assert line("registration.settlement") in await person.say("Стопанка Менюва")
