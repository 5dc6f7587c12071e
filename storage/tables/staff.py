"""Staff: contacts with a role, how they come to it, and what they did."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from storage.tables.common import BigId, UtcTime, metadata, row_id, staff_member

staff = Table(
    "staff",
    metadata,
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(12), nullable=False),  # coordinator, mediator, trainer, reporter
    staff_member("invited_by"),
    Column("since", UtcTime, nullable=False),
)

links = Table(  # the code of somebody's own link and picture; it outlives their role, for pictures hang where they hang
    "links",
    metadata,
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("code", String(16), nullable=False, unique=True),
)

charges = Table(  # whom a mediator looks after: all who chose an activity, have a child there, live there
    "charges",
    metadata,
    Column("staff_id", BigId, ForeignKey("staff.contact_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(12), primary_key=True),  # activity, institution, settlement
    Column("code", String(24), primary_key=True),  # as the programme names it
    Index("ix_charges_kind_code", "kind", "code"),
)

staff_invites = Table(  # a code that gives a role, once and for some days
    "staff_invites",
    metadata,
    Column("code_hash", LargeBinary(16), primary_key=True),
    Column("role", String(12), nullable=False),
    staff_member("invited_by"),  # nobody: the command line
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    staff_member("used_by"),
    Column("used_at", UtcTime),
)

audit = Table(  # who did what, when, to whom; never what was written
    "audit",
    metadata,
    row_id(),
    staff_member("staff_id"),
    Column("action", String(30), nullable=False),
    Column("subject", String(60), nullable=False, server_default=""),  # "event:12", "contact:5"
    Column("at", UtcTime, nullable=False),
    Index("ix_audit_at", "at"),
)
