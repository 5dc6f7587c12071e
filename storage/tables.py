"""Every table, in the words of the field. Times are UTC; personal data are Sealed.

Must hold no queries: those stand by noun beside this file.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from storage.cipher import Sealed

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


def _id() -> Column[Any]:
    return Column("id", BigId, primary_key=True, autoincrement=True)


def _contact(*, nullable: bool = False) -> Column[Any]:
    return Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=nullable, index=True)


contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("status", String(10), nullable=False),  # active, stopped, blocked, archived
    Column("language", String(10), nullable=False, server_default=""),
    Column("name", Sealed("contacts.name")),
    Column("phone", Sealed("contacts.phone")),
    Column("phone_hash", LargeBinary(16), index=True),
    Column("phone_is_own", Boolean, nullable=False, server_default="0"),  # a platform vouched for it
    Column("settlement", String(40)),
    Column("quarter", Sealed("contacts.quarter")),
    Column("purpose", String(10)),  # work, school, both, other
    Column("work", String(20)),  # the person's own word, unconfirmed
    Column("source", String(64), nullable=False, server_default=""),  # the code of the poster or link they came by
    Column("created_at", UtcTime, nullable=False),
    Column("registered_at", UtcTime),
    Column("archived_at", UtcTime),
    Index("ix_contacts_status_registered_at", "status", "registered_at"),
)

search_tokens = Table(  # blind index of name beginnings: staff find „Иванка“ though names are encrypted
    "search_tokens",
    metadata,
    Column("token", LargeBinary(16), primary_key=True),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, index=True),
)

addresses = Table(
    "addresses",
    metadata,
    _id(),
    Column("channel", String(10), nullable=False),
    Column("external", Sealed("addresses.external"), nullable=False),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
    Column("status", String(10), nullable=False),  # active, stopped, blocked
    _contact(),  # whom we talk to there at present
    Column("created_at", UtcTime, nullable=False),
)

residents = Table(  # who can be reached at an address: several people behind one phone, one person on several channels
    "residents",
    metadata,
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("linked_at", UtcTime),  # set when a verified phone joined this address to an older contact
)

children = Table(  # which group or class a parent wants to hear about; never a child's name
    "children",
    metadata,
    _id(),
    _contact(),
    Column("institution", String(20), nullable=False),
    Column("group", String(20), nullable=False),
    UniqueConstraint("contact_id", "institution", "group"),
)

interests = Table(  # "I would like this": not yet a participation
    "interests",
    metadata,
    _id(),
    _contact(),
    Column("activity", String(40), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("contact_id", "activity"),
)

consents = Table(  # append-only
    "consents",
    metadata,
    _id(),
    _contact(),
    Column("purpose", String(30), nullable=False),  # channel_telegram, channel_web…
    Column("action", String(10), nullable=False),  # given, refused, withdrawn
    Column("text_hash", String(64), nullable=False, server_default=""),  # SHA-256 of the exact words shown
    Column("text_version", String(40), nullable=False, server_default=""),  # which version of them the programme said
    Column("language", String(10), nullable=False, server_default=""),
    Column("form", String(40), nullable=False, server_default=""),  # button, typed word, platform block
    Column("event_key", String(120), nullable=False, server_default=""),
    Column("age_ok", Boolean),
    Column("at", UtcTime, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),  # drawn before the first question is written
    _contact(),
    Column("script", String(30), nullable=False),
    Column("state", String(10), nullable=False),  # open, done, left, failed
    Column("asked", String(40), nullable=False, server_default=""),  # the question that waits
    Column("misses", SmallInteger, nullable=False, server_default="0"),
    Column("started_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)
# One open conversation for a contact: two processes cannot open a second beside it.
Index(
    "uq_conversations_open",
    conversations.c.contact_id,
    unique=True,
    sqlite_where=conversations.c.state == "open",
    postgresql_where=conversations.c.state == "open",
)

answers = Table(
    "answers",
    metadata,
    Column("conversation_id", BigId, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("value", Sealed("answers.value")),
    Column("complete", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    _id(),
    _contact(),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="SET NULL")),
    Column("text", Sealed("tickets.text"), nullable=False),
    Column("status", String(10), nullable=False),  # open, answered, closed
    Column("about", String(40), nullable=False, server_default=""),  # an activity's code, if it came from there
    Column("created_at", UtcTime, nullable=False),
    Index("ix_tickets_status_created_at", "status", "created_at"),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("key", String(120), nullable=False, unique=True),
    Column("channel", String(10), nullable=False),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE")),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="SET NULL"), index=True),  # who wrote it
    Column("body", Sealed("inbox.body")),  # emptied after some days; the key stays to refuse repeats
    Column("state", String(10), nullable=False),  # done, failed
    Column("received_at", UtcTime, nullable=False),
    Index("ix_inbox_address_id_id", "address_id", "id"),
    Index("ix_inbox_received_at", "received_at"),
    sqlite_autoincrement=True,  # a number that was deleted is not given out again
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("key", String(120), nullable=False, unique=True),  # reply:…, reminder:…, broadcast:…
    Column("channel", String(10), nullable=False),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), nullable=False),
    _contact(),
    Column("inbox_id", BigId),  # the event that it answers
    Column("lane", SmallInteger, nullable=False),
    Column("body", Sealed("outbox.body")),
    Column("status", String(10), nullable=False),  # queued, sending, sent, delivered, read, failed, expired…
    Column("not_before", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("ambiguous", SmallInteger, nullable=False, server_default="0"),
    Column("owner", String(80), nullable=False, server_default=""),  # the process that holds the row
    Column("platform_id", String(64), nullable=False, server_default=""),
    Column("error", String(200), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Index("ix_outbox_address_id_id", "address_id", "id"),
    sqlite_autoincrement=True,  # a page asks for what is newer than its last: an erased number must not return
)
# The sender looks only at rows that still have a way to go: a partial index stays small among years of sent ones.
Index(
    "ix_outbox_waiting",
    outbox.c.channel,
    outbox.c.status,
    outbox.c.lane,
    outbox.c.id,
    sqlite_where=text("status = 'queued' OR status = 'sending'"),
    postgresql_where=text("status = 'queued' OR status = 'sending'"),
)

seals = Table(  # by what key this database is encrypted: a hash that only the right key gives
    "seals",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", LargeBinary(16), nullable=False),
)

leases = Table(  # who may send for a channel: one process at a time
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("owner", String(80), nullable=False),
    Column("until", UtcTime, nullable=False),
)

notices = Table(  # what staff must see: a script that failed, a message nobody can vouch for
    "notices",
    metadata,
    _id(),
    Column("kind", String(30), nullable=False),
    Column("text", String(300), nullable=False),  # never personal data
    Column("at", UtcTime, nullable=False),
)
