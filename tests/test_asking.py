"""What staff answer about events: days, hours, lengths, numbers, slots, places; and every answer that is none."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from bot.alphabets import fold
from bot.asking import HINTS, Again, Length, Number, Paged, Place, Slots, Title, When, length, whole_number
from bot.chat import PAGE, Answer, Draft, Miss, Option, Question, Reading, Said, Withdraw, literal, words
from bot.messages import Address, Incoming, Kind
from bot.texts import Words
from bot.when import Why
from tests.conversations.client import world

TEXTS = world().texts
SOFIA = ZoneInfo("Europe/Sofia")
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=SOFIA)  # a Tuesday
DAY, AT = {"day": "2026-11-25"}, {"at": "17:30"}


def read(question: Question, doing: Any, draft: Any = None) -> Reading:
    """What a question makes of typed words, or of a button (its code in a tuple)."""
    code, text = (doing[0], "") if isinstance(doing, tuple) else ("", doing)
    event = Incoming("k", Address("web", "1"), Kind.PRESS if code else Kind.TEXT, text=text)
    return question.read(event, code, draft, Said(fold(text), TEXTS, text.strip()))


def shown(question: Question, draft: Any = None) -> list[str]:
    return [TEXTS(option.label) for option in question.options(draft)]


def codes(question: Question, draft: Any = None) -> list[str]:
    return [option.code for option in question.options(draft)]


def hint(key: str) -> Miss:
    return Miss(HINTS[key])


# --- when -----------------------------------------------------------------------------------------------------------

WHEN = When(literal("Кога?"), NOW)
LATER = When(literal("Още?"), NOW, at=time(9), after=datetime(2026, 11, 27, 9, 0, tzinfo=SOFIA), skip="button.done")
SPRING = When(literal("Кога?"), datetime(2026, 3, 20, 10, 0, tzinfo=SOFIA))

SAID = [
    # label, question, draft, typed or pressed, the reading
    ("both", WHEN, None, "утре 17:30", Answer("2026-11-25T17:30")),
    ("a date and an hour", WHEN, None, "25.11 в 10", Answer("2026-11-25T10:00")),
    ("a weekday and an hour", WHEN, None, "петък 9 ч.", Answer("2026-11-27T09:00")),
    ("another year", WHEN, None, "15.01.2027 г. 8:05", Answer("2027-01-15T08:05")),
    ("a day alone", WHEN, None, "утре", Draft(DAY, in_place=False)),
    ("then an hour", WHEN, DAY, "17:30", Answer("2026-11-25T17:30")),
    ("then another day", WHEN, DAY, "петък", Draft({"day": "2026-11-27"}, in_place=False)),
    ("then both anew", WHEN, DAY, "петък 9:00", Answer("2026-11-27T09:00")),
    ("an hour alone", WHEN, None, "17:30", Draft(AT, in_place=False)),
    ("then a day", WHEN, AT, "25.11", Answer("2026-11-25T17:30")),
    ("then another hour", WHEN, AT, "18 ч.", Draft({"at": "18:00"}, in_place=False)),
    ("today, the hour ahead", WHEN, None, "днес 11:00", Answer("2026-11-24T11:00")),
    ("a day's button", WHEN, None, ("2026-11-25",), Draft(DAY)),
    ("an hour's button", WHEN, DAY, ("2026-11-25T17:30",), Answer("2026-11-25T17:30")),
    ("an hour's button of an older message", WHEN, DAY, ("2026-11-27T09:00",), Answer("2026-11-27T09:00")),
    ("a day's button after the hour", WHEN, AT, ("2026-11-25T17:30",), Answer("2026-11-25T17:30")),
    ("a day's button of an older message", WHEN, AT, ("2026-11-25",), Answer("2026-11-25T17:30")),
    ("a day's button of last week", WHEN, None, ("2026-11-20",), hint("past")),
    ("an hour's button of last week", WHEN, None, ("2026-11-20T09:00",), hint("past")),
    ("a forged button", WHEN, None, ("tomorrow",), Miss("miss.choose")),
    ("a forged button far away", WHEN, None, ("9999-12-31T23:59",), hint("too_far")),
    ("a forged button long ago", WHEN, None, ("0001-01-01",), hint("past")),
    ("words", WHEN, None, "когато кажете", hint("nothing")),
    ("a sticker", WHEN, None, "", hint("nothing")),
    ("yesterday", WHEN, None, "вчера 10:00", hint("past")),
    ("this morning", WHEN, None, "днес 9:00", hint("past")),
    ("a date of this year that is past", WHEN, None, "20.11 10:00", hint("past")),
    ("31 February", WHEN, None, "31.02 10:00", hint("no_such_day")),
    ("a Friday that is a Wednesday", WHEN, None, "петък 25.11 10:00", hint("no_such_day")),
    ("25:00", WHEN, None, "утре 25:00", hint("no_such_hour")),
    ("25:00 of a known day", WHEN, DAY, "25:00", hint("no_such_hour")),
    ("more than a year away", WHEN, None, "25.11.2028 10:00", hint("too_far")),
    ("the hour that spring skips", SPRING, None, "29.03 3:30", hint("skipped_hour")),
    ("the hour that spring skips, of a known day", SPRING, {"day": "2026-03-29"}, "3:30", hint("skipped_hour")),
    ("the hour that the next spring skips", WHEN, None, "28.03.2027 03:30", hint("skipped_hour")),
    ("the hour before", SPRING, None, "29.03 2:59", Answer("2026-03-29T02:59")),
    ("the usual hour of a day", LATER, None, "петък 4.12", Answer("2026-12-04T09:00")),
    ("another hour of a day", LATER, None, "4.12 10:30", Answer("2026-12-04T10:30")),
    ("a button with the usual hour", LATER, None, ("2026-12-04T09:00",), Answer("2026-12-04T09:00")),
    ("no more", LATER, None, ("done",), Answer("")),
    ("no more, typed", LATER, None, TEXTS("button.done"), Answer("")),
    ("not after the one before", LATER, None, "27.11", Miss(words("asking.after", when=literal("петък, 27.11, 9:00")))),
    ("no way out where there is none", WHEN, None, ("done",), Miss("miss.choose")),
]  # fmt: skip


@pytest.mark.parametrize(("question", "draft", "doing", "reading"), [row[1:] for row in SAID], ids=[r[0] for r in SAID])
def test_a_moment_is_read_or_it_is_said_why_not(question: When, draft: Any, doing: Any, reading: Reading) -> None:
    assert read(question, doing, draft) == reading


def test_every_reason_has_a_hint_of_its_own() -> None:
    """„which_day“ and „which_hour“ are no mistakes: they become the next question."""
    assert set(HINTS) == set(get_args(Why)) - {"which_day", "which_hour"}
    assert len(set(map(TEXTS, HINTS.values()))) == len(HINTS)


def test_the_question_follows_what_is_known() -> None:
    assert TEXTS(WHEN.says(None)) == "Кога?"
    assert TEXTS(WHEN.says(DAY)).startswith("утре, ср 25.11")
    assert "17:30" in TEXTS(WHEN.says(AT))
    assert TEXTS(WHEN.says({"day": "2026-11-20"})) == "Кога?", "a day that has passed since is not known any more"


def test_buttons_name_days_with_their_weekday_and_hours_that_are_ahead() -> None:
    assert shown(WHEN)[:3] == ["📅 днес, вт 24.11", "📅 утре, ср 25.11", "📅 чт 26.11"]
    assert len(shown(WHEN)) == 6
    assert codes(WHEN, DAY)[0] == "2026-11-25T09:00"
    assert shown(WHEN, DAY)[0] == "🕐 9:00"
    assert shown(WHEN, {"day": "2026-11-24"})[0] == "🕐 11:00"
    assert codes(WHEN, AT)[0] == "2026-11-24T17:30"
    assert codes(WHEN, {"at": "09:00"})[0] == "2026-11-25T09:00", "not today, where it is past"
    assert codes(LATER)[0] == "2026-11-28T09:00"
    assert codes(LATER)[-1] == "done"


@pytest.mark.parametrize("question", [WHEN, LATER, SPRING], ids=["first", "later", "spring"])
def test_every_button_is_taken(question: When) -> None:
    for draft in (None, {"day": "2026-12-01"}, AT):
        for code in codes(question, draft):
            assert isinstance(read(question, (code,), draft), Answer | Draft), code


# --- how long, how many ---------------------------------------------------------------------------------------------

LENGTH = Length(literal("Колко?"), (60, 90))
SEATS = Number(literal("Места?"), 1, 1000, (10, 20), none="event.no_limit")
TIMES = Number(literal("Пъти?"), 2, 40)
OUT = Miss(words("asking.range", low=1, high=1000))

COUNTED = [
    ("a length", LENGTH, "2 часа", Answer(120)),
    ("minutes", LENGTH, "90 мин", Answer(90)),
    ("a day", LENGTH, "цял ден", Answer(480)),
    ("a number that is hours", LENGTH, "2", Answer(120)),
    ("a number that could be either", LENGTH, "12", Miss("asking.length")),
    ("its button", LENGTH, ("90",), Answer(90)),
    ("a forged button", LENGTH, ("99999",), Miss("miss.choose")),
    ("no length", LENGTH, "не знам", Miss("asking.length")),
    ("longer than a week", LENGTH, "8 дни", hint("too_long")),
    ("a number", SEATS, "25", Answer(25)),
    ("a number with a word", SEATS, "около 25 души", Answer(25)),
    ("one", SEATS, "1", Answer(1)),
    ("the most", SEATS, "1 000", Answer(1000)),
    ("a button", SEATS, ("20",), Answer(20)),
    ("no limit", SEATS, ("done",), Answer(None)),
    ("no limit, typed", SEATS, "без ограничение", Answer(None)),
    ("nothing", SEATS, "0", OUT),
    ("less than nothing", SEATS, "-1", OUT),
    ("less than nothing, with a minus", SEATS, "−1", OUT),
    ("too many", SEATS, "100000", OUT),
    ("too many, with a gap", SEATS, "100 000", OUT),
    ("words", SEATS, "много", Miss("asking.number")),
    ("two numbers", SEATS, "10-15", Miss("asking.number")),
    ("half a person", SEATS, "12,5", Miss("asking.number")),
    ("endless digits", SEATS, "9" * 300, Miss("asking.number")),
    ("a sticker", SEATS, "", Miss("asking.number")),
    ("a forged button", SEATS, ("x",), Miss("asking.number")),
    ("no such way out", TIMES, ("done",), Miss("asking.number")),
]  # fmt: skip


@pytest.mark.parametrize(("question", "doing", "reading"), [row[1:] for row in COUNTED], ids=[r[0] for r in COUNTED])
def test_a_length_and_a_number_are_read_or_it_is_said_why_not(question: Any, doing: Any, reading: Reading) -> None:
    assert read(question, doing) == reading


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(45, "45 мин"), (60, "1 ч"), (90, "1 ч 30 мин"), (480, "8 ч"), (1920, "2 дни"), (1560, "26 ч")],
)
def test_a_length_in_words(minutes: int, said: str) -> None:
    assert TEXTS(length(minutes)) == said


def test_a_number_is_never_cut_out_of_another() -> None:
    assert [whole_number(text) for text in ("25.11", "10:30", "1/2", "№ 7", "٣")] == [None, None, None, 7, 3]


# --- slots ----------------------------------------------------------------------------------------------------------

SLOTS = Slots(literal("За колко?"), datetime(2026, 11, 25, 9, 0, tzinfo=SOFIA), 30)
LATE = Slots(literal("За колко?"), datetime(2026, 11, 25, 23, 0, tzinfo=SOFIA), 90)


@pytest.mark.parametrize(
    ("doing", "number"),
    [("6", 6), (("8",), 8), ("до 12:00", 6), ("12:00", 6), ("до 12 ч.", 6), ("до 12:15", 6), ("1", 1), ("24", 24)],
)
def test_slots_are_a_number_or_the_last_hour(doing: Any, number: int) -> None:
    assert read(SLOTS, doing) == Answer(number)


@pytest.mark.parametrize("doing", ["0", "25", "до 8:00", "до 9:00", "9999", ("25",)])
def test_more_slots_than_fit_and_fewer_than_one(doing: Any) -> None:
    assert read(SLOTS, doing) == Miss(words("asking.slots_range", most=24, until="21:00"))


@pytest.mark.parametrize("doing", ["колкото дойдат", "", "до 25:00", ("x",)])
def test_no_slots(doing: Any) -> None:
    assert read(SLOTS, doing) == Miss("asking.slots")


def test_buttons_of_slots_end_on_the_same_day() -> None:
    assert shown(SLOTS)[0] == "👤 3, до 10:30"
    assert codes(LATE) == ["1"], "one is always possible"


# --- which, what it is called, where --------------------------------------------------------------------------------

MANY = Paged(literal("Кое?"), [Option(f"c{n}", literal(f"⭐ Дейност {n}")) for n in range(PAGE + 3)])
AGAIN = Again(literal("Тези?"), [Option("fine", "button.yes")], again="button.change", withdraws=("who", "also"))
TITLE = Title(literal("Име?"), max_length=20, letters=True, suggested=[Words("event.title_meeting"), literal("Заедно")])
PLACE = Place(literal("Къде?"), [("Читалището", "до пощата"), ("ОУ „Левски“", "")], max_length=20)


def test_a_long_list_is_leafed_through_and_any_of_it_may_be_typed() -> None:
    assert codes(MANY) == [*(f"c{n}" for n in range(PAGE)), "page"]
    assert read(MANY, ("page",)) == Draft(1)
    assert codes(MANY, 1) == ["c7", "c8", "c9", "page"]
    assert read(MANY, ("page",), 1) == Draft(0)
    assert read(MANY, ("c1",), 1) == Answer("c1"), "a button of the page before"
    assert read(MANY, "дейност 9") == Answer("c9")
    assert read(MANY, "2", 1) == Answer("c8"), "the second that is seen"
    assert read(MANY, "нещо") == Miss("miss.choose")
    assert codes(MANY, 99) == codes(MANY), "a page that is there no more"
    few = Paged(literal("Кое?"), MANY.of[:3])
    assert codes(few) == ["c0", "c1", "c2"]


def test_going_back_to_other_answers() -> None:
    assert codes(AGAIN) == ["fine", "again"]
    assert read(AGAIN, ("fine",)) == Answer("fine")
    assert read(AGAIN, ("again",)) == Withdraw(("who", "also"))
    assert read(AGAIN, "промени") == Withdraw(("who", "also"))
    assert read(AGAIN, "друго") == Miss("miss.choose")


def test_a_title_is_suggested_or_typed_and_never_cut() -> None:
    assert read(TITLE, ("t0",)) == Answer("Родителска среща")
    assert read(TITLE, ("t1",)) == Answer("Заедно")
    assert read(TITLE, " Среща   за \n всички ") == Answer("Среща за всички")
    assert read(TITLE, "я" * 2000) == Miss(words("miss.long", limit=20))
    assert read(TITLE, "123") == Miss("miss.text")
    assert read(TITLE, ("t9",)) == Miss("miss.text")


def test_a_place_that_was_used_brings_its_landmark() -> None:
    first, second = codes(PLACE)
    assert read(PLACE, (first,)) == Answer({"place": "Читалището", "landmark": "до пощата"})
    assert read(PLACE, "читалището") == Answer({"place": "Читалището", "landmark": "до пощата"})
    assert read(PLACE, (second,)) == Answer({"place": "ОУ „Левски“", "landmark": ""})
    assert read(PLACE, "Залата") == Answer({"place": "Залата"})
    assert read(PLACE, "я" * 21) == Miss(words("miss.long", limit=20))
    assert read(PLACE, ("p0",)) == Miss("miss.text")


def test_a_place_keeps_its_button_when_the_list_has_changed() -> None:
    later = Place(PLACE.prompt, [("Другаде", ""), *PLACE.last])
    for code in codes(PLACE):
        assert read(later, (code,)) == read(PLACE, (code,))
