"""The database refuses to change or remove rows of the event log and its seals."""

from alembic import op

from shared.db.append_only import list_guard_statements, list_unguard_statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("event_log", "log_seal")


def upgrade() -> None:
    """Apply this revision."""
    for statement in list_guard_statements(op.get_bind().dialect.name, TABLES):
        op.execute(statement)


def downgrade() -> None:
    """Undo this revision."""
    for statement in list_unguard_statements(op.get_bind().dialect.name, TABLES):
        op.execute(statement)
