"""Every query about payments and refunds."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from shared.access import span
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

ORDERS = {"created_at": col(Payment.created_at), "amount": col(Payment.amount)}
TABLE: sa.Table = Payment.__table__  # type: ignore[attr-defined]


async def get(work: Work, payment_id: UUID, *, lock: bool = False) -> Payment:
    """One payment of the caller's regions; NotFound otherwise."""
    query = select(Payment).where(
        Payment.id == payment_id, work.actor.where(May.FUND_READ, col(Payment.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这笔支付: {payment_id}", f"No payment {payment_id}")
    return found


async def listed(
    work: Work,
    asked: Asked,
    *,
    region: str | None = None,
    state: PaymentState | None = None,
    allocation_id: UUID | None = None,
    project_id: UUID | None = None,
    contract_id: UUID | None = None,
    paid_from: date | None = None,
    paid_to: date | None = None,
) -> Page[Payment]:
    """A page of payments of the caller's regions."""
    query = select(Payment).where(work.actor.where(May.FUND_READ, col(Payment.region)))
    if region:
        query = query.where(col(Payment.region).between(*span(region)))
    for name, value in (
        ("state", state),
        ("allocation_id", allocation_id),
        ("project_id", project_id),
        ("contract_id", contract_id),
    ):
        if value is not None:
            query = query.where(getattr(Payment, name) == value)
    if paid_from is not None:
        query = query.where(col(Payment.paid_on) >= paid_from)
    if paid_to is not None:
        query = query.where(col(Payment.paid_on) <= paid_to)
    return await page(work.session, query, asked, orders=ORDERS, key=col(Payment.id), default="-created_at")


async def refunds(work: Work, payment_id: UUID) -> list[Refund]:
    """What came back of a payment the caller was given already, oldest first."""
    query = select(Refund).where(Refund.payment_id == payment_id).order_by(col(Refund.id))
    return list(await work.session.exec(query))


async def around(work: Work, *, allocations: Sequence[UUID]) -> list[Payment]:
    """All payments of some allocations within the caller's regions, oldest first (at most 1000)."""
    query = select(Payment).where(
        col(Payment.allocation_id).in_(allocations), work.actor.where(May.FUND_READ, col(Payment.region))
    )
    return list(await work.session.exec(query.order_by(col(Payment.id)).limit(1000)))


async def same_day(work: Work, payee_key: str, day: date, but: UUID) -> list[Payment]:
    """Other payments to the same payee on a day, within the caller's regions."""
    query = select(Payment).where(
        Payment.payee_key == payee_key,
        Payment.paid_on == day,
        Payment.id != but,
        work.actor.where(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.limit(50)))


LIVE = (PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED, PaymentState.PAID)


async def under_contract(work: Work, contract_id: UUID, but: UUID | None = None) -> tuple[int, int]:
    """Money applied for or paid under a contract, net of refunds, without one payment: (in all, advances)."""
    net = TABLE.c.amount - TABLE.c.refunded
    query = sa.select(
        sa.cast(sa.func.coalesce(sa.func.sum(net), 0), sa.BigInteger).label("total"),
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((TABLE.c.advance, net), else_=0)), 0), sa.BigInteger
        ).label("advances"),
    ).where(
        TABLE.c.contract_id == contract_id,
        TABLE.c.state.in_(LIVE),
        work.actor.where(May.FUND_READ, TABLE.c.region),
    )
    if but is not None:
        query = query.where(TABLE.c.id != but)
    row = (await run(work.session, query)).one()
    return int(row.total), int(row.advances)
