"""used photos."""

import json

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    used = op.create_table('photo_use',
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('progress_id', sa.Uuid(), nullable=False),
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('reported_on', sa.Date(), nullable=False),
    sa.ForeignKeyConstraint(['progress_id'], ['progress.id'], name=op.f('fk_photo_use_progress_id_progress')),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_photo_use_project_id_project')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_photo_use'))
    )
    connection = op.get_bind()
    progress = sa.table('progress', sa.column('id', sa.Uuid), sa.column('project_id', sa.Uuid),
                        sa.column('reported_on', sa.Date), sa.column('photos', sa.JSON))
    file = sa.table('file', sa.column('id', sa.Uuid), sa.column('sha256', sa.String))
    reports = connection.execute(sa.select(progress).order_by(progress.c.reported_on, progress.c.id)).all()
    first = {}
    for report in reports:
        photos = json.loads(report.photos) if isinstance(report.photos, str) else report.photos
        for photo in photos or ():
            first.setdefault(photo['file_id'], report)
    if not first:
        return
    contents = {str(row.id): row.sha256 for row in connection.execute(sa.select(file))}
    rows = {}
    for file_id, report in first.items():
        if file_id in contents:
            rows.setdefault(contents[file_id], report)
    if rows:
        connection.execute(used.insert(), [
            {'sha256': sha256, 'progress_id': report.id, 'project_id': report.project_id, 'reported_on': report.reported_on}
            for sha256, report in rows.items()
        ])


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table('photo_use')
