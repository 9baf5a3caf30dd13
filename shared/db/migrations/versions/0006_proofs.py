"""Tiles of the log's Merkle tree, cosignatures of its heads, runs of fsck."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GROWS_SQLITE = """
CREATE TRIGGER log_tile_only_grows BEFORE UPDATE ON log_tile
WHEN NEW.level <> OLD.level OR NEW.number <> OLD.number OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
BEGIN SELECT RAISE(ABORT, 'log_tile is append-only: rows are never changed or removed'); END
"""
STAYS_SQLITE = """
CREATE TRIGGER log_tile_no_delete BEFORE DELETE ON log_tile
BEGIN SELECT RAISE(ABORT, 'log_tile is append-only: rows are never changed or removed'); END
"""
FUNCTION_POSTGRES = """
CREATE FUNCTION refuse_change_of_log_tile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.level = OLD.level AND NEW.number = OLD.number
            AND substr(NEW.hashes, 1, length(OLD.hashes)) = OLD.hashes THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'log_tile is append-only: rows are never changed or removed' USING ERRCODE = 'restrict_violation';
END $$
"""
TRIGGER_POSTGRES = """
CREATE TRIGGER log_tile_no_change BEFORE UPDATE OR DELETE ON log_tile
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_log_tile()
"""


def upgrade() -> None:
    """Apply this revision."""
    op.create_table(
        "log_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False, comment="up to 256 hashes of 32 bytes"),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tile")),
    )
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(200), nullable=False),
        sa.Column("line", sa.Text(), nullable=False, comment="signature line of C2SP tlog-cosignature"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_log_cosignature")),
    )
    op.create_table(
        "fsck_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_by", sa.String(64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False, comment="last sign of life"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column(
            "report",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            comment="empty while it runs",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fsck_run")),
    )
    op.create_index(op.f("ix_fsck_run_started_at"), "fsck_run", ["started_at"], unique=False)
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in (GROWS_SQLITE, STAYS_SQLITE) if sqlite else (FUNCTION_POSTGRES, TRIGGER_POSTGRES):
        op.execute(statement)


def downgrade() -> None:
    """Undo this revision."""
    op.drop_table("fsck_run")
    op.drop_table("log_cosignature")
    op.drop_table("log_tile")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_change_of_log_tile()")
