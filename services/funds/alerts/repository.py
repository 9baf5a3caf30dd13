"""Queries of the detectors. Named `system_`: they read the whole installation, not one caller's regions."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import ProjectSnapshot
from services.funds.contracts.models import Contract
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount, LedgerPosting
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import BLOCK_VERDICT, Payment
from services.funds.plans.models import Plan
from services.funds.sources.models import Source
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target
from shared.alerts.detection import MAX_ROWS_PER_SCAN
from shared.db import execute_core, notice
from shared.notices.schemas import NoticeLevel
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
POSTING: sa.Table = LedgerPosting.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
SNAPSHOT: sa.Table = ProjectSnapshot.__table__  # type: ignore[attr-defined]
CONTRACT: sa.Table = Contract.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]
TARGET: sa.Table = Target.__table__  # type: ignore[attr-defined]
LIVE_STATES = (PaymentState.SUBMITTED, PaymentState.REVIEWED, PaymentState.APPROVED, PaymentState.PAID)
NET_AMOUNT = PAYMENT.c.amount - PAYMENT.c.refunded


def _sum_balances(*kinds: AccountKind) -> Any:  # noqa: ANN401 - a column expression
    held = sa.case((ACCOUNT.c.kind.in_(kinds), ACCOUNT.c.balance), else_=0)
    return sa.cast(sa.func.coalesce(sa.func.sum(held), 0), sa.BigInteger)


async def system_list_idle_allocations(work: UnitOfWork, before: date) -> list[sa.Row[Any]]:
    """Allocations with money unpaid and nothing moved on them since a day, the longest first."""
    moved = (
        sa.select(ACCOUNT.c.allocation_id, sa.func.max(POSTING.c.happened_on).label("moved_on"))
        .join(POSTING, POSTING.c.account_id == ACCOUNT.c.id)
        .where(ACCOUNT.c.allocation_id.is_not(None))
        .group_by(ACCOUNT.c.allocation_id)
        .having(sa.func.max(POSTING.c.happened_on) <= before)
        .subquery()
    )
    unpaid = _sum_balances(AccountKind.UNPAID, AccountKind.APPLIED)
    kept = ALLOCATION.c
    columns = (kept.id, kept.region, kept.project_id, kept.project_name, kept.document_no, kept.issued_on)
    query = (
        sa.select(
            *columns, moved.c.moved_on, unpaid.label("unpaid"), _sum_balances(AccountKind.PAID).label("paid")
        )
        .select_from(
            moved.join(ALLOCATION, kept.id == moved.c.allocation_id).join(
                ACCOUNT, ACCOUNT.c.allocation_id == kept.id
            )
        )
        .group_by(*columns, moved.c.moved_on)
        .having(unpaid > 0)
        .order_by(moved.c.moved_on, kept.id)
        .limit(MAX_ROWS_PER_SCAN)
    )
    return list(await execute_core(work.session, query))


async def system_list_sources(
    work: UnitOfWork, *, received_by: date, year: int | None = None
) -> list[sa.Row[Any]]:
    """Fund documents received by a day with what is received, left to distribute and paid."""
    kept = SOURCE.c
    columns = (kept.id, kept.region, kept.document_no, kept.title, kept.received_on, kept.fiscal_year)
    query = (
        sa.select(
            *columns,
            _sum_balances(AccountKind.RECEIVED).label("received"),
            _sum_balances(AccountKind.AVAILABLE, AccountKind.PLANNED).label("left"),
            _sum_balances(AccountKind.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, kept.id == ACCOUNT.c.source_id))
        .where(kept.received_on <= received_by)
        .group_by(*columns)
        .order_by(kept.received_on, kept.id)
    )
    undistributed = _sum_balances(AccountKind.AVAILABLE, AccountKind.PLANNED) > 0
    query = query.having(undistributed) if year is None else query.where(kept.fiscal_year == year)
    query = query.limit(MAX_ROWS_PER_SCAN)
    return list(await execute_core(work.session, query))


async def system_list_projects_paid_ahead(work: UnitOfWork, margin: int, advance: int) -> list[sa.Row[Any]]:
    """Projects whose paid share is above what their physical progress allows."""
    allocated, paid = (
        _sum_balances(AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID),
        _sum_balances(AccountKind.PAID),
    )
    done = sa.func.coalesce(SNAPSHOT.c.physical_percent, 0)
    allowed = sa.case((done + margin < advance, advance), (done + margin > 100, 100), else_=done + margin)  # noqa: PLR2004 - percent
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
        .group_by(*columns)
        .having(paid * 100 > allocated * allowed)
        .order_by(SNAPSHOT.c.id)
        .limit(MAX_ROWS_PER_SCAN)
    )
    return list(await execute_core(work.session, query))


def _select_payments(*more: Any) -> Any:  # noqa: ANN401 - column expressions
    kept = PAYMENT.c
    names = ("id", "region", "project_id", "contract_id", "payee_name", "payee_code", "payee_key", "purpose")
    columns = [kept[name] for name in names]
    rest = [kept.economic_subject, kept.paid_on, kept.applied_on, kept.voucher_no, NET_AMOUNT.label("amount")]
    return sa.select(*columns, *rest, *more)


async def system_list_blocked_payments(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Payments on their way whose purpose the screening forbids and nobody let pass, oldest first."""
    kept = PAYMENT.c
    query = _select_payments(kept.screening).where(
        kept.screened == BLOCK_VERDICT, kept.state.in_(LIVE_STATES), kept.cleared_by == ""
    )
    return list(await execute_core(work.session, query.order_by(kept.id).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_without_evidence(work: UnitOfWork, since: date) -> list[sa.Row[Any]]:
    """Payments since a day with the last report from their site."""
    query = _select_payments(SNAPSHOT.c.reported_on, SNAPSHOT.c.name).select_from(
        PAYMENT.outerjoin(SNAPSHOT, SNAPSHOT.c.id == PAYMENT.c.project_id)
    )
    kept = PAYMENT.c
    query = query.where(kept.state == PaymentState.PAID, kept.paid_on >= since, ~kept.advance)
    stale = sa.or_(SNAPSHOT.c.reported_on.is_(None), SNAPSHOT.c.reported_on < kept.paid_on)
    return list(
        await execute_core(
            work.session, query.where(stale).order_by(kept.paid_on.desc(), kept.id).limit(MAX_ROWS_PER_SCAN)
        )
    )


async def system_list_small_payments(work: UnitOfWork, since: date, threshold: int) -> list[sa.Row[Any]]:
    """Payments without contract, each below a threshold, of a project and payee that together reach it."""
    kept = PAYMENT.c
    small = (
        kept.state.in_(LIVE_STATES),
        kept.contract_id.is_(None),
        kept.applied_on >= since,
        kept.amount < threshold,
    )
    groups = (
        sa.select(kept.project_id, kept.payee_key)
        .where(*small)
        .group_by(kept.project_id, kept.payee_key)
        .having(sa.func.count() > 1, sa.func.sum(NET_AMOUNT) >= threshold)
        .limit(MAX_ROWS_PER_SCAN)
        .subquery()
    )
    same = sa.and_(groups.c.project_id == kept.project_id, groups.c.payee_key == kept.payee_key)
    query = _select_payments().select_from(PAYMENT.join(groups, same)).where(*small)
    query = query.order_by(kept.project_id, kept.payee_key, kept.applied_on, kept.id)
    return list(await execute_core(work.session, query))


async def system_list_same_day_payments(work: UnitOfWork, since: date) -> list[sa.Row[Any]]:
    """Payments to a payee who got several on one day, together."""
    kept = PAYMENT.c
    when = (kept.state == PaymentState.PAID, kept.paid_on >= since)
    groups = (
        sa.select(kept.payee_key, kept.paid_on)
        .where(*when)
        .group_by(kept.payee_key, kept.paid_on)
        .having(sa.func.count() > 1)
        .order_by(kept.paid_on.desc())
        .limit(MAX_ROWS_PER_SCAN)
        .subquery()
    )
    same = sa.and_(groups.c.payee_key == kept.payee_key, groups.c.paid_on == kept.paid_on)
    query = _select_payments().select_from(PAYMENT.join(groups, same)).where(*when)
    return list(await execute_core(work.session, query.order_by(kept.payee_key, kept.paid_on, kept.id)))


async def system_list_wrong_payees(work: UnitOfWork, since: date) -> list[sa.Row[Any]]:
    """Payments under a contract whose payee is not its party."""
    kept, party = PAYMENT.c, CONTRACT.c
    wrong = sa.or_(
        kept.payee_name != party.party, sa.and_(party.party_code != "", kept.payee_code != party.party_code)
    )
    query = _select_payments(party.party, party.party_code, party.number).select_from(
        PAYMENT.join(CONTRACT, party.id == kept.contract_id)
    )
    query = query.where(kept.state.in_(LIVE_STATES), kept.applied_on >= since, wrong)
    return list(await execute_core(work.session, query.order_by(kept.id).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_by_purpose(
    work: UnitOfWork, since: date, words: Sequence[str]
) -> list[sa.Row[Any]]:
    """Payments whose purpose holds one of the words."""
    kept = PAYMENT.c
    holds = sa.or_(sa.false(), *(kept.purpose.contains(word, autoescape=True) for word in words))
    query = _select_payments().where(kept.state.in_(LIVE_STATES), kept.applied_on >= since, holds)
    return list(await execute_core(work.session, query.order_by(kept.id.desc()).limit(MAX_ROWS_PER_SCAN)))


async def system_list_payments_by_subject(
    work: UnitOfWork, since: date, prefixes: Sequence[str]
) -> list[sa.Row[Any]]:
    """Payments booked under a subject that begins with one of these."""
    kept = PAYMENT.c
    begins = sa.or_(sa.false(), *(kept.economic_subject.startswith(one, autoescape=True) for one in prefixes))
    query = _select_payments().where(kept.state.in_(LIVE_STATES), kept.applied_on >= since, begins)
    return list(await execute_core(work.session, query.order_by(kept.id.desc()).limit(MAX_ROWS_PER_SCAN)))


async def system_sum_management_fees(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Money now allocated per region, year and level: all of it, and to management fees."""
    held = sa.case(
        (ACCOUNT.c.kind.in_((AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)), ACCOUNT.c.balance),
        else_=0,
    )
    fee = sa.case((ALLOCATION.c.management_fee, held), else_=0)
    columns = (SOURCE.c.region, ACCOUNT.c.year, SOURCE.c.level)
    joined = ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id)
    joined = joined.join(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id)
    query = (
        sa.select(
            *columns,
            sa.cast(sa.func.sum(held), sa.BigInteger).label("allocated"),
            sa.cast(sa.func.sum(fee), sa.BigInteger).label("fee"),
        )
        .select_from(joined)
        .group_by(*columns)
        .having(sa.func.sum(fee) > 0)
    )
    return list(await execute_core(work.session, query))


async def system_list_paid_plans(work: UnitOfWork) -> list[sa.Row[Any]]:
    """Plans of whose money something is paid, with how much."""
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
        .where(PAYMENT.c.state == PaymentState.PAID)
        .group_by(*columns)
    )
    return list(await execute_core(work.session, query))


async def system_get_notice_dates(work: UnitOfWork, plans: Sequence[UUID]) -> dict[str, date]:
    """First day of the standing allocation notice of each plan that has one."""
    query = sa.select(notice.c.subject, sa.func.min(notice.c.starts_on).label("since")).where(
        notice.c.subject_kind == "plan",
        notice.c.level == NoticeLevel.ALLOCATION,
        notice.c.withdrawn_at.is_(None),
        notice.c.subject.in_([str(one) for one in plans]),
    )
    return {
        row.subject: row.since for row in await execute_core(work.session, query.group_by(notice.c.subject))
    }


async def system_list_unpublished_targets(work: UnitOfWork, on: date) -> list[sa.Row[Any]]:
    """Approved targets that should be public by now."""
    kept = TARGET.c
    names = ("id", "region", "project_id", "project_name", "approved_on", "due_on")
    query = sa.select(*(kept[name] for name in names)).where(
        kept.state == TargetState.APPROVED, kept.due_on < on
    )
    return list(
        await execute_core(work.session, query.order_by(kept.due_on, kept.id).limit(MAX_ROWS_PER_SCAN))
    )
