"""Queries of plans and their lines."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.plans.calculation import YearTotals
from services.funds.plans.lifecycle import PlanState
from services.funds.plans.models import Plan, PlanLine
from services.funds.plans.schemas import PlanRead
from services.funds.sources.models import Source
from shared.auth import May
from shared.db import delete_rows, execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

PLAN: sa.Table = Plan.__table__  # type: ignore[attr-defined]
LINE: sa.Table = PlanLine.__table__  # type: ignore[attr-defined]
SOURCE: sa.Table = Source.__table__  # type: ignore[attr-defined]
ORDERS = {"created_at": col(Plan.created_at), "year": col(Plan.year)}
DECIDED_STATES = (PlanState.APPROVED, PlanState.NOTICED, PlanState.ISSUED)


async def get_plan(work: UnitOfWork, plan_id: UUID, *, lock: bool = False) -> Plan:
    """Get a plan of the caller's regions; NotFound otherwise."""
    query = select(Plan).where(Plan.id == plan_id, work.actor.scope_filter(May.FUND_READ, col(Plan.region)))
    plan = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if plan is None:
        raise NotFound(f"没有这个分配方案: {plan_id}", f"No plan {plan_id}")
    return plan


async def list_lines(work: UnitOfWork, plan_id: UUID) -> list[PlanLine]:
    """List the lines of a plan in order. Not scoped: the caller has access to the plan."""
    query = select(PlanLine).where(PlanLine.plan_id == plan_id).order_by(col(PlanLine.position))
    return list(await work.session.exec(query))


async def replace_lines(work: UnitOfWork, plan_id: UUID, lines: Sequence[PlanLine]) -> None:
    """Replace all lines of a plan."""
    await delete_rows(work.session, LINE, LINE.c.plan_id == plan_id)
    work.session.add_all(lines)
    await work.session.flush()


async def list_plans(
    work: UnitOfWork, params: PageParams, *, region: str | None, year: int | None, state: PlanState | None
) -> PageAnswer:
    """List a page of plans of the caller's regions."""
    query = select(Plan).where(work.actor.scope_filter(May.FUND_READ, col(Plan.region)))
    if region:
        query = query.where(work.within_region(col(Plan.region), region))
    if year is not None:
        query = query.where(Plan.year == year)
    if state is not None:
        query = query.where(Plan.state == state)
    return await answer_page(
        work.session, query, params, orders=ORDERS, key=col(Plan.id), default="-created_at", read=PlanRead
    )


async def get_year_totals(work: UnitOfWork, plan: Plan) -> dict[str, YearTotals]:
    """Totals per level of the decided plans of the plan's region and year, without this plan."""
    amount = LINE.c.amount

    def sum_where(condition: Any) -> Any:  # noqa: ANN401 - column expressions
        return sa.cast(sa.func.sum(sa.case((condition, amount), else_=0)), sa.BigInteger)

    query = (
        sa.select(
            SOURCE.c.level,
            sum_where(sa.true()).label("total"),
            sum_where(LINE.c.industry).label("industry"),
            sum_where(LINE.c.management_fee).label("fee"),
        )
        .select_from(
            LINE.join(PLAN, PLAN.c.id == LINE.c.plan_id).join(SOURCE, SOURCE.c.id == LINE.c.source_id)
        )
        .where(
            PLAN.c.region == plan.region,
            PLAN.c.year == plan.year,
            PLAN.c.state.in_(DECIDED_STATES),
            PLAN.c.id != plan.id,
            work.actor.scope_filter(May.FUND_READ, PLAN.c.region),
        )
        .group_by(SOURCE.c.level)
    )
    return {
        row.level: YearTotals(int(row.total), int(row.industry), int(row.fee))
        for row in await execute_core(work.session, query)
    }


async def list_plans_by_sources(work: UnitOfWork, source_ids: Sequence[UUID]) -> list[Plan]:
    """List the plans that use any of these sources, oldest first (at most 200)."""
    plan_ids = sa.select(LINE.c.plan_id).where(LINE.c.source_id.in_(source_ids))
    return await _list_plans_where(work, col(Plan.id).in_(plan_ids))


async def list_plans_by_ids(work: UnitOfWork, plan_ids: Sequence[UUID]) -> list[Plan]:
    """List plans by id, oldest first (at most 200)."""
    return await _list_plans_where(work, col(Plan.id).in_(plan_ids))


async def _list_plans_where(work: UnitOfWork, condition: Any) -> list[Plan]:  # noqa: ANN401 - a condition
    query = select(Plan).where(condition, work.actor.scope_filter(May.FUND_READ, col(Plan.region)))
    return list(await work.session.exec(query.order_by(col(Plan.id)).limit(200)))
