"""Office hours: when somebody is at work, and what is promised to whoever asks now."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.calendar import Rules
from bot.office import Office, is_open, next_open, promise

SOFIA = ZoneInfo("Europe/Sofia")
OFFICE = Office(Rules(SOFIA), frozenset(range(5)), time(9), time(17))


def local(said: str) -> datetime:
    return datetime.strptime(said, "%d.%m.%Y %H:%M").replace(tzinfo=SOFIA)


@pytest.mark.parametrize(
    ("asked", "opens", "due"),
    [
        pytest.param("24.11.2026 10:00", "24.11.2026 10:00", "25.11.2026 10:00", id="a working morning"),
        pytest.param("24.11.2026 10:04", "24.11.2026 10:04", "25.11.2026 10:30", id="on to the half hour"),
        pytest.param("24.11.2026 16:45", "24.11.2026 16:45", "25.11.2026 17:00", id="never later than it closes"),
        pytest.param("24.11.2026 09:00", "24.11.2026 09:00", "24.11.2026 17:00", id="as it opens: the same day"),
        pytest.param("24.11.2026 07:00", "24.11.2026 09:00", "24.11.2026 17:00", id="before it opens"),
        pytest.param("24.11.2026 17:00", "25.11.2026 09:00", "25.11.2026 17:00", id="as it closes"),
        pytest.param("27.11.2026 12:00", "27.11.2026 12:00", "30.11.2026 12:00", id="over the weekend"),
        pytest.param("28.11.2026 12:00", "30.11.2026 09:00", "30.11.2026 17:00", id="on a Saturday"),
        pytest.param("23.12.2026 15:00", "23.12.2026 15:00", "29.12.2026 15:00", id="over Christmas and its day off"),
        pytest.param("25.12.2026 10:00", "29.12.2026 09:00", "29.12.2026 17:00", id="on a holiday"),
        pytest.param("23.10.2026 16:00", "23.10.2026 16:00", "26.10.2026 16:00", id="over the end of summer time"),
    ],
)
def test_what_is_promised(asked: str, opens: str, due: str) -> None:
    assert next_open(OFFICE, local(asked)) == local(opens)
    assert promise(OFFICE, local(asked)) == local(due)
    assert is_open(OFFICE, local(asked)) is (asked == opens)


@pytest.mark.parametrize(
    ("days", "opens", "closes", "why"),
    [(frozenset(), 9, 17, "at least one working day"), (frozenset({0}), 17, 9, "must be before")],
)
def test_hours_that_cannot_be_are_refused(days: frozenset[int], opens: int, closes: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Office(Rules(SOFIA), days, time(opens), time(closes))
