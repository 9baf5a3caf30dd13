"""The person behind an account: by default a person of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; each account that exists becomes a person of its own."""
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("person_id", sa.String(64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("person_name", sa.String(50), nullable=False, server_default=""))
    op.execute("UPDATE account SET person_id = id")
    with op.batch_alter_table("account") as batch_op:
        batch_op.alter_column("person_id", server_default=None)
        batch_op.alter_column("person_name", server_default=None)
        batch_op.create_index(batch_op.f("ix_account_person_id"), ["person_id"])


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_person_id"))
        batch_op.drop_column("person_name")
        batch_op.drop_column("person_id")
