"""imports by sheet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_table('import_mapping',
    sa.Column('region', sa.String(length=12), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('signature', sa.String(length=64), nullable=False),
    sa.Column('mapping', sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('region', 'kind', 'signature', name=op.f('pk_import_mapping'))
    )
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    job_columns = {'differs': (sa.Integer(), '0'), 'mapping': (json, '{}'), 'report': (json, '{}')}
    row_columns = {
        'position': (sa.Integer(), '0'),
        'sheet': (sa.String(length=100), ''),
        'is_different': (sa.Boolean(), sa.false()),
        'differs': (json, '[]'),
        'notes': (json, '[]'),
    }
    # rows of earlier imports take the default, which is dropped again: the program always writes these columns
    for table, columns in (('import_job', job_columns), ('import_row', row_columns)):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, (kind, default) in columns.items():
                batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in columns:
                batch_op.alter_column(name, server_default=None)
    op.execute('UPDATE import_row SET position = number')  # one sheet, so the number was unique
    with op.batch_alter_table('import_row', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_import_row_job_id_number'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_import_row_job_id_position'), ['job_id', 'position'])



def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table('import_row', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_import_row_job_id_position'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_import_row_job_id_number'), ['job_id', 'number'])
        batch_op.drop_column('notes')
        batch_op.drop_column('differs')
        batch_op.drop_column('is_different')
        batch_op.drop_column('sheet')
        batch_op.drop_column('position')

    with op.batch_alter_table('import_job', schema=None) as batch_op:
        batch_op.drop_column('report')
        batch_op.drop_column('mapping')
        batch_op.drop_column('differs')

    op.drop_table('import_mapping')
