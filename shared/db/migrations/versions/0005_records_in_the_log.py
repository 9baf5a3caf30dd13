"""The event log proves rows: digests of what a transaction left in the tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BASELINE_MARK = """
INSERT INTO log_cursor (subscriber, tx, seq, attempts, failures, refusals, due_at, last_error)
SELECT 'baseline', 0, 0, 0, 0, 0, CURRENT_TIMESTAMP, '' WHERE EXISTS (SELECT 1 FROM event_log)
"""
"""A database with rows of earlier versions writes a baseline of them at its next start (shared/events/fsck.py)."""


def upgrade() -> None:
    """Apply this revision."""
    op.add_column(
        "event_log",
        sa.Column(
            "records",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
            server_default="{}",
            comment="table → key → digest of the row as the transaction left it; shared/db/row_changes.py",
        ),
    )
    op.execute(BASELINE_MARK)


def downgrade() -> None:
    """Undo this revision."""
    op.execute("DELETE FROM log_cursor WHERE subscriber = 'baseline'")
    op.drop_column("event_log", "records")
