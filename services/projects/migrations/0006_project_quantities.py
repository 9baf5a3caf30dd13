"""Quantities of projects as rows that add up."""

import json
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

BATCH = 1000


def read_list(value):
    """A JSON column of either database."""
    return (json.loads(value) if isinstance(value, str) else value) or []


def upgrade() -> None:
    """Apply this revision."""
    quantity = op.create_table('project_quantity',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('unit', sa.String(length=20), nullable=False),
    sa.Column('planned', sa.BigInteger(), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_project_quantity_project_id')),
    sa.PrimaryKeyConstraint('project_id', 'position', name=op.f('pk_project_quantity'))
    )
    op.create_index(op.f('ix_project_quantity_unit_project_id'), 'project_quantity', ['unit', 'project_id'])
    connection = op.get_bind()
    project = sa.table('project', sa.column('id', sa.Uuid), sa.column('quantities', sa.JSON))
    progress = sa.table('progress', sa.column('id', sa.Uuid), sa.column('project_id', sa.Uuid),
                        sa.column('reported_on', sa.Date), sa.column('quantities', sa.JSON))
    reports = sa.select(progress.c.project_id, progress.c.quantities).order_by(progress.c.reported_on, progress.c.id)
    done = {}
    for report in connection.execute(reports):
        for one in read_list(report.quantities):
            done.setdefault(report.project_id, {})[one['name'], one['unit']] = one['amount']
    rows = []
    for found in connection.execute(sa.select(project)).all():
        planned = {(one['name'], one['unit']): one['amount'] for one in read_list(found.quantities)}
        reached = done.get(found.id, {})
        for position, key in enumerate(dict.fromkeys([*planned, *reached]), 1):
            steps = [int(Decimal(str(amounts.get(key, 0))) * 10_000) for amounts in (planned, reached)]
            rows.append({'project_id': found.id, 'position': position, 'name': key[0], 'unit': key[1],
                         'planned': steps[0], 'done': steps[1]})
    for start in range(0, len(rows), BATCH):
        connection.execute(quantity.insert(), rows[start:start + BATCH])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table('project_quantity')
