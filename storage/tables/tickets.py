"""Questions of residents that wait for a person, and what was answered."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table

from storage.cipher import Sealed
from storage.tables.common import BigId, UtcTime, contact, metadata, row_id, staff_member

tickets = Table(
    "tickets",
    metadata,
    row_id(),
    contact(),
    Column("address_id", BigId, ForeignKey("addresses.id", ondelete="SET NULL"), index=True),  # where it came from
    Column("text", Sealed("tickets.text"), nullable=False),  # empty when it is only a voice note or a photo
    Column("media_id", BigId, ForeignKey("media.id", ondelete="SET NULL")),
    Column("status", String(10), nullable=False),  # open, answered, closed
    Column("about", String(40), nullable=False, server_default=""),  # an activity's code, if it came from there
    Column("confidential", Boolean, nullable=False, server_default="0"),  # only for who looks after that activity
    Column("created_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),  # by when an answer was promised; then the coordinators hear of it
    Column("escalated_at", UtcTime),
    staff_member("taken_by"),  # who means to answer
    Column("taken_at", UtcTime),
    Column("answered_at", UtcTime),  # for the first time
    staff_member("closed_by"),  # nobody: the resident closed it
    Column("closed_at", UtcTime),
    Index("ix_tickets_status_created_at", "status", "created_at"),
)

ticket_lines = Table(  # what was said after the question, in order
    "ticket_lines",
    metadata,
    row_id(),
    Column("ticket_id", BigId, ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False, index=True),
    staff_member("by_id"),  # nobody: the resident, or somebody who left
    Column("side", String(8), nullable=False),  # resident, staff, note (for colleagues only)
    Column("text", Sealed("ticket_lines.text"), nullable=False),
    Column("media_id", BigId, ForeignKey("media.id", ondelete="SET NULL")),
    Column("at", UtcTime, nullable=False),
)
