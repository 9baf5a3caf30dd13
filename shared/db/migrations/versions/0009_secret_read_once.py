"""When the present secret of a webhook was read."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; secrets made before may be read once more."""
    op.add_column(
        "webhook",
        sa.Column(
            "secret_read_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the present secret was read, once",
        ),
    )


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("webhook") as table:
        table.drop_column("secret_read_at")
