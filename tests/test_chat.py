"""The kinds of question: what each makes of a button, of words in any script, of a forged code, of anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.alphabets import fold
from bot.chat import (
    PAGE,
    Answer,
    Choice,
    Draft,
    Many,
    Miss,
    Option,
    Phone,
    Question,
    Reading,
    Said,
    Search,
    Summary,
    Text,
    Withdraw,
    YesNo,
    literal,
    words,
)
from bot.messages import Address, Incoming, Kind
from tests.conversations.client import world

TEXTS = world().texts
MISS = Miss("miss.choose")


def read(question: Question, doing: Any, draft: Any = None) -> Reading:
    """What a question makes of typed words ("…"), of a button (its code in a tuple), or of an event."""
    event, code = doing, ""
    if isinstance(doing, tuple):
        (code,) = doing
        event = Incoming("k", Address("web", "1"), Kind.PRESS, press="1.k.x")
    elif isinstance(doing, str):
        event = Incoming("k", Address("web", "1"), Kind.TEXT, text=doing)
    typed = event.text if event.kind is Kind.TEXT else ""
    return question.read(event, code, draft, Said(fold(typed), TEXTS, typed.strip()))


def codes(question: Question, draft: Any = None) -> list[str]:
    return [option.code for option in question.options(draft)]


def other(kind: Kind, **more: Any) -> Incoming:
    return Incoming("k", Address("web", "1"), kind, **more)


def options(*names: str) -> Sequence[Option]:
    return [Option(fold(name).replace(" ", "-"), literal(name)) for name in names]


STICKER = other(Kind.OTHER, text="sticker")
PAST = other(Kind.EDITED, text="да")

CHOICE = Choice("registration.purpose", [Option("work", literal("🔧 Работа")), Option("school", literal("🏫 Училище"))])
LONG = Choice("registration.purpose", options("Да", "Не"), more=literal("дълго"))
YES = YesNo(literal("Сигурно?"))
NAME = Text(literal("Име?"), max_length=10, offers=["Мария", "Ана"], letters=True)
NOTE = Text(literal("Още?"), max_length=10, skip="button.skip")
PHONE = Phone(literal("Телефон?"), True, lambda typed: "+359888123456" if "888" in typed else "")
MANY = Many(literal("Какво?"), options("едно", "две", "три"))
ONE_AT_LEAST = Many(literal("Какво?"), options("едно", "две"), none=None)
CLASSES = Many(literal("Клас?"), options("1", "2"), typed=lambda typed: typed.replace(" ", "") if "а" in typed else "")
VILLAGES = {"bela": "Бела", "belo-pole": "Бело поле"}
TOWN = Search(
    literal("Къде?"),
    [Option("vidin", literal("гр. Видин"))],
    lambda typed: [Option(c, literal(n)) for c, n in VILLAGES.items() if typed and fold(n).startswith(fold(typed))],
)
SUMMARY = Summary(
    literal("Вярно?"), [Option("name", literal("Името")), Option("kids", literal("Децата"))], {"kids": ("a", "b")}
)


def ticks(*ticked: str, page: int = 0) -> dict[str, Any]:
    return {"ticked": list(ticked), "page": page}


NONE = Answer({"number": "", "own": False})
TYPED = Answer({"number": "+359888123456", "own": False})
READINGS = [
    ("a choice: its button", CHOICE, ("work",), None, Answer("work")),
    ("a choice: its label, without the picture", CHOICE, "Работа", None, Answer("work")),
    ("a choice: in small letters", CHOICE, "работа", None, Answer("work")),
    ("a choice: in Latin letters", CHOICE, "RABOTA", None, Answer("work")),
    ("a choice: with look-alike letters", CHOICE, "Pабoтa", None, Answer("work")),
    ("a choice: its number", CHOICE, "2", None, Answer("school")),
    ("a choice: its picture", CHOICE, "🏫", None, Answer("school")),
    ("a choice: a number with a point", CHOICE, "2.", None, Answer("school")),
    ("a choice: a number with a bracket", CHOICE, "2)", None, Answer("school")),
    ("a choice: below nothing", CHOICE, "-1", None, MISS),
    ("a choice: below nothing, with a long dash", CHOICE, "–1", None, MISS),
    ("a choice: above nothing", CHOICE, "+1", None, MISS),
    ("what tells many: a number", YesNo("x", by_number=False), "1", None, MISS),
    ("what tells many: yes", YesNo("x", by_number=False), "да", None, Answer(True)),
    ("what tells many, summed up: a number", Summary("x", options("Име"), by_number=False), "1", None, MISS),
    ("what tells many, summed up: yes", Summary("x", options("Име"), by_number=False), "да", None, Answer(True)),
    ("what tells many, changed: a number", Summary("x", options("Име", "Час"), by_number=False), "2", True,
     Withdraw(("chas",))),
    ("a choice: a number too high", CHOICE, "3", None, MISS),
    ("a choice: a forged code", CHOICE, ("other",), None, MISS),
    ("a choice: more, where there is none", CHOICE, ("more",), None, MISS),
    ("a choice: other words", CHOICE, "Не знам", None, MISS),
    ("a choice: a sticker", CHOICE, STICKER, None, MISS),
    ("a choice: an old message changed", CHOICE, PAST, None, MISS),
    ("a choice: more to read", LONG, ("more",), None, Draft(True, in_place=False)),
    ("a choice: after reading more", LONG, ("da",), True, Answer("da")),
    ("yes: the button", YES, ("yes",), None, Answer(True)),
    ("yes: typed", YES, "да", None, Answer(True)),
    ("yes: in Latin letters", YES, "Da!", None, Answer(True)),
    ("yes: as it is said", YES, "ок", None, Answer(True)),
    ("yes: in Romani", YES, "va", None, Answer(True)),
    ("no: typed", YES, "НЕ", None, Answer(False)),
    ("no: its number", YES, "2", None, Answer(False)),
    ("yes or no: neither", YES, "може би", None, MISS),
    ("yes or no: a forged code", YES, ("да",), None, MISS),
    ("yes or no: a phone", YES, other(Kind.PHONE, phone="+359888"), None, MISS),
    ("words: typed, white space put right", NAME, "  Ана\n Мария ", None, Answer("Ана Мария")),
    ("words: an offered name", NAME, ("o1",), None, Answer("Ана")),
    ("words: a forged offer", NAME, ("o2",), None, Miss("miss.text")),
    ("words: a negative offer", NAME, ("o-1",), None, Miss("miss.text")),
    ("words: skipped where it cannot be skipped", NAME, ("x",), None, Miss("miss.text")),
    ("words: as long as they may be", NAME, "я" * 10, None, Answer("я" * 10)),
    ("words: too long, never cut", NAME, "я" * 11, None, Miss(words("miss.long", limit=10))),
    ("words: a name without a letter", NAME, "12345", None, Miss("miss.text")),
    ("words: nothing but blanks", NAME, "   ", None, Miss("miss.text")),
    ("words: a sticker is no name", NAME, STICKER, None, Miss("miss.text")),
    ("words: skipped by the button", NOTE, ("skip",), None, Answer("")),
    ("words: skipped by its label", NOTE, "пропускам", None, Answer("")),
    ("words: a number is an answer", NOTE, "12", None, Answer("12")),
    ("words: the number 1 is an answer", NOTE, "1", None, Answer("1")),
    ("a phone: shared", PHONE, other(Kind.PHONE, phone="+359888123456", phone_is_own=True), None,
     Answer({"number": "+359888123456", "own": True})),
    ("a phone: somebody else's card", PHONE, other(Kind.PHONE, phone="+359888123456"), None, Miss("miss.phone_other")),
    ("a phone: typed", PHONE, "0888 123 456", None, TYPED),
    ("a phone: none", PHONE, ("none",), None, NONE),
    ("a phone: none, typed", PHONE, "нямам телефон", None, NONE),
    ("a phone: words", PHONE, "после", None, Miss("miss.phone")),
    ("a phone: the share button pressed as if it were one of ours", PHONE, ("share",), None, Miss("miss.phone")),
    ("a phone: a sticker", PHONE, STICKER, None, Miss("miss.phone")),
    ("a phone: a digit is no phone and no refusal", PHONE, "1", None, Miss("miss.phone")),
    ("many: the first tick", MANY, ("edno",), None, Draft(ticks("edno"))),
    ("many: another", MANY, ("tri",), ticks("edno"), Draft(ticks("edno", "tri"))),
    ("many: taken back", MANY, ("edno",), ticks("edno", "tri"), Draft(ticks("tri"))),
    ("many: typed", MANY, "ДВЕ", None, Draft(ticks("dve"))),
    ("many: typed in Latin", MANY, "dve", None, Draft(ticks("dve"))),
    ("many: done, in the options' order", MANY, ("done",), ticks("tri", "edno"), Answer(["edno", "tri"])),
    ("many: done, typed", MANY, "готово", ticks("tri"), Answer(["tri"])),
    ("many: none of them", MANY, ("done",), None, Answer([])),
    ("many: none, where one must be", ONE_AT_LEAST, ("done",), None, MISS),
    ("many: a forged code", MANY, ("cheti",), None, MISS),
    ("many: a sticker", MANY, STICKER, ticks("edno"), MISS),
    ("many: what is no option, but understood", CLASSES, "3 а", None, Draft(ticks("3а"), in_place=False)),
    ("many: the same once more", CLASSES, "3а", ticks("3а"), Draft(ticks("3а"), in_place=False)),
    ("many: pressing it takes it back", CLASSES, ("3а",), ticks("3а"), Draft(ticks())),
    ("many: it is part of the answer", CLASSES, ("done",), ticks("3а", "1"), Answer(["1", "3а"])),
    ("a search: a button", TOWN, ("vidin",), None, Answer("vidin")),
    ("a search: the button's label", TOWN, "Град Видин", None, Miss("search.nothing")),
    ("a search: the button's label as it stands", TOWN, "gr. vidin", None, Answer("vidin")),
    ("a search: first letters", TOWN, "бел", None, Draft("бел", in_place=False)),
    ("a search: first letters in Latin", TOWN, "BEL", None, Draft("BEL", in_place=False)),
    ("a search: all of the name, the only one", TOWN, "Бело поле", None, Answer("belo-pole")),
    ("a search: all of a name that another begins with", TOWN, "Бела", None, Answer("bela")),
    ("a search: a suggestion pressed", TOWN, ("bela",), "бел", Answer("bela")),
    ("a search: a suggestion's number", TOWN, "2", "бел", Answer("belo-pole")),
    ("a search: a suggestion that was not made", TOWN, ("bela",), None, MISS),
    ("a search: a button of before the suggestions", TOWN, ("vidin",), "бел", Answer("vidin")),
    ("a search: nothing found", TOWN, "Париж", None, Miss("search.nothing")),
    ("a search: a sticker", TOWN, STICKER, None, Miss("search.nothing")),
    ("a summary: right", SUMMARY, ("yes",), None, Answer(True)),
    ("a summary: yes", SUMMARY, "да", None, Answer(True)),
    ("a summary: change", SUMMARY, ("change",), None, Draft(True)),
    ("a summary: no", SUMMARY, "не", None, Draft(True)),
    ("a summary: what to change", SUMMARY, ("name",), True, Withdraw(("name",))),
    ("a summary: what to change, typed", SUMMARY, "името", True, Withdraw(("name",))),
    ("a summary: what stands for several", SUMMARY, ("kids",), True, Withdraw(("a", "b"))),
    ("a summary: a forged code", SUMMARY, ("language",), True, MISS),
    ("a summary: other words", SUMMARY, "почти", None, MISS),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "doing", "draft", "reading"),
    [pytest.param(*row[:4], id=label, marks=row[4:]) for label, *row in READINGS],
)
def test_what_a_question_makes_of_it(question: Question, doing: Any, draft: Any, reading: Reading) -> None:
    assert read(question, doing, draft) == reading


@pytest.mark.parametrize(
    ("question", "draft", "shown"),
    [
        pytest.param(LONG, None, ["da", "ne", "more"], id="a choice with more to read"),
        pytest.param(LONG, True, ["da", "ne"], id="after reading it"),
        pytest.param(NAME, None, ["o0", "o1"], id="offers"),
        pytest.param(NOTE, None, ["skip"], id="a way to skip"),
        pytest.param(PHONE, None, ["share", "none"], id="a phone where it can be shared"),
        pytest.param(Phone("x", False, str), None, ["none"], id="a phone where it cannot"),
        pytest.param(MANY, None, ["edno", "dve", "tri", "done"], id="many, with the way on"),
        pytest.param(ONE_AT_LEAST, None, ["edno", "dve"], id="many, where one must be ticked first"),
        pytest.param(ONE_AT_LEAST, ticks("dve"), ["edno", "dve", "done"], id="many, with one ticked"),
        pytest.param(TOWN, None, ["vidin"], id="a search before anything is typed"),
        pytest.param(TOWN, "бел", ["bela", "belo-pole"], id="its suggestions"),
        pytest.param(SUMMARY, None, ["yes", "change"], id="a summary"),
        pytest.param(SUMMARY, True, ["name", "kids"], id="what can be changed"),
    ],
)
def test_which_buttons_are_shown(question: Question, draft: Any, shown: list[str]) -> None:
    assert codes(question, draft) == shown


def test_more_boxes_than_fit_are_leafed_through_and_keep_their_ticks() -> None:
    names = [f"{n:02}" for n in range(PAGE + 2)]
    question = Many(literal("?"), [Option(n, literal(n)) for n in names])
    draft: Any = None
    pages = []
    for _ in range(3):
        pages.append([code for code in codes(question, draft) if code.isdigit()])
        reading = read(question, ("page",), draft)
        assert isinstance(reading, Draft)
        draft = reading.value
    assert pages == [names[:PAGE], names[PAGE:], names[:PAGE]]
    ticked = read(question, (names[-1],), ticks(names[0], page=1))
    assert ticked == Draft(ticks(names[0], names[-1], page=1))


def test_boxes_may_be_ticked_before_anybody_taps() -> None:
    question = Many(literal("?"), options("едно", "две"), start=["dve"])
    assert read(question, ("done",)) == Answer(["dve"])
    assert read(question, ("dve",)) == Draft(ticks())
    assert read(question, ("done",), ticks()) == Answer([])


def test_a_tick_is_seen() -> None:
    labels = [TEXTS(option.label) for option in MANY.options(ticks("dve"))]
    assert labels[0] == "едно"
    assert labels[1] != "две"
    assert "две" in labels[1]


def test_reading_twice_gives_the_same() -> None:
    """Questions are pure: a message that is read again after a crash means what it meant."""
    for label, *row in READINGS:
        question, doing, draft = row[:3]
        assert read(question, doing, draft) == read(question, doing, draft), label
