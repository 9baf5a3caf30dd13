"""Queries of payments, refunds and beneficiaries."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment, Refund
from services.funds.payments.schemas import BeneficiaryRead, BeneficiaryState, PaymentRead
from shared.auth import May, region_bounds
from shared.db import delete_rows, execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Payment.created_at), "amount": col(Payment.amount)}
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
LIVE_STATES = (PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED, PaymentState.PAID)


async def get_payment(work: UnitOfWork, payment_id: UUID, *, lock: bool = False) -> Payment:
    """Get a payment of the caller's regions; NotFound otherwise."""
    query = select(Payment).where(
        Payment.id == payment_id, work.actor.scope_filter(May.FUND_READ, col(Payment.region))
    )
    payment = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if payment is None:
        raise NotFound(f"没有这笔支付: {payment_id}", f"No payment {payment_id}")
    return payment


async def list_payments(
    work: UnitOfWork,
    params: PageParams,
    *,
    region: str | None = None,
    state: PaymentState | None = None,
    allocation_id: UUID | None = None,
    project_id: UUID | None = None,
    contract_id: UUID | None = None,
    paid_from: date | None = None,
    paid_to: date | None = None,
) -> PageAnswer:
    """List a page of payments of the caller's regions."""
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
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Payment.id),
        default="-created_at",
        read=PaymentRead,
    )


async def list_payments_to(work: UnitOfWork, region: str, names: Collection[str]) -> list[Payment]:
    """The payments of a region to payees of these names, oldest first (at most 5000), to recognise the rows of a list."""
    query = select(Payment).where(
        col(Payment.payee_name).in_(names),
        col(Payment.region).between(*region_bounds(region)),
        work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.order_by(col(Payment.id)).limit(5000)))


async def list_refunds(work: UnitOfWork, payment_id: UUID) -> list[Refund]:
    """List the refunds of a payment, oldest first. Not scoped: the caller has access to the payment."""
    query = select(Refund).where(Refund.payment_id == payment_id).order_by(col(Refund.id))
    return list(await work.session.exec(query))


async def list_related_payments(work: UnitOfWork, *, allocations: Sequence[UUID]) -> list[Payment]:
    """List the payments of allocations within the caller's regions, oldest first (at most 1000)."""
    query = select(Payment).where(
        col(Payment.allocation_id).in_(allocations),
        work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.order_by(col(Payment.id)).limit(1000)))


async def list_same_day_payments(
    work: UnitOfWork, payee_key: str, day: date, excluded: UUID
) -> list[Payment]:
    """List other payments to a payee on a day, within the caller's regions (at most 50)."""
    query = select(Payment).where(
        Payment.payee_key == payee_key,
        Payment.paid_on == day,
        Payment.id != excluded,
        work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
    )
    return list(await work.session.exec(query.limit(50)))


async def list_paid_from_allocation(
    work: UnitOfWork, allocation_id: UUID, day: date, excluded: UUID
) -> list[Payment]:
    """List the other payments out of an allocation on a day. Not scoped: the caller has access to the allocation."""
    query = select(Payment).where(
        Payment.allocation_id == allocation_id, Payment.paid_on == day, Payment.id != excluded
    )
    return list(await work.session.exec(query.order_by(col(Payment.id))))


async def sum_contract_payments(
    work: UnitOfWork, contract_id: UUID, excluded: UUID | None = None
) -> tuple[int, int]:
    """Amount applied for or paid under a contract, net of refunds, in 分: (total, advances), without one payment."""
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
    if excluded is not None:
        query = query.where(PAYMENT.c.id != excluded)
    row = (await execute_core(work.session, query)).one()
    return int(row.total), int(row.advances)


BENEFICIARY: sa.Table = Beneficiary.__table__  # type: ignore[attr-defined]
BENEFICIARY_ORDERS = {"position": col(Beneficiary.position)}


async def replace_beneficiaries(work: UnitOfWork, payment_id: UUID, rows: Sequence[Beneficiary]) -> None:
    """Replace all beneficiaries of a payment. Not scoped: the caller has access to the payment."""
    await delete_rows(work.session, BENEFICIARY, BENEFICIARY.c.payment_id == payment_id)
    work.session.add_all(rows)
    await work.session.flush()


async def sum_beneficiaries(work: UnitOfWork, payment_id: UUID) -> tuple[int, int]:
    """Number of beneficiaries of a payment and their total in 分. Not scoped: the caller has access to the payment."""
    amount = sa.cast(sa.func.coalesce(sa.func.sum(BENEFICIARY.c.amount), 0), sa.BigInteger)
    query = sa.select(sa.func.count().label("households"), amount.label("added"))
    sums = (await execute_core(work.session, query.where(BENEFICIARY.c.payment_id == payment_id))).one()
    return int(sums.households), int(sums.added)


async def list_beneficiary_page(work: UnitOfWork, payment_id: UUID, params: PageParams) -> PageAnswer:
    """List a page of the beneficiaries of a payment. Not scoped: the caller has access to the payment."""
    query = select(Beneficiary).where(Beneficiary.payment_id == payment_id)
    return await answer_page(
        work.session,
        query,
        params,
        orders=BENEFICIARY_ORDERS,
        key=col(Beneficiary.id),
        default="position",
        read=BeneficiaryRead,
    )


async def list_beneficiaries(
    work: UnitOfWork, payment_id: UUID, positions: Collection[int] | None = None, *, lock: bool = False
) -> list[Beneficiary]:
    """List the beneficiaries of a payment, at some positions or all. Not scoped: the caller has access to the payment."""
    query = (
        select(Beneficiary).where(Beneficiary.payment_id == payment_id).order_by(col(Beneficiary.position))
    )
    if positions is not None:
        query = query.where(col(Beneficiary.position).in_(positions))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def list_card_indexes(work: UnitOfWork, payment_id: UUID) -> dict[int, str]:
    """Position → hash of the person, for those still listed. Not scoped: the caller has access to the payment."""
    query = sa.select(BENEFICIARY.c.position, BENEFICIARY.c.card_index).where(
        BENEFICIARY.c.payment_id == payment_id, BENEFICIARY.c.state == BeneficiaryState.LISTED
    )
    rows = await execute_core(work.session, query.order_by(BENEFICIARY.c.position))
    return {row.position: row.card_index for row in rows}


async def list_repeated_cards(
    work: UnitOfWork, project_id: UUID, excluded: UUID, indexes: Collection[str]
) -> set[str]:
    """Hashes of the people who are in another live payment of the same project, within the caller's regions."""
    query = (
        sa.select(BENEFICIARY.c.card_index)
        .join(PAYMENT, PAYMENT.c.id == BENEFICIARY.c.payment_id)
        .where(
            PAYMENT.c.project_id == project_id,
            PAYMENT.c.id != excluded,
            PAYMENT.c.state.in_(LIVE_STATES),
            BENEFICIARY.c.state == BeneficiaryState.LISTED,
            work.actor.scope_filter(May.FUND_READ, PAYMENT.c.region),
        )
        .distinct()
    )
    repeated: set[str] = set()
    hashes = list(indexes)
    for offset in range(0, len(hashes), 500):
        chunk_query = query.where(BENEFICIARY.c.card_index.in_(hashes[offset : offset + 500]))
        repeated.update((await execute_core(work.session, chunk_query)).scalars())
    return repeated


def build_rejected_condition() -> sa.ColumnElement[bool]:
    """Whether a payment was refused and is to be applied for anew."""
    return col(Payment.state) == PaymentState.REJECTED
