"""Counts and sums over several tables, in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.plans.models import Plan, PlanLine
from services.funds.sources.models import Source, SourceAdjustment
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

ACCOUNT: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
ALLOCATION: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
LINE: sa.Table = PlanLine.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]


async def by_level(work: Work, region: str, year: int) -> list[sa.Row[Any]]:
    """Balance of every stage per fund level, of a region's year."""
    kind, balance = ACCOUNT.c.kind, ACCOUNT.c.balance
    stages = [
        sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((kind == one, balance), else_=0)), 0), sa.BigInteger
        ).label(one)
        for one in AccountKind
    ]
    query = (
        sa.select(SOURCE.c.level, *stages)
        .select_from(ACCOUNT.join(SOURCE, SOURCE.c.id == ACCOUNT.c.source_id))
        .where(
            ACCOUNT.c.year == year,
            ACCOUNT.c.region.between(*span(region)),
            work.actor.where(May.FUND_READ, ACCOUNT.c.region),
        )
        .group_by(SOURCE.c.level)
        .order_by(SOURCE.c.level)
    )
    return list(await run(work.session, query))


async def shares(work: Work, region: str, year: int) -> sa.Row[Any]:
    """Of the money now allocated: all, to industry, to management fees; and how many projects have some."""
    held = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
    balance = ACCOUNT.c.balance

    def total(condition: Any) -> Any:  # noqa: ANN401 - column expressions
        return sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((condition, balance), else_=0)), 0), sa.BigInteger
        )

    query = (
        sa.select(
            total(sa.true()).label("whole"),
            total(ALLOCATION.c.industry).label("industry"),
            total(ALLOCATION.c.management_fee).label("fee"),
            sa.func.count(sa.distinct(ACCOUNT.c.project_id)).label("projects"),
        )
        .select_from(ACCOUNT.join(ALLOCATION, ALLOCATION.c.id == ACCOUNT.c.allocation_id))
        .where(
            ACCOUNT.c.kind.in_(held),
            ALLOCATION.c.region.between(*span(region)),
            ACCOUNT.c.year == year,
            ACCOUNT.c.region.between(*span(region)),
            work.actor.where(May.FUND_READ, ACCOUNT.c.region),
        )
    )
    return (await run(work.session, query)).one()


async def count(work: Work, table: sa.Table, region: str, *conditions: Any) -> int:  # noqa: ANN401 - column expressions
    """How many rows of a table lie in a region, within the caller's."""
    query = (
        sa.select(sa.func.count())
        .select_from(table)
        .where(
            table.c.region.between(*span(region)),
            work.actor.where(May.FUND_READ, table.c.region),
            *conditions,
        )
    )
    return int((await run(work.session, query)).scalar_one())


async def counts(work: Work, region: str, year: int) -> dict[str, int]:
    """Sources, plans and paid payments of a region's year."""
    return {
        "sources": await count(work, SOURCE, region, SOURCE.c.fiscal_year == year),
        "plans": await count(work, PLAN, region, PLAN.c.year == year),
        "payments": await count(
            work, PAYMENT, region, PAYMENT.c.year == year, PAYMENT.c.state == PaymentState.PAID
        ),
    }


async def sources_of_plan(work: Work, plan_id: UUID) -> list[UUID]:
    """The sources a plan uses, if the caller may see the plan."""
    query = (
        sa.select(LINE.c.source_id)
        .join(PLAN, PLAN.c.id == LINE.c.plan_id)
        .where(PLAN.c.id == plan_id, work.actor.where(May.FUND_READ, PLAN.c.region))
        .distinct()
    )
    return [row.source_id for row in await run(work.session, query)]


async def sources(work: Work, source_ids: list[UUID]) -> list[Source]:
    """Fund documents behind allocations the caller may see: everybody in the thread may know them."""
    query = select(Source).where(col(Source.id).in_(source_ids)).order_by(col(Source.id))
    return list(await work.session.exec(query))


async def lines(
    work: Work, plan_ids: Sequence[UUID], source_ids: Sequence[UUID], project_ids: Sequence[UUID] | None
) -> list[PlanLine]:
    """Lines of plans the caller may see that concern these sources and, when given, these projects (at most 2000)."""
    query = (
        select(PlanLine)
        .join(Plan, col(Plan.id) == PlanLine.plan_id)
        .where(
            col(PlanLine.plan_id).in_(plan_ids),
            col(PlanLine.source_id).in_(source_ids),
            work.actor.where(May.FUND_READ, col(Plan.region)),
        )
    )
    if project_ids is not None:
        query = query.where(col(PlanLine.project_id).in_(project_ids))
    query = query.order_by(col(PlanLine.plan_id), col(PlanLine.position)).limit(2000)
    return list(await work.session.exec(query))


async def adjustments(work: Work, source_ids: Sequence[UUID]) -> list[SourceAdjustment]:
    """What was added to or taken from documents the caller may see, oldest first."""
    query = (
        select(SourceAdjustment)
        .join(Source, col(Source.id) == SourceAdjustment.source_id)
        .where(
            col(SourceAdjustment.source_id).in_(source_ids),
            work.actor.where(May.FUND_READ, col(Source.region)),
        )
    )
    return list(await work.session.exec(query.order_by(col(SourceAdjustment.id))))


async def refunds(work: Work, payment_ids: Sequence[UUID]) -> list[Refund]:
    """What came back of payments of the caller's regions, oldest first."""
    query = (
        select(Refund)
        .join(Payment, col(Payment.id) == Refund.payment_id)
        .where(col(Refund.payment_id).in_(payment_ids), work.actor.where(May.FUND_READ, col(Payment.region)))
    )
    return list(await work.session.exec(query.order_by(col(Refund.id))))


async def system_numbered(work: Work, document_no: str) -> list[Source]:
    """Documents registered under a number, in whatever region; who asks sees only what the caller's scope lets."""
    query = select(Source).where(Source.document_no == document_no).order_by(col(Source.id)).limit(200)
    return list(await work.session.exec(query))
