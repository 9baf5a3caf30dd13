"""Queries of payments, refunds and beneficiaries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import CachedProject
from services.funds.contracts.models import Contract
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Beneficiary, Payment, Refund
from services.funds.payments.schemas import BeneficiaryRead, BeneficiaryState, PaymentRead
from shared.auth import May
from shared.db import Rows, SelectsTogether, as_snapshot, delete_rows, execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Payment.created_at), "amount": col(Payment.amount)}
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
BENEFICIARY: sa.Table = Beneficiary.__table__  # type: ignore[attr-defined]
REFUND: sa.Table = Refund.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
CONTRACT: sa.Table = Contract.__table__  # type: ignore[attr-defined]
CACHED_PROJECT: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
LIVE_STATES = (PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED, PaymentState.PAID)


async def get_payment(work: UnitOfWork, payment_id: UUID, *, lock: bool = False) -> Payment:
    """Get a payment of the caller's regions; NotFound otherwise."""
    query = select(Payment).where(
        Payment.id == payment_id, work.actor.scope_filter(May.FUND_READ, col(Payment.region))
    )
    payment = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if payment is None:
        raise _build_not_found(payment_id)
    return payment


def _build_not_found(payment_id: UUID) -> NotFound:
    return NotFound(f"没有这笔支付: {payment_id}", f"No payment {payment_id}")


@dataclass(frozen=True, slots=True)
class PaymentRecords:
    """The refunds of a payment and what its guards and controls ask of other features, within the caller's regions; in 分."""

    allocation: Allocation
    unpaid_balance: int
    """Balance of 未支付 of the allocation."""
    stages: Mapping[str, int]
    """Balance of each stage of the project's money."""
    contract: Contract | None
    contract_used: int
    """Amount of the contract's other payments that are applied for or paid, net of refunds."""
    contract_advances: int
    same_day: int
    """Number of other payments to the payee on the day of payment, or on `today`."""
    same_day_equal: int
    listed_total: int
    """Total of the beneficiary list."""
    refunds: Sequence[Any]
    project: Any | None
    """The cached project."""


def _sum_amounts(amount: Any, name: str) -> sa.Label[int]:  # noqa: ANN401 - a column expression
    return sa.cast(sa.func.coalesce(sa.func.sum(amount), 0), sa.BigInteger).label(name)


_OTHER = PAYMENT.alias("other")
_NET = _OTHER.c.amount - _OTHER.c.refunded
_IS_OWN = PAYMENT.c.id == sa.bindparam("payment_id", type_=sa.Uuid())
_DAY = sa.func.coalesce(PAYMENT.c.paid_on, sa.bindparam("today", type_=sa.Date()))
_RECORD_SELECTS: dict[str, sa.SelectBase] = {
    "allocation": sa.select(ALLOCATION)
    .join(PAYMENT, PAYMENT.c.allocation_id == ALLOCATION.c.id)
    .where(_IS_OWN),
    "unpaid": sa.select(ACCOUNT.c.balance)
    .join(PAYMENT, PAYMENT.c.allocation_id == ACCOUNT.c.allocation_id)
    .where(_IS_OWN, ACCOUNT.c.kind == AccountKind.UNPAID),
    "stages": sa.select(ACCOUNT.c.region, ACCOUNT.c.kind, _sum_amounts(ACCOUNT.c.balance, "balance"))
    .join(PAYMENT, PAYMENT.c.project_id == ACCOUNT.c.project_id)
    .where(_IS_OWN)
    .group_by(ACCOUNT.c.region, ACCOUNT.c.kind),
    "contract": sa.select(CONTRACT).join(PAYMENT, PAYMENT.c.contract_id == CONTRACT.c.id).where(_IS_OWN),
    "contract_payments": sa.select(
        _OTHER.c.region,
        _sum_amounts(_NET, "used"),
        _sum_amounts(sa.case((_OTHER.c.advance, _NET), else_=0), "advances"),
    )
    .join(PAYMENT, sa.and_(PAYMENT.c.contract_id == _OTHER.c.contract_id, PAYMENT.c.id != _OTHER.c.id))
    .where(_IS_OWN, _OTHER.c.state.in_(LIVE_STATES))
    .group_by(_OTHER.c.region),
    "same_day": sa.select(
        _OTHER.c.region,
        sa.func.count().label("number"),
        _sum_amounts(sa.case((_OTHER.c.amount == PAYMENT.c.amount, 1), else_=0), "equal"),
    )
    .join(PAYMENT, sa.and_(PAYMENT.c.payee_key == _OTHER.c.payee_key, PAYMENT.c.id != _OTHER.c.id))
    .where(_IS_OWN, _OTHER.c.paid_on == _DAY)
    .group_by(_OTHER.c.region),
    "listed": sa.select(_sum_amounts(BENEFICIARY.c.amount, "total"))
    .join(PAYMENT, PAYMENT.c.id == BENEFICIARY.c.payment_id)
    .where(_IS_OWN),
    "refunds": sa.select(REFUND)
    .join(PAYMENT, PAYMENT.c.id == REFUND.c.payment_id)
    .where(_IS_OWN)
    .order_by(REFUND.c.id),
    "project": sa.select(CACHED_PROJECT)
    .join(PAYMENT, PAYMENT.c.project_id == CACHED_PROJECT.c.id)
    .where(_IS_OWN),
}
_RECORDS = SelectsTogether(**_RECORD_SELECTS)
_PAYMENT_WITH_RECORDS = SelectsTogether(payment=sa.select(PAYMENT).where(_IS_OWN), **_RECORD_SELECTS)


async def list_records(work: UnitOfWork, payment_id: UUID) -> PaymentRecords:
    """What belongs to a payment, from one statement. The caller has checked access to the payment."""
    return _build_records(work, await _RECORDS.read(work.session, payment_id=payment_id, today=work.today))


async def get_payment_with_records(work: UnitOfWork, payment_id: UUID) -> tuple[Payment, PaymentRecords]:
    """A payment of the caller's regions, to read, and what belongs to it, from one statement; NotFound otherwise."""
    found = await _PAYMENT_WITH_RECORDS.read(work.session, payment_id=payment_id, today=work.today)
    row = next(iter(found["payment"]), None)
    if row is None or not work.actor.has_access(May.FUND_READ, row.region):
        raise _build_not_found(payment_id)
    return as_snapshot(Payment, row), _build_records(work, found)


def _build_records(work: UnitOfWork, found: Rows) -> PaymentRecords:
    """NotFound when the allocation or the contract lies outside the caller's regions."""

    def is_visible(row: Any) -> bool:  # noqa: ANN401 - a named tuple
        return work.actor.has_access(May.FUND_READ, row.region)

    payments, same_day = (list(filter(is_visible, found[name])) for name in ("contract_payments", "same_day"))
    stages: dict[str, int] = dict.fromkeys(AccountKind, 0)
    for row in filter(is_visible, found["stages"]):
        stages[row.kind] += row.balance
    allocation = found["allocation"][0]
    contract = next(iter(found["contract"]), None)
    for row, name in ((allocation, "这笔资金安排"), (contract, "这份合同")):
        if row is not None and not is_visible(row):
            raise NotFound(f"没有{name}: {row.id}", f"Nothing with the id {row.id}")
    return PaymentRecords(
        allocation=as_snapshot(Allocation, allocation),
        unpaid_balance=sum(row.balance for row in found["unpaid"]),
        stages=stages,
        contract=as_snapshot(Contract, contract) if contract else None,
        contract_used=sum(row.used for row in payments),
        contract_advances=sum(row.advances for row in payments),
        same_day=sum(row.number for row in same_day),
        same_day_equal=sum(row.equal for row in same_day),
        listed_total=found["listed"][0].total,
        refunds=found["refunds"],
        project=next(iter(found["project"]), None),
    )


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
        query = query.where(work.within_region(col(Payment.region), region))
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
        work.within_region(col(Payment.region), region),
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


async def list_paid_from_allocation(
    work: UnitOfWork, allocation_id: UUID, day: date, excluded: UUID
) -> list[Payment]:
    """List the other payments out of an allocation on a day. Not scoped: the caller has access to the allocation."""
    query = select(Payment).where(
        Payment.allocation_id == allocation_id, Payment.paid_on == day, Payment.id != excluded
    )
    return list(await work.session.exec(query.order_by(col(Payment.id))))


BENEFICIARY_ORDERS = {"position": col(Beneficiary.position)}


async def replace_beneficiaries(work: UnitOfWork, payment_id: UUID, rows: Sequence[Beneficiary]) -> None:
    """Replace all beneficiaries of a payment. Not scoped: the caller has access to the payment."""
    await delete_rows(work.session, BENEFICIARY, BENEFICIARY.c.payment_id == payment_id)
    work.session.add_all(rows)
    await work.session.flush()


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
