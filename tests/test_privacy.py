"""What must never be held: the numbers that people type. And what must never be lost: a phone, and a stop."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy import clean, hide_numbers, initials, is_egn, is_stop

HIDDEN = "[скрито]"
EGN = "7501010010"
CARD = "4111111111111111"
IBAN = "BG80BNBG96611020345678"


def egn_of(day: date, serial: int) -> str:
    """A made-up personal number for somebody born that day."""
    month = day.month + {18: 20, 19: 0, 20: 40}[day.year // 100]
    first = f"{day.year % 100:02}{month:02}{day.day:02}{serial:03}"
    check = sum(w * int(d) for w, d in zip((2, 4, 8, 5, 10, 9, 7, 3, 6), first, strict=True)) % 11 % 10
    return f"{first}{check}"


def card_of(first: str) -> str:
    """Those digits and the check digit that Luhn asks for."""
    doubled = [int(d) * (1 + (n % 2 == 0)) for n, d in enumerate(reversed(first))]
    return f"{first}{-sum(d // 10 + d % 10 for d in doubled) % 10}"


EGNS = st.builds(egn_of, st.dates(date(1880, 1, 1), date(2026, 12, 31)), st.integers(0, 999))
CARDS = st.from_regex(r"[2-6][0-9]{11,17}", fullmatch=True).map(card_of)
PHONES = st.from_regex(r"(8[789]|98|99)[0-9]{7}", fullmatch=True)

HIDES = [
    ("ЕГН alone", EGN, HIDDEN, ("egn",)),
    ("ЕГН in a sentence", f"ЕГН: {EGN}, Видин", f"ЕГН: {HIDDEN}, Видин", ("egn",)),
    ("ЕГН glued to words", f"егн{EGN}е", f"егн{HIDDEN}е", ("egn",)),
    ("ЕГН in groups", "750101 0010", HIDDEN, ("egn",)),
    ("ЕГН in pairs", "75 01 01 00 10", HIDDEN, ("egn",)),
    ("ЕГН digit by digit", " ".join(EGN), HIDDEN, ("egn",)),
    ("ЕГН with dashes", "75-01-01-0010", HIDDEN, ("egn",)),
    ("ЕГН with long dashes", "750101–0010", HIDDEN, ("egn",)),
    ("ЕГН with dots", "75.01.01.0010", HIDDEN, ("egn",)),
    ("ЕГН with a no-break space", "750101\u00a00010", HIDDEN, ("egn",)),
    ("ЕГН with zero-width letters", "\u200b".join(EGN), HIDDEN, ("egn",)),
    ("ЕГН over two lines", "750101\n0010", HIDDEN, ("egn",)),
    ("ЕГН in Arabic digits", "٧٥٠١٠١٠٠١٠", HIDDEN, ("egn",)),
    ("ЕГН in full-width digits", "７５０１０１００１０", HIDDEN, ("egn",)),
    ("ЕГН in mathematical digits", "𝟕𝟓𝟎𝟏𝟎𝟏𝟎𝟎𝟏𝟎", HIDDEN, ("egn",)),
    ("ЕГН in circled digits", "⑦⑤⓪①⓪①⓪⓪①⓪", HIDDEN, ("egn",)),
    ("ЕГН in keycaps", "".join(f"{d}\ufe0f\u20e3" for d in EGN), f"{HIDDEN}\ufe0f\u20e3", ("egn",)),
    ("ЕГН of somebody born in 2005", egn_of(date(2005, 12, 31), 7), HIDDEN, ("egn",)),
    ("ЕГН of somebody born in 1899", egn_of(date(1899, 2, 28), 7), HIDDEN, ("egn",)),
    ("ЕГН with check digit 10 written 0", egn_of(date(1975, 1, 1), 1), HIDDEN, ("egn",)),
    ("ЕГН announced, with a slip", "моето ЕГН е 7501010019", f"моето ЕГН е {HIDDEN}", ("egn",)),
    ("two ЕГН", f"{EGN} и {EGN}", f"{HIDDEN} и {HIDDEN}", ("egn",)),
    ("ЕГН and a phone", f"{EGN} 0888 123 456", f"{HIDDEN} 0888 123 456", ("egn",)),
    ("a phone and ЕГН", f"+359888123456 {EGN}", f"+359888123456 {HIDDEN}", ("egn",)),
    ("a card alone", CARD, HIDDEN, ("card",)),
    ("a card in fours", "4111 1111 1111 1111", HIDDEN, ("card",)),
    ("a card with dashes", "4111-1111-1111-1111", HIDDEN, ("card",)),
    ("a card digit by digit", " ".join(CARD), HIDDEN, ("card",)),
    ("an American Express card", "3782 822463 10005", HIDDEN, ("card",)),
    ("a Diners card", "30569309025904", HIDDEN, ("card",)),
    ("an old card of 13 digits", "4222222222222", HIDDEN, ("card",)),
    ("a card of 19 digits", card_of("601100099013942456"), HIDDEN, ("card",)),
    ("a card and a phone", "4111 1111 1111 1111, 0888123456", f"{HIDDEN}, 0888123456", ("card",)),
    ("a card in two scripts", "٤١١١ 1111 1111 1111", HIDDEN, ("card",)),
    ("IBAN alone", IBAN, HIDDEN, ("iban",)),
    ("IBAN in fours", "IBAN: BG80 BNBG 9661 1020 3456 78.", f"IBAN: {HIDDEN}.", ("iban",)),
    ("IBAN in small letters", "bg80 bnbg 9661 1020 3456 78", HIDDEN, ("iban",)),
    ("IBAN with Cyrillic letters", "ВG80 ВNВG 9661 1020 3456 78", HIDDEN, ("iban",)),
    ("IBAN glued to its name", f"IBAN{IBAN}", f"IBAN{HIDDEN}", ("iban",)),
    ("a German IBAN", "DE89 3704 0044 0532 0130 00", HIDDEN, ("iban",)),
    ("a British IBAN", "GB29NWBK60161331926819", HIDDEN, ("iban",)),
    ("a Romanian IBAN", "RO49AAAA1B31007593840000", HIDDEN, ("iban",)),
    ("identity card", "лична карта № 123456789", f"лична карта № {HIDDEN}", ("id_card",)),
    ("identity card, in a sentence", "Личната ми карта е с номер 123 456 789", f"Личната ми карта е с номер {HIDDEN}",
     ("id_card",)),
    ("identity card, abbreviated", "Л.К. 123456789", f"Л.К. {HIDDEN}", ("id_card",)),
    ("identity card of the new kind", "лк AA1234567", f"лк {HIDDEN}", ("id_card",)),
    ("passport", "паспорт 123456789", f"паспорт {HIDDEN}", ("id_card",)),
    ("everything", f"{EGN}; {CARD}; {IBAN}; лк 123456789", f"{HIDDEN}; {HIDDEN}; {HIDDEN}; лк {HIDDEN}",
     ("egn", "card", "iban", "id_card")),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "kept", "kinds"), [row[1:] for row in HIDES], ids=[row[0] for row in HIDES])
def test_numbers_that_must_not_be_held_are_hidden(typed: str, kept: str, kinds: tuple[str, ...]) -> None:
    """However they are separated, in whatever digits, and the rest of the message stays."""
    assert hide_numbers(typed) == (kept, kinds)


KEEPS = [
    ("nothing", ""),
    ("words", "Искам да се запиша за курса"),
    ("a mobile as people write it", "0888 123 456"),
    ("a mobile with a slash", "0888/123-456"),
    ("a mobile in pairs", "0 88 81 23 45 6"),
    ("a mobile with its country", "+359 88 812 3456"),
    ("a mobile with 00", "00359888123456"),
    ("a mobile with (0)", "+359 (0)888 123 456"),
    ("a mobile with its country and no plus", "359 888 123 456"),
    ("several mobiles", "0888123456 0899123456 0877123456 0988123456"),
    ("a mobile after a block's number", "бл. 23 вх. 4 0887 654 321"),
    ("a landline", "094 600 123"),
    ("a foreign phone", "+44 7512 105678"),
    ("ЕГН with a wrong digit", "7501010019"),
    ("ЕГН of a day that never was", "7502300000"),
    ("a card with a wrong digit", "4111 1111 1111 1112"),
    ("IBAN with a wrong digit", "BG81 BNBG 9661 1020 3456 78"),
    ("the project's numbers", "BG05M9OP001-2.056-0025-C01, BG05M9OP001-2.056-0025-2014BG05M2OP001-C01"),
    ("a sum", "1 589 270,65 лв."),
    ("a date and an hour", "на 12.05.2023 17:30"),
    ("a date and an hour that pass for ЕГН", "12.05.2023 13"),
    ("a date written from its year", "2023-05-12 17:30"),
    ("digits in a longer number", f"1{EGN}"),
    ("nine digits that nobody announced", "123456789"),
    ("a phone in place of ЕГН", "вместо ЕГН: 0888123456"),
    ("a phone beside the words identity card", "Забравих си личната карта, тел. 094 600 123"),
    ("zeros", "0000000000 0000000000000000"),
    ("a long number", "9" * 40),
    ("a class", "3 а клас, 2 деца"),
]


@pytest.mark.parametrize("typed", [row[1] for row in KEEPS], ids=[row[0] for row in KEEPS])
def test_everything_else_is_left_as_it_was(typed: str) -> None:
    """A phone above all: who loses it loses the person."""
    assert hide_numbers(typed) == (typed, ())


SEPARATORS = st.sampled_from(["", " ", "-", "–", "\u00a0", "\u200b", "\u2060", " - "])


@given(EGNS, st.data())
def test_every_egn_is_hidden_however_it_is_separated(egn: str, data: st.DataObject) -> None:
    """Any birthday of 150 years, any separators between any digits."""
    typed = egn[0] + "".join(data.draw(SEPARATORS) + digit for digit in egn[1:])
    assert is_egn(egn)
    assert hide_numbers(f"аз съм {typed}!") == (f"аз съм {HIDDEN}!", ("egn",))


@given(EGNS, st.integers(1, 9))
def test_an_egn_with_another_check_digit_is_none(egn: str, more: int) -> None:
    """Ten digits that nobody announced and that do not add up may be anything."""
    wrong = egn[:9] + str((int(egn[9]) + more) % 10)
    assert hide_numbers(wrong) == (wrong, ())


@given(CARDS.filter(lambda card: not re.search("0(8[789]|98|99)|359", card)), st.data())
def test_every_card_is_hidden_however_it_is_separated(card: str, data: st.DataObject) -> None:
    """13 to 19 digits; a mobile within goes first. Where a shorter number passes too, a few digits remain at an end."""
    typed = card[0] + "".join(data.draw(SEPARATORS) + digit for digit in card[1:])
    kept, kinds = hide_numbers(typed)
    assert "card" in kinds
    assert sum(letter.isdigit() for letter in kept) <= 6


@given(CARDS)
def test_a_card_in_one_piece_leaves_nothing(card: str) -> None:
    """The usual way to paste it."""
    assert hide_numbers(card) == (HIDDEN, ("card",))


@given(PHONES, st.sampled_from(["0", "+359", "00359", "+359 ", "+359 0", "00359 ", "+3590"]), st.data())
def test_no_mobile_is_ever_hidden(phone: str, country: str, data: st.DataObject) -> None:
    """In every way to group its digits, alone and in a sentence with a house number and an age."""
    cuts = sorted(data.draw(st.sets(st.integers(1, 8), max_size=4)))
    groups = [phone[a:b] for a, b in zip([0, *cuts], [*cuts, 9], strict=True)]
    typed = country + data.draw(st.sampled_from([" ", "-", "/", ".", ""])).join(groups)
    assert hide_numbers(typed) == (typed, ())
    assert hide_numbers(f"Тел: {typed}, на 34 години") == (f"Тел: {typed}, на 34 години", ())


@given(st.lists(PHONES.map("0{}".format), min_size=2, max_size=5))
def test_a_list_of_mobiles_stays_whole(phones: list[str]) -> None:
    """No number is found over the seam of two phones."""
    typed = " ".join(phones)
    assert hide_numbers(typed) == (typed, ())


@given(st.text(alphabet=st.sampled_from("0123456789 -.\u200bBGВ٣аlк№"), max_size=60))
def test_hiding_twice_finds_nothing_more_in_one_piece(text: str) -> None:
    """Whatever the text, it comes back, and no ЕГН in one piece remains."""
    kept, _ = hide_numbers(text)
    assert not [word for word in kept.split() if len(word) == 10 and word.isascii() and word.isdigit() and is_egn(word)]


ORDINARY = "Здравейте, искам да се запиша за курса. Телефонът ми е 0888 123 456, уча в 3 клас. "
HOSTILE = [
    ("digits", "1" * 10_000),
    ("single digits", "1 " * 5_000),
    ("single digits of cards", "4 " * 5_000),
    ("pairs", "12 " * 3_300),
    ("phones", "0888123456 " * 900),
    ("dates", "1.1.2001 " * 1_100),
    ("beginnings of IBAN", "BG11 " * 2_000),
    ("beginnings of IBAN in one piece", "BG11" * 2_500),
    ("announcements", "лична карта " * 830),
    ("abbreviations", "л к " * 2_500),
    ("ЕГН without digits", "егн " * 2_500),
    ("spaces", " " * 10_000),
    ("a digit and spaces", "1" + " " * 9_998 + "1"),
    ("letters", "а" * 10_000),
    ("Arabic digits", "١ " * 5_000),
]


def cost(text: str) -> float:
    """Seconds of processor time to hide the numbers in it, the best of five."""
    took = []
    for _ in range(5):
        began = time.process_time()
        hide_numbers(text)
        took.append(time.process_time() - began)
    return min(took)


def test_ten_thousand_letters_take_milliseconds() -> None:
    """Ordinary words with phones in them: the limit is three times what a slow machine was seen to need."""
    assert cost((ORDINARY * 200)[:10_000]) < 0.012


@pytest.mark.parametrize("text", [row[1] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_no_text_is_catastrophic(text: str) -> None:
    """Hostile text costs no more than a small multiple of ordinary text,
    since nothing is read more than a few times."""
    assert cost(text) < 0.1


STOPS = [
    "СТОП", "Стоп", "стоп", "STOP", "stop", "Stop!", "стоп!", "„Стоп“", "«СТОП»", '"stop"', "стоп.", "СТОП!!!",
    " стоп ",
    "🛑 СТОП 🛑", "С Т О П", "с.т.о.п", "стооооп", "стопппп", "стоп стоп стоп", "Стоп, моля", "моля спрете", "спри",
    "Спри!", "СПРЕТЕ", "спрете", "spri", "sprete", "откажи", "Откажи.", "откажете", "otkaji", "otkazhi", "otkaži",
    "отказвам се", "Отказвам се!", "ОТКАЗВАМ  СЕ", "отказвам\nсе", "otkazvam se", "Otkazwam se", "/stop", "/STOP",
    "/stop@MostVidinBot", "/стоп", "CTOП", "СТOП", "CТОП", "STOП", "SТОП", "cтоп", "стoп", "cпpи", "oткaжи",
    "отказвам cе", "отказвам ce", "с\u200bт\u200bо\u200bп", "\u202eстоп", "ＳＴＯＰ", "сто\u0301п", "ačh",
    "Ačh!", "ачш",
    "Ачш!", "ачх",
]  # fmt: skip


@pytest.mark.parametrize("typed", STOPS)
def test_stop_is_understood_in_every_spelling(typed: str) -> None:
    """Withdrawal is as easy as consent."""
    assert is_stop(typed)


GOES_ON = [
    "", " ", "!", "🛑", "спирка", "стопанство", "не спирайте", "не спри", "стопанка", "спортен", "Стоп, но после пак",
    "автобусна спирка Стоп", "стоп на насилието", "отказвам", "не се отказвам", "ще спра", "start", "/start",
    "/stopped", "топ", "сто", "s t", "CTO", "спри ток", "ах", "аз", "а ч ш а", "stopwatch", "пост",
    "стоп " + "а" * 500, "с" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("typed", GOES_ON)
def test_a_word_that_only_looks_like_stop_is_none(typed: str) -> None:
    """The whole message must say it."""
    assert not is_stop(typed)


CLEANED = [
    ("nothing to do", "Здравейте!", "Здравейте!"),
    ("two letters for й", "Маи\u0306ор", "Майор"),
    ("controls", "а\x00б\x1b[31mв\x7f", "аб[31mв"),
    ("new lines stay", "а\r\nб\rв\nг", "а\nб\nв\nг"),
    ("tabs", "а\tб", "а б"),
    ("zero-width letters", "Ви\u200bд\u2060и\ufeffн", "Видин"),
    ("direction overrides", "\u202eнидиВ\u202c \u2066а\u2069", "нидиВ а"),
    ("a lone surrogate", "а\ud83dб", "аб"),
    ("spaces around", " \n а \n ", "а"),
    ("a family", "👨‍👩‍👧", "👨‍👩‍👧"),
    ("a skin colour and a trade", "👩🏽‍🌾", "👩🏽‍🌾"),
    ("a heart in colour", "❤️", "❤️"),
    ("a heart on fire", "❤️‍🔥", "❤️‍🔥"),
    ("a keycap", "1️⃣", "1️⃣"),
    ("a flag", "🇧🇬", "🇧🇬"),
    ("a joiner between letters", "а\u200dб", "аб"),
    ("a joiner at the end", "👨\u200d", "👨"),
    ("a joiner at the beginning", "\u200d👨", "👨"),
    ("a colour on a letter", "а\ufe0fб", "аб"),
    ("tags that nobody sees", "а\U000e0041\U000e007fб", "аб"),
]


@pytest.mark.parametrize(("typed", "kept"), [row[1:] for row in CLEANED], ids=[row[0] for row in CLEANED])
def test_what_nobody_sees_is_not_kept(typed: str, kept: str) -> None:
    """What is seen stays, pictures of several parts too."""
    assert clean(typed) == kept


CUT = [
    ("between words", "едно две три", 9, "едно две"),
    ("at the end of a word", "едно две три", 8, "едно две"),
    ("at a new line", "едно\nдве три", 7, "едно"),
    ("one endless word", "а" * 20, 10, "а" * 10),
    ("an endless word after a short one", "да " + "а" * 20, 10, "да " + "а" * 7),
    ("not at all", "едно две три", 12, "едно две три"),
    ("within a family", "аааааа👨‍👩‍👧", 8, "аааааа👨"),
]


@pytest.mark.parametrize(("typed", "limit", "kept"), [row[1:] for row in CUT], ids=[row[0] for row in CUT])
def test_long_text_is_cut_between_words(typed: str, limit: int, kept: str) -> None:
    """Half a word is a puzzle to whoever reads it."""
    assert clean(typed, limit) == kept


@given(st.text(max_size=200), st.integers(1, 100))
def test_cleaning_keeps_to_its_promise(text: str, limit: int) -> None:
    """Never too long, always fit for a database, and clean text stays as it is."""
    kept = clean(text, limit)
    assert len(kept) <= limit
    assert kept.encode().decode() == kept
    assert "\x00" not in kept
    assert clean(kept, limit) == kept


INITIALS = [
    ("first and family name", "Мария Иванова", "М. И."),
    ("small letters", "мария иванова", "М. И."),
    ("three names", "Мария Петрова Иванова", "М. П. И."),
    ("one name", "Мария", "М."),
    ("a double name", "Анна-Мария Петкова", "А. П."),
    ("pictures and quotes", "🌸„Мария“ 🌸", "М."),
    ("Latin", "Ivan Ivanov", "I. I."),
    ("nothing", " 🌸 ", ""),
]


@pytest.mark.parametrize(("name", "shown"), [row[1:] for row in INITIALS], ids=[row[0] for row in INITIALS])
def test_initials_tell_only_the_person(name: str, shown: str) -> None:
    """Enough to know oneself by."""
    assert initials(name) == shown


def test_every_day_of_the_calendar_gives_an_egn() -> None:
    """Leap days and the ends of months included."""
    day = date(1999, 12, 1)
    while day < date(2001, 1, 31):
        assert is_egn(egn_of(day, 123)), day
        day += timedelta(days=1)
