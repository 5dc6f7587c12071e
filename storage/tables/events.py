"""Events, who is invited and came, what was written to them about it, and what it led to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from storage.cipher import Sealed
from storage.tables.common import BigId, UtcTime, contact, metadata, row_id, staff_member


def _event() -> Column[Any]:
    return Column("event_id", BigId, ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)


def _guest() -> Column[Any]:
    return Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, index=True)


events = Table(
    "events",
    metadata,
    row_id(),
    # A course's later dates and an appointment's slots are events of their own that belong to a first one.
    Column("lead_id", BigId, ForeignKey("events.id", ondelete="CASCADE"), index=True),
    Column("kind", String(12), nullable=False),  # training, course, meeting, appointment, slot, outreach, public
    Column("activity", String(24), nullable=False),  # the programme's code
    Column("title", String(120), nullable=False),
    Column("place", String(120), nullable=False),
    Column("landmark", String(120), nullable=False, server_default=""),
    Column("bring", String(200), nullable=False, server_default=""),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("capacity", Integer),  # nothing: as many as come
    staff_member("mediator_id"),
    Column("audience", JSON, nullable=False),  # whom it is for, as storage.groups reads it
    Column("offsets", String(60), nullable=False, server_default=""),  # which reminders are on: "3d,1d,2h"
    Column("status", String(10), nullable=False),  # published, cancelled
    Column("version", Integer, nullable=False, server_default="1"),  # rises with every change: two may edit at once
    staff_member("created_by"),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_events_status_starts_at", "status", "starts_at"),
)

event_versions = Table(  # what an event was before each change: people are told honestly what became of what
    "event_versions",
    metadata,
    _event(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("starts_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("place", String(120), nullable=False),
    Column("landmark", String(120), nullable=False, server_default=""),
    Column("status", String(10), nullable=False),
    staff_member("by_id"),
    Column("at", UtcTime, nullable=False),
)

invitations = Table(  # one row for each person whom an event concerns: invited, answered, came
    "invitations",
    metadata,
    _event(),
    _guest(),
    Column("source", String(10), nullable=False),  # audience, staff, walkin, own
    Column("rsvp", String(6), nullable=False, server_default=""),  # yes, no, maybe
    Column("rsvp_at", UtcTime),
    staff_member("rsvp_by"),  # nobody: the person's own answer; otherwise who heard it on the telephone
    Column("seat", String(8), nullable=False, server_default=""),  # seat, waiting
    Column("waiting_since", UtcTime),
    Column("leave_at", String(5), nullable=False, server_default=""),  # when they mean to leave home, local: "09:30"
    Column("called", String(12), nullable=False, server_default=""),  # what came of the last call
    Column("called_at", UtcTime),
    staff_member("called_by"),
    Column("attended", Boolean),  # nothing: not marked yet
    Column("marked_at", UtcTime),
    staff_member("marked_by"),
    Column("miss_reason", String(10), nullable=False, server_default=""),  # never about health
    Column("created_at", UtcTime, nullable=False),
    Index("ix_invitations_event_id_seat", "event_id", "seat", "waiting_since"),
)

moments = Table(  # when something about an event is due: what the scheduler wakes up for. Never a row for each person
    "moments",
    metadata,
    _event(),
    Column("offset", String(16), primary_key=True),  # invite, 7d, 3d, 1d, 2h, change-3, after…
    Column("due_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),  # after that it helps nobody any more
    Column("state", String(8), nullable=False),  # waiting, done, expired
    Column("done_at", UtcTime),  # of one that waits, having decided for some: when it last did
    Index("ix_moments_state_due_at", "state", "due_at"),
)

notifications = Table(  # the ledger: who was written to about what, or why not
    "notifications",
    metadata,
    _event(),
    Column("offset", String(16), primary_key=True),
    Column("contact_id", BigId, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("status", String(8), nullable=False),  # queued, joint (told in another's message), skipped, expired
    Column("reason", String(16), nullable=False, server_default=""),  # why it was skipped
    Column("message", String(120), nullable=False, server_default=""),  # the key of the outbox row that tells it
    Column("version", Integer),  # the event's, as it was told
    Column("at", UtcTime, nullable=False),
    Index("ix_notifications_contact_id_at", "contact_id", "at"),
    Index("ix_notifications_message", "message"),
)

feedback = Table(
    "feedback",
    metadata,
    _event(),
    _guest(),
    Column("face", SmallInteger, nullable=False),  # 3 good, 2 so-so, 1 bad
    Column("comment", Sealed("feedback.comment")),
    Column("voice", Sealed("feedback.voice")),  # where a channel keeps the note: {"channel": …, "file": …}
    Column("at", UtcTime, nullable=False),
)

participations = Table(  # raw facts, from which every period's indicators are derived
    "participations",
    metadata,
    row_id(),
    contact(),
    Column("activity", String(24), nullable=False),
    Column("entry_at", UtcTime, nullable=False),  # of the first entry: coming back does not change it
    Column("entry_event_id", BigId, ForeignKey("events.id", ondelete="SET NULL")),
    staff_member("entry_by"),
    Column("entry_work", String(20)),  # whether they worked when they entered, by their own word
    Column("exit_at", UtcTime),  # of the last exit
    Column("exit_kind", String(10), nullable=False, server_default=""),  # completed, left
    Column("exit_reason", String(20), nullable=False, server_default=""),
    staff_member("exit_by"),
    UniqueConstraint("contact_id", "activity"),
    Index("ix_participations_activity_entry_at", "activity", "entry_at"),
)

results = Table(  # what came of it: asked of the person, confirmed by staff
    "results",
    metadata,
    row_id(),
    Column("participation_id", BigId, ForeignKey("participations.id", ondelete="CASCADE"), nullable=False),
    Column("due", String(4), nullable=False),  # 4w: within four weeks of the exit; 6m: six months after it
    Column("ask_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("state", String(10), nullable=False),  # waiting, asked, answered, confirmed, dropped
    Column("asked_at", UtcTime),
    Column("answers", Sealed("results.answers")),
    Column("answered_at", UtcTime),
    staff_member("confirmed_by"),
    Column("confirmed_at", UtcTime),
    UniqueConstraint("participation_id", "due"),
    Index("ix_results_state_ask_at", "state", "ask_at"),
)
