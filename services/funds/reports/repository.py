"""Counts and sums over several tables, computed in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import CachedProject
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.reports.schemas import Rank
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import FundLevel
from shared.auth import May
from shared.china import normalize_document_no
from shared.db import execute_core
from shared.records.town_rates import town_head
from shared.unit_of_work import UnitOfWork

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
LINE: sa.Table = PlanLine.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]


async def sum_stages_by_level(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """Balance of every stage per fund level and town (`head`), of a region's year."""
    kind, balance = ACCOUNT.c.kind, ACCOUNT.c.balance
    stages = [
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((kind == stage, balance), else_=0)), 0), sa.BigInteger
        ).label(stage)
        for stage in AccountKind
    ]
    head = town_head(work, ACCOUNT.c.region, region).label("head")
    query = (
        sa.select(head, SOURCE.c.level, *stages)
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(
            ACCOUNT.c.year == year,
            work.within_region(ACCOUNT.c.region, region),
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .group_by(head, SOURCE.c.level)
    )
    return list(await execute_core(work.session, query))


async def sum_allocated_shares(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """Allocated money of a region's year by town (`head`): total, to industry, to management fees; the projects of all towns."""
    allocated_kinds = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
    allocated = (
        sa.select(
            town_head(work, ACCOUNT.c.region, region).label("head"),
            ACCOUNT.c.balance,
            ACCOUNT.c.project_id,
            ALLOCATION.c.industry,
            ALLOCATION.c.management_fee,
        )
        .select_from(ACCOUNT.join(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id))
        .where(
            ACCOUNT.c.kind.in_(allocated_kinds),
            work.within_region(ALLOCATION.c.region, region),
            ACCOUNT.c.year == year,
            work.within_region(ACCOUNT.c.region, region),
            work.actor.scope_filter(May.FUND_READ, ACCOUNT.c.region),
        )
        .cte("allocated")
    )

    def sum_where(condition: Any) -> Any:  # noqa: ANN401 - column expressions
        return sa.cast(sa.func.sum(sa.case((condition, allocated.c.balance), else_=0)), sa.BigInteger)

    query = sa.select(
        allocated.c.head,
        sum_where(sa.true()).label("whole"),
        sum_where(allocated.c.industry).label("industry"),
        sum_where(allocated.c.management_fee).label("fee"),
        sa.select(sa.func.count(sa.distinct(allocated.c.project_id))).scalar_subquery().label("projects"),
    )
    return list(await execute_core(work.session, query.group_by(allocated.c.head)))


async def count_rows(work: UnitOfWork, table: sa.Table, region: str, *conditions: Any) -> int:  # noqa: ANN401 - column expressions
    """Count the rows of a table in a region, within the caller's regions."""
    query = (
        sa.select(sa.func.count())
        .select_from(table)
        .where(
            work.within_region(table.c.region, region),
            work.actor.scope_filter(May.FUND_READ, table.c.region),
            *conditions,
        )
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def count_year_records(work: UnitOfWork, region: str, year: int) -> dict[str, int]:
    """Count the sources, plans and paid payments of a region's year."""
    return {
        "sources": await count_rows(work, SOURCE, region, SOURCE.c.fiscal_year == year),
        "plans": await count_rows(work, PLAN, region, PLAN.c.year == year),
        "payments": await count_rows(
            work, PAYMENT, region, PAYMENT.c.year == year, PAYMENT.c.state == PaymentState.PAID
        ),
    }


async def list_plan_source_ids(work: UnitOfWork, plan_id: UUID) -> list[UUID]:
    """Ids of the sources of a plan, if the caller has access to the plan."""
    query = (
        sa.select(LINE.c.source_id)
        .join(PLAN, PLAN.c.id == LINE.c.plan_id)
        .where(PLAN.c.id == plan_id, work.actor.scope_filter(May.FUND_READ, PLAN.c.region))
        .distinct()
    )
    return [row.source_id for row in await execute_core(work.session, query)]


async def list_sources(work: UnitOfWork, source_ids: list[UUID]) -> list[Source]:
    """List fund documents by id. Not scoped: everybody with access to an allocation may see its document."""
    query = select(Source).where(col(Source.id).in_(source_ids)).order_by(col(Source.id))
    return list(await work.session.exec(query))


async def list_plan_lines(
    work: UnitOfWork, plan_ids: Sequence[UUID], source_ids: Sequence[UUID], project_ids: Sequence[UUID] | None
) -> list[PlanLine]:
    """List the lines of plans for these sources and, if given, projects, within the caller's regions (at most 2000)."""
    query = (
        select(PlanLine)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(
            col(PlanLine.plan_id).in_(plan_ids),
            col(PlanLine.source_id).in_(source_ids),
            work.actor.scope_filter(May.FUND_READ, col(Plan.region)),
        )
    )
    if project_ids is not None:
        query = query.where(col(PlanLine.project_id).in_(project_ids))
    query = query.order_by(col(PlanLine.plan_id), col(PlanLine.position)).limit(2000)
    return list(await work.session.exec(query))


async def list_adjustments(work: UnitOfWork, source_ids: Sequence[UUID]) -> list[SourceAdjustment]:
    """List the adjustments of documents of the caller's regions, oldest first."""
    query = (
        select(SourceAdjustment)
        .join(Source, col(Source.id) == SourceAdjustment.source_id)
        .where(
            col(SourceAdjustment.source_id).in_(source_ids),
            work.actor.scope_filter(May.FUND_READ, col(Source.region)),
        )
    )
    return list(await work.session.exec(query.order_by(col(SourceAdjustment.id))))


async def list_refunds(work: UnitOfWork, payment_ids: Sequence[UUID]) -> list[Refund]:
    """List the refunds of payments of the caller's regions, oldest first."""
    query = (
        select(Refund)
        .join(Payment, col(Payment.id) == Refund.payment_id)
        .where(
            col(Refund.payment_id).in_(payment_ids),
            work.actor.scope_filter(May.FUND_READ, col(Payment.region)),
        )
    )
    return list(await work.session.exec(query.order_by(col(Refund.id))))


async def system_list_sources_by_number(work: UnitOfWork, document_no: str) -> list[Source]:
    """List the documents of a number in all regions (at most 200); the caller must check access to each."""
    query = select(Source).where(Source.document_key == normalize_document_no(document_no))
    query = query.order_by(col(Source.id)).limit(200)
    return list(await work.session.exec(query))


SNAPSHOT: sa.Table = CachedProject.__table__  # type: ignore[attr-defined]
ALLOCATED_KINDS = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
UPPER_LEVELS = (FundLevel.CENTRAL, FundLevel.PROVINCIAL)


def _build_rank_case(region: Any) -> Any:  # noqa: ANN401 - column expressions
    return sa.case(
        (sa.func.substr(region, 3) == "0" * 10, Rank.PROVINCE.value),
        (sa.func.substr(region, 5) == "0" * 8, Rank.CITY.value),
        (sa.func.substr(region, 7) == "0" * 6, Rank.COUNTY.value),
        else_=Rank.TOWN.value,
    )


def _sum_balances(condition: Any) -> Any:  # noqa: ANN401 - column expressions
    balance = sa.case((condition, ACCOUNT.c.balance), else_=0)
    return sa.cast(sa.func.coalesce(sa.func.sum(balance), 0), sa.BigInteger)


def _build_year_conditions(work: UnitOfWork, region: str, year: int) -> list[Any]:
    column = ACCOUNT.c.region
    return [
        ACCOUNT.c.year == year,
        work.within_region(column, region),
        work.actor.scope_filter(May.FUND_READ, column),
    ]


async def sum_flows(work: UnitOfWork, region: str, year: int, by: str) -> list[sa.Row[Any]]:
    """Received, central, allocated and paid amounts per fund (or town), rank of the source and rank of the account."""
    key = SOURCE.c.fund if by == "fund" else work.context.mergers.current_head(ACCOUNT.c.region, 9, region)
    source_rank, account_rank = _build_rank_case(SOURCE.c.region), _build_rank_case(ACCOUNT.c.region)
    columns = (key.label("key"), source_rank.label("source_rank"), account_rank.label("rank"))
    received = ACCOUNT.c.kind == AccountKind.RECEIVED
    query = (
        sa.select(
            *columns,
            _sum_balances(received).label("received"),
            _sum_balances(sa.and_(received, SOURCE.c.level == FundLevel.CENTRAL)).label("central"),
            _sum_balances(ACCOUNT.c.kind.in_(ALLOCATED_KINDS)).label("allocated"),
            _sum_balances(ACCOUNT.c.kind == AccountKind.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(*_build_year_conditions(work, region, year))
        .group_by(*columns)
        .order_by(*columns)
    )
    return list(await execute_core(work.session, query))


async def list_upper_documents(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """List central and provincial documents of a year with their received amount."""
    source = SOURCE.c
    query = (
        sa.select(
            source.id,
            source.received_on,
            _sum_balances(ACCOUNT.c.kind == AccountKind.RECEIVED).label("received"),
        )
        .select_from(ACCOUNT.join(SOURCE, source.id == ACCOUNT.c.source_id))
        .where(
            source.fiscal_year == year,
            source.level.in_(UPPER_LEVELS),
            work.within_region(source.region, region),
            work.actor.scope_filter(May.FUND_READ, source.region),
        )
        .group_by(source.id, source.received_on)
    )
    return list(await execute_core(work.session, query))


async def sum_issues(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """Amounts issued from central and provincial documents of a year, per document and day."""
    allocation = ALLOCATION.c
    amount = sa.cast(sa.func.sum(allocation.amount), sa.BigInteger).label("amount")
    query = (
        sa.select(allocation.source_id, allocation.issued_on, amount)
        .select_from(ALLOCATION.join(SOURCE, SOURCE.c.id == allocation.source_id))
        .where(
            allocation.year == year,
            SOURCE.c.level.in_(UPPER_LEVELS),
            work.within_region(allocation.region, region),
            work.actor.scope_filter(May.FUND_READ, allocation.region),
        )
        .group_by(allocation.source_id, allocation.issued_on)
    )
    return list(await execute_core(work.session, query))


async def count_projects_by_state(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """Count the funded projects of a year per project state: all, and those with a project library code."""
    allocation = ALLOCATION.c
    funded = (
        sa.select(allocation.project_id)
        .where(
            allocation.year == year,
            work.within_region(allocation.region, region),
            work.actor.scope_filter(May.FUND_READ, allocation.region),
        )
        .distinct()
        .subquery()
    )
    state = sa.func.coalesce(SNAPSHOT.c.state, "").label("state")
    query = (
        sa.select(
            state,
            sa.func.count().label("projects"),
            sa.func.count().filter(SNAPSHOT.c.code != "").label("coded"),
        )
        .select_from(funded.outerjoin(SNAPSHOT, SNAPSHOT.c.id == funded.c.project_id))
        .group_by(state)
    )
    return list(await execute_core(work.session, query))


async def list_issued_plan_ids(work: UnitOfWork, region: str, year: int) -> list[Any]:
    """Ids of the issued plans of a year."""
    plan = PLAN.c
    query = sa.select(plan.id).where(
        plan.year == year,
        plan.state == PlanState.ISSUED,
        work.within_region(plan.region, region),
        work.actor.scope_filter(May.FUND_READ, plan.region),
    )
    return list((await execute_core(work.session, query)).scalars())


async def sum_uses(work: UnitOfWork, region: str, year: int) -> sa.Row[Any]:
    """Money of a year: central and provincial allocated, of it to industry; received in total, of it pooled."""
    upper = sa.and_(ACCOUNT.c.kind.in_(ALLOCATED_KINDS), SOURCE.c.level.in_(UPPER_LEVELS))
    received = ACCOUNT.c.kind == AccountKind.RECEIVED
    joined = ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id)
    query = (
        sa.select(
            _sum_balances(upper).label("upper"),
            _sum_balances(sa.and_(upper, ALLOCATION.c.industry)).label("industry"),
            _sum_balances(received).label("received"),
            _sum_balances(sa.and_(received, SOURCE.c.fund == "pooled")).label("pooled"),
        )
        .select_from(joined.outerjoin(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id))
        .where(*_build_year_conditions(work, region, year))
    )
    return (await execute_core(work.session, query)).one()


async def sum_by_task(work: UnitOfWork, region: str, year: int) -> list[sa.Row[Any]]:
    """Allocated and paid amounts per task of a year."""
    query = (
        sa.select(
            SOURCE.c.task,
            _sum_balances(ACCOUNT.c.kind.in_(ALLOCATED_KINDS)).label("allocated"),
            _sum_balances(ACCOUNT.c.kind == AccountKind.PAID).label("paid"),
        )
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(*_build_year_conditions(work, region, year))
        .group_by(SOURCE.c.task)
        .order_by(SOURCE.c.task)
    )
    return list(await execute_core(work.session, query))
