"""One process at a time sends for a channel; a dead one is replaced."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from storage import leases
from storage.database import Database
from storage.leases import LEASE, Taken
from storage.tables import leases as rows
from tests.storage.kit import NOW, everything, opened

HOST, BOOT, PID, BEGAN = leases.me().split("|")
ELSEWHERE = f"another-host|{BOOT}|{PID}|{BEGAN}"


async def acquire(database: Database, owner: str, later: timedelta = timedelta()) -> bool | str:
    try:
        return await database.write(lambda c: leases.acquire(c, "sender:telegram", owner, NOW + later))
    except Taken:
        return "taken"


@pytest.mark.parametrize(
    ("holder", "later", "outcome"),
    [
        pytest.param("", timedelta(), True, id="nobody holds it"),
        pytest.param(leases.me(), timedelta(seconds=3), False, id="renewed: nothing to clear up"),
        pytest.param(ELSEWHERE, LEASE - timedelta(seconds=1), "taken", id="another machine's, still valid"),
        pytest.param(ELSEWHERE, LEASE, True, id="another machine's, run out"),
        pytest.param(f"{HOST}|{BOOT}|{PID}|0", timedelta(), True, id="a dead process of this machine"),
    ],
)
async def test_who_gets_a_lease(database: Database, holder: str, later: timedelta, outcome: bool | str) -> None:
    if holder:
        assert await acquire(database, holder) is True
    assert await acquire(database, leases.me(), later) == outcome
    (row,) = await database.read(lambda c: everything(c, rows))
    assert (row["owner"], row["until"]) == (
        (holder, NOW + LEASE) if outcome == "taken" else (leases.me(), NOW + later + LEASE)
    )


async def test_of_two_who_want_it_at_one_moment_one_gets_it(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two:
        got = await asyncio.gather(acquire(one, ELSEWHERE), acquire(two, ELSEWHERE + "x"))
        assert sorted(got, key=str) == [True, "taken"]
        holder = (await one.read(lambda c: everything(c, rows)))[0]["owner"]
        assert holder == (ELSEWHERE if got[0] is True else ELSEWHERE + "x")


async def test_a_lease_is_given_back_by_its_holder_only(database: Database) -> None:
    await acquire(database, ELSEWHERE)
    await database.write(lambda c: leases.release(c, "sender:telegram", leases.me()))
    assert await acquire(database, leases.me()) == "taken"
    await database.write(lambda c: leases.release(c, "sender:telegram", ELSEWHERE))
    assert await acquire(database, leases.me()) is True


@pytest.mark.parametrize(
    ("owner", "dead"),
    [
        pytest.param(leases.me(), False, id="this very process"),
        pytest.param(f"{HOST}|{BOOT}|{PID}|{BEGAN}9", True, id="its number is in use again"),
        pytest.param(f"{HOST}|{BOOT}|4194305|1", True, id="no such process"),
        pytest.param(f"{HOST}|00000000|4194305|1", False, id="before this boot: the lease must run out"),
        pytest.param("elsewhere|00000000|4194305|1", False, id="another machine"),
        pytest.param(f"{HOST}|{BOOT}|not a number|1", False, id="not a process"),
        pytest.param("life 1", False, id="anything else"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_only_a_process_of_this_machine_and_boot_can_be_known_to_be_dead(owner: str, dead: bool) -> None:
    assert leases.is_dead(owner) is dead


def test_a_process_names_itself_within_the_column() -> None:
    assert len(leases.me()) <= rows.c.owner.type.length
