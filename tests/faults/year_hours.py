"""When somebody may be written to, worked out a second time and otherwise than bot/calendar.py does it.

The free days are copied from the calendar that the government published for 2026; everything else is tried, not
reckoned: the next open time is the first of a day's openings that turns out to be open.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.faults.year_history import CHANGE, PLACE, WEEK

SOFIA = ZoneInfo("Europe/Sofia")
BAYRAMS = (date(2026, 3, 20), date(2026, 5, 27))
FREE = frozenset(
    {
        *BAYRAMS, date(2026, 1, 1), date(2026, 1, 14), date(2026, 3, 3), date(2026, 4, 10), date(2026, 4, 11),
        date(2026, 4, 12), date(2026, 4, 13), date(2026, 5, 1), date(2026, 5, 6), date(2026, 5, 24), date(2026, 5, 25),
        date(2026, 9, 6), date(2026, 9, 7), date(2026, 9, 22), date(2026, 12, 24), date(2026, 12, 25),
        date(2026, 12, 26), date(2026, 12, 28), date(2027, 1, 1), date(2027, 1, 14),
    }
)  # fmt: skip
EVENING, LAST_CALL = time(20), time(19, 30)
OPENINGS = (time(7), time(8, 30), time(10))
DAYS = {"7d": 7, "3d": 3, "1d": 1}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST = {"1d": 3 * HOUR, "2h": timedelta(minutes=15)}  # before an event: after that nobody can act on it


def local(at: datetime) -> datetime:
    """On the clocks of Видин."""
    return at.astimezone(SOFIA)


def opening(day: date) -> time:
    """When the quiet hours of a day end, holidays aside."""
    return time(10) if day.isoweekday() == 7 else time(8, 30)


def allowed(base: str, at: datetime) -> bool:
    """Whether a message of this kind may reach somebody now."""
    clock, day = local(at).time(), local(at).date()
    if base == CHANGE:
        return time(7) <= clock < EVENING
    return opening(day) <= clock < EVENING and (base in ("2h", WEEK) or day not in FREE)


@cache
def first_allowed(base: str, at: datetime, until: datetime | None = None) -> datetime:
    """The first time, now or later, when it may. Of a place on a holiday one hears on that day: `until` then."""
    if base == PLACE and until is not None:
        hour = first_allowed("2h", at)
        if local(hour).date() == local(until).date():
            return hour
    if allowed(base, at):
        return at
    day = local(at).date()
    for days in range(30):
        for clock in OPENINGS:
            found = datetime.combine(day + days * DAY, clock, SOFIA).astimezone(UTC)
            if found >= at and allowed(base, found):
                return found
    raise AssertionError(f"nothing is open within a month of {at}")


def window(offset: str, starts: datetime) -> tuple[datetime, datetime] | None:
    """From when to when a reminder may be planned: one instant, or the hours of the day to which it moved.

    So many days before by the clock on the wall; where that is quiet, earlier, but not by a day too many. Two hours
    are hours of real time, or the nearest open hour of that day; None where none is of use.
    """
    return _two_hours(starts) if offset == "2h" else _days(DAYS[offset], starts)


def _days(days: int, starts: datetime) -> tuple[datetime, datetime]:
    wanted = local(starts).replace(tzinfo=None, fold=0) - days * DAY
    day = wanted.date()
    while day in FREE or (day == wanted.date() and wanted.time() < opening(day)):
        day -= DAY
    if day == wanted.date():
        exact = _instant(day, min(wanted.time(), LAST_CALL))
        return exact, exact
    return _instant(day, opening(day)), _instant(day, LAST_CALL)


def _two_hours(starts: datetime) -> tuple[datetime, datetime] | None:
    wanted, begins = local(starts - 2 * HOUR), local(starts)
    day = wanted.date()
    if wanted.time() > LAST_CALL:
        due = _instant(day, LAST_CALL)
        return (due, due) if begins.date() == day else None
    if wanted.time() >= opening(day):
        return starts - 2 * HOUR, starts - 2 * HOUR
    due = _instant(day, opening(day))
    return (due, due) if begins.time() > time(9, 30) and starts - due >= timedelta(minutes=30) else None


def _instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SOFIA).astimezone(UTC)


def may_lack(offset: str, starts: datetime, at: datetime, others: dict[str, datetime]) -> bool:
    """Whether a reminder that was asked for may be missing: of no use, too late, or shortly before another."""
    found = window(offset, starts)
    if found is None or found[0] <= at:
        return True
    goes = [max(due, first_allowed(other, at)) for other, due in others.items()]
    return any(found[0] <= when < found[1] + 4 * HOUR for when in goes)
