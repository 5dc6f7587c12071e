"""Staff: contacts with a role, how they come to it, and what they did."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from storage.tables.common import BigId, UtcTime, metadata, row_id

staff = Table(
    "staff",
    metadata,
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(12), nullable=False),  # coordinator, mediator, trainer, reporter
    Column("invited_by", BigId, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("since", UtcTime, nullable=False),
)

staff_invites = Table(  # a code that gives a role, once and for some days
    "staff_invites",
    metadata,
    Column("code_hash", LargeBinary(16), primary_key=True),
    Column("role", String(12), nullable=False),
    Column("invited_by", BigId, ForeignKey("contacts.id", ondelete="SET NULL")),  # nobody: the command line
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_by", BigId, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("used_at", UtcTime),
)

audit = Table(  # who did what, when, to whom; never what was written
    "audit",
    metadata,
    row_id(),
    Column("staff_id", BigId, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("action", String(30), nullable=False),
    Column("subject", String(60), nullable=False, server_default=""),  # "event:12", "contact:5"
    Column("at", UtcTime, nullable=False),
    Index("ix_audit_at", "at"),
)
