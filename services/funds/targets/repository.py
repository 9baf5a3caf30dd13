"""Queries of performance targets."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.ledger.accounts import AccountKind
from services.funds.ledger.models import LedgerAccount
from services.funds.plans.models import Plan, PlanLine
from services.funds.targets.calculation import FULL_COMPLETION
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator, TargetMonitoring
from shared.auth import May
from shared.db import delete_rows, execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Target.created_at)}
ALLOCATED_KINDS = (AccountKind.UNPAID, AccountKind.APPLIED, AccountKind.PAID)
LINE: sa.Table = PlanLine.__table__  # type: ignore[attr-defined]
INDICATOR: sa.Table = TargetIndicator.__table__  # type: ignore[attr-defined]


async def get_target(work: UnitOfWork, target_id: UUID, *, lock: bool = False) -> Target:
    """Get a target of the caller's regions; NotFound otherwise."""
    query = select(Target).where(
        Target.id == target_id, work.actor.scope_filter(May.FUND_READ, col(Target.region))
    )
    target = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if target is None:
        raise NotFound(f"没有这个绩效目标: {target_id}", f"No target {target_id}")
    return target


async def list_targets(
    work: UnitOfWork,
    params: PageParams,
    *,
    region: str | None = None,
    year: int | None = None,
    state: TargetState | None = None,
    plan_id: UUID | None = None,
    project_id: UUID | None = None,
    late: date | None = None,
) -> Page[Target]:
    """List a page of targets of the caller's regions; `late` keeps those due before that day and not published."""
    query = select(Target).where(work.actor.scope_filter(May.FUND_READ, col(Target.region)))
    if region:
        query = query.where(work.within_region(col(Target.region), region))
    for name, value in (("year", year), ("state", state), ("plan_id", plan_id), ("project_id", project_id)):
        if value is not None:
            query = query.where(getattr(Target, name) == value)
    if late is not None:
        query = query.where(col(Target.due_on) < late, col(Target.published_on).is_(None))
    return await list_page(
        work.session, query, params, orders=ORDERS, key=col(Target.id), default="-created_at"
    )


async def system_list_public_targets(
    work: UnitOfWork, params: PageParams, *, region: str | None, year: int | None, project_id: UUID | None
) -> Page[Target]:
    """List a page of published targets for anonymous callers, latest first."""
    query = select(Target).where(col(Target.published_on).is_not(None))
    if region:
        query = query.where(work.within_region(col(Target.region), region))
    if year is not None:
        query = query.where(Target.year == year)
    if project_id is not None:
        query = query.where(Target.project_id == project_id)
    orders: Any = {"published_on": col(Target.published_on)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(Target.id), default="-published_on"
    )


async def list_plan_lines(work: UnitOfWork, plan_id: UUID, project_id: UUID) -> list[PlanLine]:
    """List the lines of a plan for a project in the caller's regions."""
    query = select(PlanLine).where(
        PlanLine.plan_id == plan_id,
        PlanLine.project_id == project_id,
        work.actor.scope_filter(May.FUND_READ, col(PlanLine.project_region)),
    )
    return list(await work.session.exec(query.order_by(col(PlanLine.position))))


async def get_plan(work: UnitOfWork, plan_id: UUID) -> Plan:
    """Get the plan of a target. Not scoped: who may see the target may see the decision on its plan."""
    query = select(Plan).where(Plan.id == plan_id)
    plan = (await work.session.exec(query)).first()
    if plan is None:
        raise NotFound(f"没有这个分配方案: {plan_id}", f"No plan {plan_id}")
    return plan


async def list_targets_by_plan(work: UnitOfWork, plan_id: UUID, state: TargetState) -> list[Target]:
    """List and lock a plan's targets in a state, in the order of their ids."""
    query = (
        select(Target)
        .where(
            Target.plan_id == plan_id,
            col(Target.state) == state,
            work.actor.scope_filter(May.FUND_READ, col(Target.region)),
        )
        .order_by(col(Target.id))
        .with_for_update()
    )
    return list(await work.session.exec(query))


async def list_indicators(work: UnitOfWork, target_ids: Sequence[UUID]) -> list[TargetIndicator]:
    """List the indicators of targets by position. Not scoped: the caller has access to the targets."""
    query = select(TargetIndicator).where(col(TargetIndicator.target_id).in_(target_ids))
    return list(
        await work.session.exec(query.order_by(col(TargetIndicator.target_id), col(TargetIndicator.position)))
    )


async def list_monitorings(work: UnitOfWork, target_id: UUID) -> list[TargetMonitoring]:
    """List the monitorings of a target, oldest first. Not scoped: the caller has access to the target."""
    query = select(TargetMonitoring).where(TargetMonitoring.target_id == target_id)
    return list(
        await work.session.exec(query.order_by(col(TargetMonitoring.monitored_on), col(TargetMonitoring.id)))
    )


async def find_monitoring(work: UnitOfWork, monitoring_id: UUID) -> TargetMonitoring | None:
    """Find a monitoring by id, to recognise a repeated request."""
    return await work.session.get(TargetMonitoring, monitoring_id)


async def replace_indicators(work: UnitOfWork, target_id: UUID, rows: Sequence[TargetIndicator]) -> None:
    """Replace all indicators of a target."""
    await delete_rows(work.session, INDICATOR, INDICATOR.c.target_id == target_id)
    for row in rows:
        work.session.add(row)
    await work.session.flush()


async def list_sheet_rows(work: UnitOfWork, region: str, year: int, limit: int) -> list[sa.Row[Any]]:
    """List a region's targets of a year with the counts of their indicators and monitorings."""
    indicator, monitoring = TargetIndicator, TargetMonitoring
    indicator_counts = (
        sa.select(
            col(indicator.target_id),
            sa.func.count().label("indicators"),
            sa.func.count().filter(col(indicator.completion) >= FULL_COMPLETION).label("met"),
            sa.func.count().filter(col(indicator.deviates)).label("deviating"),
        )
        .group_by(col(indicator.target_id))
        .subquery()
    )
    monitoring_counts = (
        sa.select(col(monitoring.target_id), sa.func.count().label("monitorings"))
        .group_by(col(monitoring.target_id))
        .subquery()
    )
    table = Target.__table__  # type: ignore[attr-defined]
    query = (
        sa.select(
            table,
            sa.func.coalesce(indicator_counts.c.indicators, 0).label("indicators"),
            sa.func.coalesce(indicator_counts.c.met, 0).label("met"),
            sa.func.coalesce(indicator_counts.c.deviating, 0).label("deviating"),
            sa.func.coalesce(monitoring_counts.c.monitorings, 0).label("monitorings"),
        )
        .select_from(
            table.outerjoin(indicator_counts, indicator_counts.c.target_id == table.c.id).outerjoin(
                monitoring_counts, monitoring_counts.c.target_id == table.c.id
            )
        )
        .where(*_build_year_conditions(work, region, year))
        .order_by(table.c.id)
        .limit(limit)
    )
    return list(await execute_core(work.session, query))


def _build_year_conditions(work: UnitOfWork, region: str, year: int) -> list[sa.ColumnElement[bool]]:
    return [
        col(Target.year) == year,
        work.within_region(col(Target.region), region),
        work.actor.scope_filter(May.FUND_READ, col(Target.region)),
    ]


async def sum_target_funds(
    work: UnitOfWork, region: str, year: int, target_ids: Sequence[UUID] | None = None
) -> list[sa.Row[Any]]:
    """Allocated and paid amounts of targets, in 分: what their plan allotted to their project.

    One row per target of `target_ids`; without them one row, the sum over all targets of the region's year.
    """
    target: sa.Table = Target.__table__  # type: ignore[attr-defined]
    allocation: sa.Table = Allocation.__table__  # type: ignore[attr-defined]
    account: sa.Table = LedgerAccount.__table__  # type: ignore[attr-defined]
    groups = [] if target_ids is None else [target.c.id]
    of_target = sa.and_(
        allocation.c.plan_id == target.c.plan_id, allocation.c.project_id == target.c.project_id
    )
    paid = sa.case((account.c.kind == AccountKind.PAID, account.c.balance), else_=0)
    query = (
        sa.select(
            *groups,
            sa.cast(sa.func.coalesce(sa.func.sum(account.c.balance), 0), sa.BigInteger).label("allocated"),
            sa.cast(sa.func.coalesce(sa.func.sum(paid), 0), sa.BigInteger).label("paid"),
        )
        .select_from(
            target.join(allocation, of_target).join(account, account.c.allocation_id == allocation.c.id)
        )
        .where(*_build_year_conditions(work, region, year), account.c.kind.in_(ALLOCATED_KINDS))
        .group_by(*groups)
    )
    if target_ids is not None:
        query = query.where(target.c.id.in_(target_ids))
    return list(await execute_core(work.session, query))


async def count_year_targets(work: UnitOfWork, region: str, year: int) -> sa.Row[Any]:
    """Count a region's targets of a year by progress, and sum their amount."""
    state = col(Target.state)
    published_on, due_on = col(Target.published_on), col(Target.due_on)
    query = sa.select(
        sa.func.count().label("targets"),
        sa.func.count(sa.distinct(col(Target.project_id))).label("projects"),
        sa.func.count().filter(state == TargetState.CONFIRMED).label("confirmed"),
        sa.func.count().filter(state.in_((TargetState.EVALUATED, TargetState.CONFIRMED))).label("evaluated"),
        sa.func.count().filter(col(Target.approved_on).is_not(None)).label("approved"),
        sa.func.count().filter(published_on.is_not(None)).label("published"),
        sa.func.count().filter(published_on <= due_on).label("in_time"),
        sa.cast(sa.func.coalesce(sa.func.sum(col(Target.amount)), 0), sa.BigInteger).label("amount"),
    ).where(*_build_year_conditions(work, region, year))
    return (await execute_core(work.session, query)).one()
