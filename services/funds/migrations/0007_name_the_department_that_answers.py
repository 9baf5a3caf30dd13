"""Payments, projects and assets name the department that answers for them."""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("managing_unit", sa.String(length=200), nullable=False, server_default="")
        )
    # SQLite copies a table once for each batch: without a default in the copy, its rows have no value.
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.alter_column("managing_unit", server_default=None)

    with op.batch_alter_table("project_card", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("managing_unit", sa.String(length=200), nullable=False, server_default="")
        )
    # SQLite copies a table once for each batch: without a default in the copy, its rows have no value.
    with op.batch_alter_table("project_card", schema=None) as batch_op:
        batch_op.alter_column("managing_unit", server_default=None)


def downgrade() -> None:
    """Undo this revision."""
    with op.batch_alter_table("project_card", schema=None) as batch_op:
        batch_op.drop_column("managing_unit")

    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_column("managing_unit")
