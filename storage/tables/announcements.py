"""Announcements: what was written to whom and what came of it; and what was sent with a message."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, LargeBinary, SmallInteger, String, Table

from storage.cipher import Sealed
from storage.tables.common import BigId, UtcTime, metadata, row_id, staff_member

media = Table(  # a photo, a voice note, a document that somebody sent
    "media",
    metadata,
    row_id(),
    Column("kind", String(10), nullable=False),  # photo, voice, document
    Column("channel", String(10), nullable=False),  # that brought it, and can send it on by its handle
    Column("handle", Sealed("media.handle"), nullable=False),
    Column("filename", Sealed("media.filename")),
    Column("mime", String(64), nullable=False, server_default=""),
    Column("size", BigId, nullable=False, server_default="0"),  # bytes; 0 while nobody knows
    Column("content", Sealed("media.content")),  # in Base64; absent until it is fetched, and again when it is old
    Column("state", String(10), nullable=False),  # waiting (to be fetched), kept, lost (cannot be fetched), old
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_media_state_id", "state", "id"),
)

broadcasts = Table(  # one announcement to a group
    "broadcasts",
    metadata,
    row_id(),
    staff_member("by_id"),
    Column("words", Sealed("broadcasts.words"), nullable=False),  # by language, as typed: {"bg": …, "rom": …}
    Column("media_id", BigId, ForeignKey("media.id", ondelete="SET NULL")),
    Column("media_rom_id", BigId, ForeignKey("media.id", ondelete="SET NULL")),  # instead, for whoever reads Romani
    Column("buttons", JSON, nullable=False),  # codes of the answers that it asks for
    Column("audience", JSON, nullable=False),  # whom it is for, as storage.groups reads it
    Column("again", Boolean, nullable=False, server_default="0"),  # also to those who got the same words today
    Column("fingerprint", LargeBinary(16), nullable=False),  # a keyed hash of the words: who got the same already
    Column("corrects_id", BigId, ForeignKey("broadcasts.id", ondelete="SET NULL")),
    Column("status", String(10), nullable=False),  # waiting, running, paused, done, stopped, refused
    Column("due_at", UtcTime, nullable=False),  # when it starts: half a minute to undo it, or the hour it is meant for
    Column("held", Boolean, nullable=False, server_default="0"),  # many people: it waits longer, or for a second person
    staff_member("approved_by"),
    Column("approved_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),  # when its recipients were fixed
    Column("ended_at", UtcTime),
    Column("deleted_at", UtcTime),  # when it was last taken out of the chats
    Column("version", SmallInteger, nullable=False, server_default="1"),  # rises when what was sent is changed
    Index("ix_broadcasts_status_due_at", "status", "due_at"),
    Index("ix_broadcasts_fingerprint", "fingerprint"),
)

recipients = Table(  # the ledger: everybody in the group when it started, with what was done and why
    "recipients",
    metadata,
    Column("broadcast_id", BigId, ForeignKey("broadcasts.id", ondelete="CASCADE"), primary_key=True),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("status", String(8), nullable=False),  # waiting (fixed, not queued yet), queued, skipped, stopped
    Column("reason", String(16), nullable=False, server_default=""),  # why it was skipped
    Column("message", String(120), nullable=False, server_default=""),  # the key of its latest outbox row
    Column("answer", String(12), nullable=False, server_default=""),  # the button they pressed
    Column("answered_at", UtcTime),
    Column("to_call", Boolean, nullable=False, server_default="0"),  # on the call list
    Column("called", String(12), nullable=False, server_default=""),  # what came of the call
    Column("called_at", UtcTime),
    staff_member("called_by"),
    Column("at", UtcTime, nullable=False),
    Index("ix_recipients_broadcast_id_status", "broadcast_id", "status", "contact_id"),
    Index("ix_recipients_contact_id_at", "contact_id", "at"),
    Index("ix_recipients_message", "message"),
)
