"""The schema comes up to date at start: completely or not at all, whoever is killed and however many start at once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, UniqueConstraint, inspect, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage import migrations
from storage.cipher import Cipher
from storage.database import Database
from storage.migrations import HEAD, Newer
from storage.tables import links, metadata, search_tokens
from tests import ROOT
from tests.storage.kit import KEY, NOW, counted, opened

# Opens the database of the first argument and is killed: before its n-th statement, or, at 0, before its commit.
CHILD = """
import asyncio, os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from storage.cipher import Cipher
from storage.database import Database

url, fatal = sys.argv[1], int(sys.argv[2])
seen = 0

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def count(*_):
    global seen
    seen += 1
    if seen == fatal:
        die()

event.listen(Engine, "before_cursor_execute", count)
if fatal == 0:
    event.listen(Engine, "commit", die)

async def main():
    async with Database(url, Cipher(bytes(range(32)))):
        pass

asyncio.run(main())
"""
NEVER = -1


def start(url: str, fatal: int = NEVER, code: str = CHILD) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, url, str(fatal)], cwd=ROOT, stderr=subprocess.PIPE)


async def tables(url: str) -> list[str]:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda c: inspect(c).get_table_names())
    await engine.dispose()
    return found


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
    return ScriptDirectory.from_config(config)


def test_the_program_knows_its_newest_migration() -> None:
    """HEAD stands in the code so that a start need not import Alembic; it must not fall behind."""
    assert scripts().get_heads() == [HEAD]
    newest = max(path.name for path in (ROOT / "storage" / "migrations" / "versions").glob("*.py"))
    assert newest.startswith(f"{HEAD}_")


async def test_a_start_that_has_nothing_to_migrate_does_not_import_alembic(database_url: str) -> None:
    """The second start takes a second; Alembic alone would take a third of it."""
    async with opened(database_url):
        pass  # a copied database has yet to take the mark of its key
    child = start(database_url, code=f"{CHILD}\nassert 'alembic' not in sys.modules")
    _, errors = await asyncio.to_thread(child.communicate)
    assert child.returncode == 0, errors.decode()


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(database: Database) -> None:
    def differences(connection: Connection) -> Any:
        defaults = connection.dialect.name == "postgresql"  # Alembic misreads SQLite's empty strings
        options = {"compare_type": True, "compare_server_default": defaults, "target_metadata": metadata}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await database.read(differences) == []


async def test_links_of_staff_and_numbers_from_before_are_carried_over(empty_database_url: str) -> None:
    """What the third migration moves: the code of a link, and the end of a number by which somebody is found."""
    cipher = Cipher(KEY)

    def before(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        phone = cipher.seal(b'"+359888123456"', "contacts.phone")
        values = {"phone": phone, "now": "2026-11-24 08:00:00+00:00"}
        if connection.dialect.name == "postgresql":
            values["now"] = NOW  # type: ignore[assignment]
        add = "INSERT INTO contacts (id, status, phone, created_at) VALUES (7, 'active', :phone, :now)"
        connection.execute(text(add), values)
        join = "INSERT INTO staff (contact_id, role, code, since) VALUES (7, 'mediator', 'ot-2345678923', :now)"
        connection.execute(text(join), {"now": values["now"]})
        migrations.upgrade(connection)

    def after(connection: Connection) -> tuple[list[Any], list[Any]]:
        tokens = connection.execute(select(search_tokens.c.token, search_tokens.c.contact_id)).all()
        return list(map(tuple, connection.execute(select(links)).all())), list(map(tuple, tokens))

    engine = create_async_engine(empty_database_url)
    engine.dialect.cipher = cipher  # type: ignore[attr-defined]
    async with engine.begin() as connection:
        await connection.run_sync(before)
        kept, tokens = await connection.run_sync(after)
    await engine.dispose()
    assert kept == [(7, "ot-2345678923")]
    assert tokens == [(cipher.lookup("phone ending", "456"), 7)]


async def test_partial_indexes_are_partial_in_the_database(database: Database) -> None:
    """Alembic does not compare their conditions."""

    def conditions(connection: Connection) -> dict[str, str]:
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''"))
        else:
            rows = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
        return {name: sql.partition(" WHERE ")[2] for name, sql in rows}

    found = {name: sql for name, sql in (await database.read(conditions)).items() if sql}
    partial = {index.name for table in metadata.tables.values() for index in table.indexes if _is_partial(index)}
    assert set(found) == partial > {"uq_conversations_open", "ix_outbox_waiting", "ix_invitations_marked_by"}
    assert "open" in found["uq_conversations_open"]
    assert "queued" in found["ix_outbox_waiting"]
    assert "sending" in found["ix_outbox_waiting"]


def _is_partial(index: Index) -> bool:
    return index.dialect_options["sqlite"]["where"] is not None


def test_forgetting_somebody_looks_through_no_table() -> None:
    """Without an index a database goes through all rows that could refer to a contact or an address it deletes."""
    bare = [f"{table.name}.{c.name}" for table in metadata.tables.values() for c in table.columns if _refers(c)]
    assert len(bare) > 30
    assert [name for name in bare if name.partition(".")[2] not in _indexed(name.partition(".")[0])] == []


def _refers(column: Column[Any]) -> bool:
    return any(key.column.table.name in ("contacts", "addresses") for key in column.foreign_keys)


def _indexed(table: str) -> set[str]:
    keys = [c for c in metadata.tables[table].constraints if isinstance(c, PrimaryKeyConstraint | UniqueConstraint)]
    return {next(iter(one.columns)).name for one in (*metadata.tables[table].indexes, *keys)}


async def test_a_migration_killed_at_any_point_did_nothing_and_the_next_start_completes_it(
    empty_database_url: str,
) -> None:
    for fatal in (4, 12, 40, 0):
        child = start(empty_database_url, fatal)
        await asyncio.to_thread(child.communicate)
        assert child.returncode == -signal.SIGKILL, "it should have been killed there"
        assert await tables(empty_database_url) == [], f"killed at {fatal}, something is left"
    async with opened(empty_database_url) as database:
        assert await database.read(migrations.revision) == HEAD
    assert set(await tables(empty_database_url)) == {"alembic_version", *metadata.tables}


async def test_two_processes_may_migrate_at_one_moment(empty_database_url: str) -> None:
    children = [start(empty_database_url) for _ in range(2)]
    for child in children:
        _, errors = await asyncio.to_thread(child.communicate)
        assert child.returncode == 0, errors.decode()
    assert set(await tables(empty_database_url)) == {"alembic_version", *metadata.tables}


async def test_an_older_program_refuses_a_newer_schema_and_changes_nothing(database_url: str) -> None:
    async with opened(database_url) as database:
        await database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(Newer, match="9999"):
        async with opened(database_url):
            pass
    engine = create_async_engine(database_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar() == "9999"
    await engine.dispose()


async def test_an_up_to_date_database_is_opened_with_a_look_and_nothing_else(database_url: str) -> None:
    async with opened(database_url) as database:
        with counted(database) as seen:
            await database.write(migrations.upgrade)
    assert not [s for s in seen if s.upper().startswith(("CREATE", "ALTER", "INSERT", "UPDATE", "DELETE", "DROP"))]


async def test_a_new_database_makes_its_own_folder(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/new/folder/bot.db") as database:
        assert await database.read(migrations.revision) == HEAD
