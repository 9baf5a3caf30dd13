"""Queries on leaves and delegations."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.policy import STEP_BY_ROLE
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns, overlaps_days
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.http import Page, PageParams, list_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

LIVE_STATES = (LeaveState.REQUESTED, LeaveState.APPROVED, LeaveState.RETURNED)


async def find_overlapping_leave(
    work: UnitOfWork, person: str, first: date, last: date, except_id: UUID | None
) -> Leave | None:
    """Returns a visible leave of the person, requested or granted, that overlaps these days, or None."""
    query = select(Leave).where(
        Leave.person == person,
        col(Leave.state).in_(LIVE_STATES),
        overlaps_days(Leave, first, last),
        visible_rows(work, Leave),
    )
    if except_id is not None:
        query = query.where(Leave.id != except_id)
    return (await work.session.exec(query.limit(1))).first()


async def sum_halves_in_year(work: UnitOfWork, leave: Leave) -> int:
    """Returns the person's half days of leave, requested or granted, in the year in which a leave starts."""
    row = get_columns(Leave)
    year = (date(leave.starts_on.year, 1, 1), date(leave.starts_on.year, 12, 31))
    query = sa.select(sa.func.coalesce(sa.func.sum(row.halves), 0)).where(
        row.person == leave.person,
        row.state.in_(LIVE_STATES),
        row.starts_on.between(*year),
        visible_rows(work, Leave),
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_leaves_to_approve(work: UnitOfWork, page_params: PageParams) -> Page[Leave]:
    """Returns a page of the leaves whose current step is the caller's by role or by delegation today."""
    region = col(Leave.region)
    own_steps = [
        sa.and_(col(Leave.turn) == STEP_BY_ROLE[grant.role], region.between(*region_bounds(grant.region)))
        for grant in work.actor.grants
        if grant.role in STEP_BY_ROLE
    ]
    delegations = select(Delegation).where(
        Delegation.deputy == work.actor.id,
        Delegation.starts_on <= work.today,
        Delegation.ends_on >= work.today,
    )
    own_steps += [
        sa.and_(col(Leave.turn) == delegation.step, region.between(*region_bounds(delegation.region)))
        for delegation in await work.session.exec(delegations.limit(50))
    ]
    query = select(Leave).where(
        Leave.state == LeaveState.REQUESTED,
        sa.or_(sa.false(), *own_steps),
        work.actor.scope_filter(May.LEAVE_APPROVE, region),
        col(Leave.person).not_in(work.actor.own_accounts),
    )
    orders = {"starts_on": col(Leave.starts_on)}
    return await list_page(
        work.session, query, page_params, orders=orders, key=col(Leave.id), default="starts_on"
    )


async def is_deputy(work: UnitOfWork, step: str, region: str) -> bool:
    """True if the caller is deputy today for a step in a region or in one that contains it."""
    query = select(Delegation.id).where(
        Delegation.deputy == work.actor.id,
        Delegation.step == step,
        Delegation.starts_on <= work.today,
        Delegation.ends_on >= work.today,
        col(Delegation.region).in_(ancestor_codes(region)),
    )
    return (await work.session.exec(query.limit(1))).first() is not None
