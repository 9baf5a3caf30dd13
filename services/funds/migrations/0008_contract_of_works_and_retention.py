"""Contracts of works: award price, period, the department that answers, and their retention money."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

DATES = ('starts_on', 'ends_on', 'retention_due_on', 'retention_released_on')
AMOUNTS = ('award_price', 'retention_released')


def upgrade() -> None:
    """Apply this revision."""
    for name in DATES:
        op.add_column('contract', sa.Column(name, sa.Date(), nullable=True))
    for name in AMOUNTS:
        op.add_column('contract', sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column('contract', sa.Column('defects_months', sa.Integer(), nullable=True))
    op.add_column('contract', sa.Column('release_file_ids', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True))
    op.create_index(op.f('ix_contract_retention_due_on_id'), 'contract', ['retention_due_on', 'id'])
    with op.batch_alter_table('contract', schema=None) as batch_op:
        batch_op.add_column(sa.Column('managing_unit', sa.String(length=200), nullable=False, server_default=''))
    with op.batch_alter_table('contract', schema=None) as batch_op:
        batch_op.alter_column('managing_unit', server_default=None)
    op.execute("UPDATE contract SET managing_unit = coalesce((SELECT project_card.managing_unit FROM project_card"
               " WHERE project_card.id = contract.project_id), '')")


def downgrade() -> None:
    """Undo this revision."""
    op.drop_index(op.f('ix_contract_retention_due_on_id'), 'contract')
    with op.batch_alter_table('contract', schema=None) as batch_op:
        for name in ('managing_unit', 'release_file_ids', 'defects_months', *AMOUNTS, *DATES):
            batch_op.drop_column(name)
