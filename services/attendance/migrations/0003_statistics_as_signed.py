"""statistics as signed, entitlements of leave."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (("month_sheet", "statistics"), ("month_sheet", "deeds"))


def upgrade() -> None:
    """Add the table, and the columns with empty lists for rows that exist."""
    op.create_table(
        "leave_entitlement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("person_name", sa.String(50), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_entitlement")),
        sa.UniqueConstraint("person", "year", "kind", name=op.f("uq_leave_entitlement_person_year_kind")),
    )
    with op.batch_alter_table("leave_entitlement") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_leave_entitlement_region_year_person_id"), ["region", "year", "person", "id"]
        )
    for table, name in COLUMNS:
        with op.batch_alter_table(table) as batch_op:
            kind = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default="[]"))
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    """Drop the columns and the table."""
    for table, name in reversed(COLUMNS):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(name)
    op.drop_table("leave_entitlement")
