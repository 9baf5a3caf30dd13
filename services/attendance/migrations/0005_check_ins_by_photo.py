"""Check-ins by their photo."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WITH_PHOTO = sa.text("photo <> ''")


def upgrade() -> None:
    """Create the index; check-ins without a photo are not in it."""
    op.create_index(
        "ix_check_in_photo", "check_in", ["photo"], sqlite_where=WITH_PHOTO, postgresql_where=WITH_PHOTO
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_check_in_photo", table_name="check_in")
