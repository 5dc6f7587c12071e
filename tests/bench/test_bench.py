"""The benchmark's own smoke test: it starts the bot, counts right, and says nothing about time."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.bench import load, parse
from tests.bench.api import Api
from tests.bench.bots import ours
from tests.bench.viber import posters, registering, reporting
from tests.bench.viber_api import TOKEN, Load, ViberApi


async def test_every_update_of_a_short_round_gets_one_answer(tmp_path: Path) -> None:
    async with Api() as api, ours(api, tmp_path) as running:
        measured = await load.at_once(api, running, people=8, seconds=1.0)
    tally = measured.tally
    assert tally.updates >= 8
    assert len(tally.seconds) == tally.updates, "an update without an answer"
    assert tally.extra == tally.people, "beyond one answer an update, only the menu at the end of a registration"
    assert tally.refused == 0
    assert all(math.isfinite(value) for value in (measured.rate, measured.cpu_ms, measured.ms(0.5), measured.ms(0.95)))


async def test_every_callback_of_viber_gets_its_200_and_people_get_to_the_menu(tmp_path: Path) -> None:
    async with Api() as api, ViberApi() as viber:
        more = {"VIBER_TOKEN": TOKEN, "VIBER_API_URL": viber.url, "VIBER_NAME": "Мост"}
        async with ours(api, tmp_path, more=more) as running:
            await viber.ready.wait()
            measured = Load(viber, posters(running, viber), posters(running, viber))
            await registering(measured, seconds=1.0, rate=60.0, people=2)
            await reporting(measured, seconds=0.5, rate=40.0)
    assert measured.tally.updates == len(measured.messages.seconds) == 60
    assert measured.tally.people >= 1
    assert len(measured.receipts.seconds) == 20
    assert measured.messages.refused == measured.receipts.refused == 0


def test_percentile_is_the_value_below_which_that_share_lies() -> None:
    values = [4.0, 1.0, 3.0, 2.0]
    assert [load.percentile(values, share) for share in (0.25, 0.5, 0.95, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    assert math.isnan(load.percentile([], 0.5))


def test_command_line_takes_its_scenarios_and_refuses_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["start", "bulk"]).scenario == ["start", "bulk"]
    with pytest.raises(SystemExit):
        parse(["starts"])
    assert "no scenario starts" in capsys.readouterr().err
