"""Versions of rules that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; every stored version is in force."""
    op.add_column("rule", sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("rule", sa.Column("seconded_by", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the columns, and the versions that waited: nobody confirmed them."""
    op.execute(sa.text("DELETE FROM rule WHERE waiting"))
    op.drop_column("rule", "seconded_by")
    op.drop_column("rule", "waiting")
