"""The records that hold a file."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the next start of the service fills it for older records."""
    op.create_table(
        "file_holder",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.String(40), nullable=False, comment="table of the record that names the file"),
        sa.Column("record_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "holder", "record_id", name=op.f("pk_file_holder")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("file_holder")
