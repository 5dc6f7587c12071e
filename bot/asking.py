"""Kinds of question that staff answer: when, how long, how many, which of many, where.

The same protocol as the questions of bot.chat: pure, so the time that it is now is given. What cannot be read comes
back with a hint that says why. Must never change what was typed: what is too long is asked again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot import when
from bot.chat import PAGE, Answer, Choice, Draft, Miss, Option, Reading, Said, Text, Withdraw, literal, words
from bot.messages import Incoming, Kind
from bot.texts import Label, Phrase, Words
from bot.when import Unread

HOURS = tuple(map(time.fromisoformat, ("09:00", "10:00", "11:00", "13:00", "14:00", "17:00", "17:30", "18:00")))
LOCAL = "%Y-%m-%dT%H:%M"  # how a moment is kept: by the local clock, to the minute
HINTS: Mapping[str, Phrase] = {
    "nothing": "asking.when",
    "no_such_day": "asking.no_such_day",
    "no_such_hour": "asking.no_such_hour",
    "skipped_hour": "asking.skipped_hour",
    "past": "asking.past",
    "too_far": "asking.too_far",
    "too_long": "asking.too_long",
}
_DAY = timedelta(days=1)
_HOUR, _WORKDAY = 60, 8 * 60  # in minutes


# --- when -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class When:
    """A day and an hour. The answer is local: "2026-11-25T17:30", or empty where `skip` was pressed.

    `now` is local too and only serves to read what is said. A draft is {"day": …} or {"at": …}, whichever is known.
    """

    prompt: Phrase
    now: datetime
    at: time | None = None  # the hour that is meant where only a day is said
    after: datetime | None = None  # local; it must be later than that
    skip: Label | None = None
    hours: Sequence[time] = HOURS  # for the buttons
    columns: int = 2
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        day, at = self._known(draft)
        if day:
            return words("asking.hour", day=literal(when.day_label(day, self.now)))
        return words("asking.day", at=clock(at)) if at else self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        day, at = self._known(draft)
        if day:
            return [_moment(day, hour, f"🕐 {clock(hour)}") for hour in self.hours if self._ahead(day, hour)]
        at = at or self.at
        shown = [one for one in self._days() if at is None or self._ahead(one, at)]
        days = [_moment(one, at, f"📅 {when.day_label(one, self.now)}") for one in shown]
        return [*days, Option("done", self.skip)] if self.skip else days

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if self.skip and (code == "done" or (not code and said.among([Option("done", self.skip)]))):
            return Answer("")
        day, at = self._known(draft)
        if code:
            return self._pressed(code, at)
        parts = when.read_parts(incoming.text if incoming.kind is Kind.TEXT else "", self.now)
        if isinstance(parts, Unread):
            return Miss(HINTS[parts.why])
        return self._settled(parts.day or day, parts.at or at, in_place=False)

    def _pressed(self, code: str, at: time | None) -> Reading:
        """A button holds all that it meant: also one of an older message, shown for another day, means that."""
        try:
            meant = datetime.fromisoformat(code)
        except ValueError:
            return Miss("miss.choose")
        return self._settled(meant.date(), meant.time() if "T" in code else at, in_place=True)

    def _settled(self, day: date | None, at: time | None, *, in_place: bool) -> Reading:
        if day is None:
            return Draft({"at": f"{at:%H:%M}"}, in_place) if at else Miss(HINTS["nothing"])
        at = at or self.at
        moment = when.join(day, at or time(23, 59), self.now.tzinfo or UTC, self.now)
        if isinstance(moment, Unread):
            return Miss(HINTS[moment.why])
        if self.after and moment <= self.after:
            return Miss(words("asking.after", when=literal(when.full(self.after, self.now))))
        return Answer(moment.strftime(LOCAL)) if at else Draft({"day": day.isoformat()}, in_place)

    def _known(self, draft: Any) -> tuple[date | None, time | None]:
        """What is there already. A day that has passed while the question lay there is not known any more."""
        known = draft or {}
        day = date.fromisoformat(known["day"]) if "day" in known else None
        at = time.fromisoformat(known["at"]) if "at" in known else None
        return (day if day and day >= self.now.date() else None), at

    def _days(self) -> Sequence[date]:
        if self.after is None:
            return when.days(self.now)
        return [self.after.date() + n * _DAY for n in range(1, 7)]

    def _ahead(self, day: date, at: time) -> bool:
        moment = when.join(day, at, self.now.tzinfo or UTC, self.now)
        return isinstance(moment, datetime) and (self.after is None or moment > self.after)


def _moment(day: date, at: time | None, label: str) -> Option:
    return Option(f"{day}T{at:%H:%M}" if at else f"{day}", literal(label))


def clock(at: time | datetime) -> str:
    """„9:00“, as hours are shown."""
    return f"{at.hour}:{at:%M}"


# --- how long, how many ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Length:
    """How long something takes, at most a week. The answer is minutes."""

    prompt: Phrase
    offers: Sequence[int]  # minutes
    columns: int = 2

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return [Option(str(minutes), words("asking.length_label", length=length(minutes))) for minutes in self.offers]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if code:
            return Answer(int(code)) if code in map(str, self.offers) else Miss("miss.choose")
        found = when.length_of(incoming.text if incoming.kind is Kind.TEXT else "")
        if isinstance(found, Unread):
            return Miss("asking.length" if found.why == "nothing" else HINTS[found.why])
        return Answer(int(found.total_seconds()) // 60)


def length(minutes: int) -> Words:
    """„45 мин“, „2 ч“, „1 ч 30 мин“, „2 дни“: several days end eight hours into the last of them."""
    days, rest = divmod(minutes, 24 * _HOUR)
    if days and rest == _WORKDAY:
        return words("asking.days", days=days + 1)
    hours, rest = divmod(minutes, _HOUR)
    if not hours:
        return words("asking.minutes", minutes=rest)
    return words("asking.hours_minutes", hours=hours, minutes=rest) if rest else words("asking.hours", hours=hours)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between two others. The answer is an int, or None where the button of `none` was pressed."""

    prompt: Phrase
    low: int
    high: int
    offers: Sequence[int] = ()
    none: Label | None = None
    columns: int = 3

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        offered = [Option(str(number), words("asking.number_label", number=number)) for number in self.offers]
        return [*offered, Option("done", self.none)] if self.none else offered

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if self.none and (code == "done" or (not code and said.among([Option("done", self.none)]))):
            return Answer(None)
        typed = code or (incoming.text if incoming.kind is Kind.TEXT else "")
        number = whole_number(typed)
        if number is None:
            return Miss("asking.number")
        if not self.low <= number <= self.high:
            return Miss(words("asking.range", low=self.low, high=self.high))
        return Answer(number)


def whole_number(typed: str) -> int | None:
    """The only number in typed words, with its sign: „25 души“, „1 000“, „−1“. None where there is none, or several."""
    joined = re.sub(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))", "", typed[:200])
    found = re.findall(r"([-−–]?)\s?(\d+(?:[.,:/]\d+)*)", joined)
    if len(found) != 1 or not found[0][1].isdigit() or len(found[0][1]) > 9:  # noqa: PLR2004  (no such number is meant)
        return None
    sign, digits = found[0]
    return -int(digits) if sign else int(digits)


@dataclass(frozen=True, slots=True)
class Slots:
    """How many appointments follow one another: a number, or the hour at which the last one ends. The answer is an int.

    `starts` is the local beginning of the first; all of them end on its day.
    """

    prompt: Phrase
    starts: datetime
    minutes: int  # of each
    most: int = 24
    offers: Sequence[int] = (3, 4, 6, 8, 10, 12)
    columns: int = 2

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        fitting = [n for n in self.offers if n <= self._room()] or [1]
        return [Option(str(n), words("asking.slots_label", number=n, until=clock(self._end(n)))) for n in fitting]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        typed = code or (incoming.text if incoming.kind is Kind.TEXT else "")
        number = int(typed) if re.fullmatch(r"\s*[0-9]{1,4}\s*", typed) else self._until(typed)
        if number is None:
            return Miss("asking.slots")
        if not 1 <= number <= self._room():
            return Miss(words("asking.slots_range", most=self._room(), until=clock(self._end(self._room()))))
        return Answer(number)

    def _until(self, typed: str) -> int | None:
        """How many end by the hour that was typed; None where none was."""
        parts = when.read_parts(typed, self.starts)
        if isinstance(parts, Unread) or parts.at is None:
            return None
        last = self.starts.replace(hour=parts.at.hour, minute=parts.at.minute)
        return int((last - self.starts).total_seconds() // 60) // self.minutes

    def _room(self) -> int:
        """How many fit the day; one does in any case."""
        left = 24 * _HOUR - 1 - (self.starts.hour * _HOUR + self.starts.minute)
        return max(1, min(self.most, left // self.minutes))

    def _end(self, number: int) -> time:
        return (self.starts + number * timedelta(minutes=self.minutes)).time()


# --- which, what it is called, where --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paged(Choice):
    """One of many buttons, leafed through. The answer is the option's code, the draft the page."""

    def options(self, draft: Any) -> Sequence[Option]:
        """One page, and the way to the next."""
        first = self._page(draft) * PAGE
        return [*self.of[first : first + PAGE], *([Option("page", "button.leaf")] if len(self.of) > PAGE else [])]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A button of any page, or its words."""
        code = code or said.among(self.options(draft)) or said.among(self.of)
        if code == "page":
            page = self._page(draft) + 1
            return Draft(page if page * PAGE < len(self.of) else 0)
        return Answer(code) if any(o.code == code for o in self.of) else Miss("miss.choose")

    def _page(self, draft: Any) -> int:
        page = int(draft or 0)
        return page if page * PAGE < len(self.of) else 0


@dataclass(frozen=True, slots=True)
class Again(Choice):
    """A choice with one more button, which takes earlier answers back: each of them is asked again."""

    again: Label = "button.change"
    withdraws: tuple[str, ...] = ()

    def options(self, draft: Any) -> Sequence[Option]:
        """The choice's own buttons and the one that goes back."""
        return [*self.of, Option("again", self.again)]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A button, or its words."""
        code = code or said.among(self.options(draft))
        if code == "again":
            return Withdraw(self.withdraws)
        return Answer(code) if any(o.code == code for o in self.of) else Miss("miss.choose")


@dataclass(frozen=True, slots=True)
class Title(Text):
    """Typed words, or a suggestion from the catalogue: then the answer is what it says in Bulgarian."""

    suggested: Sequence[Words] = ()

    def options(self, draft: Any) -> Sequence[Option]:
        """The suggestions."""
        return [Option(f"t{n}", words("asking.title_label", title=title)) for n, title in enumerate(self.suggested)]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A suggestion where one was pressed; typed words as they are."""
        shown = {f"t{n}": said.texts(title) for n, title in enumerate(self.suggested)}
        return Answer(shown[code]) if code in shown else Text.read(self, incoming, "", draft, said)


@dataclass(frozen=True, slots=True)
class Place:
    """Where: typed, or one of the last places. The answer is {"place": …}, with "landmark" where it is known."""

    prompt: Phrase
    last: Sequence[tuple[str, str]] = ()  # places with their landmarks
    max_length: int = 120

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return [Option(_name_of(one), literal(f"📍 {one[0]}")) for one in self.last]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        code = code or said.among(self.options(draft))
        for place, landmark in self.last:
            if code == _name_of((place, landmark)):
                return Answer({"place": place, "landmark": landmark})
        reading = Text(self.prompt, self.max_length, letters=True).read(incoming, "", draft, said)
        return Answer({"place": reading.value}) if isinstance(reading, Answer) else reading


def _name_of(place: tuple[str, str]) -> str:
    """A code that stays with a place: the list of the last ones may be another by the time that a button is pressed."""
    return f"p{zlib.crc32('|'.join(place).encode()):x}"
