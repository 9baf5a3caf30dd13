"""Queries of the detectors. Named `system_`: they read the whole installation, not one caller's regions."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import CachedProject
from services.funds.contracts.models import Contract
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount, LedgerPosting
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import BLOCK_VERDICT, Payment
from services.funds.payments.repository import LIVE_STATES
from services.funds.plans.models import Plan, PlanLine
from services.funds.sources.models import Source
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetMonitoring
from shared.alerts.detection import MAX_ROWS_PER_SCAN, LogRow, Subjects, collect_ids, is_among
from shared.db import execute_core, notice
from shared.notices.schemas import NoticeLevel
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
POSTING: sa.Table = LedgerPosting.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
SNAPSHOT: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
CONTRACT: sa.Table = Contract.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
PLAN_LINE: sa.Table = PlanLine.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]
TARGET: sa.Table = Target.__table__  # type: ignore[attr-defined]
MONITORING: sa.Table = TargetMonitoring.__table__  # type: ignore[attr-defined]

NET_AMOUNT = PAYMENT.c.amount - PAYMENT.c.refunded


def _sum_balances(*kinds: AccountKind) -> Any:  # noqa: ANN401 - a column expression
    balance = sa.case((ACCOUNT.c.kind.in_(kinds), ACCOUNT.c.balance), else_=0)
    return sa.cast(sa.func.coalesce(sa.func.sum(balance), 0), sa.BigInteger)


async def system_list_idle_allocations(
    work: UnitOfWork, before: date, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Allocations with an unpaid balance and no posting after a day, longest idle first."""
    last_postings = (
        sa.select(ACCOUNT.c.allocation_id, sa.func.max(POSTING.c.happened_on).label("moved_on"))
        .join(POSTING, POSTING.c.account_id == ACCOUNT.c.id)
        .where(ACCOUNT.c.allocation_id.is_not(None), is_among(ACCOUNT.c.allocation_id, subjects))
        .group_by(ACCOUNT.c.allocation_id)
        .having(sa.func.max(POSTING.c.happened_on) <= before)
        .subquery()
    )
    unpaid = _sum_balances(AccountKind.UNPAID, AccountKind.APPLIED)
    allocation = ALLOCATION.c
    columns = (
        allocation.id,
        allocation.region,
        allocation.project_id,
        allocation.project_name,
        allocation.document_no,
        allocation.issued_on,
    )
    query = (
        sa.select(
            *columns,
            last_postings.c.moved_on,
            unpaid.label("unpaid"),
            _sum_balances(AccountKind.PAID).label("paid"),
        )
        .select_from(
            last_postings.join(ALLOCATION, allocation.id == last_postings.c.allocation_id).join(
                ACCOUNT, ACCOUNT.c.allocation_id == allocation.id
            )
        )
        .group_by(*columns, last_postings.c.moved_on)
        .having(unpaid > 0)
        .order_by(last_postings.c.moved_on, allocation.id)
        .limit(MAX_ROWS_PER_SCAN)
    )
    return list(await execute_core(work.session, query))


async def system_list_sources(
    work: UnitOfWork, subjects: Subjects, *, received_by: date, year: int | None = None
) -> list[sa.Row[Any]]:
    """Fund documents received up to a day with received, undistributed and paid amounts."""
    source = SOURCE.c
    columns = (
        source.id,
        source.region,
        source.document_no,
        source.title,
        source.received_on,
        source.fiscal_year,
    )
    query = (
        sa.select(
            *columns,
            _sum_balances(AccountKind.RECEIVED).label("received"),
            _sum_balances(AccountKind.AVAILABLE, AccountKind.PLANNED).label("left"),
            _sum_balances(AccountKind.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, source.id == ACCOUNT.c.source_id))
        .where(source.received_on <= received_by, is_among(source.id, subjects))
        .group_by(*columns)
        .order_by(source.received_on, source.id)
    )
    undistributed = _sum_balances(AccountKind.AVAILABLE, AccountKind.PLANNED) > 0
    query = query.having(undistributed) if year is None else query.where(source.fiscal_year == year)
    query = query.limit(MAX_ROWS_PER_SCAN)
    return list(await execute_core(work.session, query))


async def system_list_projects_paid_ahead(
    work: UnitOfWork, margin: int, advance: int, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Projects whose paid share exceeds what their physical progress (%) allows."""
    allocated, paid = (
        _sum_balances(AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID),
        _sum_balances(AccountKind.PAID),
    )
    progress = sa.func.coalesce(SNAPSHOT.c.physical_percent, 0)
    allowed = sa.case(
        (progress + margin < advance, advance),
        (progress + margin > 100, 100),  # noqa: PLR2004 - percent
        else_=progress + margin,
    )
    columns = (
        SNAPSHOT.c.id,
        SNAPSHOT.c.region,
        SNAPSHOT.c.name,
        SNAPSHOT.c.physical_percent,
        SNAPSHOT.c.reported_on,
    )
    query = (
        sa.select(*columns, allocated.label("allocated"), paid.label("paid"))
        .select_from(ACCOUNT.join(SNAPSHOT, SNAPSHOT.c.id == ACCOUNT.c.project_id))
        .where(is_among(ACCOUNT.c.project_id, subjects))
        .group_by(*columns)
        .having(paid * 100 > allocated * allowed)
        .order_by(SNAPSHOT.c.id)
        .limit(MAX_ROWS_PER_SCAN)
    )
    return list(await execute_core(work.session, query))


def _select_payments(*extra_columns: Any) -> Any:  # noqa: ANN401 - column expressions
    payment = PAYMENT.c
    names = ("id", "region", "project_id", "contract_id", "payee_name", "payee_code", "payee_key", "purpose")
    columns = [payment[name] for name in names]
    other_columns = [
        payment.economic_subject,
        payment.paid_on,
        payment.applied_on,
        payment.voucher_no,
        NET_AMOUNT.label("amount"),
    ]
    return sa.select(*columns, *other_columns, *extra_columns)


async def system_list_blocked_payments(work: UnitOfWork, subjects: Subjects) -> list[sa.Row[Any]]:
    """Live payments whose purpose the screening blocks and nobody has cleared, oldest first."""
    payment = PAYMENT.c
    query = _select_payments(payment.screening).where(
        payment.screened == BLOCK_VERDICT,
        payment.state.in_(LIVE_STATES),
        payment.cleared_by == "",
        is_among(payment.id, subjects),
    )
    return list(await execute_core(work.session, query.order_by(payment.id).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_without_evidence(
    work: UnitOfWork, since: date, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments since a day whose last site report is missing or older than the payment."""
    query = _select_payments(SNAPSHOT.c.reported_on, SNAPSHOT.c.name).select_from(
        PAYMENT.outerjoin(SNAPSHOT, SNAPSHOT.c.id == PAYMENT.c.project_id)
    )
    payment = PAYMENT.c
    query = query.where(payment.state == PaymentState.PAID, payment.paid_on >= since, ~payment.advance)
    stale = sa.or_(SNAPSHOT.c.reported_on.is_(None), SNAPSHOT.c.reported_on < payment.paid_on)
    return list(
        await execute_core(
            work.session,
            query.where(stale, is_among(payment.id, subjects))
            .order_by(payment.paid_on.desc(), payment.id)
            .limit(MAX_ROWS_PER_SCAN),
        )
    )


async def system_list_small_payments(
    work: UnitOfWork, since: date, threshold: int, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments without contract below a threshold, of projects and payees whose total reaches it."""
    payment = PAYMENT.c
    small = (
        payment.state.in_(LIVE_STATES),
        payment.contract_id.is_(None),
        payment.applied_on >= since,
        payment.amount < threshold,
        is_among(payment.project_id, subjects),
    )
    groups = (
        sa.select(payment.project_id, payment.payee_key)
        .where(*small)
        .group_by(payment.project_id, payment.payee_key)
        .having(sa.func.count() > 1, sa.func.sum(NET_AMOUNT) >= threshold)
        .limit(MAX_ROWS_PER_SCAN)
        .subquery()
    )
    same_group = sa.and_(groups.c.project_id == payment.project_id, groups.c.payee_key == payment.payee_key)
    query = _select_payments().select_from(PAYMENT.join(groups, same_group)).where(*small)
    query = query.order_by(payment.project_id, payment.payee_key, payment.applied_on, payment.id)
    return list(await execute_core(work.session, query))


async def system_list_same_day_payments(
    work: UnitOfWork, since: date, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments to payees that received several on one day, grouped."""
    payment = PAYMENT.c
    paid_since = (
        payment.state == PaymentState.PAID,
        payment.paid_on >= since,
        is_among(payment.payee_key, subjects),
    )
    groups = (
        sa.select(payment.payee_key, payment.paid_on)
        .where(*paid_since)
        .group_by(payment.payee_key, payment.paid_on)
        .having(sa.func.count() > 1)
        .order_by(payment.paid_on.desc())
        .limit(MAX_ROWS_PER_SCAN)
        .subquery()
    )
    same_group = sa.and_(groups.c.payee_key == payment.payee_key, groups.c.paid_on == payment.paid_on)
    query = _select_payments().select_from(PAYMENT.join(groups, same_group)).where(*paid_since)
    return list(
        await execute_core(work.session, query.order_by(payment.payee_key, payment.paid_on, payment.id))
    )


async def system_list_payments_on_days(
    work: UnitOfWork, since: date, days: Sequence[date], subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments since a day that were paid on one of the days, or before the fiscal year of their money, latest first."""
    payment = PAYMENT.c
    early = sa.extract("year", payment.paid_on) < payment.year
    query = _select_payments(payment.year).where(
        payment.state == PaymentState.PAID,
        payment.paid_on >= since,
        sa.or_(payment.paid_on.in_(days), early),
        is_among(payment.id, subjects),
    )
    query = query.order_by(payment.paid_on.desc(), payment.id).limit(MAX_ROWS_PER_SCAN)
    return list(await execute_core(work.session, query))


async def system_list_wrong_payees(work: UnitOfWork, since: date, subjects: Subjects) -> list[sa.Row[Any]]:
    """Payments whose payee is not the party of their contract."""
    payment, contract = PAYMENT.c, CONTRACT.c
    wrong = sa.or_(
        payment.payee_name != contract.party,
        sa.and_(contract.party_code != "", payment.payee_code != contract.party_code),
    )
    query = _select_payments(contract.party, contract.party_code, contract.number).select_from(
        PAYMENT.join(CONTRACT, contract.id == payment.contract_id)
    )
    query = query.where(
        payment.state.in_(LIVE_STATES), payment.applied_on >= since, wrong, is_among(payment.id, subjects)
    )
    return list(await execute_core(work.session, query.order_by(payment.id).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_by_purpose(
    work: UnitOfWork, since: date, words: Sequence[str], subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments whose purpose contains one of the words."""
    payment = PAYMENT.c
    holds = sa.or_(sa.false(), *(payment.purpose.contains(word, autoescape=True) for word in words))
    query = _select_payments().where(
        payment.state.in_(LIVE_STATES), payment.applied_on >= since, holds, is_among(payment.id, subjects)
    )
    return list(await execute_core(work.session, query.order_by(payment.id.desc()).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_by_subject(
    work: UnitOfWork, since: date, prefixes: Sequence[str], subjects: Subjects
) -> list[sa.Row[Any]]:
    """Payments whose economic subject starts with one of the prefixes."""
    payment = PAYMENT.c
    begins = sa.or_(
        sa.false(), *(payment.economic_subject.startswith(prefix, autoescape=True) for prefix in prefixes)
    )
    query = _select_payments().where(
        payment.state.in_(LIVE_STATES), payment.applied_on >= since, begins, is_among(payment.id, subjects)
    )
    return list(await execute_core(work.session, query.order_by(payment.id.desc()).limit(MAX_ROWS_PER_SCAN)))


async def system_sum_management_fees(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Allocated money per region, year and level: total and management fees, in 分."""
    allocated = sa.case(
        (ACCOUNT.c.kind.in_((AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)), ACCOUNT.c.balance),
        else_=0,
    )
    fee = sa.case((ALLOCATION.c.management_fee, allocated), else_=0)
    columns = (SOURCE.c.region, ACCOUNT.c.year, SOURCE.c.level)
    joined = ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id)
    joined = joined.join(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id)
    query = (
        sa.select(
            *columns,
            sa.cast(sa.func.sum(allocated), sa.BigInteger).label("allocated"),
            sa.cast(sa.func.sum(fee), sa.BigInteger).label("fee"),
        )
        .select_from(joined)
        .group_by(*columns)
        .having(sa.func.sum(fee) > 0)
    )
    return list(await execute_core(work.session, query))


async def system_list_paid_plans(work: UnitOfWork, subjects: Subjects) -> list[sa.Row[Any]]:
    """Plans with paid money: amount, number of payments and first payment day."""
    columns = (PLAN.c.id, PLAN.c.region, PLAN.c.title)
    joined = PAYMENT.join(ALLOCATION, ALLOCATION.c.id == PAYMENT.c.allocation_id)
    query = (
        sa.select(
            *columns,
            sa.cast(sa.func.sum(NET_AMOUNT), sa.BigInteger).label("paid"),
            sa.func.count().label("payments"),
            sa.func.min(PAYMENT.c.paid_on).label("first_paid_on"),
        )
        .select_from(joined.join(PLAN, PLAN.c.id == ALLOCATION.c.plan_id))
        .where(PAYMENT.c.state == PaymentState.PAID, is_among(ALLOCATION.c.plan_id, subjects))
        .group_by(*columns)
    )
    return list(await execute_core(work.session, query))


async def system_get_notice_dates(work: UnitOfWork, plan_ids: Sequence[UUID]) -> dict[str, date]:
    """First day of the current allocation notice of each plan that has one."""
    query = sa.select(notice.c.subject, sa.func.min(notice.c.starts_on).label("since")).where(
        notice.c.subject_kind == "plan",
        notice.c.level == NoticeLevel.ALLOCATION,
        notice.c.withdrawn_at.is_(None),
        notice.c.subject.in_([str(plan_id) for plan_id in plan_ids]),
    )
    return {
        row.subject: row.since for row in await execute_core(work.session, query.group_by(notice.c.subject))
    }


async def system_list_unpublished_targets(
    work: UnitOfWork, on: date, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Approved targets that are due for publication before a day."""
    target = TARGET.c
    names = ("id", "region", "project_id", "project_name", "approved_on", "due_on")
    query = sa.select(*(target[name] for name in names)).where(
        target.state == TargetState.APPROVED, target.due_on < on, is_among(target.id, subjects)
    )
    return list(
        await execute_core(work.session, query.order_by(target.due_on, target.id).limit(MAX_ROWS_PER_SCAN))
    )


async def system_list_unmonitored_targets(
    work: UnitOfWork, deadline: date, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Running targets of the deadline's year that were approved by then and not monitored since its month began."""
    target = TARGET.c
    monitored = sa.exists().where(
        MONITORING.c.target_id == target.id, MONITORING.c.monitored_on >= deadline.replace(day=1)
    )
    names = ("id", "region", "project_id", "project_name", "approved_on")
    query = sa.select(*(target[name] for name in names)).where(
        target.state.in_((TargetState.APPROVED, TargetState.PUBLISHED)),
        target.year == deadline.year,
        target.approved_on <= deadline,
        ~monitored,
        is_among(target.id, subjects),
    )
    return list(
        await execute_core(
            work.session, query.order_by(target.approved_on, target.id).limit(MAX_ROWS_PER_SCAN)
        )
    )


async def _list_allocations_of_projects(work: UnitOfWork, project_ids: Collection[str]) -> list[sa.Row[Any]]:
    """Allocations of these projects: (id, plan_id, source_id)."""
    allocation = ALLOCATION.c
    query = sa.select(allocation.id, allocation.plan_id, allocation.source_id)
    query = query.where(is_among(allocation.project_id, project_ids))
    return list(await execute_core(work.session, query))


async def _list_sources_of_plans(work: UnitOfWork, plan_ids: Collection[str]) -> list[UUID]:
    """Fund documents that the lines of these plans take money from."""
    line = PLAN_LINE.c
    query = sa.select(line.source_id).where(is_among(line.plan_id, plan_ids)).distinct()
    return list((await execute_core(work.session, query)).scalars())


async def system_find_allocations(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The allocations of the projects that money moved for."""
    found = await _list_allocations_of_projects(work, collect_ids(rows, "project_id"))
    return {str(row.id) for row in found}


async def system_find_plans(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The plans that gave money to the projects that money moved for."""
    found = await _list_allocations_of_projects(work, collect_ids(rows, "project_id"))
    return {str(row.plan_id) for row in found}


async def system_find_sources(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """The fund documents that changed, that plans take money from, or that paid for the projects."""
    allocations = await _list_allocations_of_projects(work, collect_ids(rows, "project_id"))
    of_plans = await _list_sources_of_plans(work, collect_ids(rows, "plan_id"))
    found = {*(row.source_id for row in allocations), *of_plans}
    return collect_ids(rows, "source_id") | {str(source_id) for source_id in found}


async def system_find_payees(work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
    """Keys of the payees of the payments."""
    of_events = is_among(PAYMENT.c.id, collect_ids(rows, "payment_id"))
    query = sa.select(PAYMENT.c.payee_key).where(of_events).distinct()
    return list((await execute_core(work.session, query)).scalars())
