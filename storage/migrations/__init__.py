"""The schema's history, brought up to date at start in one transaction: killed at any point, it did nothing or all."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0004"  # a test keeps it equal to the newest file in versions/; asking Alembic would cost half the start
LOCK = 7_265_874  # PostgreSQL's advisory lock for two processes that start at one moment


class Newer(Exception):
    """The database was written by a newer program than this one."""


def upgrade(connection: Connection) -> None:
    """Bring the schema up to date. Newer if this program does not know the schema it finds."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))  # another process may migrate for minutes
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    found = revision(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise Newer(found)
    command.upgrade(config, "head")


def revision(connection: Connection) -> str:
    """The revision that the database says it has; empty for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
