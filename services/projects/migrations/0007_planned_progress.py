"""Planned progress of projects by month; change requests name the department of their project."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

WORKS = sa.text("state IN ('planned', 'started', 'under_construction')")
INDEXES = {'ix_project_behind': 'schedule_due_on', 'ix_project_payment_behind': 'payment_due_on'}


def upgrade() -> None:
    """Apply this revision."""
    op.add_column('project', sa.Column('schedule', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True))
    for name, column in INDEXES.items():
        op.add_column('project', sa.Column(column, sa.Date(), nullable=True))
        op.create_index(name, 'project', [column, 'id', 'region'], sqlite_where=WORKS, postgresql_where=WORKS)
    with op.batch_alter_table('change_request', schema=None) as batch_op:
        batch_op.add_column(sa.Column('managing_unit', sa.String(length=200), nullable=False, server_default=''))
    with op.batch_alter_table('change_request', schema=None) as batch_op:
        batch_op.alter_column('managing_unit', server_default=None)
    op.execute("UPDATE change_request SET managing_unit = coalesce((SELECT project.managing_unit FROM project"
               " WHERE project.id = change_request.project_id), '')")


def downgrade() -> None:
    """Undo this revision."""
    with op.batch_alter_table('change_request', schema=None) as batch_op:
        batch_op.drop_column('managing_unit')
    for name, column in INDEXES.items():
        op.drop_index(name, 'project')
        op.drop_column('project', column)
    op.drop_column('project', 'schedule')
