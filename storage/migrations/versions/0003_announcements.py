"""Announcements and their ledger, what was sent with a message, whom a mediator looks after, questions at work."""

import sqlalchemy as sa
from alembic import op

from storage.cipher import Sealed, cipher_of

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Announcements, and more about questions."""
    op.create_table(
        "media",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("filename", sa.LargeBinary(), nullable=True),
        sa.Column("mime", sa.String(length=64), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
    )
    op.create_index("ix_media_state_id", "media", ["state", "id"], unique=False)
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("media_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("media_rom_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("buttons", sa.JSON(), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("again", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("corrects_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("approved_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.SmallInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["contacts.id"], name=op.f("fk_broadcasts_approved_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["by_id"], ["contacts.id"], name=op.f("fk_broadcasts_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["broadcasts.id"], name=op.f("fk_broadcasts_corrects_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_broadcasts_media_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["media_rom_id"], ["media.id"], name=op.f("fk_broadcasts_media_rom_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
    )
    op.create_index("ix_broadcasts_fingerprint", "broadcasts", ["fingerprint"], unique=False)
    op.create_index("ix_broadcasts_status_due_at", "broadcasts", ["status", "due_at"], unique=False)
    op.create_table(
        "links",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_links_contact_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_links")),
        sa.UniqueConstraint("code", name=op.f("uq_links_code")),
    )
    op.execute("INSERT INTO links (contact_id, code) SELECT contact_id, code FROM staff WHERE code IS NOT NULL")
    with op.batch_alter_table("staff") as staff:
        staff.drop_constraint(op.f("uq_staff_code"), type_="unique")
        staff.drop_column("code")
    op.create_table(
        "charges",
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.contact_id"], name=op.f("fk_charges_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", "kind", "code", name=op.f("pk_charges")),
    )
    op.create_index("ix_charges_kind_code", "charges", ["kind", "code"], unique=False)
    op.create_table(
        "recipients",
        sa.Column("broadcast_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=16), server_default="", nullable=False),
        sa.Column("message", sa.String(length=120), server_default="", nullable=False),
        sa.Column("answer", sa.String(length=12), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("to_call", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("called", sa.String(length=12), server_default="", nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name=op.f("fk_recipients_broadcast_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["called_by"], ["contacts.id"], name=op.f("fk_recipients_called_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.id"], name=op.f("fk_recipients_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("broadcast_id", "contact_id", name=op.f("pk_recipients")),
    )
    op.create_index(
        "ix_recipients_broadcast_id_status", "recipients", ["broadcast_id", "status", "contact_id"], unique=False
    )
    op.create_index("ix_recipients_contact_id_at", "recipients", ["contact_id", "at"], unique=False)
    op.create_index("ix_recipients_message", "recipients", ["message"], unique=False)
    op.create_table(
        "ticket_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("media_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["contacts.id"], name=op.f("fk_ticket_lines_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_ticket_lines_media_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_lines_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_lines")),
    )
    op.create_index(op.f("ix_ticket_lines_ticket_id"), "ticket_lines", ["ticket_id"], unique=False)
    with op.batch_alter_table("tickets") as tickets:
        number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
        for name in ("media_id", "taken_by", "closed_by"):
            tickets.add_column(sa.Column(name, number, nullable=True))
        for name in ("due_at", "escalated_at", "taken_at", "answered_at", "closed_at"):
            tickets.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        tickets.add_column(sa.Column("confidential", sa.Boolean(), server_default="0", nullable=False))
        for name, table in (("media_id", "media"), ("taken_by", "contacts"), ("closed_by", "contacts")):
            tickets.create_foreign_key(op.f(f"fk_tickets_{name}"), table, [name], ["id"], ondelete="SET NULL")
    op.create_index("ix_tickets_address_id", "tickets", ["address_id"])
    for table, columns in (
        ("broadcasts", ("approved_by", "by_id")),
        ("recipients", ("called_by",)),
        ("ticket_lines", ("by_id",)),
        ("tickets", ("closed_by", "taken_by")),
    ):
        for column in columns:
            held = sa.text(f"{column} IS NOT NULL")
            op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=held, postgresql_where=held)
    _index_endings()
    lost = sa.text("status = 'failed' OR status = 'uncertain' OR status = 'expired' OR status = 'cancelled'")
    op.create_index("ix_outbox_lost", "outbox", ["not_before"], sqlite_where=lost, postgresql_where=lost)


def _index_endings() -> None:
    """Numbers that were kept before are found by their last four digits too."""
    contacts = sa.table("contacts", sa.column("id"), sa.column("phone", Sealed("contacts.phone")))
    tokens = sa.table("search_tokens", sa.column("token"), sa.column("contact_id"))
    connection = op.get_bind()
    lookup = cipher_of(connection.dialect).lookup
    known = connection.execute(sa.select(contacts.c.id, contacts.c.phone).where(contacts.c.phone.is_not(None))).all()
    rows = [{"token": lookup("phone ending", row.phone[-3:]), "contact_id": row.id} for row in known if row.phone]
    if rows:
        connection.execute(sa.insert(tokens), rows)
