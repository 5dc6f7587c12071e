"""What every table is made of: the metadata, times in UTC, row numbers, the column that names a contact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, ForeignKey, Index, Integer, MetaData, Table, event
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps it without a zone, PostgreSQL with one; both give it back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: it would be read as another zone's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must carry its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC, on both databases."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite gives out row numbers only to INTEGER; PostgreSQL needs BIGINT for years of messages.
BigId = BigInteger().with_variant(Integer(), "sqlite")


def row_id() -> Column[Any]:
    """A row's own number."""
    return Column("id", BigId, primary_key=True, autoincrement=True)


def staff_member(name: str) -> Column[Any]:
    """Somebody of the staff; the row outlives them."""
    column: Column[Any] = Column(name, BigId, ForeignKey("contacts.id", ondelete="SET NULL"))
    event.listen(column, "after_parent_attach", _indexed)
    return column


def _indexed(column: Column[Any], table: Table) -> None:
    """Whenever anybody is forgotten, the database looks for them here: 20 s for 500 people without an index.

    Most rows hold nobody, and cost the index nothing.
    """
    if isinstance(table, Table):
        held = column.is_not(None)
        Index(f"ix_{table.name}_{column.name}", column, sqlite_where=held, postgresql_where=held)


def contact(*, nullable: bool = False) -> Column[Any]:
    """Whom a row is about; it goes with them."""
    return Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=nullable, index=True)
