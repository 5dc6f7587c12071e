"""When the staff are at work, and by when a question that comes now is promised an answer.

Pure, like the calendar whose holidays it keeps; the clock is given. Instants come back in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bot.calendar import Rules, is_holiday

_DAY, _HALF = timedelta(days=1), 1800  # seconds of half an hour
_FARTHEST = 60  # days: an office that rests for longer is no office


@dataclass(frozen=True, slots=True)
class Office:
    """The working week of one programme, by the clock of its zone.

    Raises:
        ValueError: it works on no day, or opens after it has closed.
    """

    rules: Rules
    days: frozenset[int]  # 0 is Monday
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if not self.days:
            raise ValueError("there must be at least one working day")
        if self.opens >= self.closes:
            raise ValueError("open_from must be before open_until")


def is_open(office: Office, at: datetime) -> bool:
    """Whether somebody is at work."""
    local = at.astimezone(office.rules.zone)
    return _works(office, local.date()) and office.opens <= local.time() < office.closes


def next_open(office: Office, at: datetime) -> datetime:
    """The first instant from `at` on at which somebody is at work."""
    if is_open(office, at):
        return at.astimezone(UTC)
    local = at.astimezone(office.rules.zone)
    today = _works(office, local.date()) and local.time() < office.opens
    return _instant(office, local.date() if today else _next_day(office, local.date()), office.opens)


def promise(office: Office, at: datetime) -> datetime:
    """One working day later: as many hours at work as a day has, and on to the half hour, as people speak.

    What comes on Tuesday at 10:04 is answered by Wednesday at 10:30, what comes on Friday night by Monday evening.
    """
    begins = next_open(office, at).astimezone(office.rules.zone)
    if begins.time() <= office.opens:
        return _instant(office, begins.date(), office.closes)
    return _instant(office, _next_day(office, begins.date()), min(_half_hour(begins.time()), office.closes))


def _half_hour(clock: time) -> time:
    """The next half hour that has begun by no second; the last of a day stays in it."""
    halves = -(-(clock.hour * 3600 + clock.minute * 60 + clock.second) // _HALF)
    return time(halves // 2, halves % 2 * 30) if halves < 48 else time.max  # noqa: PLR2004  (half hours of a day)


def _works(office: Office, day: date) -> bool:
    return day.weekday() in office.days and not is_holiday(office.rules, day)


def _next_day(office: Office, day: date) -> date:
    ahead = (day + n * _DAY for n in range(1, _FARTHEST))
    return next((one for one in ahead if _works(office, one)), day + _DAY)


def _instant(office: Office, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, office.rules.zone).astimezone(UTC)
