"""Sessions, receipts and what messages cost; claims of people whose number nobody vouches for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """What a channel needs that has receipts and costs money."""
    for name in ("heard_at", "left_at", "session_at"):
        op.add_column("addresses", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("billing", sa.SmallInteger(), nullable=True))
    op.create_table(
        "receipts",
        sa.Column("address_id", _NUMBER, nullable=False),
        sa.Column("platform_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("text", sa.String(length=200), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_receipts_address_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("address_id", "platform_id", "status", name=op.f("pk_receipts")),
    )
    op.create_index(op.f("ix_receipts_at"), "receipts", ["at"], unique=False)
    op.create_table(
        "spending",
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("charged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=10), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("channel", "month", name=op.f("pk_spending")),
    )
    op.create_table(
        "claims",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("address_id", _NUMBER, nullable=False),
        sa.Column("known_id", _NUMBER, nullable=True),
        sa.Column("contact_id", _NUMBER, nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=16), nullable=True),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["address_id"], ["addresses.id"], name=op.f("fk_claims_address_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_claims_contact_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["known_id"], ["contacts.id"], name=op.f("fk_claims_known_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_claims_address_id"), "claims", ["address_id"], unique=False)
    op.create_index(op.f("ix_claims_contact_id"), "claims", ["contact_id"], unique=False)
    op.create_index(op.f("ix_claims_known_id"), "claims", ["known_id"], unique=False)
