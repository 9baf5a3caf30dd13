"""Queries on leaves and delegations."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.leaves.schemas import DayPart, LeaveRead
from services.attendance.policy import LeaveKind, get_approval_step
from services.attendance.repository import visible_rows
from services.attendance.sql_conditions import get_columns, overlaps_days
from shared.auth import LEVEL_DIGITS, May
from shared.db import execute_core
from shared.http import PageAnswer, PageParams, answer_page
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

NEAR_DAYS = timedelta(days=60)
LIVE_STATES = (LeaveState.REQUESTED, LeaveState.APPROVED, LeaveState.RETURNED)


async def find_overlapping_leave(
    work: UnitOfWork, person: str, first: date, last: date, part: DayPart, except_id: UUID | None
) -> Leave | None:
    """Returns a visible leave of the person, requested or granted, that covers a part of these days, or None.

    A half day leaves room for the other half.
    """
    query = select(Leave).where(
        Leave.person == person,
        col(Leave.state).in_(LIVE_STATES),
        overlaps_days(Leave, first, last),
        sa.or_(col(Leave.returned_on).is_(None), col(Leave.returned_on) > first),
        visible_rows(work, Leave),
    )
    if part is not DayPart.DAY:
        query = query.where(col(Leave.part).in_((DayPart.DAY, part)))
    if except_id is not None:
        query = query.where(Leave.id != except_id)
    return (await work.session.exec(query.limit(1))).first()


async def list_leaves_near(work: UnitOfWork, person: str, first: date, last: date) -> list[Leave]:
    """Returns the person's live leaves from NEAR_DAYS before a period to NEAR_DAYS after it."""
    query = select(Leave).where(
        Leave.person == person,
        col(Leave.state).in_(LIVE_STATES),
        overlaps_days(Leave, first - NEAR_DAYS, last + NEAR_DAYS),
        visible_rows(work, Leave),
    )
    return list(await work.session.exec(query.order_by(col(Leave.starts_on), col(Leave.id))))


async def list_halves_by_kind(work: UnitOfWork, person: str, year: int) -> dict[LeaveKind, dict[str, int]]:
    """Returns kind → state → half days of the person's live leaves that start in a year."""
    row = get_columns(Leave)
    query = (
        sa.select(row.kind, row.state, sa.func.sum(row.halves).label("halves"))
        .where(
            row.person == person,
            row.state.in_(LIVE_STATES),
            row.starts_on.between(date(year, 1, 1), date(year, 12, 31)),
            visible_rows(work, Leave),
        )
        .group_by(row.kind, row.state)
    )
    halves: dict[LeaveKind, dict[str, int]] = {}
    for found in await execute_core(work.session, query):
        halves.setdefault(LeaveKind(found.kind), {})[found.state] = int(found.halves)
    return halves


def build_callers_turn_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether the present step of a leave is the caller's own or was given to them for today; the twin of `is_callers_turn`."""
    area = col(Leave.region)
    own = [
        sa.and_(col(Leave.turn) == step, work.within_region(area, grant.region))
        for grant in work.actor.grants
        if (step := get_approval_step(grant)) is not None
    ]
    given = sa.select(col(Delegation.id)).where(
        col(Delegation.deputy) == work.actor.id,
        col(Delegation.step) == Leave.turn,
        col(Delegation.starts_on) <= work.today,
        col(Delegation.ends_on) >= work.today,
        sa.or_(*(col(Delegation.region) == code for code in _ancestor_expressions(area))),
    )
    return sa.or_(given.exists(), *own)


def _ancestor_expressions(region: Any) -> list[sa.ColumnElement[str]]:  # noqa: ANN401 - a column
    """A region code and the codes of all that contain it, in SQL."""
    code_digits = max(LEVEL_DIGITS)
    return [
        sa.func.substr(region, 1, digits) + sa.literal("0" * (code_digits - digits))
        for digits in LEVEL_DIGITS
    ]


def build_not_returned_condition(today: date) -> sa.ColumnElement[bool]:
    """Whether a granted leave is over and nobody reported the return."""
    return sa.and_(col(Leave.state) == LeaveState.APPROVED, col(Leave.ends_on) < today)


async def list_leaves_to_approve(work: UnitOfWork, asked: PageParams) -> PageAnswer:
    """A page of the leaves whose present step is the caller's own or was given to them for today."""
    query = select(Leave).where(
        Leave.state == LeaveState.REQUESTED,
        build_callers_turn_condition(work),
        work.actor.scope_filter(May.LEAVE_APPROVE, col(Leave.region)),
        col(Leave.person).not_in(work.actor.own_accounts),
        col(Leave.endorsed_by).not_in(work.actor.own_accounts),
    )
    orders = {"starts_on": col(Leave.starts_on)}
    return await answer_page(
        work.session, query, asked, read=LeaveRead, orders=orders, key=col(Leave.id), default="starts_on"
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


async def system_list_open_delegations(work: UnitOfWork, person: str, since: date) -> list[Delegation]:
    """Returns delegations to or by a person that do not end before a day, locked."""
    query = select(Delegation).where(
        sa.or_(col(Delegation.deputy) == person, col(Delegation.approver) == person),
        col(Delegation.ends_on) >= since,
    )
    return list(await work.session.exec(query.order_by(col(Delegation.id)).with_for_update()))
