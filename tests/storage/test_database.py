"""The database, opened: what a commit promises, many jobs in one commit, and how it comes back from being unusable."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from storage import database as module
from storage.cipher import WrongKey
from storage.database import GROUP, Database, Down
from storage.tables import leases, notices, seals
from tests.storage.kit import NOW, counted, engine_of, everything, meet, opened


def note(name: str) -> Callable[[Connection], str]:
    """A job that leaves one row."""

    def job(connection: Connection) -> str:
        connection.execute(insert(leases).values(name=name, owner="x", until=NOW))
        return name

    return job


async def names(database: Database) -> list[str]:
    return await database.read(lambda c: sorted(c.execute(select(leases.c.name)).scalars()))


def is_sqlite(database: Database) -> bool:
    return database.url.startswith("sqlite")


# --- what a commit promises -------------------------------------------------------------------------------------------


async def test_sqlite_syncs_each_commit_and_keeps_foreign_keys(database: Database) -> None:
    """A commit that returned survives power loss, on the connection that writes; a row never points at nothing."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    if not is_sqlite(database):
        wanted = {"synchronous_commit": "on"}
    show = "PRAGMA {}" if is_sqlite(database) else "SHOW {}"

    def pragmas(connection: Connection) -> dict[str, Any]:
        return {name: connection.exec_driver_sql(show.format(name)).scalar() for name in wanted}

    if is_sqlite(database):
        assert await database.write(pragmas) == await database.read(pragmas) == wanted
    else:  # the test server runs without it on purpose; nothing of ours may turn it off for a session
        source = await database.read(
            lambda c: c.execute(text("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'")).scalar()
        )
        assert source in ("default", "configuration file")


async def test_a_row_cannot_point_at_nothing(database: Database) -> None:
    bad = text("INSERT INTO residents (address_id, contact_id) VALUES (41, 42)")
    with pytest.raises(DBAPIError):
        await database.write(lambda c: c.execute(bad))


async def test_the_reader_cannot_write_on_sqlite(database: Database) -> None:
    """A change outside the one writer would wait for its lock, or be in its way."""
    if is_sqlite(database):
        with pytest.raises(Down, match="readonly"):
            await database.read(note("sneaked in"))
    assert await names(database) == []


async def test_a_job_that_fails_leaves_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        note("half")(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(half)
    assert await names(database) == []


# --- many jobs, one commit --------------------------------------------------------------------------------------------


async def test_jobs_that_wait_together_share_one_commit(database: Database) -> None:
    with counted(database) as seen:
        done = await asyncio.gather(*(database.write(note(f"{n:02}")) for n in range(50)))
    assert done == await names(database) == [f"{n:02}" for n in range(50)]
    assert seen.count("COMMIT") == 1


async def test_more_jobs_than_one_commit_takes_are_all_done(database: Database) -> None:
    with counted(database) as seen:
        await asyncio.gather(*(database.write(note(f"{n:03}")) for n in range(2 * GROUP + 1)))
    assert len(await names(database)) == 2 * GROUP + 1
    assert seen.count("COMMIT") == 3


async def test_a_bad_job_does_not_spoil_its_neighbours(database: Database) -> None:
    """The error goes to whoever brought it; everybody else's change is there exactly once."""

    def bad(connection: Connection) -> None:
        note("b")(connection)
        raise LookupError("mine alone")

    jobs: list[Callable[[Connection], Any]] = [note("a"), bad, note("c"), note("a"), note("d")]
    results = await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
    assert [r if isinstance(r, str) else type(r).__name__ for r in results] == [
        "a", "LookupError", "c", "IntegrityError", "d",
    ]  # fmt: skip
    assert await names(database) == ["a", "c", "d"]


async def test_a_caller_who_gave_up_does_not_disturb_the_others(database: Database) -> None:
    gone = asyncio.ensure_future(database.write(note("a")))
    stays = asyncio.ensure_future(database.write(note("b")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == "b"
    assert "b" in await names(database)


async def test_what_was_handed_in_before_a_close_is_kept(database_url: str) -> None:
    async with opened(database_url) as database:
        waiting = [asyncio.ensure_future(database.write(note(f"{n:03}"))) for n in range(GROUP + 20)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*waiting)) == GROUP + 20
    async with opened(database_url) as database:
        assert len(await names(database)) == GROUP + 20


async def test_a_closed_database_refuses_at_once(database_url: str) -> None:
    """Nobody may wait for ever for a writer that has gone home."""
    database = opened(database_url)
    with pytest.raises(Down, match="closed"):
        await database.write(note("early"))
    async with database:
        pass
    with pytest.raises(Down, match="closed"):
        await database.write(note("late"))
    with pytest.raises(Down, match="closed"):
        await database.read(everything_of_leases)


def everything_of_leases(connection: Connection) -> Any:
    return everything(connection, leases)


# --- unusable, and back ---------------------------------------------------------------------------------------------

SQLITE_FAULTS = {
    "full": ("PRAGMA max_page_count=1", "PRAGMA max_page_count=1000000", "full"),
    "read-only": ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", "readonly"),
}
POSTGRES_FAULTS = {
    "full": "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53100'; END $$",
    "read-only": "SET TRANSACTION READ ONLY",
    "stopping": "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57P01'; END $$",
    "gone": "SELECT pg_terminate_backend(pg_backend_pid())",
}


def big(connection: Connection) -> None:
    """More than the free room of the file's last pages."""
    rows = [{"kind": "script", "text": "x" * 300, "at": NOW}] * 300
    connection.execute(insert(notices), rows)


@pytest.mark.parametrize("fault", [*SQLITE_FAULTS, "stopping", "gone"])
async def test_an_unusable_database_says_so_and_works_again_afterwards(database: Database, fault: str) -> None:
    """Down, which the platform hears as "offer it again"; nothing of the job is kept; no restart is needed."""
    if is_sqlite(database) and fault not in SQLITE_FAULTS:
        fault = "full"
    if is_sqlite(database):
        before, after, why = SQLITE_FAULTS[fault]
        await _pragma(database, before)
        with pytest.raises(Down, match=why):
            await database.write(big)
        await _pragma(database, after)
    else:

        def broken(connection: Connection) -> None:
            connection.exec_driver_sql(POSTGRES_FAULTS[fault])
            big(connection)

        with pytest.raises(Down):
            await database.write(broken)
    assert await database.read(lambda c: everything(c, notices)) == []
    assert await database.write(note("again")) == "again"


async def _pragma(database: Database, statement: str) -> None:
    raw: Any = database._writer._connection  # type: ignore[attr-defined]
    await raw.execute(statement)


async def test_a_database_that_another_holds_is_down_until_it_lets_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    async with opened(database_url) as database, opened(database_url) as other:

        def blocked(connection: Connection) -> None:
            if not is_sqlite(database):
                connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            connection.execute(update(leases).values(owner="late"))

        await database.write(note("a"))
        engine = engine_of(other)
        if is_sqlite(database):
            await _holding(other, lambda: database.write(blocked))
        else:
            holder = await asyncpg.connect(_plain(engine.url.render_as_string(hide_password=False)))
            async with holder.transaction():
                await holder.execute("LOCK TABLE leases")
                with pytest.raises(Down, match="55P03"):
                    await database.write(blocked)
            await holder.close()
        await database.write(blocked)
        assert [row["owner"] for row in await database.read(everything_of_leases)] == ["late"]


async def _holding(other: Database, meanwhile: Callable[[], Any]) -> None:
    """Run something while another connection is inside its own BEGIN IMMEDIATE."""
    raw: Any = other._writer._connection  # type: ignore[attr-defined]
    await raw.execute("BEGIN IMMEDIATE")
    with pytest.raises(Down, match="locked"):
        await meanwhile()
    await raw.execute("ROLLBACK")


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.mark.parametrize("statement", ["SELECT nonsense", "SELECT * FROM nowhere", "not even SQL"])
async def test_a_mistake_in_a_job_is_not_taken_for_a_fault_of_the_database(database: Database, statement: str) -> None:
    """Otherwise one bad event would be offered again for ever, and would hold up all others."""
    with pytest.raises(DBAPIError):
        await database.write(lambda c: c.exec_driver_sql(statement))


async def test_two_processes_in_each_others_way_are_not_a_mistake_of_anybodys_script(database: Database) -> None:
    """PostgreSQL undoes one of two that wait for each other; that one is simply run again."""
    if is_sqlite(database):
        with counted(database) as seen:  # one writer: there is nothing to collide with, and nothing is tried twice
            await database.write(note("only"))
        assert sum("INSERT" in s for s in seen) == 1
        return
    runs: list[str] = []

    def collides(connection: Connection) -> None:
        note(f"try {len(runs)}")(connection)
        runs.append("x")
        if len(runs) < 3:
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")

    await database.write(collides)
    assert await names(database) == ["try 2"]


async def test_a_database_that_is_not_there_is_down_at_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"postgresql+asyncpg://u@127.0.0.1:{free.getsockname()[1]}/x"
        (tmp_path / "file").write_bytes(b"this is no database, but a letter to somebody" * 100)
        for url in (nobody, f"sqlite+aiosqlite:///{tmp_path}/file", f"sqlite+aiosqlite:///{tmp_path}/file/under/it.db"):
            with pytest.raises(Down):
                async with opened(url):
                    pass


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (asyncpg.InvalidPasswordError, "28P01: the role"),
        (asyncpg.InvalidAuthorizationSpecificationError, "28000: the role"),
        (asyncpg.InvalidCatalogNameError, "3D000: there is no such database"),
    ],
)
async def test_a_mistyped_password_role_or_database_is_down_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, refusal: type[asyncpg.PostgresError], why: str
) -> None:
    """And never with the server's words, which name the role."""

    async def refuses(*_: object, **__: object) -> None:
        raise refusal("role ivan")

    monkeypatch.setattr(asyncpg, "connect", refuses)
    with pytest.raises(Down, match=f"^{why}") as caught:
        async with opened("postgresql+asyncpg://ivan:x@127.0.0.1/most"):
            pass
    assert "ivan" not in str(caught.value)


# --- the key --------------------------------------------------------------------------------------------------------


async def test_another_key_is_refused_before_anything_is_written(database_url: str) -> None:
    """People would not be found again, and what is written with one key lies beside what only another opens."""
    async with opened(database_url) as database:
        await database.write(lambda c: meet(c).contact_id)
        before = await database.read(_all_of_it)
    with pytest.raises(WrongKey, match="another key"):
        async with opened(database_url, bytes(32)):
            pass
    async with opened(database_url) as database:
        assert await database.read(_all_of_it) == before


def _all_of_it(connection: Connection) -> list[Any]:
    return [connection.execute(text(f"SELECT * FROM {t} ORDER BY 1")).all() for t in ("addresses", "seals", "contacts")]


async def test_two_processes_with_different_keys_cannot_share_a_new_database(empty_database_url: str) -> None:
    """Two machines that each made a key of their own are told so while there is nothing to lose yet."""
    async with opened(empty_database_url) as first:
        with pytest.raises(WrongKey):
            async with opened(empty_database_url, bytes(32)):
                pass
        assert len(await first.read(lambda c: everything(c, seals))) == 1


async def test_a_refused_key_leaves_a_new_schema_undone(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schema and key are settled in one transaction."""

    def refuse(_connection: Connection) -> None:
        raise WrongKey("no")

    monkeypatch.setattr("storage.seals.check", refuse)
    with pytest.raises(WrongKey):
        async with opened(empty_database_url):
            pass
    monkeypatch.undo()
    async with opened(empty_database_url) as database:
        assert await database.read(lambda c: everything(c, leases)) == []


async def test_times_are_compared_as_times_on_both_databases(database: Database) -> None:
    """SQLite keeps them as text: with and without fractions they must still sort."""
    moments = [NOW, NOW + timedelta(microseconds=1), NOW + timedelta(milliseconds=500), NOW + timedelta(seconds=1)]
    rows = [{"name": f"{n}", "owner": "x", "until": at} for n, at in enumerate(moments)]
    await database.write(lambda c: c.execute(insert(leases), rows))
    later = select(leases.c.name).where(leases.c.until > NOW).order_by(leases.c.until)
    assert await database.read(lambda c: list(c.execute(later).scalars())) == ["1", "2", "3"]
