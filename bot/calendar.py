"""When we may write on our own initiative, and when the reminders of an event are due.

The zone, the hours and the feasts come with the rules; the clock is given. Instants come back in UTC. What is planned
here may still be sent late: who sends asks `is_quiet`, or `is_quiet_hour` for what is kept on holidays too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SOON, AFTER = "2h", "after"
DAYS_BEFORE: Mapping[str, int] = {"7d": 7, "3d": 3, "1d": 1}
_FOLLOWED_BY = {"7d": "3d", "3d": "1d"}
_DAY = timedelta(days=1)
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class Rules:
    """When one programme may write, by the clock of its zone. The defaults are those of the evidence we follow.

    Raises:
        ValueError: the hours do not follow one another through a day, so that none would be open; an unknown offset.
    """

    zone: ZoneInfo
    quiet_from: time = time(20, 0)
    quiet_until: time = time(8, 30)
    sunday_until: time = time(10, 0)  # on Sundays, instead of quiet_until
    urgent_from: time = time(7, 0)  # a change of something that happens today may come from here
    last_call: time = time(19, 30)  # the latest hour to plan for, so that thousands are out before quiet_from
    feast_days: tuple[date, ...] = ()  # single days beside the official ones: Bayrams move with the moon
    offsets: tuple[str, ...] = ("7d", "3d", "1d", "2h")  # which reminders are on
    weekly: bool = True  # encouragement of courses on Sunday evenings
    announcements_a_week: int = 3  # to one person
    apart: timedelta = timedelta(hours=4)  # between two reminders of one event

    def __post_init__(self) -> None:
        if not max(self.quiet_until, self.sunday_until) <= self.last_call < self.quiet_from:
            raise ValueError("quiet_until and sunday_until, last_call, quiet_from must follow one another in a day")
        if unknown := set(self.offsets) - {*DAYS_BEFORE, SOON}:
            raise ValueError(f"no such reminder: {', '.join(sorted(unknown))}")


@dataclass(frozen=True, slots=True)
class Moment:
    """One message that is to come."""

    offset: str  # "7d", "3d", "1d", "2h", "after", "week-2026-W48"
    due: datetime  # UTC
    until: datetime  # UTC; from here on it is of no use


# --- quiet hours -----------------------------------------------------------------------------------------------------


def is_quiet(rules: Rules, at: datetime) -> bool:
    """Whether nothing may go out on our own initiative: by night, on Sunday mornings, and all day on holidays."""
    return is_holiday(rules, at.astimezone(rules.zone).date()) or is_quiet_hour(rules, at)


def is_quiet_hour(rules: Rules, at: datetime) -> bool:
    """The same by the clock and the weekday alone: for what people expect on a holiday too."""
    local = at.astimezone(rules.zone)
    return not _opens(rules, local.date()) <= local.time() < rules.quiet_from


def is_urgent_quiet(rules: Rules, at: datetime) -> bool:
    """Whether even a change of something that happens today has to wait. Holidays and Sundays do not count."""
    return not rules.urgent_from <= at.astimezone(rules.zone).time() < rules.quiet_from


def next_open(rules: Rules, at: datetime) -> datetime:
    """The first instant from `at` on that is not quiet."""
    if not is_quiet(rules, at):
        return at.astimezone(UTC)
    local = at.astimezone(rules.zone)
    day = local.date() if local.time() < _opens(rules, local.date()) else local.date() + _DAY
    while is_holiday(rules, day):
        day += _DAY
    return _instant(rules, day, _opens(rules, day))


def next_hour(rules: Rules, at: datetime) -> datetime:
    """The same by the clock and the weekday alone: a holiday counts like any other day."""
    if not is_quiet_hour(rules, at):
        return at.astimezone(UTC)
    local = at.astimezone(rules.zone)
    day = local.date() if local.time() < _opens(rules, local.date()) else local.date() + _DAY
    return _instant(rules, day, _opens(rules, day))


def next_urgent(rules: Rules, at: datetime) -> datetime:
    """The earliest UTC time, `at` or later, at which a change of something close at hand may be told."""
    if not is_urgent_quiet(rules, at):
        return at.astimezone(UTC)
    local = at.astimezone(rules.zone)
    day = local.date() if local.time() < rules.urgent_from else local.date() + _DAY
    return _instant(rules, day, rules.urgent_from)


def previous_open(rules: Rules, at: datetime) -> datetime:
    """The last instant up to `at` for which a reminder may be planned: not quiet, and not after the last call.

    Before the morning's end that is the evening before; on a holiday, the same hour on the last day that is none.
    """
    local = at.astimezone(rules.zone)
    day, clock = local.date(), local.time()
    if clock < _opens(rules, day) and not is_holiday(rules, day):
        day, clock = day - _DAY, rules.last_call
    while is_holiday(rules, day):
        day -= _DAY
    return _instant(rules, day, min(max(clock, _opens(rules, day)), rules.last_call))


def local_day(rules: Rules, at: datetime) -> tuple[datetime, datetime]:
    """Where the local day that holds `at` begins and ends: 23 to 25 hours."""
    day = at.astimezone(rules.zone).date()
    return _instant(rules, day, time()), _instant(rules, day + _DAY, time())


def _opens(rules: Rules, day: date) -> time:
    return rules.sunday_until if day.weekday() == _SUNDAY else rules.quiet_until


def _instant(rules: Rules, day: date, clock: time) -> datetime:
    """A time of the local clock. One that spring skips becomes the hour after; of two in autumn, the first."""
    return datetime.combine(day, clock, rules.zone).astimezone(UTC)


# --- holidays --------------------------------------------------------------------------------------------------------

_FIXED = {
    (1, 1): "Нова година",
    (3, 3): "Освобождението на България",
    (5, 1): "Ден на труда",
    (5, 6): "Гергьовден",
    (5, 24): "Ден на просветата и културата",
    (9, 6): "Ден на Съединението",
    (9, 22): "Ден на Независимостта",
    (12, 24): "Бъдни вечер",
    (12, 25): "Рождество Христово",
    (12, 26): "Рождество Христово",
}
_BY_EASTER = {-2: "Разпети петък", -1: "Велика събота", 0: "Великден", 1: "Великден"}


def is_holiday(rules: Rules, day: date) -> bool:
    """Whether the whole day is one of rest: official, the community's, or from the programme's file."""
    return day in rules.feast_days or day in holidays(day.year)


def holidays(year: int) -> Mapping[date, str]:
    """The days of rest of a year, with their names: art. 154 of the Labour Code, and Васильовден, the Roma New Year.

    Of a fixed holiday on a weekend the next working day is free too (par. 2); Easter moves nothing.
    """
    fixed = {date(year, month, day): name for (month, day), name in _FIXED.items()}
    found = {easter(year) + n * _DAY: name for n, name in _BY_EASTER.items()}
    for day, name in fixed.items():
        found[day] = f"{found[day]}, {name}" if day in found else name
    for day, name in fixed.items():
        if day.weekday() >= _SATURDAY:
            found[_working_day(day, found)] = f"{name} (почивен ден)"
    found[date(year, 1, 14)] = "Васильовден"
    return dict(sorted(found.items()))


def easter(year: int) -> date:
    """Orthodox Easter Sunday: the Julian computus (Meeus), counted over to the Gregorian calendar."""
    moon = (19 * (year % 19) + 15) % 30
    sunday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
    behind = year // 100 - year // 400 - 2  # days of the Julian calendar behind ours: 13 until 2099
    return date(year, 3, 22) + (moon + sunday + behind) * _DAY


def _working_day(day: date, taken: Collection[date]) -> date:
    while day.weekday() >= _SATURDAY or day in taken:
        day += _DAY
    return day


# --- reminders -------------------------------------------------------------------------------------------------------

_TWO_HOURS = timedelta(hours=2)
_SHORTEST = timedelta(minutes=30)  # a morning's "2h" later than this no longer brings anybody there in time
_LAST_BEFORE = {"1d": timedelta(hours=3), SOON: timedelta(minutes=15)}
_EARLY = time(9, 30)  # whoever goes to something by then is on the way when the quiet hours end


def moments(rules: Rules, starts: datetime, ends: datetime, *, offsets: Collection[str], now: datetime) -> list[Moment]:
    """The reminders of one event that are still of use, by when they are due.

    `offsets` are those wanted for this event; what the rules switch off stays off. With "after" among them the
    question how it was is added. One that is late comes with its time of due in the past, and there is one at most.
    """
    wanted = [offset for offset in rules.offsets if offset in offsets]
    planned = sorted(_planned(rules, starts, wanted), key=lambda moment: (moment.due, moment.until))
    asked = [after(rules, ends)] if AFTER in offsets else []
    kept = _spaced(rules, [moment for moment in planned if moment.until > now], now)
    return [*kept, *(moment for moment in asked if moment.until > now)]


def after(rules: Rules, ends: datetime) -> Moment:
    """Asking how it was: in the evening of that day if it is over by 19:00, else in the next morning."""
    local = ends.astimezone(rules.zone)
    if local.time() <= time(17, 30):
        asked = _instant(rules, local.date(), time(18))
    elif local.time() < time(19):
        asked = ends.astimezone(UTC) + timedelta(minutes=30)
    else:
        asked = _instant(rules, local.date() + _DAY, time(10))
    due = next_open(rules, asked)
    return Moment(AFTER, due, due + 3 * _DAY)


def sundays(rules: Rules, dates: Sequence[datetime], now: datetime) -> list[Moment]:
    """Encouragement of a course: 18:00 on the Sunday before each week of sessions but the first.

    Sundays that are holidays count as any other; Easter is left in peace.
    """
    days = {at.astimezone(rules.zone).date() for at in dates}
    weeks = sorted({day - day.weekday() * _DAY for day in days})[1:] if rules.weekly else []
    every = (_sunday(rules, monday) for monday in weeks if monday - _DAY != easter(monday.year))
    return [moment for moment in every if moment.until > now]


def _sunday(rules: Rules, monday: date) -> Moment:
    year, week, _ = monday.isocalendar()
    due = _instant(rules, monday - _DAY, min(time(18), rules.last_call))
    return Moment(f"week-{year}-W{week:02}", due, _instant(rules, monday - _DAY, rules.quiet_from))


def _planned(rules: Rules, starts: datetime, wanted: Collection[str]) -> Iterable[Moment]:
    for offset in wanted:
        if offset in DAYS_BEFORE:
            due = previous_open(rules, _days_before(rules, starts, offset))
            yield Moment(offset, due, _until(rules, starts, offset, wanted))
        elif due_soon := _two_hours_before(rules, starts):
            yield Moment(offset, due_soon, _until(rules, starts, offset, wanted))


def _days_before(rules: Rules, starts: datetime, offset: str) -> datetime:
    """The same time of the local clock, whatever the clock does in between."""
    local = starts.astimezone(rules.zone)
    return _instant(rules, local.date() - DAYS_BEFORE[offset] * _DAY, local.time().replace(fold=0))


def _until(rules: Rules, starts: datetime, offset: str, wanted: Collection[str]) -> datetime:
    """How long it is of use: until the next one says the same, or until nobody could still act on it."""
    if offset in _LAST_BEFORE:
        return starts.astimezone(UTC) - _LAST_BEFORE[offset]
    following = _days_before(rules, starts, _FOLLOWED_BY[offset])
    return previous_open(rules, following) if _FOLLOWED_BY[offset] in wanted else following


def _two_hours_before(rules: Rules, starts: datetime) -> datetime | None:
    """Two hours of real time before, or the nearest open hour of that very day. Holidays are days like any other."""
    begins = starts.astimezone(rules.zone)
    local = (starts.astimezone(UTC) - _TWO_HOURS).astimezone(rules.zone)
    opens = _opens(rules, local.date())
    if local.time() > rules.last_call:
        return _instant(rules, local.date(), rules.last_call) if local.date() == begins.date() else None
    if local.time() >= opens:
        return local.astimezone(UTC)
    due = _instant(rules, local.date(), opens)
    return due if begins.time() > _EARLY and starts - due >= _SHORTEST else None


def _spaced(rules: Rules, planned: Sequence[Moment], now: datetime) -> list[Moment]:
    """Without those that would reach a person shortly before the next. A late one goes out as soon as it may."""
    late, apart = next_open(rules, now), max(rules.apart, timedelta.resolution)  # of several late ones, the last
    kept: list[Moment] = []
    following: datetime | None = None
    for moment in reversed(planned):
        goes = moment.due if moment.due >= now else late
        if following is None or following - goes >= apart:
            kept.insert(0, moment)
            following = goes
    return kept
