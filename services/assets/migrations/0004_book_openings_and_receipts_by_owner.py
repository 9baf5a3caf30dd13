"""Openings of the books of split and merged assets; the owner of each receipt; rent of a broken period by days."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RECEIPT = sa.table("receipt", sa.column("asset_id", sa.Uuid), sa.column("owner_name"))
ASSET = sa.table("asset", sa.column("id", sa.Uuid), sa.column("owner_name"))


def upgrade() -> None:
    """Add the table and the columns; earlier receipts belong to the owner their asset has now."""
    op.create_table(
        "book_opening",
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region", sa.String(length=12), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("accumulated", sa.BigInteger(), nullable=False),
        sa.Column("built_on", sa.Date(), nullable=True),
        sa.Column("service_years", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_book_opening_asset_id_asset")),
        sa.PrimaryKeyConstraint("asset_id", "position", name=op.f("pk_book_opening")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owner_name", sa.String(length=200), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_receipt_region_owner_name"), ["region", "owner_name"], unique=False)
    with op.batch_alter_table("operating_contract", schema=None) as batch_op:
        batch_op.add_column(sa.Column("prorated", sa.Boolean(), nullable=False, server_default=sa.false()))
    owner = sa.select(ASSET.c.owner_name).where(ASSET.c.id == RECEIPT.c.asset_id).scalar_subquery()
    op.execute(sa.update(RECEIPT).values(owner_name=sa.func.coalesce(owner, "")))


def downgrade() -> None:
    """Drop the table and the columns; books of split and merged assets are reckoned from their first day again."""
    with op.batch_alter_table("operating_contract", schema=None) as batch_op:
        batch_op.drop_column("prorated")
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_region_owner_name"))
        batch_op.drop_column("owner_name")
    op.drop_table("book_opening")
