"""Epochs of the event log, the last position received per service, and the person behind the actor of an event."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FIRST_EPOCH_POSTGRES = """
INSERT INTO log_epoch (number, epoch, tx_offset, after_tx, after_seq, server, reason, began_at)
SELECT 1, :epoch, greatest(0, coalesce(max(tx), 0) + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint),
    coalesce(max(tx), 0), coalesce(max(seq), 0), '', 'created', now()
FROM event_log
"""
"""A dump restored before this upgrade may hold transaction ids that its new server has not reached."""
FIRST_EPOCH_SQLITE = """
INSERT INTO log_epoch (number, epoch, tx_offset, after_tx, after_seq, server, reason, began_at)
SELECT 1, :epoch, 0, 0, coalesce(max(seq), 0), '', 'created', strftime('%Y-%m-%d %H:%M:%f000', 'now') FROM event_log
"""


def upgrade() -> None:
    """Add the tables and the column; begin the first epoch after what the log holds."""
    op.create_table(
        "log_epoch",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(16), nullable=False, comment="random; first part of a cursor"),
        sa.Column(
            "tx_offset", sa.BigInteger(), nullable=False, comment="event_log.tx = this + transaction id"
        ),
        sa.Column(
            "after_tx", sa.BigInteger(), nullable=False, comment="positions up to here are of earlier epochs"
        ),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.Column(
            "server", sa.String(64), nullable=False, comment="PostgreSQL system identifier and database oid"
        ),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_epoch")),
        sa.UniqueConstraint("epoch", name=op.f("uq_log_epoch_epoch")),
    )
    op.create_table(
        "inbox_position",
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("epoch", sa.String(16), nullable=False),
        sa.Column("tx", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_inbox_position")),
    )
    op.add_column("event_log", sa.Column("person", sa.String(64), nullable=False, server_default=""))
    postgres = op.get_bind().dialect.name == "postgresql"
    statement = sa.text(FIRST_EPOCH_POSTGRES if postgres else FIRST_EPOCH_SQLITE)
    op.get_bind().execute(statement, {"epoch": secrets.token_hex(5)})


def downgrade() -> None:
    """Drop what the upgrade added; cursors that name an epoch are not understood any more."""
    op.drop_column("event_log", "person")
    op.drop_table("inbox_position")
    op.drop_table("log_epoch")
