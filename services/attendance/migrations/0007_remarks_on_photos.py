"""Remarks on photos."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("visit",)


def upgrade() -> None:
    """Add the column; records that exist have no remarks."""
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            kind = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
            batch_op.add_column(sa.Column("photo_remarks", kind, nullable=False, server_default="[]"))
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column("photo_remarks", server_default=None)


def downgrade() -> None:
    """Drop the column."""
    for table in reversed(TABLES):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column("photo_remarks")
