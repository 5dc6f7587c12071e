"""The short year: forty events among two hundred people; the long one is `python3 -m bot test year`.

And the judge can tell: whatever of the service is broken on purpose, or of a history, it finds and names.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import false, literal, make_url

from storage import moments, notifications, reminders
from tests.faults.year import run
from tests.faults.year_history import Decided, History, Row, Sent
from tests.faults.year_judge import judge
from tests.faults.year_town import Plan

SHORT = {"sqlite": Plan("short", events=40, people=200), "postgresql": Plan("short", events=30, people=150)}
SPRING = Plan("broken", events=44, people=100, ends=datetime(2026, 3, 31, tzinfo=UTC))  # with the clock change in it

on_sqlite = pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)


async def test_everybody_hears_what_they_should_once_and_at_a_decent_hour(empty_database_url: str) -> None:
    plan = SHORT[make_url(empty_database_url).get_backend_name()]
    report = await run(empty_database_url, plan)
    assert report.judge.wrong == []
    assert report.judge.counts["sent"] > 10 * plan.events
    happened = {"Changed", "Answered", "Finished", "Stopped", "Blocked", "Erased", "Silent", "joint", "too_close"}
    assert not happened - report.judge.counts.keys(), "a year in which nothing happens proves nothing"


# --- a service that is broken -----------------------------------------------------------------------------------------


Break = Callable[[pytest.MonkeyPatch], Any]


def _no_reasons(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notifications, "_reason", lambda base, **_: literal(""))


def _key_without_offset(patch: pytest.MonkeyPatch) -> None:
    values = notifications._values

    def same(moment: Any, *more: Any) -> dict[str, Any]:
        return values(moment, *more) | {"this_key": f"{notifications.PREFIX}:{moment.event_id}:any:"}

    patch.setattr(notifications, "_values", same)


def _three_are_all(patch: pytest.MonkeyPatch) -> None:
    fire = reminders.fire

    def lazy(connection: Any, event_id: int, offset: str, now: Any, rules: Any, bite: int) -> int:
        decided = fire(connection, event_id, offset, now, rules, bite=3)
        moment = moments.taken(connection, event_id, offset)
        if moment and decided:
            moments.close(connection, moment, moments.DONE, now)
        return decided

    patch.setattr(reminders, "fire", lazy)


def _day_and_night(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(notifications, "opens_at", lambda rules, base, now, until=None: now)


BREAKS: dict[str, tuple[Break, str]] = {
    "nothing speaks against anybody": (_no_reasons, "was queued, though "),
    "a key without its offset": (_key_without_offset, "which is not its own"),
    "three take themselves for all": (_three_are_all, "forgot"),
    "no quiet hours": (_day_and_night, "in the quiet hours"),
    "a home is told as often as it has people": (
        lambda patch: patch.setattr(notifications, "ONCE_A_HOME", ()), "this home has heard"
    ),
    "one reminder after another": (
        lambda patch: patch.setattr(notifications, "_reminded_lately", false), "was queued, though too_close"
    ),
    "what was planned stays planned": (
        lambda patch: patch.setattr(moments, "withdraw", lambda *_: None), "are still to come"
    ),
    "answers are kept for another time": (
        lambda patch: patch.setattr(moments, "forget_answers", lambda *_: None), "instead of"
    ),
}  # fmt: skip


@on_sqlite
@pytest.mark.usefixtures("new_statements")
@pytest.mark.parametrize(("broken", "sentence"), [pytest.param(*case, id=name) for name, case in BREAKS.items()])
async def test_what_is_broken_is_found(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, broken: Break, sentence: str
) -> None:
    broken(monkeypatch)
    report = await run(empty_database_url, SPRING)
    assert [line for line in report.judge.wrong if sentence in line], report.judge.wrong[:5]


# --- a history that was tampered with ---------------------------------------------------------------------------------

_HISTORIES: dict[str, History] = {}


async def history_of(url: str) -> History:
    """Some months that held, once for all the tests that spoil them."""
    if "spring" not in _HISTORIES:
        _HISTORIES["spring"] = (await run(url, SPRING)).history
    return copy.deepcopy(_HISTORIES["spring"])


def _first(history: History) -> int:
    """Where the first reminder went out."""
    return next(n for n, entry in enumerate(history.entries) if isinstance(entry, Sent) and ":3d" in entry.key)


def sent_twice(history: History) -> None:
    place = _first(history)
    history.entries.insert(place + 1, history.entries[place])


def sent_at_night(history: History) -> None:
    place = _first(history)
    sent = history.entries[place]
    assert isinstance(sent, Sent)
    history.entries[place] = replace(sent, at=sent.at.replace(hour=1) + timedelta(days=1))


def never_sent(history: History) -> None:
    del history.entries[_first(history)]


def left_out_for_no_reason(history: History) -> None:
    def without(row: Row) -> Row:
        return replace(row, status="skipped", reason="stopped", message="") if row.status == "queued" else row

    for n, entry in enumerate(history.entries):
        if isinstance(entry, Decided) and any(row.status == "queued" for row in entry.rows):
            history.entries[n] = replace(entry, rows=tuple(map(without, entry.rows)))
            return


def forgotten(history: History) -> None:
    for n, entry in enumerate(history.entries):
        if isinstance(entry, Decided) and entry.rows:
            history.entries[n] = replace(entry, rows=entry.rows[1:])
            return


@pytest.mark.parametrize("spoil", [sent_twice, sent_at_night, never_sent, left_out_for_no_reason, forgotten])
async def test_the_judge_sees_a_broken_rule(tmp_path: Path, spoil: Callable[[History], None]) -> None:
    history = await history_of(f"sqlite+aiosqlite:///{tmp_path}/year.db")
    assert judge(copy.deepcopy(history)).wrong == []
    spoil(history)
    assert judge(history).wrong
