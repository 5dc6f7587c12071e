"""The short crash test: twenty kills while sixty people register; the long one is `python3 -m bot test crash`."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.calendar import Rules, is_holiday
from tests.faults.announcer import noon
from tests.faults.ordeal import Plan, run
from tests.faults.people import Pace

QUICK = Pace(thought=0.1, patience=2.0, calm=1.2)  # calm: a chat with many answers gets one message a second
KILLED = {"mode": "webhook", "kills": 20, "people": 60, "life": (0.1, 0.5), "arriving": 0.3, "pace": QUICK}
POLLING = {**KILLED, "mode": "polling", "kills": 5, "people": 10}
STOPPED = {**KILLED, "kills": 3, "people": 12, "life": (0.3, 0.8), "signal": signal.SIGTERM}
PLANS = {"killed": KILLED, "killed while polling": POLLING, "asked to stop": STOPPED}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
async def test_nothing_acknowledged_is_lost_and_everybody_is_registered(
    empty_database_url: str, tmp_path: Path, plan: dict[str, object]
) -> None:
    """With webhooks on Telegram, Viber and the web; without a public address no Viber, and Telegram polled."""
    report = await run(Plan(database_url=empty_database_url, seed="short", **plan), tmp_path)  # type: ignore[arg-type]
    assert not report.faults
    assert len(report.ledger.acknowledged) > 10 * report.plan.people  # nobody registers with fewer answers
    assert len(report.ledger.restarts) == plan["kills"]
    today = datetime.now(UTC).date()
    assert report.findings.reminders > 0 or is_holiday(Rules(noon()), today), "nobody was told of any event"
