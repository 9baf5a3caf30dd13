"""Queries of allocations."""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.allocations.schemas import AllocationRead
from services.funds.commitments.models import CachedProject
from shared.auth import May
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"issued_on": col(Allocation.issued_on)}


async def get_allocation(work: UnitOfWork, allocation_id: UUID, *, lock: bool = False) -> Allocation:
    """Get an allocation of the caller's regions; NotFound otherwise."""
    query = select(Allocation).where(
        Allocation.id == allocation_id, work.actor.scope_filter(May.FUND_READ, col(Allocation.region))
    )
    allocation = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if allocation is None:
        raise _build_not_found(allocation_id)
    return allocation


async def get_allocation_and_department(work: UnitOfWork, allocation_id: UUID) -> tuple[Allocation, str]:
    """Get an allocation of the caller's regions and its project's 主管部门, which may be empty; NotFound otherwise."""
    found = await _find_with_department(work, col(Allocation.id) == allocation_id)
    if found is None:
        raise _build_not_found(allocation_id)
    return found


async def find_allocation_and_department(work: UnitOfWork, project_id: UUID) -> tuple[Allocation, str] | None:
    """The latest allocation of a project in the caller's regions with the project's 主管部门; None when it has no money."""
    return await _find_with_department(work, col(Allocation.project_id) == project_id)


async def _find_with_department(
    work: UnitOfWork, condition: sa.ColumnElement[bool]
) -> tuple[Allocation, str] | None:
    query = (
        select(Allocation, CachedProject.managing_unit)
        .join(CachedProject, col(CachedProject.id) == col(Allocation.project_id), isouter=True)
        .where(condition, work.actor.scope_filter(May.FUND_READ, col(Allocation.region)))
        .order_by(col(Allocation.id).desc())
        .limit(1)
    )
    found = (await work.session.exec(query)).first()
    return None if found is None else (found[0], found[1] or "")


def _build_not_found(allocation_id: UUID) -> NotFound:
    return NotFound(f"没有这笔资金安排: {allocation_id}", f"No allocation {allocation_id}")


async def list_allocations(
    work: UnitOfWork,
    params: PageParams,
    *,
    region: str | None = None,
    project_id: UUID | None = None,
    source_id: UUID | None = None,
    plan_id: UUID | None = None,
) -> PageAnswer:
    """List a page of allocations of the caller's regions."""
    query = select(Allocation).where(work.actor.scope_filter(May.FUND_READ, col(Allocation.region)))
    if region:
        query = query.where(work.within_region(col(Allocation.region), region))
    for column, value in (("project_id", project_id), ("source_id", source_id), ("plan_id", plan_id)):
        if value is not None:
            query = query.where(getattr(Allocation, column) == value)
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Allocation.id),
        default="-issued_on",
        read=AllocationRead,
    )


async def list_related_allocations(
    work: UnitOfWork,
    *,
    projects: Sequence[UUID] = (),
    sources: Sequence[UUID] = (),
    plans: Sequence[UUID] = (),
) -> list[Allocation]:
    """List allocations of projects, sources or plans within the caller's regions, oldest first (at most 1000)."""
    query = select(Allocation).where(work.actor.scope_filter(May.FUND_READ, col(Allocation.region)))
    for column, values in (
        (Allocation.project_id, projects),
        (Allocation.source_id, sources),
        (Allocation.plan_id, plans),
    ):
        if values:
            query = query.where(col(column).in_(values))
    return list(await work.session.exec(query.order_by(col(Allocation.id)).limit(1000)))


async def list_named_allocations(
    work: UnitOfWork, region: str, projects: Collection[str]
) -> list[Allocation]:
    """The allocations of a region to projects of these names (at most 5000), to recognise the rows of a list."""
    query = select(Allocation).where(
        col(Allocation.project_name).in_(projects),
        work.within_region(col(Allocation.region), region),
        work.actor.scope_filter(May.FUND_READ, col(Allocation.region)),
    )
    return list(await work.session.exec(query.order_by(col(Allocation.id)).limit(5000)))
