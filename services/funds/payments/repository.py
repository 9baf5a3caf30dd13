"""Queries of payments, refunds and beneficiaries."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment, Refund
from services.funds.payments.schemas import BeneficiaryState
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Payment.created_at), "amount": col(Payment.amount)}
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]


async def get_payment(work: UnitOfWork, payment_id: UUID, *, lock: bool = False) -> Payment:
    """One payment of the caller's regions; NotFound otherwise."""
    query = select(Payment).where(
        Payment.id == payment_id, work.actor.scope_filter(May.FUND_READ, col(Payment.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这笔支付: {payment_id}", f"No payment {payment_id}")
    return found


async def list_payments(
    work: UnitOfWork,
    asked: PageParams,
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
    query = select(Payment).where(work.actor.scope_filter(May.FUND_READ, col(Payment.region)))
    if region:
        query = query.where(col(Payment.region).between(*region_bounds(region)))
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
    return await list_page(
        work.session, query, asked, orders=ORDERS, key=col(Payment.id), default="-created_at"
    )


async def list_refunds(work: UnitOfWork, payment_id: UUID) -> list[Refund]:
    """What came back of a payment the caller was given already, oldest first."""
    query = select(Refund).where(Refund.payment_id == payment_id).order_by(col(Refund.id))
    return list(await work.session.exec(query))


async def list_related_payments(work: UnitOfWork, *, allocations: Sequence[UUID]) -> list[Payment]:
    """All payments of some allocations within the caller's regions, oldest first (at most 1000)."""
    query = select(Payment).where(
        col(Payment.allocation_id).in_(allocations),
        work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.order_by(col(Payment.id)).limit(1000)))


async def list_same_day_payments(work: UnitOfWork, payee_key: str, day: date, but: UUID) -> list[Payment]:
    """Other payments to the same payee on a day, within the caller's regions."""
    query = select(Payment).where(
        Payment.payee_key == payee_key,
        Payment.paid_on == day,
        Payment.id != but,
        work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.limit(50)))


LIVE_STATES = (PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED, PaymentState.PAID)


async def sum_contract_payments(
    work: UnitOfWork, contract_id: UUID, but: UUID | None = None
) -> tuple[int, int]:
    """Money applied for or paid under a contract, net of refunds, without one payment: (in all, advances)."""
    net = PAYMENT.c.amount - PAYMENT.c.refunded
    query = sa.select(
        sa.cast(sa.func.coalesce(sa.func.sum(net), 0), sa.BigInteger).label("total"),
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((PAYMENT.c.advance, net), else_=0)), 0), sa.BigInteger
        ).label("advances"),
    ).where(
        PAYMENT.c.contract_id == contract_id,
        PAYMENT.c.state.in_(LIVE_STATES),
        work.actor.scope_filter(May.FUND_READ, PAYMENT.c.region),
    )
    if but is not None:
        query = query.where(PAYMENT.c.id != but)
    row = (await execute_core(work.session, query)).one()
    return int(row.total), int(row.advances)


BENEFICIARY: sa.Table = Beneficiary.__table__  # type: ignore[attr-defined]
BENEFICIARY_ORDERS = {"position": col(Beneficiary.position)}


async def replace_beneficiaries(work: UnitOfWork, payment_id: UUID, rows: Sequence[Beneficiary]) -> None:
    """Put these households in the place of all others of a payment the caller was given."""
    await execute_core(work.session, sa.delete(BENEFICIARY).where(BENEFICIARY.c.payment_id == payment_id))
    work.session.add_all(rows)
    await work.session.flush()


async def sum_beneficiaries(work: UnitOfWork, payment_id: UUID) -> tuple[int, int]:
    """Households of a payment the caller was given, and what they add up to."""
    amount = sa.cast(sa.func.coalesce(sa.func.sum(BENEFICIARY.c.amount), 0), sa.BigInteger)
    query = sa.select(sa.func.count().label("households"), amount.label("added"))
    found = (await execute_core(work.session, query.where(BENEFICIARY.c.payment_id == payment_id))).one()
    return int(found.households), int(found.added)


async def list_beneficiary_page(work: UnitOfWork, payment_id: UUID, asked: PageParams) -> Page[Beneficiary]:
    """A page of the households of a payment the caller was given."""
    query = select(Beneficiary).where(Beneficiary.payment_id == payment_id)
    return await list_page(
        work.session, query, asked, orders=BENEFICIARY_ORDERS, key=col(Beneficiary.id), default="position"
    )


async def list_beneficiaries(
    work: UnitOfWork, payment_id: UUID, positions: Collection[int] | None = None, *, lock: bool = False
) -> list[Beneficiary]:
    """Households of a payment the caller was given: those at some positions, or all."""
    query = (
        select(Beneficiary).where(Beneficiary.payment_id == payment_id).order_by(col(Beneficiary.position))
    )
    if positions is not None:
        query = query.where(col(Beneficiary.position).in_(positions))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def list_repeated_cards(
    work: UnitOfWork, project_id: UUID, but: UUID, indexes: Collection[str]
) -> set[str]:
    """Which of these people are in another live payment of the same project, within the caller's regions."""
    query = (
        sa.select(BENEFICIARY.c.card_index)
        .join(PAYMENT, PAYMENT.c.id == BENEFICIARY.c.payment_id)
        .where(
            PAYMENT.c.project_id == project_id,
            PAYMENT.c.id != but,
            PAYMENT.c.state.in_(LIVE_STATES),
            BENEFICIARY.c.state == BeneficiaryState.LISTED,
            work.actor.scope_filter(May.FUND_READ, PAYMENT.c.region),
        )
        .distinct()
    )
    found: set[str] = set()
    some_of_them = list(indexes)
    for start in range(0, len(some_of_them), 500):
        part = query.where(BENEFICIARY.c.card_index.in_(some_of_them[start : start + 500]))
        found.update((await execute_core(work.session, part)).scalars())
    return found
