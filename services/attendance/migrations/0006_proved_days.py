"""Days and visits are proved by the log from this revision on."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("attendance_day", "visit")
MARK = """
INSERT INTO log_cursor (subscriber, tx, seq, attempts, failures, refusals, due_at, last_error)
SELECT :mark, 0, 0, 0, 0, 0, CURRENT_TIMESTAMP, '' WHERE EXISTS (SELECT 1 FROM {table})
"""
"""Rows that are there already get a baseline at the next start (shared/events/fsck.py)."""


def upgrade() -> None:
    """Mark the tables that have rows; a log that tells of no rows yet gets a baseline of all."""
    if "records" not in {one["name"] for one in sa.inspect(op.get_bind()).get_columns("event_log")}:
        return
    for table in TABLES:
        op.execute(sa.text(MARK.format(table=table)).bindparams(mark=f"baseline:{table}"))


def downgrade() -> None:
    """Remove the marks."""
    op.execute("DELETE FROM log_cursor WHERE subscriber LIKE 'baseline:%'")
