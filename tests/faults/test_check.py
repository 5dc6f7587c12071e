"""The checker can tell: each promise, broken on purpose, is found and named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from bot.inbox import utc_now
from bot.messages import Address, Incoming, Kind
from storage import tables
from tests.faults import life as lives
from tests.faults.check import check
from tests.faults.ledger import Ledger
from tests.faults.life import Recorder, life

world = cache(lives.world)
START = Incoming("telegram:1:1", Address("telegram", "7"), Kind.START)
Damage = Callable[[Ledger, Connection], Any]


def _again(ledger: Ledger, times: int) -> None:
    for number in range(times):
        ledger.arrive("7", 100 + number, ledger.arrived["7"][0].text)


def _row(**values: Any) -> Damage:
    return lambda ledger, c: c.execute(update(tables.outbox).values(**values))


def _second_consent(_: Ledger, connection: Connection) -> None:
    who = connection.execute(select(tables.contacts.c.id)).scalar_one()
    row = {"contact_id": who, "purpose": "channel_telegram", "action": "given", "at": utc_now()}
    connection.execute(insert(tables.consents), [row, row])


# The checker asks both databases the same questions but one; the crash tests run it on both.
on_sqlite = pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)

FINDS: dict[str, tuple[Damage, str]] = {
    "nothing is wrong": (lambda ledger, c: None, ""),
    "an acknowledged event is gone": (lambda ledger, c: c.execute(delete(tables.inbox)), "is not there"),
    "an event that nobody can have sent": (lambda ledger, c: ledger.offered.clear(), "was never offered"),
    "an event says something else": (
        lambda ledger, c: c.execute(update(tables.inbox).values(body={"kind": "start", "text": "друго"})),
        "otherwise than it was said",
    ),
    "a script broke": (lambda ledger, c: c.execute(update(tables.inbox).values(state="failed")), "script broke"),
    "a summary showed something else": (lambda ledger, c: ledger.changed.append("7: name"), "another answer"),
    "a message waits for ever": (_row(status="queued"), "ended as queued"),
    "a message is on the wire for ever": (_row(status="sending"), "ended as sending"),
    "a message never arrived": (lambda ledger, c: ledger.arrived.clear(), "never arrived"),
    "a message came from nowhere": (lambda ledger, c: ledger.arrive("7", 100, "Здравейте"), "in no outbox"),
    "a message came to a stranger": (lambda ledger, c: ledger.arrive("8", 1, "Здравейте"), "in no outbox"),
    "a message came three times": (lambda ledger, c: _again(ledger, 2), "three times"),
    "somebody consented twice": (_second_consent, "consents"),
}


@on_sqlite
@pytest.mark.parametrize(("damage", "sentence"), [pytest.param(*case, id=name) for name, case in FINDS.items()])
async def test_broken_promise_is_found(database_url: str, tmp_path: Path, damage: Damage, sentence: str) -> None:
    """One person pressed start and was answered; then something is spoilt."""
    ledger, channel = Ledger(tmp_path / "ledger.jsonl"), Recorder()
    async with life(database_url, channel, utc_now, all_of=world()) as process:
        await process.inbox.accept(START)
        await process.sender.settled()
        ledger.offer(START.key, 7, kind="start")
        ledger.acknowledge(START.key)
        [call] = channel.calls
        ledger.arrive("7", 1, call.message.text)
        await process.database.write(lambda connection: damage(ledger, connection))
        found = await process.database.read(lambda connection: check(connection, ledger, []))
    wrong = [line for line in found.wrong if "for 0 people" not in line or "consents" in line]
    assert [sentence in line for line in wrong] == ([True] if sentence else [])


@on_sqlite
async def test_second_copy_is_counted_and_no_fault_by_itself(database_url: str, tmp_path: Path) -> None:
    """A kill can meet a message on its way; the bound judges how many."""
    ledger, channel = Ledger(tmp_path / "ledger.jsonl"), Recorder()
    async with life(database_url, channel, utc_now, all_of=world()) as process:
        await process.inbox.accept(START)
        await process.sender.settled()
        ledger.offer(START.key, 7, kind="start")
        ledger.arrive("7", 1, channel.calls[0].message.text)
        _again(ledger, 1)
        found = await process.database.read(lambda connection: check(connection, ledger, []))
    assert (found.duplicates, found.copies, found.lost) == (1, 2, 0)
