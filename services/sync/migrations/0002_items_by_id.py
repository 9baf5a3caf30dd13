"""items by id."""

from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    with op.batch_alter_table('sync_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sync_item_id'), ['id'], unique=False)


def downgrade() -> None:
    """Undo this revision."""
    with op.batch_alter_table('sync_item', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sync_item_id'))
