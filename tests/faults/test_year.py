"""A small simulated year on each database, and a judge that notices when a rule is broken."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.year import run
from tests.faults.year_history import Decided, History, Row, Sent
from tests.faults.year_judge import judge
from tests.faults.year_town import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = Plan("1", events=40, people=150)
_HISTORIES: dict[str, History] = {}


async def history_of(url: str) -> History:
    """A year that held, once for all the tests that spoil it."""
    if "a year" not in _HISTORIES:
        _HISTORIES["a year"] = (await run(url, SMALL)).history
    return copy.deepcopy(_HISTORIES["a year"])


@pytest.mark.parametrize("seed", ["1", "7"])
async def test_everybody_hears_what_they_should_once_and_at_a_decent_hour(empty_database_url: str, seed: str) -> None:
    report = await run(empty_database_url, replace(SMALL, seed=seed))
    assert report.judge.wrong == []
    assert sum(isinstance(entry, Sent) for entry in report.history.entries) > 50, "something happened in that year"


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
