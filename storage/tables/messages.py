"""Messages in both directions, and what keeps their sending in order."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Table, text

from storage.cipher import Sealed
from storage.tables.common import BigId, UtcTime, contact, metadata, row_id

inbox = Table(
    "inbox",
    metadata,
    row_id(),
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
    row_id(),
    Column("key", String(120), nullable=False, unique=True),  # reply:…, reminder:…, broadcast:…
    Column("channel", String(10), nullable=False),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), nullable=False),
    contact(),
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
    Column("billing", SmallInteger),  # by what rule the platform charges for it, as Sent.billing
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

# Staff are shown every morning what did not arrive lately: a handful among years of rows.
Index(
    "ix_outbox_lost",
    outbox.c.not_before,
    sqlite_where=text("status = 'failed' OR status = 'uncertain' OR status = 'expired' OR status = 'cancelled'"),
    postgresql_where=text("status = 'failed' OR status = 'uncertain' OR status = 'expired' OR status = 'cancelled'"),
)

receipts = Table(  # what a platform reported of a message before its answer to the send came, or was kept
    "receipts",
    metadata,
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), primary_key=True),
    Column("platform_id", String(64), primary_key=True),
    Column("status", String(10), primary_key=True),  # delivered, read, failed
    Column("text", String(200), nullable=False, server_default=""),
    Column("at", UtcTime, nullable=False, index=True),
)

spending = Table(  # what a channel charged for in one month, and whether it carries anything of our own accord
    "spending",
    metadata,
    Column("channel", String(10), primary_key=True),
    Column("month", String(7), primary_key=True),  # "2026-11", in UTC as the platform counts
    Column("charged", Integer, nullable=False, server_default="0"),  # messages
    Column("paused_until", UtcTime),
    Column("why", String(10), nullable=False, server_default=""),  # quota, balance, budget
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
    row_id(),
    Column("kind", String(30), nullable=False),
    Column("text", String(300), nullable=False),  # never personal data
    Column("at", UtcTime, nullable=False),
)
