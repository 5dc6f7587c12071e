"""When we write on our own initiative: quiet hours, holidays, and when each reminder of an event is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.calendar import (
    Rules,
    after,
    easter,
    holidays,
    is_holiday,
    is_quiet,
    is_quiet_hour,
    is_urgent_quiet,
    local_day,
    moments,
    next_open,
    next_urgent,
    previous_open,
    sundays,
)

SOFIA = ZoneInfo("Europe/Sofia")
RULES = Rules(SOFIA, feast_days=(date(2026, 3, 20), date(2026, 5, 27)))  # both Bayrams of 2026
ALL = ("7d", "3d", "1d", "2h")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sofia(text: str) -> datetime:
    """„2026-11-24 17:30“ on the clocks of Видин; of two such hours in autumn the first."""
    return datetime.fromisoformat(text).replace(tzinfo=SOFIA)


def shown(at: datetime) -> str:
    assert at.tzinfo is UTC, "instants come back in UTC"
    return f"{at.astimezone(SOFIA):%a %Y-%m-%d %H:%M}"


# --- quiet hours -----------------------------------------------------------------------------------------------------

QUIET = [
    # label, local time, quiet for us, quiet by the clock alone, quiet even for an urgent change
    ("a working afternoon", "2026-11-24 15:00", False, False, False),
    ("the last open minute", "2026-11-24 19:59", False, False, False),
    ("the evening's first", "2026-11-24 20:00", True, True, True),
    ("midnight", "2026-11-24 00:00", True, True, True),
    ("before anybody is up", "2026-11-24 06:59", True, True, True),
    ("only something urgent", "2026-11-24 07:00", True, True, False),
    ("the last quiet minute", "2026-11-24 08:29", True, True, False),
    ("the morning's first open", "2026-11-24 08:30", False, False, False),
    ("Sunday morning", "2026-11-29 08:30", True, True, False),
    ("Sunday, still", "2026-11-29 09:59", True, True, False),
    ("Sunday, open", "2026-11-29 10:00", False, False, False),
    ("Sunday evening", "2026-11-29 20:00", True, True, True),
    ("a national holiday", "2026-03-03 12:00", True, False, False),
    ("Васильовден", "2026-01-14 12:00", True, False, False),
    ("Гергьовден", "2026-05-06 12:00", True, False, False),
    ("Bayram, from the file", "2026-05-27 12:00", True, False, False),
    ("a holiday's night", "2026-03-03 23:00", True, True, True),
    ("a Monday given for a Sunday", "2026-09-07 12:00", True, False, False),
    ("Easter Sunday", "2026-04-12 12:00", True, False, False),
    ("the night of spring", "2026-03-29 04:00", True, True, True),
    ("the morning of spring", "2026-03-29 10:00", False, False, False),
    ("the morning of autumn", "2026-10-25 09:59", True, True, False),
]


@pytest.mark.parametrize(("local", "ours", "clock", "urgent"), [row[1:] for row in QUIET], ids=[r[0] for r in QUIET])
def test_quiet_is_what_the_clock_of_the_programme_says(local: str, ours: bool, clock: bool, urgent: bool) -> None:
    for at in (sofia(local), sofia(local).astimezone(UTC), sofia(local).astimezone(ZoneInfo("Asia/Tokyo"))):
        assert (is_quiet(RULES, at), is_quiet_hour(RULES, at), is_urgent_quiet(RULES, at)) == (ours, clock, urgent)


OPEN = [
    # label, at, the next open instant, the previous one for which a reminder may be planned
    ("open already", "2026-11-24 15:00", "Tue 2026-11-24 15:00", "Tue 2026-11-24 15:00"),
    ("after the last call", "2026-11-24 19:45", "Tue 2026-11-24 19:45", "Tue 2026-11-24 19:30"),
    ("evening", "2026-11-24 21:00", "Wed 2026-11-25 08:30", "Tue 2026-11-24 19:30"),
    ("early morning", "2026-11-24 07:30", "Tue 2026-11-24 08:30", "Mon 2026-11-23 19:30"),
    ("midnight", "2026-11-24 00:00", "Tue 2026-11-24 08:30", "Mon 2026-11-23 19:30"),
    ("Saturday evening", "2026-11-28 20:30", "Sun 2026-11-29 10:00", "Sat 2026-11-28 19:30"),
    ("Sunday morning", "2026-11-29 09:00", "Sun 2026-11-29 10:00", "Sat 2026-11-28 19:30"),
    ("Monday morning", "2026-11-30 08:00", "Mon 2026-11-30 08:30", "Sun 2026-11-29 19:30"),
    ("a holiday keeps the hour", "2026-03-03 12:00", "Wed 2026-03-04 08:30", "Mon 2026-03-02 12:00"),
    ("a holiday's early morning", "2026-03-03 07:00", "Wed 2026-03-04 08:30", "Mon 2026-03-02 08:30"),
    ("a holiday's evening", "2026-03-03 22:00", "Wed 2026-03-04 08:30", "Mon 2026-03-02 19:30"),
    ("the evening before a holiday", "2026-03-02 21:00", "Wed 2026-03-04 08:30", "Mon 2026-03-02 19:30"),
    ("the morning after a holiday", "2026-03-04 07:00", "Wed 2026-03-04 08:30", "Mon 2026-03-02 19:30"),
    ("four days of Easter", "2026-04-13 11:00", "Tue 2026-04-14 08:30", "Thu 2026-04-09 11:00"),
    ("Easter's first evening", "2026-04-09 20:00", "Tue 2026-04-14 08:30", "Thu 2026-04-09 19:30"),
    ("Christmas into a moved Monday", "2026-12-24 09:00", "Sun 2026-12-27 10:00", "Wed 2026-12-23 09:00"),
    ("into the new year", "2026-12-31 20:00", "Sat 2027-01-02 08:30", "Thu 2026-12-31 19:30"),
    ("back over the new year", "2027-01-01 12:00", "Sat 2027-01-02 08:30", "Thu 2026-12-31 12:00"),
    ("spring's missing hour", "2026-03-29 03:30", "Sun 2026-03-29 10:00", "Sat 2026-03-28 19:30"),
    ("autumn's double hour", "2026-10-25 03:30", "Sun 2026-10-25 10:00", "Sat 2026-10-24 19:30"),
]


@pytest.mark.parametrize(("local", "later", "earlier"), [row[1:] for row in OPEN], ids=[row[0] for row in OPEN])
def test_what_may_not_go_now_has_a_next_and_a_previous_hour(local: str, later: str, earlier: str) -> None:
    assert shown(next_open(RULES, sofia(local))) == later
    assert shown(previous_open(RULES, sofia(local))) == earlier


def between(first: str, last: str) -> st.SearchStrategy[datetime]:
    """Whole minutes in UTC."""
    found = st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last), timezones=st.just(UTC))
    return found.map(lambda at: at.replace(second=0, microsecond=0))


CLOCK_CHANGES = between("2026-03-27", "2026-04-06") | between("2026-10-23", "2026-11-02")
TIMES = between("2026-01-01", "2027-12-31") | CLOCK_CHANGES | between("2026-04-08", "2026-04-24")  # a year, and Easter


@given(TIMES)
def test_the_next_open_instant_is_the_first(at: datetime) -> None:
    found = next_open(RULES, at)
    assert found >= at
    assert not is_quiet(RULES, found)
    assert found == at or is_quiet(RULES, found - timedelta(minutes=1))
    assert all(is_quiet(RULES, at + n * HOUR) for n in range(int((found - at) / HOUR))), "nothing open is passed over"


@given(TIMES)
def test_the_previous_open_instant_is_never_later_never_quiet_and_never_after_the_last_call(at: datetime) -> None:
    found = previous_open(RULES, at)
    assert found <= at
    assert not is_quiet(RULES, found)
    assert found.astimezone(SOFIA).time() <= RULES.last_call
    assert previous_open(RULES, found) == found


URGENT = [
    ("by day", "2026-11-24 15:00", "Tue 2026-11-24 15:00"),
    ("in the evening", "2026-11-24 20:00", "Wed 2026-11-25 07:00"),
    ("on a Sunday morning", "2026-11-29 07:30", "Sun 2026-11-29 07:30"),
    ("in the night before a feast", "2026-03-02 23:00", "Tue 2026-03-03 07:00"),
]


@pytest.mark.parametrize(("local", "told"), [row[1:] for row in URGENT], ids=[row[0] for row in URGENT])
def test_what_is_urgent_waits_for_seven_and_for_no_feast(local: str, told: str) -> None:
    assert shown(next_urgent(RULES, sofia(local))) == told


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-11-24 12:00", 24), ("2026-03-29 12:00", 23), ("2026-10-25 03:30", 25), ("2026-11-25 00:00", 24)],
)
def test_a_local_day_has_as_many_hours_as_the_clock_gives_it(day: str, hours: int) -> None:
    start, end = local_day(RULES, sofia(day).astimezone(UTC))
    assert shown(start)[4:] == f"{day[:10]} 00:00"
    assert end - start == hours * HOUR


@pytest.mark.parametrize(
    "hours",
    [
        {"quiet_until": time(21)},
        {"sunday_until": time(20)},
        {"last_call": time(20)},
        {"quiet_from": time(8)},
        {"offsets": ("3d", "5d")},
    ],
    ids=lambda hours: next(iter(hours)),
)
def test_rules_that_leave_no_open_hour_or_know_no_such_reminder_are_refused(hours: dict[str, time]) -> None:
    with pytest.raises(ValueError, match=r"must follow one another|no such reminder: 5d"):
        Rules(SOFIA, **hours)  # type: ignore[arg-type]


# --- holidays --------------------------------------------------------------------------------------------------------

EASTERS = [
    "2021-05-02", "2022-04-24", "2023-04-16", "2024-05-05", "2025-04-20", "2026-04-12", "2027-05-02", "2028-04-16",
    "2029-04-08", "2030-04-28", "1900-04-22", "2100-05-02",
]  # fmt: skip


@pytest.mark.parametrize("day", EASTERS)
def test_easter_is_when_the_church_keeps_it(day: str) -> None:
    assert easter(int(day[:4])).isoformat() == day


@given(st.integers(1583, 4000))
def test_easter_is_a_sunday(year: int) -> None:
    assert easter(year).strftime("%a") == "Sun"


REST = [
    # label, the year, days between which all free days are named: as the government published them
    ("2026, spring", "2026-04-01", "2026-05-31", "04-10 04-11 04-12 04-13 05-01 05-06 05-24 05-25"),
    ("2026, autumn", "2026-09-01", "2026-12-31", "09-06 09-07 09-22 12-24 12-25 12-26 12-28"),
    ("2026, winter", "2026-01-01", "2026-03-31", "01-01 01-14 03-03"),
    ("both days of a weekend", "2022-12-01", "2022-12-31", "12-24 12-25 12-26 12-27 12-28"),
    ("the new year on a Sunday", "2023-01-01", "2023-01-31", "01-01 01-02 01-14"),
    ("Гергьовден on a Saturday", "2023-05-01", "2023-05-31", "05-01 05-06 05-08 05-24"),
    ("Гергьовден is Easter Monday", "2024-05-01", "2024-05-31", "05-01 05-03 05-04 05-05 05-06 05-24"),
    ("1 May is Holy Saturday", "2021-04-30", "2021-05-31", "04-30 05-01 05-02 05-03 05-04 05-06 05-24"),
    ("Saturdays of 2025", "2025-05-20", "2025-09-30", "05-24 05-26 09-06 09-08 09-22"),
]


@pytest.mark.parametrize(("first", "last", "days"), [row[1:] for row in REST], ids=[row[0] for row in REST])
def test_days_of_rest_are_those_of_the_labour_code_and_the_communitys(first: str, last: str, days: str) -> None:
    found = [day.isoformat() for day in holidays(int(first[:4]))]
    assert [day[5:] for day in found if first <= day <= last] == days.split()


def test_holidays_have_names() -> None:
    names = holidays(2024)
    assert names[date(2024, 5, 6)] == "Великден, Гергьовден"
    assert names[date(2024, 1, 14)] == "Васильовден"
    assert names[date(2024, 3, 4)] == "Освобождението на България (почивен ден)"


def test_feasts_of_the_file_are_holidays_and_working_days_are_not() -> None:
    assert is_holiday(RULES, date(2026, 3, 20))
    assert not is_holiday(Rules(SOFIA), date(2026, 3, 20))
    assert not is_holiday(RULES, date(2026, 3, 21))


# --- reminders -------------------------------------------------------------------------------------------------------

DUE = [
    # label, the event's start, what is due
    (
        "an ordinary afternoon",
        "2026-11-25 17:30",
        "7d Wed 2026-11-18 17:30, 3d Sun 2026-11-22 17:30, 1d Tue 2026-11-24 17:30, 2h Wed 2026-11-25 15:30",
    ),
    (
        "a morning: the hours before it move to the evening before",
        "2026-11-26 08:00",
        "7d Wed 2026-11-18 19:30, 3d Sun 2026-11-22 19:30, 1d Tue 2026-11-24 19:30",
    ),
    (
        "an evening: before the last call",
        "2026-11-25 20:00",
        "7d Wed 2026-11-18 19:30, 3d Sun 2026-11-22 19:30, 1d Tue 2026-11-24 19:30, 2h Wed 2026-11-25 18:00",
    ),
    (
        "three days before is a Sunday morning",
        "2026-11-25 09:30",
        "7d Wed 2026-11-18 09:30, 3d Sat 2026-11-21 19:30, 1d Tue 2026-11-24 09:30",
    ),
    (
        "through the change of spring, by the clock on the wall",
        "2026-03-30 14:00",
        "7d Mon 2026-03-23 14:00, 3d Fri 2026-03-27 14:00, 1d Sun 2026-03-29 14:00, 2h Mon 2026-03-30 12:00",
    ),
    (
        "through the change of autumn",
        "2026-10-26 14:00",
        "7d Mon 2026-10-19 14:00, 3d Fri 2026-10-23 14:00, 1d Sun 2026-10-25 14:00, 2h Mon 2026-10-26 12:00",
    ),
    (
        "after Easter: three days and one day are the same Thursday, and the nearer stays",
        "2026-04-14 14:00",
        "7d Tue 2026-04-07 14:00, 1d Thu 2026-04-09 14:00, 2h Tue 2026-04-14 12:00",
    ),
    (
        "a feast that is an event itself",
        "2026-05-06 14:00",
        "7d Wed 2026-04-29 14:00, 3d Sun 2026-05-03 14:00, 1d Tue 2026-05-05 14:00, 2h Wed 2026-05-06 12:00",
    ),
    (
        "the day after a feast",
        "2026-03-04 14:00",
        "7d Wed 2026-02-25 14:00, 3d Sun 2026-03-01 14:00, 1d Mon 2026-03-02 14:00, 2h Wed 2026-03-04 12:00",
    ),
    (
        "Sunday morning: two hours wait for the end of quiet",
        "2026-11-29 11:30",
        "7d Sun 2026-11-22 11:30, 3d Thu 2026-11-26 11:30, 1d Sat 2026-11-28 11:30, 2h Sun 2026-11-29 10:00",
    ),
    (
        "Sunday at ten: no time to go",
        "2026-11-29 10:15",
        "7d Sun 2026-11-22 10:15, 3d Thu 2026-11-26 10:15, 1d Sat 2026-11-28 10:15",
    ),
    (
        "by night",
        "2026-04-05 03:30",
        "7d Sat 2026-03-28 19:30, 3d Wed 2026-04-01 19:30, 1d Fri 2026-04-03 19:30",
    ),
]


def due(starts: str, now: datetime = LONG_AGO, rules: Rules = RULES, offsets: tuple[str, ...] = ALL) -> str:
    begins = sofia(starts).astimezone(UTC)
    found = moments(rules, begins, begins + HOUR, offsets=offsets, now=now)
    return ", ".join(f"{moment.offset} {shown(moment.due)}" for moment in found)


@pytest.mark.parametrize(("starts", "expected"), [row[1:] for row in DUE], ids=[row[0] for row in DUE])
def test_reminders_are_due_by_the_clock_on_the_wall_and_move_to_the_earlier_side(starts: str, expected: str) -> None:
    assert due(starts) == expected


def test_an_hour_that_spring_skips_becomes_the_hour_after() -> None:
    by_night = Rules(SOFIA, quiet_until=time(0), sunday_until=time(0))
    assert due("2026-04-05 03:30", rules=by_night, offsets=("7d",)) == "7d Sun 2026-03-29 04:30"
    assert due("2026-11-01 03:30", rules=by_night, offsets=("7d",)) == "7d Sun 2026-10-25 03:30"


SOON = [
    ("ordinary", "2026-11-25 12:00", "2h Wed 2026-11-25 10:00"),
    ("exactly when quiet ends", "2026-11-25 10:30", "2h Wed 2026-11-25 08:30"),
    ("waits for the end of quiet", "2026-11-25 10:00", "2h Wed 2026-11-25 08:30"),
    ("just after half past nine", "2026-11-25 09:31", "2h Wed 2026-11-25 08:30"),
    ("at half past nine people are on their way", "2026-11-25 09:30", ""),
    ("at nine too", "2026-11-25 09:00", ""),
    ("early", "2026-11-25 07:00", ""),
    ("Sunday, half an hour left", "2026-11-29 10:30", "2h Sun 2026-11-29 10:00"),
    ("Sunday, less than that", "2026-11-29 10:29", ""),
    ("before the last call", "2026-11-25 21:30", "2h Wed 2026-11-25 19:30"),
    ("after the last call", "2026-11-25 21:45", "2h Wed 2026-11-25 19:30"),
    ("late in the evening", "2026-11-25 23:00", "2h Wed 2026-11-25 19:30"),
    ("shortly after midnight: the evening before is another day", "2026-11-25 00:30", ""),
    ("by night", "2026-11-25 03:30", ""),
    ("on a feast", "2026-05-06 10:00", "2h Wed 2026-05-06 08:30"),
    ("on a feast's evening", "2026-05-06 22:30", "2h Wed 2026-05-06 19:30"),
    ("on Easter Sunday", "2026-04-12 11:00", "2h Sun 2026-04-12 10:00"),
    ("two hours are two hours in spring", "2026-03-29 13:00", "2h Sun 2026-03-29 11:00"),
    ("across the double hour", "2026-10-25 12:00", "2h Sun 2026-10-25 10:00"),
]


@pytest.mark.parametrize(("starts", "expected"), [row[1:] for row in SOON], ids=[row[0] for row in SOON])
def test_two_hours_before_is_that_very_day_in_its_open_hours_or_never(starts: str, expected: str) -> None:
    assert due(starts, offsets=("2h",)) == expected


LATE = [
    # label, now, what is left of an event on Wednesday 25.11 at 17:30
    ("a week before", "2026-11-18 17:30", "7d Wed 18, 3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("a minute late", "2026-11-18 17:31", "7d Wed 18, 3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("a day late", "2026-11-19 12:00", "7d Wed 18, 3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("too near to the next", "2026-11-22 13:31", "3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("four hours before the next", "2026-11-22 13:30", "7d Wed 18, 3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("of no use when the next is due", "2026-11-22 17:30", "3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("registered two days before", "2026-11-23 12:00", "3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("by night a late one waits for the morning", "2026-11-23 22:00", "3d Sun 22, 1d Tue 24, 2h Wed 25"),
    ("the day before, in the evening", "2026-11-24 19:00", "1d Tue 24, 2h Wed 25"),
    ("on the day", "2026-11-25 11:30", "1d Tue 24, 2h Wed 25"),
    ("on the day, soon", "2026-11-25 12:00", "2h Wed 25"),
    ("half an hour before", "2026-11-25 17:00", "2h Wed 25"),
    ("a quarter of an hour before", "2026-11-25 17:15", ""),
    ("afterwards", "2026-11-26 12:00", ""),
]


@pytest.mark.parametrize(("now", "left"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_late_reminders_are_kept_while_they_are_of_use_and_never_two_at_once(now: str, left: str) -> None:
    found = due("2026-11-25 17:30", sofia(now))
    assert ", ".join(f"{part[:6]} {part[15:17]}" for part in found.split(", ") if part) == left


def test_a_late_one_on_a_feast_gives_way_to_what_is_expected_on_that_day() -> None:
    """Nothing may go out on the feast before the two-hour reminder of that day's own event."""
    assert due("2026-05-06 18:00", sofia("2026-05-06 09:00")) == "2h Wed 2026-05-06 16:00"


def test_of_several_late_ones_the_last_is_kept_even_when_nothing_holds_them_apart() -> None:
    rules = Rules(SOFIA, apart=timedelta(0))
    assert due("2026-11-25 23:00", sofia("2026-11-25 19:45"), rules) == "2h Wed 2026-11-25 19:30"


def test_reminders_are_useful_until_the_next_says_the_same_or_nobody_can_act_on_them() -> None:
    starts = sofia("2026-11-25 17:30").astimezone(UTC)
    found = moments(RULES, starts, starts + HOUR, offsets=ALL, now=LONG_AGO)
    assert [shown(m.until)[4:] for m in found] == [
        "2026-11-22 17:30", "2026-11-24 17:30", "2026-11-25 14:30", "2026-11-25 17:15",
    ]  # fmt: skip


OFFSETS = [
    ("only one wanted", ALL, ("1d",), "1d until 2026-11-25 14:30"),
    ("7d without 3d", ALL, ("7d", "1d"), "7d until 2026-11-22 17:30, 1d until 2026-11-25 14:30"),
    ("3d without 1d", ALL, ("3d",), "3d until 2026-11-24 17:30"),
    ("the programme switched it off", ("3d", "1d"), ALL, "3d until 2026-11-24 17:30, 1d until 2026-11-25 14:30"),
    ("nothing wanted", ALL, (), ""),
    ("an unknown one", ALL, ("5d",), ""),
    ("and how it was", ALL, ("2h", "after"), "2h until 2026-11-25 17:15, after until 2026-11-28 19:00"),
]


@pytest.mark.parametrize(("on", "wanted", "expected"), [row[1:] for row in OFFSETS], ids=[row[0] for row in OFFSETS])
def test_only_what_is_on_and_wanted_is_planned(on: tuple[str, ...], wanted: tuple[str, ...], expected: str) -> None:
    starts = sofia("2026-11-25 17:30").astimezone(UTC)
    found = moments(Rules(SOFIA, offsets=on), starts, starts + HOUR, offsets=wanted, now=LONG_AGO)
    assert ", ".join(f"{m.offset} until {shown(m.until)[4:]}" for m in found) == expected


@given(TIMES, st.timedeltas(-2 * DAY, 12 * DAY))
def test_reminders_keep_every_promise_whenever_the_event_is(starts: datetime, before: timedelta) -> None:
    """Never quiet, never after the start, in order, apart, and never more than one late."""
    now = starts - before
    found = moments(RULES, starts, starts + HOUR, offsets=ALL, now=now)
    for moment in found:
        assert not (is_quiet_hour if moment.offset == "2h" else is_quiet)(RULES, moment.due)
        assert moment.due.astimezone(SOFIA).time() <= RULES.last_call
        assert moment.due < moment.until < starts
        assert moment.until > now
    goes = [max(moment.due, now) for moment in found]
    assert all(later - sooner >= RULES.apart for sooner, later in pairwise(goes))
    assert sum(moment.due < now for moment in found) <= 1


@given(TIMES)
def test_a_day_before_keeps_the_clock_or_comes_earlier(starts: datetime) -> None:
    for moment in moments(RULES, starts, starts + HOUR, offsets=ALL, now=LONG_AGO):
        if moment.offset == "2h":
            assert timedelta(minutes=30) <= starts - moment.due <= 5 * HOUR
            continue
        days = int(moment.offset[0])
        local, begins = moment.due.astimezone(SOFIA), starts.astimezone(SOFIA)
        assert local.replace(tzinfo=None) <= begins.replace(tzinfo=None) - days * DAY + HOUR
        assert begins - local <= (days + 6) * DAY, "four days of Easter and a morning at most"


# --- afterwards, and every Sunday ------------------------------------------------------------------------------------

AFTERWARDS = [
    ("a morning", "2026-11-25 12:00", "Wed 2026-11-25 18:00"),
    ("just in time for the evening", "2026-11-25 17:30", "Wed 2026-11-25 18:00"),
    ("half an hour later", "2026-11-25 17:31", "Wed 2026-11-25 18:01"),
    ("still that evening", "2026-11-25 18:59", "Wed 2026-11-25 19:29"),
    ("the next morning", "2026-11-25 19:00", "Thu 2026-11-26 10:00"),
    ("after midnight, that evening", "2026-11-25 00:30", "Wed 2026-11-25 18:00"),
    ("on a feast, the next morning", "2026-05-06 12:00", "Thu 2026-05-07 08:30"),
    ("before a feast", "2026-05-05 19:30", "Thu 2026-05-07 08:30"),
    ("before Easter", "2026-04-09 19:30", "Tue 2026-04-14 08:30"),
    ("on a Saturday evening", "2026-11-28 20:00", "Sun 2026-11-29 10:00"),
    ("before the change of spring", "2026-03-28 20:00", "Sun 2026-03-29 10:00"),
]


@pytest.mark.parametrize(("ends", "asked"), [row[1:] for row in AFTERWARDS], ids=[row[0] for row in AFTERWARDS])
def test_how_it_was_is_asked_that_evening_or_the_next_morning(ends: str, asked: str) -> None:
    moment = after(RULES, sofia(ends))
    assert (moment.offset, shown(moment.due), moment.until - moment.due) == ("after", asked, 3 * DAY)


@given(TIMES)
def test_how_it_was_is_never_asked_before_the_end_nor_in_quiet_hours(ends: datetime) -> None:
    moment = after(RULES, ends)
    assert not is_quiet(RULES, moment.due)
    assert ends < moment.due


COURSES = [
    # label, the sessions, the Sundays
    ("one session", ["2026-11-25 10:00"], []),
    ("two in the same week", ["2026-11-23 10:00", "2026-11-29 23:00"], []),
    ("three weeks", ["2026-11-25 10:00", "2026-12-02 10:00", "2026-12-09 10:00"],
     ["week-2026-W49 2026-11-29", "week-2026-W50 2026-12-06"]),
    ("in any order, twice a week", ["2026-12-04 10:00", "2026-11-25 10:00", "2026-12-02 10:00"],
     ["week-2026-W49 2026-11-29"]),
    ("a week without a session", ["2026-11-25 10:00", "2026-12-09 10:00"], ["week-2026-W50 2026-12-06"]),
    ("over the new year", ["2026-12-22 10:00", "2026-12-30 10:00", "2027-01-05 10:00"],
     ["week-2026-W53 2026-12-27", "week-2027-W01 2027-01-03"]),
    ("not on Easter Sunday", ["2026-04-08 10:00", "2026-04-15 10:00", "2026-04-22 10:00"],
     ["week-2026-W17 2026-04-19"]),
    ("on another Sunday that is a holiday", ["2026-05-20 10:00", "2026-05-27 10:00"], ["week-2026-W22 2026-05-24"]),
    ("the evening of the change", ["2026-10-21 10:00", "2026-10-28 10:00"], ["week-2026-W44 2026-10-25"]),
    ("no session at all", [], []),
]  # fmt: skip


@pytest.mark.parametrize(("sessions", "expected"), [row[1:] for row in COURSES], ids=[row[0] for row in COURSES])
def test_a_course_is_encouraged_on_the_sunday_before_each_further_week(
    sessions: list[str], expected: list[str]
) -> None:
    found = sundays(RULES, [sofia(session).astimezone(UTC) for session in sessions], LONG_AGO)
    assert [f"{m.offset} {m.due.astimezone(SOFIA):%Y-%m-%d}" for m in found] == expected
    for moment in found:
        assert shown(moment.due)[:3] == "Sun"
        assert (shown(moment.due)[-5:], shown(moment.until)[-5:]) == ("18:00", "20:00")


def test_a_sunday_that_is_over_is_not_made_up_for_and_a_late_one_is_kept() -> None:
    sessions = [sofia("2026-11-25 10:00"), sofia("2026-12-02 10:00")]
    assert len(sundays(RULES, sessions, sofia("2026-11-29 19:59"))) == 1
    assert sundays(RULES, sessions, sofia("2026-11-29 20:00")) == []


def test_a_programme_may_switch_the_sundays_off() -> None:
    sessions = [sofia("2026-11-25 10:00"), sofia("2026-12-02 10:00")]
    assert sundays(Rules(SOFIA, weekly=False), sessions, LONG_AGO) == []
