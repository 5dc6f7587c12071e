"""Dates, times and lengths as people type them in Bulgarian, in Cyrillic or in Latin letters, and as we show them.

What cannot be read comes back as a value that says why; a number that fits nowhere spoils the whole and is not passed
over. The clock is given, in the programme's zone. Must know nothing of events, and never raise for what is typed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from bot.alphabets import fold

Why = Literal[
    "nothing",  # no date or time in it, or a number too many
    "no_such_day",  # 31.02, 32.11; days that contradict each other: „петък 25.11“ when that is a Wednesday
    "no_such_hour",  # 25:00, 10:75
    "skipped_hour",  # 03:30 in the night when the clock goes forward
    "past",
    "too_far",  # more than 400 days ahead
    "which_day",  # an hour alone; it comes with it
    "which_hour",  # a day alone; it comes with it
    "too_long",  # a length of more than 7 days
]

FARTHEST, LONGEST = timedelta(days=400), timedelta(days=7)
_DAY = timedelta(days=1)
_LAST_YEARS = timedelta(days=60)  # a date without a year that is past by more is meant for the next year


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read: a day, a local hour, or both."""

    day: date | None = None
    at: time | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Why there is no answer, and what could be read nevertheless."""

    why: Why
    day: date | None = None
    at: time | None = None


def read(typed: str, now: datetime) -> datetime | Unread:
    """The moment that is meant, in the zone of `now`; of an hour that autumn repeats, the first."""
    parts = read_parts(typed, now)
    if isinstance(parts, Unread):
        return parts
    if parts.day is None:
        return Unread("which_day", at=parts.at)
    if parts.at is None:
        return Unread("which_hour", day=parts.day)
    return join(parts.day, parts.at, now.tzinfo or UTC, now)


def read_parts(typed: str, now: datetime) -> Parts | Unread:
    """A day from today on, an hour, or both. An hour of today may be past: `join` says so."""
    text, today = re.sub(_RANGE, r"\1", _plain(typed)), now.date()
    found, rest = _numbers(text)
    days, clocks = list(_named_days(text, found, today)), found["clock"]
    weekdays = {n for n, names in enumerate(_WEEKDAYS) if re.search(rf"\b(?:{names})\b", text)}
    for match in found["dotted"]:
        if clocks or _is_day(match, days, weekdays, today):
            days.append(_dated(match, today))
        else:
            clocks.append(match)
    if len(clocks) > 1 or re.search(r"\d", rest):
        return Unread("nothing")
    at = _clock(clocks, text)
    if isinstance(at, Unread):
        return at
    if not (days or weekdays):
        return Parts(at=at) if at else Unread("nothing")
    day = _agreed(days, weekdays) if days else _next(weekdays, at, now, text)
    return (_out_of_reach(day, at, now) or Parts(day, at)) if day else Unread("no_such_day", at=at)


def join(day: date, at: time, zone: tzinfo, now: datetime) -> datetime | Unread:
    """That hour of that day on the clocks of a zone, if it is still to come."""
    if out := _out_of_reach(day, at, now):
        return out
    moment = datetime.combine(day, at, zone)
    instant = moment.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None):
        return Unread("skipped_hour", day=day)
    return moment if instant > now.astimezone(UTC) else Unread("past", day, at)


def length_of(typed: str) -> timedelta | Unread:
    """How long something takes. A day is 8 hours, and several days end 8 hours into the last.

    A number alone is hours up to 8 and minutes from 15 on; between them it could be either.
    """
    text = _plain(typed)
    match = next((found for pattern in _LENGTHS if (found := re.search(pattern, text))), None)
    if match is None or re.search(r"\d", text[: match.start()] + text[match.end() :]):
        return Unread("nothing")
    length = _length(match.groupdict())
    if length > LONGEST:
        return Unread("too_long")
    return length if length > timedelta() else Unread("nothing")


# --- showing a moment ------------------------------------------------------------------------------------------------

_NEAR = {0: "днес", 1: "утре"}
_NAMES = ("понеделник", "вторник", "сряда", "четвъртък", "петък", "събота", "неделя")
_SHORT = ("пн", "вт", "ср", "чт", "пт", "сб", "нд")


def days(now: datetime, count: int = 6) -> list[date]:
    """The next days, for buttons. From 17:00 on today is none of them."""
    first = now.date() if now.time() < time(17) else now.date() + _DAY
    return [first + n * _DAY for n in range(count)]


def day_label(day: date, now: datetime) -> str:
    """„днес, вт 24.11“, „утре, ср 25.11“, „чт 26.11“."""
    near = _NEAR.get((day - now.date()).days)
    return (f"{near}, " if near else "") + f"{_SHORT[day.weekday()]} {day:%d.%m}"


def full(at: datetime, now: datetime) -> str:
    """„сряда, 25.11, 17:30 (утре)“, with the year where it is another one. Both in the programme's zone."""
    near, year = _NEAR.get((at.date() - now.date()).days), "" if at.year == now.year else f".{at.year}"
    return f"{_NAMES[at.weekday()]}, {at:%d.%m}{year}, {at.hour}:{at:%M}" + (f" ({near})" if near else "")


# --- words and numbers: everything below reads folded text, in small Latin letters -----------------------------------

_RESPELT = (
    (r"[-–—‑]", "-"),
    (r"(?<![\d.:/,])(\d\d?),(\d\d?)(?![\d.:/,])", r"\1.\2"),
    (r"\.(?!\d)|(?<!\d)\.", " "),
    (r"[^\w\s.:/-]", " ; "),  # so that numbers on both sides of a comma stay apart
    (r"\s+", " "),
    (r"\b4(?=as|et)", "ch"),
    (r"\bpolovin chas\b", "30 min"),
    (r"\bpolovin den\b", "4 chasa"),
    (r"\bpolovina\b", "30"),
    (r"\bchetv[auy]rt\b", "15"),
    (r"(?<!\d )\bchas i 30\b", "90 min"),
    (r"\bsled (?=(?:den|sedmitsa)\b)", "sled 1 "),
)
_RANGE = r"(?<![\d.:/-])(\d\d?(?:([:.])\d\d)?) ?(?:-|do) ?\d\d?(?(2)\2\d\d)(?![\d.:/-])"  # only its beginning counts
_MONTHS = (
    "(?:ya|zha)n(?:u|uari)?", "fev(?:r|ruari)?", "mart?", "apr(?:il)?", "ma[yi]", "uni|(?:y|zh|i)uni?",
    "uli|(?:y|zh|i)uli?", "avg(?:ust)?", "sep(?:t|temvri)?", "okt(?:omvri)?", "no(?:e|em|emvri|v)", "dek(?:emvri)?",
)  # fmt: skip
_WEEKDAYS = (
    "pn|pon|poned|ponedelnik", "vt|vto|vtornik", "sr|sre|srya|sr(?:e|ya|ia|zha)da", "cht|chetv?|chetv[auy]rt[auy]k",
    r"pt|pet[auy]k|pet(?= \d)", "sb|s[auy]b|s[auy]bota", "nd|ned|nedel(?:ya|ia|zha|a)",
)  # fmt: skip
_DAYS_AHEAD = {"vchera": -1, "dnes|dovechera|tazi (?:sutrin|vecher)": 0, "utre": 1, "v?drugi ?den": 2}
_OTHER_WEEK = r"\b(?:drugata|sledvashtata) sedmitsa\b"
_OTHER = r"\b(?:drug|sledvasht)(?:iat?|ata|i|a)\b(?! ?den\b)"
# Words, the first of the twelve hours that they go with, and what they mean alone. „12 вечерта“ stays a 24: people
# disagree on the day that midnight belongs to.
_PARTS_OF_DAY: tuple[tuple[str, int, time | None], ...] = (
    (r"\bpolunosht", 0, time(0)),
    (r"\bsled ?ob(?:ed|yad)", 12, None),
    (r"\bsutri|\bpred(?:i )?ob(?:ed|yad)", 0, None),
    (r"\bob(?:ed|yad)", 10, time(12)),
    (r"vecher(?:t?a)?\b", 13, None),
    (r"\bnosht", -3, None),
)
# Where a number begins and ends; „след 2 часа“ is no hour. „ч“ behind one.
_L, _R, _H = r"(?<![\w.:/])(?<!\bsled )", r"(?![\w.:/])", r" ?(?:ch(?:as[a-z]*)?|h)(?![a-z])"
# In this order: each takes its numbers out of the text, so that the next cannot read them another way.
_NUMBERS = (
    ("date", rf"{_L}(?P<day>\d\d?)([./-])(?P<month>\d\d?)\2(?P<year>(?:20)?\d\d)(?:g\b)?{_R}"),
    ("date", rf"{_L}(?P<day>\d\d?)/(?P<month>\d\d?){_R}"),
    ("date", rf"{_L}(?P<day>\d\d?)(?:-?[vrtm]i)? ?(?P<name>{'|'.join(_MONTHS)})\b(?: (?P<year>20\d\d)(?:g\b)?{_R})?"),
    ("date", rf"{_L}(?P<day>\d\d?)-?[vrtm]i\b"),
    ("ahead", r"\bsled (?P<count>\d{1,4}) (?P<unit>den|dni|sedmits[ai])\b"),
    ("clock", rf"{_L}(?P<hour>\d\d?):(?P<minute>\d\d)(?::\d\d)?(?![\d.:/])"),
    ("clock", rf"\bv(?:av)? (?P<hour>\d\d?)\.(?P<minute>\d\d){_R}"),
    ("clock", rf"{_L}(?P<hour>\d\d?)\.(?P<minute>\d\d){_H}"),
    ("clock", rf"{_L}(?P<hour>\d\d?){_H}(?: ?(?:i )?(?P<minute>\d\d?)(?: ?m(?:in[a-z]*)?)?{_R})?"),
    ("clock", rf"{_L}(?P<hour>\d\d?)(?: bez (?P<less>\d\d?)|(?: (?:i )?)?(?P<minute>\d\d))?{_R}"),
    ("dotted", rf"{_L}(?P<day>(?P<hour>\d\d?))\.(?P<month>(?P<minute>\d\d?)){_R}"),
)
_LENGTHS = (
    rf"{_L}(?P<hours>\d\d?):(?P<minutes>[0-5]\d){_R}",
    rf"(?:{_L}(?P<days>\d{{1,4}}) ?|\b)(?P<day>den|dni)\b",
    rf"(?:{_L}(?P<hours>\d{{1,4}}(?:\.\d\d?)?)|\b(?=chas\b)){_H}(?: ?(?:i )?(?P<minutes>\d\d?)(?: ?m[a-z]*)?{_R})?",
    rf"{_L}(?P<hours>\d\d?) i (?P<minutes>[0-5]\d){_R}",
    rf"{_L}(?P<minutes>\d{{1,5}}) ?m(?:in[a-z]*)?\b",
    rf"{_L}(?P<bare>\d{{1,3}}){_R}",
)
_DIAL, _HOURS, _EITHER = 12, range(9), range(9, 15)  # of a length: what a number alone counts, if anything
_Match = re.Match[str]


def _plain(typed: str) -> str:
    text = fold(typed[:200].replace("½", " и половина"))
    for pattern, instead in _RESPELT:
        text = re.sub(pattern, instead, text)
    return text


def _numbers(text: str) -> tuple[Mapping[str, list[_Match]], str]:
    """What each number is, and the text without them."""
    found: dict[str, list[_Match]] = defaultdict(list)
    for kind, pattern in _NUMBERS:
        found[kind] += re.finditer(pattern, text)
        text = re.sub(pattern, " ; ", text)
    return found, text


def _named_days(text: str, found: Mapping[str, list[_Match]], today: date) -> Iterator[date | None]:
    """Every day that is named in itself; None for one that does not exist."""
    yield from (_dated(match, today) for match in found["date"])
    yield from (today + n * _DAY for words, n in _DAYS_AHEAD.items() if re.search(rf"\b(?:{words})\b", text))
    for match in found["ahead"]:
        yield today + int(match["count"]) * (7 if match["unit"].startswith("s") else 1) * _DAY


def _dated(match: _Match, today: date) -> date | None:
    """The day, or None where there is no such day. Without a month it is the next of that number."""
    said = match.groupdict()
    day, month, year = int(said["day"]), int(said.get("month") or -1), said.get("year")
    if name := said.get("name"):
        month = next(n for n, names in enumerate(_MONTHS, 1) if re.fullmatch(names, name))
    first = date(int(f"20{year}"[-4:]), 1, 1) if year else max(today - _LAST_YEARS, date(today.year, 1, 1))
    first = first if month >= 0 else today
    ahead = (first + n * _DAY for n in range(366))
    return next((one for one in ahead if one.day == day and (month < 0 or one.month == month)), None)


def _is_day(match: _Match, days: Sequence[date | None], weekdays: set[int], today: date) -> bool:
    """Whether „10.12“ without another hour is a day: alone if it can be one, beside a day only if it is that day."""
    day, alone = _dated(match, today), not days and not weekdays
    is_hour = re.fullmatch(r"(?:[01]?\d|2[0-3])\.[0-5]\d", match[0]) is not None
    if day is None:
        return alone and not is_hour
    return alone or not is_hour or (day >= today and _agreed([*days, day], weekdays) is not None)


def _agreed(days: Sequence[date | None], weekdays: set[int]) -> date | None:
    """The day that all of them are."""
    one = days[0]
    return one if one is not None and set(days) == {one} and weekdays <= {one.weekday()} else None


def _next(weekdays: set[int], at: time | None, now: datetime, text: str) -> date | None:
    """The next such day, today only if the hour is ahead. „Другия“ is a week later than the first from today on."""
    if len(weekdays) > 1:
        return None
    ahead = (min(weekdays) - now.weekday()) % 7
    if re.search(_OTHER_WEEK, text):
        ahead = 7 + min(weekdays) - now.weekday()
    elif re.search(_OTHER, text) or (ahead == 0 and (at is None or at <= now.time())):
        ahead += 7
    return now.date() + ahead * _DAY


def _out_of_reach(day: date, at: time | None, now: datetime) -> Unread | None:
    if day < now.date():
        return Unread("past", day, at)
    return Unread("too_far", day, at) if day - now.date() > FARTHEST else None


def _clock(clocks: Sequence[_Match], text: str) -> time | Unread | None:
    _, first, alone = next((row for row in _PARTS_OF_DAY if re.search(row[0], text)), ("", None, None))
    if not clocks:
        return alone
    said = clocks[0].groupdict(default="0")
    hour, minute, less = _hour(int(said["hour"]), first), int(said.get("minute", 0)), int(said.get("less", 0))
    try:
        return time(hour - 1, 60 - less) if less else time(hour, minute)
    except ValueError:
        return Unread("no_such_hour")


def _hour(hour: int, first: int | None) -> int:
    """Of the hours that look the same on a dial, the one in the twelve from `first` on: „5 следобед“ is 17."""
    if first is None or hour > _DIAL:
        return hour
    hour = first + (hour - first) % _DIAL
    return hour if hour >= 0 else hour + 24


def _length(said: Mapping[str, str | None]) -> timedelta:
    if "day" in said:
        return (int(said["days"] or 1) - 1) * _DAY + timedelta(hours=8)
    if bare := int(said.get("bare") or 0):
        return timedelta(hours=bare) if bare in _HOURS else timedelta(minutes=bare if bare not in _EITHER else 0)
    hours = float(said.get("hours", "0") or 1)  # no number: „час“
    return timedelta(minutes=round(hours * 60) + int(said.get("minutes") or 0))
