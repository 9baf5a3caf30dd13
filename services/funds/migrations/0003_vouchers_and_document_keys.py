"""Voucher numbers in use, document numbers in the form for comparison, groups of statement lines."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.china import normalize_document_no

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

VOUCHER = sa.table(
    "voucher",
    *(sa.column(name) for name in ("district", "kind", "number", "payee_key", "record")),
    sa.column("year", sa.Integer),
    sa.column("used_on", sa.Date),
)
PAYMENT = sa.table(
    "payment",
    *(sa.column(name) for name in ("region", "voucher_no", "payee_key")),
    sa.column("id", sa.Uuid),
    sa.column("paid_on", sa.Date),
)
REFUND = sa.table(
    "refund",
    sa.column("voucher_no"),
    sa.column("id", sa.Uuid),
    sa.column("payment_id", sa.Uuid),
    sa.column("happened_on", sa.Date),
)
SOURCE = sa.table("source", sa.column("id", sa.Uuid), sa.column("document_no"), sa.column("document_key"))


def upgrade() -> None:
    """Add the table and the columns; fill them from payments, refunds and sources, the first use of a number first."""
    op.create_table(
        "voucher",
        sa.Column("district", sa.String(length=12), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("payee_key", sa.String(length=200), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("record", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("district", "year", "kind", "number", name=op.f("pk_voucher")),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("document_key", sa.String(length=100), nullable=False, server_default="")
        )
        batch_op.create_index(batch_op.f("ix_source_document_key"), ["document_key"], unique=False)
    with op.batch_alter_table("statement_line", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_no", sa.Integer(), nullable=True))
    _fill_document_keys(op.get_bind())
    _fill_vouchers(op.get_bind())


def _fill_document_keys(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(SOURCE.c.id, SOURCE.c.document_no)).all():
        key = normalize_document_no(row.document_no)
        connection.execute(sa.update(SOURCE).where(SOURCE.c.id == row.id).values(document_key=key))


def _fill_vouchers(connection: sa.Connection) -> None:
    payment, refund = PAYMENT.c, REFUND.c
    paid = sa.select(
        payment.region, payment.voucher_no, payment.payee_key, payment.paid_on.label("used_on"), payment.id
    ).where(payment.voucher_no != "", payment.paid_on.is_not(None))
    returned = sa.select(
        payment.region, refund.voucher_no, payment.payee_key, refund.happened_on.label("used_on"), refund.id
    ).select_from(REFUND.join(PAYMENT, payment.id == refund.payment_id))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for kind, query in (("payment", paid), ("refund", returned)):
        for row in connection.execute(query.order_by(query.selected_columns.used_on, query.selected_columns.id)).all():
            number = normalize_document_no(row.voucher_no)
            key = (f"{row.region[:6]:0<12}", row.used_on.year, kind, number)
            rows.setdefault(
                key,
                dict(zip(("district", "year", "kind", "number"), key, strict=True))
                | {"payee_key": row.payee_key, "used_on": row.used_on, "record": str(row.id)},
            )
    if rows:
        op.bulk_insert(VOUCHER, list(rows.values()))  # type: ignore[arg-type]


def downgrade() -> None:
    """Drop the table and the columns; nothing else holds less than before."""
    with op.batch_alter_table("statement_line", schema=None) as batch_op:
        batch_op.drop_column("group_no")
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_document_key"))
        batch_op.drop_column("document_key")
    op.drop_table("voucher")
