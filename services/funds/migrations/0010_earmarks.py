"""Amounts earmarked for towns by class."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        'earmark',
        sa.Column('id', sa.Uuid(), nullable=False),
        sa.Column('region', sa.String(length=12), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_by', sa.String(length=64), nullable=False),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('created_digest', sa.String(length=64), nullable=False),
        sa.Column('year', sa.Integer(), nullable=False),
        sa.Column('title', sa.String(length=300), nullable=False),
        sa.Column('unit', sa.String(length=100), nullable=False),
        sa.Column('amounts', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column('total', sa.BigInteger(), nullable=False),
        sa.Column('source_id', sa.Uuid(), nullable=True),
        sa.Column('note', sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(['source_id'], ['source.id'], name=op.f('fk_earmark_source_id_source')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_earmark')),
        sa.UniqueConstraint('region', 'year', 'title', 'unit', name=op.f('uq_earmark_region_year_title_unit')),
    )
    op.create_index(op.f('ix_earmark_region_year_id'), 'earmark', ['region', 'year', 'id'])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table('earmark')
