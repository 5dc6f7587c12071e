"""What people type for a day and an hour is read, or it is said why not; and what we show can be read back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.when import FARTHEST, LONGEST, Parts, Unread, day_label, days, full, join, length_of, read, read_parts

SOFIA = ZoneInfo("Europe/Sofia")


def sofia(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SOFIA)


NOW = sofia("2026-11-24 12:00")  # a Tuesday
TOMORROW = "2026-11-25 17:30"

READ = [
    # label, typed, the moment
    ("tomorrow", "утре 17:30", TOMORROW),
    ("a preposition", "утре в 17:30", TOMORROW),
    ("another preposition", "утре от 17:30 ч.", TOMORROW),
    ("the hour first", "17:30 утре", TOMORROW),
    ("a dot in the hour", "утре 17.30", TOMORROW),
    ("a comma in the hour", "утре 17,30", TOMORROW),
    ("a space in the hour", "утре 17 30", TOMORROW),
    ("nothing in the hour", "утре 1730", TOMORROW),
    ("capitals", "УТРЕ В 17:30 Ч.", TOMORROW),
    ("doubled spaces", "  утре   17:30  ", TOMORROW),
    ("commas", "утре, 17:30,", TOMORROW),
    ("in quotes", "„утре“ 17:30!", TOMORROW),
    ("no-break spaces", "утре\u00a017:30", TOMORROW),
    ("full-width digits", "утре １７：３０", TOMORROW),
    ("seconds", "утре 17:30:00", TOMORROW),
    ("Latin letters", "utre 17:30", TOMORROW),
    ("words around", "Здравейте, нека е утре в 17:30, моля", TOMORROW),
    ("from and to", "утре 17:30-19:00", TOMORROW),
    ("from and to, in words", "утре от 17.30 до 19.00", TOMORROW),
    ("an hour alone is on the dot", "утре в 9", "2026-11-25 09:00"),
    ("with ч", "утре 9 ч", "2026-11-25 09:00"),
    ("ч glued", "утре 9ч.", "2026-11-25 09:00"),
    ("ч behind minutes", "утре 9:15ч", "2026-11-25 09:15"),
    ("ч between", "утре 9ч30", "2026-11-25 09:30"),
    ("hours", "утре в 18 часа", "2026-11-25 18:00"),
    ("a range of hours", "утре от 10 до 12 часа", "2026-11-25 10:00"),
    ("a range with a dash", "утре 10–12 ч", "2026-11-25 10:00"),
    ("hours and minutes", "утре в 10 ч и 30 мин", "2026-11-25 10:30"),
    ("hours and few minutes", "утре в 10 часа и 5 минути", "2026-11-25 10:05"),
    ("and a half", "вдругиден в 8 и половина", "2026-11-26 08:30"),
    ("a half as a sign", "вдругиден в 8½", "2026-11-26 08:30"),
    ("and some", "вдругиден в 8 и 20", "2026-11-26 08:20"),
    ("and a quarter", "вдругиден в 8 и четвърт", "2026-11-26 08:15"),
    ("before the hour", "утре в 9 без 10", "2026-11-25 08:50"),
    ("a quarter to", "утре в 6 без четвърт следобед", "2026-11-25 17:45"),
    ("hours and a half", "утре 18 часа и половина", "2026-11-25 18:30"),
    ("the day after tomorrow, apart", "други ден 10:00", "2026-11-26 10:00"),
    ("today", "днес 18ч", "2026-11-24 18:00"),
    ("today, hours", "днес в 18 часа", "2026-11-24 18:00"),
    ("tonight", "довечера в 7", "2026-11-24 19:00"),
    ("day and month", "25.11 в 10", "2026-11-25 10:00"),
    ("day, month and a dot", "25.11. 10:00", "2026-11-25 10:00"),
    ("day, month, both with dots", "25.11 10.30", "2026-11-25 10:30"),
    ("the hour first, both with dots", "10.30 25.11", "2026-11-25 10:30"),
    ("both could be days", "10.12 11.12", "2026-12-10 11:12"),
    ("both could be hours", "10.12 в 12.10", "2026-12-10 12:10"),
    ("a dash between", "25.11 - 10:00", "2026-11-25 10:00"),
    ("a dash between, an hour with ч", "25.11 – 10 ч.", "2026-11-25 10:00"),
    ("with the year", "25.11.2026 10:00", "2026-11-25 10:00"),
    ("with г.", "25.11.2026 г. 10:00 ч.", "2026-11-25 10:00"),
    ("with г. glued", "25.11.2026г., 10:00", "2026-11-25 10:00"),
    ("a short year", "25.11.26 10:00", "2026-11-25 10:00"),
    ("the next year", "05.01.2027 10:00", "2027-01-05 10:00"),
    ("a slash", "25/11 10 ч.", "2026-11-25 10:00"),
    ("slashes", "25/11/2026 10:00", "2026-11-25 10:00"),
    ("dashes", "25-11-2026 10:00", "2026-11-25 10:00"),
    ("day before month, as here", "3/12 10:00", "2026-12-03 10:00"),
    ("January in November", "10.01 10:00", "2027-01-10 10:00"),
    ("more than sixty days past", "24.09 10:00", "2027-09-24 10:00"),
    ("the name of the month", "25 ноември 17.30", TOMORROW),
    ("the name of the month, Latin", "25 noemvri 10", "2026-11-25 10:00"),
    ("short names of months", "25 ное 10:00", "2026-11-25 10:00"),
    ("a short name and an hour alone", "25 яну 10", "2027-01-25 10:00"),
    ("a month of summer", "1 юли 10:00", "2027-07-01 10:00"),
    ("a month of summer, Latin", "1 juni 10:00", "2027-06-01 10:00"),
    ("a street is no month", "утре в 10 ул. Дунав", "2026-11-25 10:00"),
    ("a month and a year", "25 ноември 2026 г. 10:00", "2026-11-25 10:00"),
    ("a month, hours with a space", "25 ноември 17 30", TOMORROW),
    ("an ordinal", "25-ти ноември 17:30", TOMORROW),
    ("the first", "1-ви декември 9:15", "2026-12-01 09:15"),
    ("the second, glued", "2ри декември 9:15", "2026-12-02 09:15"),
    ("a range of days begins with the first", "8-9 декември 10 ч", "2026-12-08 10:00"),
    ("an ordinal without a month", "на 30-ти в 10", "2026-11-30 10:00"),
    ("an ordinal of the next month", "на 7-ми в 10", "2026-12-07 10:00"),
    ("the longest month", "на 31-ви в 10", "2026-12-31 10:00"),
    ("Friday", "петък 9 ч.", "2026-11-27 09:00"),
    ("on Friday", "в петък от 9", "2026-11-27 09:00"),
    ("Friday, Latin", "petak 9", "2026-11-27 09:00"),
    ("Friday, Latin, another habit", "petuk 9", "2026-11-27 09:00"),
    ("Friday and a dot", "петък 18.30", "2026-11-27 18:30"),
    ("Friday, short", "пет 10", "2026-11-27 10:00"),
    ("Friday, shorter", "пт 10:00", "2026-11-27 10:00"),
    ("Monday, short", "пон 10", "2026-11-30 10:00"),
    ("Monday, less short", "понед. 10", "2026-11-30 10:00"),
    ("Monday", "понеделник 10:00", "2026-11-30 10:00"),
    ("Wednesday, Latin", "srqda 10:00", "2026-11-25 10:00"),
    ("Thursday with a digit for ч", "4etvurtuk 10 4asa", "2026-11-26 10:00"),
    ("Thursday", "четвъртък в 10 ч.", "2026-11-26 10:00"),
    ("Saturday", "събота 10ч", "2026-11-28 10:00"),
    ("Sunday", "в неделя в 10", "2026-11-29 10:00"),
    ("Sunday, Latin", "nedelq 10", "2026-11-29 10:00"),
    ("today's weekday, the hour ahead", "вторник 12:01", "2026-11-24 12:01"),
    ("today's weekday, the hour past", "вторник 11:59", "2026-12-01 11:59"),
    ("today's weekday, this very minute", "вторник 12:00", "2026-12-01 12:00"),
    ("the other Friday", "другия петък 18.30", "2026-12-04 18:30"),
    ("the following Friday", "следващия петък 18:30", "2026-12-04 18:30"),
    ("the other Wednesday", "другата сряда 10:00", "2026-12-02 10:00"),
    ("the other one of today's weekday", "другия вторник 18:00", "2026-12-01 18:00"),
    ("next week", "петък другата седмица 10:00", "2026-12-04 10:00"),
    ("next week, a day that is over in this one", "следващата седмица, понеделник 10:00", "2026-11-30 10:00"),
    ("a date and its weekday", "сряда 25.11 10:00", "2026-11-25 10:00"),
    ("a weekday, and a number that is its date", "четвъртък 10.12, 9:00", "2026-12-10 09:00"),
    ("a weekday, and a number that is no date of it", "петък 10.12", "2026-11-27 10:12"),
    ("a weekday, в, and a number that is its date", "четвъртък в 10.12", "2026-11-26 10:12"),
    ("tomorrow and its date", "утре, ср 25.11, 10 ч", "2026-11-25 10:00"),
    ("in three days", "след 3 дни 10:00", "2026-11-27 10:00"),
    ("in a week", "след седмица 10:00", "2026-12-01 10:00"),
    ("in two weeks", "след 2 седмици в 10", "2026-12-08 10:00"),
    ("in a day", "след ден 10:00", "2026-11-25 10:00"),
    ("the afternoon", "утре 5 следобед", "2026-11-25 17:00"),
    ("the afternoon, apart", "утре в 5 след обяд", "2026-11-25 17:00"),
    ("the afternoon, Latin", "utre 5 sledobed", "2026-11-25 17:00"),
    ("the afternoon, a half", "утре в 2 и половина следобед", "2026-11-25 14:30"),
    ("noon is afternoon already", "утре 12 следобед", "2026-11-25 12:00"),
    ("the morning", "утре 9 сутринта", "2026-11-25 09:00"),
    ("before noon", "утре преди обяд в 11", "2026-11-25 11:00"),
    ("the evening", "утре 7 вечерта", "2026-11-25 19:00"),
    ("the evening, Latin", "utre 7 ve4erta", "2026-11-25 19:00"),
    ("the evening, as it is", "утре вечер 19:00", "2026-11-25 19:00"),
    ("at noon", "утре на обяд", "2026-11-25 12:00"),
    ("one at noon", "утре в 1 на обяд", "2026-11-25 13:00"),
    ("midnight", "утре в полунощ", "2026-11-25 00:00"),
    ("twelve at midnight", "утре 12 полунощ", "2026-11-25 00:00"),
    ("at night", "утре 11 през нощта", "2026-11-25 23:00"),
    ("in the small hours", "утре 1 през нощта", "2026-11-25 01:00"),
    ("zero", "утре 00:00", "2026-11-25 00:00"),
    ("as far as one may plan", "29.12.2027 10:00", "2027-12-29 10:00"),
]


@pytest.mark.parametrize(("typed", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_a_moment_is_read_however_it_is_typed(typed: str, expected: str) -> None:
    found = read(typed, NOW)
    assert found == sofia(expected)
    assert isinstance(found, datetime)
    assert found.tzinfo is SOFIA


UNREAD = [
    # label, typed, why, what was read nevertheless
    ("nothing", "", "nothing", ""),
    ("words", "когато кажете", "nothing", ""),
    ("a picture", "👍", "nothing", ""),
    ("a phone", "0888 123 456", "nothing", ""),
    ("a number too many", "утре 10:00, стая 5", "nothing", ""),
    ("two hours", "утре 10:00 или 11:00", "nothing", ""),
    ("one digit of minutes", "утре 10:5", "nothing", ""),
    ("in two hours is not at two", "след 2 часа", "nothing", ""),
    ("after ten is not at ten", "утре след 10 ч", "nothing", ""),
    ("a class is no hour", "6а клас", "nothing", ""),
    ("a day that February lacks", "31 февруари 10:00", "no_such_day", "10:00"),
    ("the same in digits", "31.02", "no_such_day", ""),
    ("day 32", "32.11", "no_such_day", ""),
    ("day 0", "0.11 10:00", "no_such_day", "10:00"),
    ("month 13", "25.13 10:00", "no_such_day", "10:00"),
    ("month 0 with an hour", "25.00 10:00", "no_such_day", "10:00"),
    ("month 13 alone", "25.13", "no_such_day", ""),
    ("a leap day in no leap year", "29.02.2027 10:00", "no_such_day", "10:00"),
    ("a leap day without a year", "29.02 10:00", "no_such_day", "10:00"),
    ("ordinal 32", "32-ри", "no_such_day", ""),
    ("a date of another weekday", "петък 25.11 10:00", "no_such_day", "10:00"),
    ("a date of another weekday, no hour", "петък 25.11", "no_such_day", ""),
    ("tomorrow on another date", "утре 26.11 10:00", "no_such_day", "10:00"),
    ("two days", "днес или утре 18:00", "no_such_day", "18:00"),
    ("two weekdays", "събота и неделя 10:00", "no_such_day", "10:00"),
    ("two dates", "25.11 26.11 10:00", "no_such_day", "10:00"),
    ("hour 25", "25:00", "no_such_hour", ""),
    ("minute 75", "10:75", "no_such_hour", ""),
    ("tomorrow at 25", "утре 25:00", "no_such_hour", ""),
    ("tomorrow at 25, with a dot", "утре 25.00", "no_such_hour", ""),
    ("tomorrow at 24", "утре в 24 ч", "no_such_hour", ""),
    ("2575", "утре 2575", "no_such_hour", ""),
    ("before the day begins", "утре 0 без 10", "no_such_hour", ""),
    ("75 to", "утре 9 без 75", "no_such_hour", ""),
    ("twelve in the evening", "утре 12 вечерта", "no_such_hour", ""),
    ("this morning", "днес 9:00", "past", "2026-11-24 09:00"),
    ("this minute", "днес 12:00", "past", "2026-11-24 12:00"),
    ("yesterday", "вчера 10:00", "past", "2026-11-23 10:00"),
    ("yesterday's date", "23.11", "past", "2026-11-23"),
    ("sixty days past", "25.09 10:00", "past", "2026-09-25 10:00"),
    ("a year that is over", "25.11.2025 10:00", "past", "2025-11-25 10:00"),
    ("too far", "30.12.2027 10:00", "too_far", "2027-12-30 10:00"),
    ("much too far", "след 9999 седмици", "too_far", "2218-07-14"),
    ("an hour", "17:30", "which_day", "17:30"),
    ("an hour with a space", "17 30", "which_day", "17:30"),
    ("an hour without", "1730", "which_day", "17:30"),
    ("an hour of three digits", "930", "which_day", "09:30"),
    ("an hour with a dot that is no date", "18.30", "which_day", "18:30"),
    ("an hour with a dot and ч", "10.12 ч", "which_day", "10:12"),
    ("a number", "10", "which_day", "10:00"),
    ("a number with ч", "в 10 ч", "which_day", "10:00"),
    ("noon", "на обяд", "which_day", "12:00"),
    ("midnight", "полунощ", "which_day", "00:00"),
    ("the afternoon", "5 следобед", "which_day", "17:00"),
    ("the morning", "9 сутринта", "which_day", "09:00"),
    ("the evening", "7 вечерта", "which_day", "19:00"),
    ("next week", "другата седмица в 10", "which_day", "10:00"),
    ("a date", "25.11", "which_hour", "2026-11-25"),
    ("a date that could be an hour", "10.12", "which_hour", "2026-12-10"),
    ("a date in words", "25-ти ноември", "which_hour", "2026-11-25"),
    ("a weekday", "сряда", "which_hour", "2026-11-25"),
    ("today's weekday", "вторник", "which_hour", "2026-12-01"),
    ("the other weekday", "другата сряда", "which_hour", "2026-12-02"),
    ("today", "днес", "which_hour", "2026-11-24"),
    ("tomorrow", "утре", "which_hour", "2026-11-25"),
    ("tomorrow, some time", "утре сутринта", "which_hour", "2026-11-25"),
    ("in a week", "след седмица", "which_hour", "2026-12-01"),
    ("a button's label", "утре, ср 25.11", "which_hour", "2026-11-25"),
    ("a label that could be an hour", "чт 10.12", "which_hour", "2026-12-10"),
]


def partial(found: Unread) -> str:
    return " ".join(part for part in (str(found.day or ""), f"{found.at:%H:%M}" if found.at else "") if part)


@pytest.mark.parametrize(("typed", "why", "rest"), [row[1:] for row in UNREAD], ids=[row[0] for row in UNREAD])
def test_what_cannot_be_read_says_why_and_keeps_what_could(typed: str, why: str, rest: str) -> None:
    found = read(typed, NOW)
    assert isinstance(found, Unread)
    assert (found.why, partial(found)) == (why, rest)


CHANGES = [
    # label, now, typed, the instant in UTC or why not
    ("the hour before spring's gap", "2026-03-28 12:00", "утре 02:59", "2026-03-29T00:59:00+00:00"),
    ("spring's gap", "2026-03-28 12:00", "утре 03:30", "skipped_hour"),
    ("after spring's gap", "2026-03-28 12:00", "утре 04:00", "2026-03-29T01:00:00+00:00"),
    ("autumn's double hour is the first", "2026-10-24 12:00", "утре 03:30", "2026-10-25T00:30:00+00:00"),
    ("after autumn's double hour", "2026-10-24 12:00", "утре 04:00", "2026-10-25T02:00:00+00:00"),
    ("December speaks of January", "2026-12-10 12:00", "10.01 10:00", "2027-01-10T08:00:00+00:00"),
    ("January speaks of December", "2027-01-10 12:00", "25.12 10:00", "2027-12-25T08:00:00+00:00"),
    ("a leap day ahead", "2027-06-01 12:00", "29.02 10:00", "2028-02-29T08:00:00+00:00"),
    ("the other Friday, on a Friday evening", "2026-11-27 19:00", "другия петък 18:30", "2026-12-04T16:30:00+00:00"),
    ("the other Friday, on a Saturday", "2026-11-28 12:00", "другия петък 18:30", "2026-12-11T16:30:00+00:00"),
    ("an ordinal that is today", "2026-11-24 12:00", "на 24-ти в 18", "2026-11-24T16:00:00+00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "typed", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_the_clock_and_the_year_may_change_in_between(now: str, typed: str, expected: str) -> None:
    found = read(typed, sofia(now))
    assert (found.why if isinstance(found, Unread) else found.astimezone(UTC).isoformat()) == expected


def test_the_hour_that_autumn_repeats_is_past_when_its_first_is() -> None:
    second = sofia("2026-10-25 03:10").replace(fold=1)
    assert read("днес 03:30", second) == Unread("past", date(2026, 10, 25), time(3, 30))


def test_parts_may_be_asked_for_one_by_one_and_joined() -> None:
    assert read_parts("сряда", NOW) == Parts(day=date(2026, 11, 25))
    assert read_parts("в 10", NOW) == Parts(at=time(10))
    assert read_parts("днес 9", NOW) == Parts(date(2026, 11, 24), time(9)), "the hour may still be changed"
    assert join(date(2026, 11, 25), time(10), SOFIA, NOW) == sofia("2026-11-25 10:00")
    assert join(date(2026, 11, 24), time(9), SOFIA, NOW) == Unread("past", date(2026, 11, 24), time(9))
    assert join(date(2026, 11, 23), time(9), SOFIA, NOW) == Unread("past", date(2026, 11, 23), time(9))
    assert join(date(2028, 11, 23), time(9), SOFIA, NOW) == Unread("too_far", date(2028, 11, 23), time(9))


# --- whatever is typed -----------------------------------------------------------------------------------------------

TYPED = st.text(max_size=300) | st.lists(
    st.sampled_from([*"0123456789.:/-, чви", "утре ", "петък ", "ноември ", "след ", "половина ", "вечерта ", "дни ",
                     " час", " без ", " до ", "-ти ", "2027", "½", "²", "٣"]), max_size=14,
).map("".join)  # fmt: skip
MOMENTS = st.datetimes(
    datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2028-12-31"), timezones=st.just(SOFIA)
).map(lambda at: at.replace(second=0, microsecond=0, fold=0))


@given(TYPED, MOMENTS)
@example("\ud83d\x00", NOW)
@example("99.99.99 99:99", NOW)
def test_whatever_is_typed_is_answered_and_what_is_read_lies_ahead(typed: str, now: datetime) -> None:
    found = read(typed, now)
    if isinstance(found, datetime):
        assert now < found < now + FARTHEST + timedelta(days=2)
        assert found == found.astimezone(UTC).astimezone(SOFIA), "there is such an hour"
    assert isinstance(length_of(typed), timedelta | Unread)


@given(MOMENTS, st.timedeltas(timedelta(minutes=1), FARTHEST))
def test_what_is_shown_in_full_can_be_read_back(now: datetime, ahead: timedelta) -> None:
    at = (now.astimezone(UTC) + ahead).astimezone(SOFIA).replace(second=0, microsecond=0, fold=0)
    if at.astimezone(UTC) > now.astimezone(UTC):
        assert read(full(at, now), now) == at


@given(MOMENTS)
def test_the_label_of_a_day_can_be_read_back(now: datetime) -> None:
    for day in days(now):
        assert read_parts(day_label(day, now), now) == Parts(day=day)


# --- what is shown ---------------------------------------------------------------------------------------------------

SHOWN = [
    ("today", "2026-11-24 17:30", "вторник, 24.11, 17:30 (днес)"),
    ("tomorrow", "2026-11-25 17:30", "сряда, 25.11, 17:30 (утре)"),
    ("later", "2026-11-26 17:30", "четвъртък, 26.11, 17:30"),
    ("digits in two", "2026-12-05 09:05", "събота, 05.12, 9:05"),
    ("another year", "2027-11-25 17:30", "четвъртък, 25.11.2027, 17:30"),
    ("past", "2026-11-23 17:30", "понеделник, 23.11, 17:30"),
]


@pytest.mark.parametrize(("at", "text"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_a_moment_is_shown_with_its_weekday_and_tomorrow_by_name(at: str, text: str) -> None:
    assert full(sofia(at), NOW) == text


def test_days_are_offered_from_today_until_five_in_the_afternoon() -> None:
    assert [day_label(day, NOW) for day in days(NOW)] == [
        "днес, вт 24.11", "утре, ср 25.11", "чт 26.11", "пт 27.11", "сб 28.11", "нд 29.11",
    ]  # fmt: skip
    assert days(sofia("2026-11-24 16:59"), 1) == [date(2026, 11, 24)]
    assert days(sofia("2026-11-24 17:00"), 2) == [date(2026, 11, 25), date(2026, 11, 26)]
    assert day_label(date(2026, 11, 30), NOW) == "пн 30.11"


# --- lengths ---------------------------------------------------------------------------------------------------------

LENGTHS = [
    ("an hour", "1 час", 60),
    ("an hour, no number", "час", 60),
    ("an hour in words", "един час", 60),
    ("an hour and a half", "час и половина", 90),
    ("an hour and a half, with a number", "1 час и половина", 90),
    ("an hour and minutes", "час и 15 мин", 75),
    ("two hours and a half", "2 часа и половина", 150),
    ("two and a half", "2 и половина", 150),
    ("half an hour", "половин час", 30),
    ("minutes", "90 мин", 90),
    ("minutes in full", "45 минути", 45),
    ("minutes glued", "45мин.", 45),
    ("hours, short", "2 ч", 120),
    ("hours, short and glued", "2ч.", 120),
    ("hours and minutes", "2 ч и 15 мин", 135),
    ("hours and minutes, glued", "2ч15м", 135),
    ("a clock", "1:30", 90),
    ("decimals", "2.5 часа", 150),
    ("decimals with a comma", "2,5 часа", 150),
    ("a half as a sign", "2½", 150),
    ("Latin", "1 chas i polovina", 90),
    ("Latin with a digit", "2 4asa", 120),
    ("words around", "около 2 часа", 120),
    ("a whole day", "цял ден", 8 * 60),
    ("a day", "1 ден", 8 * 60),
    ("half a day", "половин ден", 4 * 60),
    ("two days", "2 дни", 32 * 60),
    ("a week's days", "7 дни", 152 * 60),
    ("a small number is hours", "2", 120),
    ("a large number is minutes", "45", 45),
    ("the longest", "168 часа", 168 * 60),
]


@pytest.mark.parametrize(("typed", "minutes"), [row[1:] for row in LENGTHS], ids=[row[0] for row in LENGTHS])
def test_a_length_is_read_however_it_is_typed(typed: str, minutes: int) -> None:
    assert length_of(typed) == timedelta(minutes=minutes)


NO_LENGTHS = [
    ("nothing", "", "nothing"),
    ("words", "не знам", "nothing"),
    ("none", "0", "nothing"),
    ("no minutes", "0 мин", "nothing"),
    ("no hours", "0 часа", "nothing"),
    ("no days", "0 дни", "nothing"),
    ("hours or minutes", "10", "nothing"),
    ("numbers in words", "два часа", "nothing"),
    ("from and to", "от 9:00 до 17:00", "nothing"),
    ("too many numbers", "2 дни по 4 часа", "nothing"),
    ("too many minutes", "1:75", "nothing"),
    ("too long", "8 дни", "too_long"),
    ("too many hours", "169 часа", "too_long"),
    ("far too long", "9999 дни", "too_long"),
    ("a phone", "0888123456", "nothing"),
]


@pytest.mark.parametrize(("typed", "why"), [row[1:] for row in NO_LENGTHS], ids=[row[0] for row in NO_LENGTHS])
def test_what_is_no_length_says_why(typed: str, why: str) -> None:
    assert length_of(typed) == Unread(why)  # type: ignore[arg-type]


@given(st.integers(1, int(LONGEST / timedelta(minutes=1))))
def test_any_number_of_minutes_up_to_a_week_is_a_length(minutes: int) -> None:
    assert length_of(f"{minutes} мин") == timedelta(minutes=minutes)
