"""Queries of small loans in the caller's regions."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.households.households.models import HouseholdMember
from services.households.loans.lifecycle import OPEN_STATES
from services.households.loans.models import SmallLoan
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

LOANS: sa.Table = SmallLoan.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(SmallLoan.created_at), "due_on": col(SmallLoan.due_on)}


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.HOUSEHOLD_READ, col(SmallLoan.region))


def overdue_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: not paid back, and the day has passed."""
    return sa.and_(LOANS.c.state.in_(OPEN_STATES), LOANS.c.due_on < work.today)


async def get_loan(work: UnitOfWork, loan_id: UUID, *, lock: bool = False) -> SmallLoan:
    """Get a loan; raises NotFound."""
    query = select(SmallLoan).where(SmallLoan.id == loan_id, _scope(work))
    loan = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if loan is None:
        raise NotFound("没有这笔贷款", "No such loan")
    return loan


async def list_loans(
    work: UnitOfWork, params: PageParams, region: str | None, filters: Mapping[str, Any], *, overdue: bool
) -> Page[SmallLoan]:
    """List a page of loans."""
    conditions = [LOANS.c[name] == value for name, value in filters.items() if value is not None]
    if region:
        conditions.append(work.within_region(LOANS.c.region, region))
    if overdue:
        conditions.append(overdue_condition(work))
    query = select(SmallLoan).where(_scope(work), *conditions)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(SmallLoan.id), default="-created_at"
    )


async def system_sum_open(work: UnitOfWork, mark: str) -> int:
    """What a person and the members of the same household still owe, 分; whoever may see it."""
    own = sa.select(col(HouseholdMember.household_id)).where(col(HouseholdMember.id_mark) == mark)
    family = sa.select(col(HouseholdMember.id_mark)).where(col(HouseholdMember.household_id).in_(own))
    query = sa.select(sa.func.coalesce(sa.func.sum(LOANS.c.balance), 0)).where(
        sa.or_(LOANS.c.id_mark == mark, LOANS.c.id_mark.in_(family)), LOANS.c.state.in_(OPEN_STATES)
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def system_list_by_mark(work: UnitOfWork, marks: Collection[str]) -> list[SmallLoan]:
    """The loans of these persons, whoever may see them."""
    return list(await work.session.exec(select(SmallLoan).where(col(SmallLoan.id_mark).in_(marks))))


async def sum_loans(work: UnitOfWork, region: str) -> sa.Row[Any]:
    """Sums of a region: loans that are open, their principal, balance and subsidy, those overdue and their balance."""
    is_open, late = LOANS.c.state.in_(OPEN_STATES), overdue_condition(work)

    def add(column: sa.ColumnElement[Any], condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.cast(sa.func.coalesce(sa.func.sum(column).filter(condition), 0), sa.BigInteger)

    query = sa.select(
        sa.func.count().filter(is_open).label("loans"),
        add(LOANS.c.principal, is_open).label("principal"),
        add(LOANS.c.balance, is_open).label("balance"),
        add(LOANS.c.subsidy, sa.true()).label("subsidy"),
        sa.func.count().filter(late).label("overdue"),
        add(LOANS.c.balance, late).label("overdue_balance"),
    ).where(
        work.actor.scope_filter(May.HOUSEHOLD_SUMMARY_READ, LOANS.c.region),
        work.within_region(LOANS.c.region, region),
    )
    return (await execute_core(work.session, query)).one()
