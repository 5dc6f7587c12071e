"""What people type and what we log, without what we must never hold: ЕГН, cards, bank accounts, tokens, phones.

Every text passes here before anything keeps it. Must be pure and quick on hostile text, must never log, and must never
take a Bulgarian mobile number for an ЕГН or a card: a lost phone is a lost person.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from operator import mul

from bot.alphabets import INVISIBLE, fold, read_look_alikes

HIDDEN = "[скрито]"

# --- numbers ---------------------------------------------------------------------------------------------------------

# What people and keyboards put between digits. Five in a row at most: a longer gap separates two numbers.
_GAP = (
    r"[\s\-‐-―−./·_()\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\u20e3]"
    r"{0,5}"
)
_RUN = re.compile(rf"[0-9](?:{_GAP}[0-9])*")
_GROUP = re.compile(r"[0-9]+")
_DATE = re.compile(
    r"(?<![0-9])(?:(?:0?[1-9]|[12][0-9]|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)[0-9]{2}|20[0-9]{2}-[01][0-9]-[0-3][0-9])"
    r"(?![0-9])"
)
_PHONE = re.compile(r"(?=((?:0|003590?|3590?)(?:8[789]|98|99)[0-9]{7}))")
_PHONE_GROUPS = 8  # "0 88 81 23 45 6"; a card typed digit by digit has more
_LONGEST_PHONE = 15  # E.164
_EGN = re.compile(r"(?=([0-9]{2}(?:[024][1-9]|[135][0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{4}))")
_EGN_LENGTH = 10
_EGN_WEIGHTS = (2, 4, 8, 5, 10, 9, 7, 3, 6)
_CARD_LENGTHS = (16, 15, 19, 18, 17, 14, 13)  # the commonest first: windows over two numbers may also pass Luhn
_ONCE = bytes.maketrans(b"0123456789", bytes(range(10)))
_TWICE = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))

_IBAN_LETTER = "[A-Za-zАВЕЅІЈКМНОРСТУХавеѕіјкмнорстух]"
_IBAN_START = re.compile(
    rf"(?:(?<![^\W_])|(?<=IBAN)|(?<=iban))({_IBAN_LETTER}){_GAP}({_IBAN_LETTER}){_GAP}[0-9]{_GAP}[0-9]"
)
_IBAN_LETTERS = str.maketrans("АВЕЅІЈКМНОРСТУХавеѕіјкмнорстух", "ABESIJKMHOPCTYXABESIJKMHOPCTYX")
_IBAN_VALUES = str.maketrans({chr(ord("A") + i): str(10 + i) for i in range(26)})
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI NL", 19: "MK SI", 20: "AT BA EE LT LU XK", 21: "CH HR LI LV",
        22: "BG DE GB GE IE ME RS", 23: "AE GI IL", 24: "AD CZ ES MD RO SE SK", 25: "PT", 26: "IS TR",
        27: "FR GR IT MC SM", 28: "AL AZ CY HU PL", 29: "UA", 31: "MT",
    }.items()
    for country in countries.split()
}  # fmt: skip

# Said in words, a number is hidden even when its check digit is wrong: a slip of the finger reveals nearly as much.
_ANNOUNCED = (
    (
        "egn",
        re.compile(
            rf"(?<!\w)(?:е\.?\s?г\.?\s?н|egn)[^0-9\n]{{0,20}}([0-9](?:{_GAP}[0-9]){{9}})(?!{_GAP}[0-9])", re.IGNORECASE
        ),
    ),
    (
        "id_card",
        re.compile(
            r"(?:личн\w{0,4}\s{1,3}(?:\w{1,5}\s{1,3})?карт\w{0,3}|(?<!\w)л\.?\s?к\.?(?!\w)|паспорт\w{0,2}|lichna\s{1,3}karta)"
            rf"[^0-9\n]{{0,30}}?((?:(?-i:[A-ZАВЕКМНОРСТУХ]{{2}})\s?[0-9](?:{_GAP}[0-9]){{6}}|[0-9](?:{_GAP}[0-9]){{8}}))"
            rf"(?!{_GAP}[0-9])",
            re.IGNORECASE,
        ),
    ),
)
_SAYS_PHONE = re.compile(r"тел|гсм|жсм|gsm|tel", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    kind: str


def hide_numbers(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with each ЕГН, card, IBAN and announced identity-card number as "[скрито]", and the kinds found.

    Kinds are "egn", "card", "iban" and "id_card", each once, in the order of appearance.
    """
    if not any(map(str.isnumeric, text)):  # most of what people say, and this stands on the way of every message
        return text, ()
    plain = _plain(text)
    found = sorted((*_ibans(plain), *_announced(plain), *_in_runs(plain)), key=lambda f: (f.start, -f.end))
    out: list[str] = []
    kinds: dict[str, None] = {}
    done = 0
    for one in found:
        if one.start >= done:
            out += (text[done : one.start], HIDDEN)
            kinds[one.kind] = None
            done = one.end
    return "".join((*out, text[done:])), tuple(kinds)


def _plain(text: str) -> str:
    """The same length, with every digit of the world and every full-width letter as ASCII."""
    if text.isascii():
        return text
    table: dict[int, str] = {}
    for letter in set(text):
        simple = str(unicodedata.digit(letter)) if letter.isdigit() else unicodedata.normalize("NFKC", letter)
        if len(simple) == 1 and simple.isascii():
            table[ord(letter)] = simple
    return text.translate(table)


@dataclass(frozen=True, slots=True)
class _Run:
    """Digits that may belong together. A number begins where a typed group begins, and ends where one ends."""

    digits: str
    begins: dict[int, int]  # where each group begins: its place among the digits → its place in the text
    ends: dict[int, int]

    def holds(self, begin: int, length: int) -> bool:
        return begin in self.begins and begin + length in self.ends


def _in_runs(plain: str) -> Iterator[_Found]:
    dated = {group.start() for day in _DATE.finditer(plain) for group in _GROUP.finditer(plain, *day.span())}
    for match in _RUN.finditer(plain):
        if match.end() - match.start() < _EGN_LENGTH:
            continue
        groups = [group.span() for group in _GROUP.finditer(plain, *match.span())]
        ends = list(accumulate(end - start for start, end in groups))
        size = ends[-1]
        foreign_phone = plain[match.start() - 1 : match.start()] == "+" and size <= _LONGEST_PHONE
        endless = len(groups) == 1 and size > _CARD_LENGTHS[2]
        if size >= _EGN_LENGTH and not foreign_phone and not endless:
            begins = {begin: start for begin, (start, _) in zip((0, *ends), groups, strict=False)}
            digits = "".join(plain[start:end] for start, end in groups)
            run = _Run(digits, begins, {at: end for at, (_, end) in zip(ends, groups, strict=True)})
            yield from _numbers(run, dated)


def _numbers(run: _Run, dated: set[int]) -> Iterator[_Found]:
    """Every ЕГН and card, from left to right, never in a phone or a date."""
    hits = sorted((*_cards(run), *_egns(run)))
    if not hits:
        return
    taken = bytearray(len(run.digits))
    for begin, start in run.begins.items():
        if start in dated:
            taken[begin] = 1
    for begin, end in _phones(run):
        taken[begin:end] = b"\1" * (end - begin)
    for begin, _, length, kind in hits:
        if 1 not in taken[begin : begin + length]:
            taken[begin : begin + length] = b"\1" * length
            yield _Found(run.begins[begin], run.ends[begin + length], kind)


def _phones(run: _Run) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(run.digits):
        begin, end = match.span(1)
        alone = begin == 0 or match[1][0] == "0"  # without + or 00 the country counts only at the very beginning
        groups = sum(at in run.begins for at in range(begin, end))
        if alone and groups <= _PHONE_GROUPS and run.holds(begin, end - begin):
            yield begin, end


def _cards(run: _Run) -> Iterator[tuple[int, int, int, str]]:
    """Windows that pass Luhn's check: (begin, rank, length, kind)."""
    if len(run.digits) < min(_CARD_LENGTHS):
        return
    once, twice = run.digits.encode().translate(_ONCE), run.digits.encode().translate(_TWICE)
    mixed = (bytearray(once), bytearray(twice))  # odd places doubled, even places doubled
    mixed[0][1::2], mixed[1][1::2] = twice[1::2], once[1::2]
    sums = [list(accumulate(values, initial=0)) for values in mixed]
    ends, begins = run.ends, [begin for begin in run.begins if run.digits[begin] in "23456"]
    for rank, length in enumerate(_CARD_LENGTHS):
        for begin in begins:
            end = begin + length
            if end in ends:
                total = sums[1 - end % 2]  # the last digit, at end - 1, is never doubled
                if not (total[end] - total[begin]) % 10:
                    yield begin, rank, length, "card"


def _egns(run: _Run) -> Iterator[tuple[int, int, int, str]]:
    for match in _EGN.finditer(run.digits):
        if run.holds(match.start(), _EGN_LENGTH) and is_egn(match[1]):
            yield match.start(), len(_CARD_LENGTHS), _EGN_LENGTH, "egn"


def is_egn(digits: str) -> bool:
    """Whether ten ASCII digits are a Bulgarian personal number: a date (months also +20 and +40) and a check digit."""
    if sum(map(mul, _EGN_WEIGHTS, map(int, digits))) % 11 % 10 != int(digits[9]):
        return False
    month = int(digits[2:4])
    century, offset = {0: (1900, 0), 1: (1800, 20), 2: (2000, 40)}.get((month - 1) // 20, (1900, 0))
    try:
        date(century + int(digits[:2]), month - offset, int(digits[4:6]))
    except ValueError:
        return False
    return True


def _announced(plain: str) -> Iterator[_Found]:
    for kind, pattern in _ANNOUNCED:
        for match in pattern.finditer(plain):
            start, end = match.span(match.lastindex or 0)
            digits = "".join(_GROUP.findall(plain, start, end))
            phone = _PHONE.match(digits) or (digits[0] == "0" and _SAYS_PHONE.search(match[0]))
            if not phone:
                yield _Found(start, end, kind)


def _ibans(plain: str) -> Iterator[_Found]:
    starts = [match for match in _IBAN_START.finditer(plain) if _country(match) in _IBAN_LENGTHS]
    if not starts:
        return
    places = [place for place, letter in enumerate(plain) if letter.isalnum()]
    code = "".join(plain[place] for place in places).translate(_IBAN_LETTERS).upper()
    done = 0
    for match in starts:
        at = bisect_left(places, match.start())
        length = _IBAN_LENGTHS[_country(match)]
        if match.start() >= done and _is_iban(code[at : at + length], length):
            done = places[at + length - 1] + 1
            yield _Found(match.start(), done, "iban")


def _country(match: re.Match[str]) -> str:
    return (match[1] + match[2]).translate(_IBAN_LETTERS).upper()


def _is_iban(code: str, length: int) -> bool:
    number = (code[4:] + code[:4]).translate(_IBAN_VALUES)
    return len(code) == length and number.isascii() and number.isdigit() and int(number) % 97 == 1


# --- words -----------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+")
_REPEATED = re.compile(r"(.)\1+")
_LONGEST_STOP = 400  # invisible letters and exclamation marks included
_POLITE = frozenset(("molya", "molia"))


def is_stop(text: str) -> bool:
    """Whether the whole message asks us to write no more: „СТОП“, "spri", „отказвам се“, "CTOП" in any letters."""
    if len(text) > _LONGEST_STOP:
        return False
    typed = re.sub(r"^\s*/stop@\w+", "стоп", text)
    return _says_stop(fold(typed)) or _says_stop(fold(read_look_alikes(typed.casefold(), everywhere=True)))


def _says_stop(folded: str) -> bool:
    words = [word for word in _WORD.findall(_REPEATED.sub(r"\1", folded)) if word not in _POLITE]
    spelled = "".join(words) if all(len(word) == 1 for word in words) else " ".join(words)
    return bool(words) and (spelled in _STOPS or _STOPS.issuperset(words))


_STOPS = frozenset(
    _REPEATED.sub(r"\1", fold(words))
    for words in ("стоп", "спри", "спрете", "откажи", "откажете", "отказвам се", "ačh", "ачш", "ачх", "ach")
)

_PICTURE = r"[©®‼⁉™ℹ\u2190-\u2bff〰〽㊗㊙\U0001f000-\U0001faff]"
_LOOSE_JOINER = re.compile(rf"(?<!{_PICTURE})(?<!{_PICTURE}\ufe0f)\u200d|\u200d(?!{_PICTURE})")
_LOOSE_COLOUR = re.compile(rf"(?<!{_PICTURE})(?<![0-9#*])\ufe0f")
_UNSEEN = {code: None for code in INVISIBLE if code not in (0x200D, 0xFE0F)}


def clean(text: str, limit: int = 1000) -> str:
    """What somebody typed, fit to keep: composed, no invisible or direction letters, at most `limit` characters.

    New lines stay, and so do pictures made of several (a family). Cut between two words where there are two.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    text = _LOOSE_JOINER.sub("", text.translate(_UNSEEN))
    return _cut(_LOOSE_COLOUR.sub("", text).strip(), limit)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[:limit]
    if not text[limit].isspace() and not head[-1:].isspace():
        words = head.rsplit(None, 1)[0]
        head = words if len(words) > limit // 2 else head  # one endless word is cut in the middle
    return head.rstrip().rstrip("\u200d\ufe0f")


def initials(name: str) -> str:
    """„Мария Иванова“ as „М. И.“: enough for a person to know themselves, too little for anybody else."""
    firsts = (next(filter(str.isalnum, part), "") for part in name.split())
    return " ".join(f"{first.upper()}." for first in firsts if first)


def short_name(name: str) -> str:
    """„Мария Иванова“ as „Мария И.“: a button is short, and may be read over a shoulder."""
    first, _, rest = name.strip().partition(" ")
    return f"{first} {initials(rest.rpartition(' ')[2])}".strip()


def masked(phone: str) -> str:
    """„+359888123456“ as „+359 88… 456“: enough to know a number by, too little to call it. Empty for none."""
    return f"{phone[:4]} {phone[4:6]}… {phone[-3:]}" if phone else ""


# --- logs ------------------------------------------------------------------------------------------------------------

_NAMED = "x-viber-auth-token|x-telegram-bot-api-secret-token|auth_token|secret_token|access_token|secret_key"
_SCRUBS = (
    (re.compile(r"(?<!\d)\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE), "[token]"),
    (re.compile(r"\bweb:[A-Za-z0-9_=-]{16,}"), "web:[token]"),
    (re.compile(r"(://)[^/\s:@'\"]*:[^/\s@'\"]+@"), r"\1[secret]@"),
    (re.compile(r"(https?://[^\s\"'<>?#]+)[?#][^\s\"'<>]*", re.IGNORECASE), r"\1?[hidden]"),
    (re.compile(r"(__(?:Host|Secure)-\w+=)[^;\s\"']+"), r"\1[cookie]"),
    (
        re.compile(r"((?:\bset-)?\bcookie[\"']?\s?(?:[:=]|(?<=[\"'])\s?,)\s?b?[\"']?)[^\"'\r\n]+", re.IGNORECASE),
        r"\1[cookie]",
    ),
    (re.compile(r"(\bauthorization[\"']?\s?[:=,]\s?b?[\"']?)[^\"'\r\n,]+", re.IGNORECASE), r"\1[secret]"),
    (
        re.compile(rf"((?:{_NAMED})[\"']?\s?(?:[:=]|(?<=[\"'])\s?,)\s?b?[\"']?)[^\"'\s,;&)}}\]]+", re.IGNORECASE),
        r"\1[secret]",
    ),
    (re.compile(r"(?:\+|%2B|(?<!\d)00)359(?:[ \u00a0()./-]{0,3}\d){7,10}(?!\d)", re.IGNORECASE), "[phone]"),
    (re.compile(r"(?<!\d)3590?(?:8[789]|9[89])\d{7}(?!\d)"), "[phone]"),
    (re.compile(r"(?<![\w.:-])0(?:[ \u00a0()/-]{0,2}[2-9])(?:[ \u00a0()/-]{0,2}\d){6,8}(?![\w:])"), "[phone]"),
    (re.compile(r"(?<!\d)0(?:8[789]|9[89])(?:[ \u00a0()./-]{0,2}\d){7}(?!\d)"), "[phone]"),
)


def scrub(text: str) -> str:
    """A log line without tokens, secrets, cookies, Bulgarian phones and what stands behind "?" in an address."""
    for pattern, instead in _SCRUBS:
        text = pattern.sub(instead, text)
    return text


class LogFilter(logging.Filter):
    """Scrubs each record's message, arguments, exception and stack before any formatter sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record through, changed in place."""
        record.__dict__.pop("color_message", None)  # uvicorn's second copy of the message
        record.args = _scrub_args(record.args)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # logging itself would print the arguments to stderr
            message = f"{record.msg} {record.args}"
            record.msg, record.args = scrub(message), ()
        if (scrubbed := scrub(message)) != message:
            record.msg, record.args = scrubbed, ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None  # formatters that show local variables must not get it
        record.exc_text = record.exc_text and scrub(record.exc_text)
        record.stack_info = record.stack_info and scrub(record.stack_info)
        return True


def _scrub_args(args: tuple[object, ...] | Mapping[str, object] | None) -> tuple[object, ...] | Mapping[str, object]:
    if isinstance(args, Mapping):
        return {key: _scrub_arg(value) for key, value in args.items()}
    return tuple(_scrub_arg(value) for value in args or ())


def _scrub_arg(value: object) -> object:
    """The value itself where it tells nothing, so that %d and %r still work; otherwise its scrubbed words."""
    if isinstance(value, int | float | None):
        return value
    shown, words = repr(value), str(value)
    if scrub(shown) == shown and scrub(words) == words:
        return value
    return scrub(words)
