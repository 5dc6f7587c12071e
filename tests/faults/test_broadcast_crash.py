"""A broadcast while twenty processes die; the long form is `python3 -m bot test broadcast`."""

from __future__ import annotations

import pytest

from tests.faults.broadcast import Plan, run


@pytest.mark.parametrize("seed", [20, 21])
async def test_everybody_in_the_group_gets_it_and_nobody_else_though_twenty_processes_die(
    database_url: str, seed: int
) -> None:
    report = await run(Plan(database_url, people=300, deaths=20, seed=seed))
    assert report.faults == []
    assert len(report.frozen) == 300
    assert len(report.copies) > 300 - len(report.unsure) - 1
    assert report.deaths["while it was queued"] + report.deaths["while it was sent"] > 6, "many die in the middle"
