"""The engine's rules: what a script may do, what it may not, and that no answer is lost whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot import dialog
from bot.chat import (
    MAX_QUESTIONS,
    Chat,
    Choice,
    Finish,
    Many,
    Option,
    Script,
    Summary,
    YesNo,
    literal,
    words,
)
from bot.dialog import Broken, Stored
from bot.messages import Document, Incoming, Kind
from tests.scripted import HERE, LONGEST_TALK, TEXTS, Table, text


async def three(chat: Chat) -> Finish:
    chat.say(literal("Добре дошли!"))
    name = await chat.ask("name", text("Име?"))
    chat.say(literal(f"Здравейте, {name}."))
    town = await chat.ask("town", text("Град?"))
    await chat.ask("sure", YesNo(literal("Сигурно?")))
    chat.say(literal("Край."))
    return Finish(values={"name": name, "town": town})


# --- the straight way -------------------------------------------------------------------------------------------------


def test_a_script_reads_as_the_talk_it_is() -> None:
    table = Table(three)
    assert table.open() == "Добре дошли!\n\nИме?"
    assert table.say("Ана") == "Здравейте, Ана.\n\nГрад?"
    assert table.say("Видин") == "Сигурно?"
    assert table.press("yes") == "Край."
    assert table.turn
    assert table.turn.ended
    assert table.turn.finish == Finish(values={"name": "Ана", "town": "Видин"})


def test_what_is_said_is_shown_once_and_only_after_a_new_answer() -> None:
    """Not when the question is put again, not after a miss, not after "back"."""
    table = Table(three)
    table.open()
    table.say("Ана")
    assert table.open() == "Град?"
    assert "Здравейте" not in table.send(Kind.OTHER)
    table.say("Видин")
    assert table.press("back") == "Град?"
    assert table.press("back") == "Име?"


def test_a_miss_keeps_everything_counts_and_asks_again_with_a_hint() -> None:
    table = Table(three, {"name": Stored("Ана"), "town": Stored("Видин")}, asked="sure")
    for misses in (1, 2, 3):
        assert table.say("може би").endswith("\n\nСигурно?")
        assert (table.misses, table.values) == (misses, {"name": "Ана", "town": "Видин"})
    table.press("back")
    assert table.misses == 0


# --- going back, changing, taking back --------------------------------------------------------------------------------


def summary(*keys: str, **withdraws: tuple[str, ...]) -> Summary:
    return Summary(literal("Вярно ли е?"), [Option(key, literal(key)) for key in keys], withdraws)


async def order(chat: Chat) -> Finish:
    chat.say(literal("Здравейте!"))
    name = await chat.ask("name", text("Име?"))
    likes = await chat.ask("likes", Many(literal("Какво?"), [Option(c, literal(c)) for c in ("а", "б", "в")]))
    chat.say(literal("Благодаря!"))
    await chat.ask("confirm", summary("name", "likes"))
    return Finish(values={"name": name, "likes": likes})


def ordered() -> Table:
    table = Table(order)
    table.open()
    table.say("Ана")
    for code in ("а", "в", "done"):
        table.press(code)
    return table


@pytest.mark.parametrize("way", [lambda t: t.press("back"), lambda t: t.say("назад"), lambda t: t.say("Nazad!")])
def test_back_takes_one_answer_back_however_it_is_said(way: Callable[[Table], str]) -> None:
    table = Table(three, {"name": Stored("Ана"), "town": Stored("Видин")}, asked="sure")
    assert way(table) == "Град?"
    assert table.values == {"name": "Ана"}


def test_back_at_the_first_question_asks_it_again() -> None:
    table = Table(three)
    table.open()
    assert table.press("back") == "Име?"
    assert table.turn
    assert table.turn.first


def test_back_to_ticked_boxes_finds_them_ticked() -> None:
    table = ordered()
    table.press("back")
    assert table.asked == "likes"
    assert table.answers["likes"] == Stored({"ticked": ["а", "в"], "page": 0}, complete=False)
    table.press("в")
    table.press("done")
    assert table.values["likes"] == ["а"]


def test_back_in_the_middle_of_an_answer_takes_only_the_step() -> None:
    table = ordered()
    table.press("change")
    assert table.answers["confirm"] == Stored(True, complete=False)
    assert table.press("back") == "Вярно ли е?"
    assert "confirm" not in table.answers
    assert table.values == {"name": "Ана", "likes": ["а", "в"]}


def test_change_on_the_summary_asks_one_question_and_returns_to_the_summary() -> None:
    table = ordered()
    table.press("change")
    assert table.press("name") == "Име?"
    assert table.say("Мария").endswith("Вярно ли е?")
    assert table.press("yes") == ""
    assert table.turn
    assert table.turn.finish == Finish(values={"name": "Мария", "likes": ["а", "в"]})


def test_change_of_something_that_stands_for_several_answers_takes_all_of_them() -> None:
    async def script(chat: Chat) -> Finish:
        await chat.ask("street", text("Улица?"))
        await chat.ask("number", text("Номер?"))
        await chat.ask("confirm", summary("address", address=("street", "number")))
        return Finish()

    table = Table(script, {"street": Stored("Дунав"), "number": Stored("5")}, asked="confirm")
    table.press("change")
    assert table.press("address") == "Улица?"
    assert table.values == {}


def test_a_conflict_takes_one_answer_back_and_repeats_no_greeting() -> None:
    """The slot was taken meanwhile: only the slot is asked again, with the reason above it."""

    async def script(chat: Chat) -> Finish:
        chat.say(literal("Здравейте!"))
        await chat.ask("name", text("Име?"))
        await chat.ask("slot", text("Кога?"))
        chat.say(literal("Благодаря!"))
        await chat.ask("confirm", summary("slot"))
        chat.say(literal("Запазено."))
        return Finish()

    table = Table(script, {"name": Stored("Ана"), "slot": Stored("9:00")}, asked="confirm")
    ended = dialog.hear(table.stage, table.talk, Incoming("k", HERE, Kind.PRESS), "yes")
    assert ended.ended
    again = dialog.withdraw(table.stage, ended, "slot", literal("Часът вече е зает."))
    assert not again.ended
    assert table._done(again) == "Часът вече е зает.\n\nКога?"
    assert table.values == {"name": "Ана", "confirm": True}
    assert table.say("10:00") == "Запазено.", "it was confirmed already"
    assert table.turn
    assert table.turn.ended


# --- another version of the script ------------------------------------------------------------------------------------


def test_a_new_version_asks_what_is_new_and_ignores_what_is_gone() -> None:
    async def newer(chat: Chat) -> Finish:
        name = await chat.ask("name", text("Име?"))
        quarter = await chat.ask("quarter", text("Квартал?"))
        await chat.ask("sure", YesNo(literal("Сигурно?")))
        return Finish(values={"name": name, "quarter": quarter})

    table = Table(newer, {"name": Stored("Ана"), "town": Stored("Видин")}, asked="sure")
    assert table.open() == "Квартал?"
    assert table.say("Крайдунавски") == "Сигурно?"
    table.press("yes")
    assert table.turn
    assert table.turn.finish == Finish(values={"name": "Ана", "quarter": "Крайдунавски"})


def test_a_new_version_that_has_nothing_left_to_ask_ends_with_its_words() -> None:
    """Whoever wrote meanwhile gets them as an answer, not silence."""

    async def shorter(chat: Chat) -> Finish:
        name = await chat.ask("name", text("Име?"))
        chat.say(literal("Готово."))
        return Finish(values={"name": name})

    table = Table(shorter, {"name": Stored("Ана"), "town": Stored("Видин")}, asked="sure")
    assert table.say("да") == "Готово."
    assert table.turn
    assert table.turn.finish == Finish(values={"name": "Ана"})


# --- drafts, languages ------------------------------------------------------------------------------------------------


def test_a_step_is_kept_and_shown_in_the_message_that_was_pressed() -> None:
    table = Table(order, {"name": Stored("Ана")}, asked="likes")
    table.press("б")
    assert table.answers["likes"] == Stored({"ticked": ["б"], "page": 0}, complete=False)
    assert table.turn
    assert [m.replaces for m in dialog.show(table.turn, TEXTS, "bg", edit="m7")] == ["m7"]
    table.send(Kind.OTHER)
    assert table.answers["likes"].value["ticked"] == ["б"], "a miss loses no tick"
    assert [m.replaces for m in dialog.show(table.turn, TEXTS, "bg", edit="m7")] == [""], "and is a message of its own"


def test_another_language_in_the_middle_is_spoken_from_there_on() -> None:
    spoken: list[str] = []

    async def script(chat: Chat) -> Finish:
        await chat.ask("language", Choice("registration.language", [Option(c, literal(c)) for c in ("bg", "rom")]))
        spoken.append(chat.person.language)
        await chat.ask("sure", YesNo(literal("?")))
        return Finish()

    table = Table(script)
    table.open()
    table.press("rom")
    assert spoken[-1] == "rom"
    assert table.turn
    romani = [button.label for row in table.shown(table.turn)[-1].rows for button in row]
    table.press("back")
    table.press("bg")
    assert spoken[-1] == "bg"
    assert table.turn
    assert [button.label for row in table.shown(table.turn)[-1].rows for button in row] != romani


# --- reading ----------------------------------------------------------------------------------------------------------


def test_reading_goes_through_the_engine_anew_on_every_message() -> None:
    def seats(*_: Any) -> int:
        raise AssertionError("the engine runs it, not the script")

    async def script(chat: Chat) -> Finish:
        free = await chat.fetch(seats, event=7)
        await chat.ask("sure", YesNo(literal(f"Места: {free}")))
        return Finish()

    left = [5, 4]
    table = Table(script, found=lambda query, values: (query, values, left[0]))
    assert table.open() == "Места: ('seats', {'event': 7}, 5)"
    left.pop(0)
    assert table.open() == "Места: ('seats', {'event': 7}, 4)"
    assert table.fetched == ["seats", "seats"]


# --- what a script may not do -----------------------------------------------------------------------------------------


async def sleeps(_chat: Chat) -> Finish:
    await asyncio.sleep(0)
    return Finish()


async def waits_for_a_future(_chat: Chat) -> Finish:
    await asyncio.get_running_loop().create_future()
    return Finish()


async def talks_to_the_network(_chat: Chat) -> Finish:
    await asyncio.open_connection("127.0.0.1", 9)
    return Finish()


async def sleeps_inside_a_generator(_chat: Chat) -> Finish:
    async def numbers() -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield 1

    async for _ in numbers():
        pass
    return Finish()


async def sleeps_after_an_answer(chat: Chat) -> Finish:
    await chat.ask("name", text("Име?"))
    await asyncio.sleep(0)
    return Finish()


async def asks_twice(chat: Chat) -> Finish:
    await chat.ask("name", text("Име?"))
    await chat.ask("name", text("Име?"))
    return Finish()


async def asks_for_ever(chat: Chat) -> Finish:
    number = 0
    while True:
        await chat.ask(f"q{number}", text("?"))
        number += 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (sleeps, "awaited something foreign"),
        (waits_for_a_future, "awaited something foreign: Future"),
        (talks_to_the_network, "awaited something foreign: Future"),
        (sleeps_inside_a_generator, "awaited something foreign"),
        (sleeps_after_an_answer, "awaited something foreign"),
        (asks_twice, "asks 'name' twice"),
        (asks_for_ever, f"asks more than {MAX_QUESTIONS} questions"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_a_script_may_not_do_is_an_error_that_names_the_script(script: Script, why: str) -> None:
    answers = {"name": Stored("Ана")} | {f"q{n}": Stored("x") for n in range(MAX_QUESTIONS)}
    with pytest.raises(Broken, match=f"a_script.*{why}"):
        Table(script, answers).open()


def test_sixty_questions_are_not_too_many() -> None:
    async def script(chat: Chat) -> Finish:
        for number in range(MAX_QUESTIONS):
            await chat.ask(f"q{number}", text("?"))
        return Finish()

    table = Table(script, {f"q{n}": Stored("x") for n in range(MAX_QUESTIONS - 1)})
    assert table.open() == "?"
    table.say("x")
    assert table.turn
    assert table.turn.ended


def test_a_script_that_is_no_coroutine_is_an_error_that_names_it() -> None:
    async def generator(_chat: Chat) -> AsyncIterator[int]:
        yield 1

    with pytest.raises(Broken, match="a_script"):
        Table(generator).open()  # type: ignore[arg-type]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_mistake_in_a_script_loses_no_answer(after: int) -> None:
    """Whatever is raised passes through; the rows stay as they were, and the mended script goes on from them."""

    async def breaks(chat: Chat) -> Finish:
        for number, key in enumerate(("name", "town", "sure")):
            if number == after:
                raise ZeroDivisionError
            await chat.ask(key, text(key))
        return Finish()

    kept = {key: Stored("x") for key in ("name", "town")}
    table = Table(breaks, dict(kept), asked="sure")
    for act in (table.open, lambda: table.say("x"), lambda: table.press("back")):
        with pytest.raises(ZeroDivisionError):
            act()
    assert table.answers == kept
    assert replace_script(table, three).open() == "Сигурно?"


def replace_script(table: Table, script: Script) -> Table:
    return Table(script, table.answers, table.asked)


# --- how a turn is shown ----------------------------------------------------------------------------------------------


def test_words_before_a_question_stand_in_its_message_and_what_stands_apart_in_its_own() -> None:
    async def script(chat: Chat) -> Finish:
        chat.say(literal("едно"))
        chat.say(literal("две"))
        chat.say(literal("файл"), document=Document("a.json", "application/json", "{}"))
        chat.say(literal("три"), apart=True)
        chat.say(literal("обадете се"), buttons=[Option("tel:+359", literal("☎")), Option("/menu", literal("☰"))])
        chat.say(literal("четири"))
        await chat.ask("sure", YesNo(literal("Сигурно?")))
        return Finish()

    table = Table(script)
    table.open()
    assert table.turn
    shown = table.shown(table.turn)
    assert [m.text for m in shown] == ["едно\n\nдве", "файл", "три", "обадете се", "четири\n\nСигурно?"]
    assert [bool(m.document) for m in shown] == [False, True, False, False, False]
    assert [(b.press, b.url) for row in shown[3].rows for b in row] == [("", "tel:+359"), ("/menu", "")]


def test_the_way_back_stands_under_every_question_but_the_first() -> None:
    table = Table(three)
    table.open()
    assert table.turn
    assert not [b for row in table.shown(table.turn)[-1].rows for b in row if b.press.endswith(".back")]
    table.say("Ана")
    footer = (Option("/menu", "button.menu"),)
    rows = dialog.show(table.turn, TEXTS, "bg", footer=footer)[-1].rows
    assert [b.press for b in rows[-1]] == [f"{LONGEST_TALK}.town.back", "/menu"]


def test_words_may_carry_words() -> None:
    """A label inside a sentence is spoken in the sentence's language."""
    assert "да" in TEXTS(words("button.ticked", label=literal("да")))
