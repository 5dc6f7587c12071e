"""What a monitor is told: alive, ready or why not, and figures without a person in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from bot.messages import Lane
from bot.watch import LEAST_DISK, Watch
from storage.database import Database, Down
from storage.outbox import Mark
from tests.storage.kit import NOW, bulk, enrol, meet, opened, queue, said


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


@pytest.fixture
def watch(database: Database, tmp_path: Path) -> Watch:
    return Watch(database, tmp_path, lambda: NOW)


async def get(watch: Watch, path: str) -> Response:
    (route,) = [route for route in watch.routes() if route.path == path]
    response: Response = await route.endpoint(Request({"type": "http", "method": "GET", "path": path, "headers": []}))
    return response


async def figures(watch: Watch) -> dict[str, float]:
    """Every line of /metrics, as `name{labels}` → value."""
    body = bytes((await get(watch, "/metrics")).body).decode()
    lines = [line.rpartition(" ") for line in body.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_a_process_that_answers_is_alive(watch: Watch) -> None:
    assert (await get(watch, "/healthz")).status_code == 200


async def test_a_service_whose_database_takes_writes_is_ready(watch: Watch) -> None:
    response = await get(watch, "/readyz")
    assert (response.status_code, json.loads(bytes(response.body))) == (200, {"database": True, "disk": True})


@pytest.mark.parametrize("fault", ["database", "disk"])
async def test_a_service_that_cannot_write_is_not_ready_and_says_what_is_missing(
    watch: Watch, database: Database, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_job: object) -> None:
        raise Down("full")

    if fault == "database":
        monkeypatch.setattr(database, "write", down)
    else:
        usage = type(shutil.disk_usage("/"))(10**12, 10**12, LEAST_DISK)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    response = await get(watch, "/readyz")
    found = json.loads(bytes(response.body))
    assert (response.status_code, [what for what, fine in found.items() if not fine]) == (503, [fault])


async def test_a_read_only_database_is_not_ready(watch: Watch, database: Database) -> None:
    if database.url.startswith("sqlite"):
        raw: Any = database._writer._connection  # type: ignore[attr-defined]
        await raw.execute("PRAGMA query_only=ON")
    else:
        await _make_read_only(database)
    assert (await get(watch, "/readyz")).status_code == 503


async def _make_read_only(database: Database) -> None:
    def read_only(connection: Connection) -> None:
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")

    engine: Any = database._writer._engine  # type: ignore[attr-defined]
    await engine.dispose()
    await database.write(read_only)  # the only connection of the pool, until it is closed


async def test_figures_count_contacts_and_messages(watch: Watch, database: Database) -> None:
    def fill(connection: Connection) -> None:
        for number, (status, registered) in enumerate((("active", 1), ("active", 1), ("stopped", 1), ("active", 0))):
            enrol(connection, meet(connection, f"{number}"), status=status, registered_at=NOW if registered else None)
        bulk(connection, meet(connection, "0"), 3)
        queue(connection, meet(connection, "1"), "reminder", lane=Lane.REMINDER)

    await database.write(fill)
    found = await figures(watch)
    assert {name: n for name, n in found.items() if name.startswith(("bot_contacts", "bot_outbox"))} == {
        'bot_contacts{status="active"}': 2,
        'bot_contacts{status="stopped"}': 1,
        'bot_contacts{status="unregistered"}': 1,
        'bot_outbox_messages{channel="telegram",lane="broadcast",status="queued"}': 3,
        'bot_outbox_messages{channel="telegram",lane="reminder",status="queued"}': 1,
    }


async def test_a_state_that_nobody_is_in_any_more_leaves_the_figures(watch: Watch, database: Database) -> None:
    await database.write(lambda c: enrol(c, meet(c), status="stopped"))
    assert (await figures(watch))['bot_contacts{status="stopped"}'] == 1
    await database.write(lambda c: enrol(c, meet(c), status="active"))
    assert 'bot_contacts{status="stopped"}' not in await figures(watch)


async def test_events_and_sends_are_counted_and_timed(watch: Watch, database: Database) -> None:
    (row,) = await database.write(lambda c: queue(c, meet(c), "a", owner="me"))
    watch.seen(said(), True, 0.003)
    watch.seen(said(), False, 0.2)
    watch.sent(row, Mark(row, "sent", at=NOW + timedelta(milliseconds=40)))
    watch.sent(row, Mark(row, "queued"))
    found = await figures(watch)
    channel = 'channel="telegram"'
    assert found[f"bot_inbox_events_total{{{channel}}}"] == found[f"bot_inbox_repeats_total{{{channel}}}"] == 1
    assert found[f'bot_event_to_commit_seconds_bucket{{{channel},le="0.005"}}'] == 1
    assert found[f"bot_event_to_commit_seconds_count{{{channel}}}"] == 2
    assert found[f"bot_event_to_send_seconds_count{{{channel}}}"] == 1
    assert found[f"bot_event_to_send_seconds_sum{{{channel}}}"] == pytest.approx(0.04)


async def test_figures_hold_nothing_about_anybody(watch: Watch, database: Database) -> None:
    def fill(connection: Connection) -> None:
        enrol(connection, meet(connection, "7770001777"), name="Иванка", source="plakat-7")
        queue(connection, meet(connection, "7770001777"), "reply:41:0")

    await database.write(fill)
    watch.seen(said(external="7770001777", text="Иванка"), True, 0.1)
    body = bytes((await get(watch, "/metrics")).body).decode()
    assert not [word for word in ("7770001777", "Иванка", "plakat", "reply:41") if word in body]


async def test_figures_that_need_no_database_are_told_while_it_is_down(
    watch: Watch, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_job: object) -> None:
        raise Down("gone")

    monkeypatch.setattr(database, "read", down)
    watch.seen(said(), True, 0.1)
    assert (await figures(watch))['bot_inbox_events_total{channel="telegram"}'] == 1
