"""Grants that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; every stored grant is in force."""
    op.add_column("grant", sa.Column("granted_by", sa.String(64), nullable=False, server_default=""))
    op.add_column("grant", sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("grant", sa.Column("confirmed_by", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the columns, and the grants that waited: nobody confirmed them."""
    op.execute(sa.text('DELETE FROM "grant" WHERE waiting'))
    for name in ("confirmed_by", "waiting", "granted_by"):
        op.drop_column("grant", name)
