"""Improvements renew the service years of an asset."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column('value_adjustment', sa.Column('service_years', sa.Integer(), nullable=True))


def downgrade() -> None:
    """Undo this revision."""
    op.drop_column('value_adjustment', 'service_years')
