"""Events, invitations, reminders, attendance, results; staff and what they do."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Events, and the staff who make them."""
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=60), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["contacts.id"], name=op.f("fk_audit_staff_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("activity", sa.String(length=24), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("landmark", sa.String(length=120), server_default="", nullable=False),
        sa.Column("bring", sa.String(length=200), server_default="", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("mediator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("offsets", sa.String(length=60), server_default="", nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["contacts.id"], name=op.f("fk_events_created_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["events.id"], name=op.f("fk_events_lead_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["mediator_id"], ["contacts.id"], name=op.f("fk_events_mediator_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_lead_id"), "events", ["lead_id"], unique=False)
    op.create_index("ix_events_status_starts_at", "events", ["status", "starts_at"], unique=False)
    op.create_table(
        "staff",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("invited_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_staff_contact_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["invited_by"], ["contacts.id"], name=op.f("fk_staff_invited_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_staff")),
        sa.UniqueConstraint("code", name=op.f("uq_staff_code")),
    )
    op.create_table(
        "staff_invites",
        sa.Column("code_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("invited_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["contacts.id"], name=op.f("fk_staff_invites_invited_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["used_by"], ["contacts.id"], name=op.f("fk_staff_invites_used_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_staff_invites")),
    )
    op.create_table(
        "event_versions",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("landmark", sa.String(length=120), server_default="", nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["contacts.id"], name=op.f("fk_event_versions_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_versions_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "version", name=op.f("pk_event_versions")),
    )
    op.create_table(
        "feedback",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("face", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.Column("voice", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_feedback_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_feedback_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "contact_id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_contact_id"), "feedback", ["contact_id"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("rsvp", sa.String(length=6), server_default="", nullable=False),
        sa.Column("rsvp_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rsvp_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("seat", sa.String(length=8), server_default="", nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leave_at", sa.String(length=5), server_default="", nullable=False),
        sa.Column("called", sa.String(length=12), server_default="", nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("miss_reason", sa.String(length=10), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["called_by"], ["contacts.id"], name=op.f("fk_invitations_called_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_invitations_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_invitations_event_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["marked_by"], ["contacts.id"], name=op.f("fk_invitations_marked_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["rsvp_by"], ["contacts.id"], name=op.f("fk_invitations_rsvp_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("event_id", "contact_id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_contact_id"), "invitations", ["contact_id"], unique=False)
    op.create_index("ix_invitations_event_id_seat", "invitations", ["event_id", "seat", "waiting_since"], unique=False)
    op.create_table(
        "moments",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offset", sa.String(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_moments_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "offset", name=op.f("pk_moments")),
    )
    op.create_index("ix_moments_state_due_at", "moments", ["state", "due_at"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offset", sa.String(length=16), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=16), server_default="", nullable=False),
        sa.Column("message", sa.String(length=120), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_notifications_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_notifications_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "offset", "contact_id", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_contact_id_at", "notifications", ["contact_id", "at"], unique=False)
    op.create_index("ix_notifications_message", "notifications", ["message"], unique=False)
    op.create_table(
        "participations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("activity", sa.String(length=24), nullable=False),
        sa.Column("entry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("entry_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("entry_work", sa.String(length=20), nullable=True),
        sa.Column("exit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exit_kind", sa.String(length=10), server_default="", nullable=False),
        sa.Column("exit_reason", sa.String(length=20), server_default="", nullable=False),
        sa.Column("exit_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_participations_contact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entry_by"], ["contacts.id"], name=op.f("fk_participations_entry_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["entry_event_id"], ["events.id"], name=op.f("fk_participations_entry_event_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["exit_by"], ["contacts.id"], name=op.f("fk_participations_exit_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participations")),
        sa.UniqueConstraint("contact_id", "activity", name=op.f("uq_participations_contact_id_activity")),
    )
    op.create_index("ix_participations_activity_entry_at", "participations", ["activity", "entry_at"], unique=False)
    op.create_index(op.f("ix_participations_contact_id"), "participations", ["contact_id"], unique=False)
    op.create_table(
        "results",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("participation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due", sa.String(length=4), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["contacts.id"], name=op.f("fk_results_confirmed_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["participation_id"], ["participations.id"], name=op.f("fk_results_participation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
        sa.UniqueConstraint("participation_id", "due", name=op.f("uq_results_participation_id_due")),
    )
    op.create_index("ix_results_state_ask_at", "results", ["state", "ask_at"], unique=False)
    for table, columns in (
        ("audit", ("staff_id",)),
        ("event_versions", ("by_id",)),
        ("events", ("created_by", "mediator_id")),
        ("invitations", ("called_by", "marked_by", "rsvp_by")),
        ("participations", ("entry_by", "exit_by")),
        ("results", ("confirmed_by",)),
        ("staff", ("invited_by",)),
        ("staff_invites", ("invited_by", "used_by")),
    ):
        for column in columns:
            held = sa.text(f"{column} IS NOT NULL")
            op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=held, postgresql_where=held)
