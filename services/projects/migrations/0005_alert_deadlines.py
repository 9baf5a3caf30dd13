"""Deadlines of closed alerts are found by an index."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_index(op.f("ix_project_alert_reopen_on"), "project_alert", ["reopen_on"], unique=False)


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index(op.f("ix_project_alert_reopen_on"), table_name="project_alert")
