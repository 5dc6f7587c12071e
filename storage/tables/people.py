"""Contacts, how they are reached, what they said of themselves, their conversations and questions."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, SmallInteger, String, Table, UniqueConstraint

from storage.cipher import Sealed
from storage.tables.common import BigId, UtcTime, contact, metadata, row_id

contacts = Table(
    "contacts",
    metadata,
    row_id(),
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
    row_id(),
    Column("channel", String(10), nullable=False),
    Column("external", Sealed("addresses.external"), nullable=False),
    Column("lookup", LargeBinary(16), nullable=False, unique=True),
    Column("status", String(10), nullable=False),  # active, stopped, blocked
    contact(),  # whom we talk to there at present
    Column("created_at", UtcTime, nullable=False),
    # Only where a channel has sessions; by the platform's clock.
    Column("heard_at", UtcTime),  # the latest sign of them: whatever is older says nothing of them now
    Column("left_at", UtcTime),  # when they last left us on the platform
    Column("session_at", UtcTime),  # when the session began in which writing to them is free; see storage.sessions
)

residents = Table(  # who can be reached at an address: several people behind one phone, one person on several channels
    "residents",
    metadata,
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("linked_at", UtcTime),  # set when a verified phone joined this address to an older contact
)

claims = Table(  # "this older contact is me", of somebody whose number nobody vouches for: see storage.claims
    "claims",
    metadata,
    row_id(),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("known_id", BigId, ForeignKey("contacts.id", ondelete="SET NULL"), index=True),  # none: nobody is meant
    contact(),  # who says so
    Column("status", String(10), nullable=False),  # code, denied, proven, asked, linked, refused, over
    Column("code_hash", LargeBinary(16)),  # of the code that went to the known address
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,  # its number stands on buttons and in keys: that of a swept one must not return
)

children = Table(  # which group or class a parent wants to hear about; never a child's name
    "children",
    metadata,
    row_id(),
    contact(),
    Column("institution", String(20), nullable=False),
    Column("group", String(20), nullable=False),
    UniqueConstraint("contact_id", "institution", "group"),
)

interests = Table(  # "I would like this": not yet a participation
    "interests",
    metadata,
    row_id(),
    contact(),
    Column("activity", String(40), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("contact_id", "activity"),
)

consents = Table(  # append-only
    "consents",
    metadata,
    row_id(),
    contact(),
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
    contact(),
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
