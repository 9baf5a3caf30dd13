"""Queries of monitored households in the caller's regions; a cadre reaches those assigned to them."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from services.households.households.lifecycle import CURRENT, HELPED, UNDER_WAY, HouseholdState
from services.households.households.models import Household, HouseholdMember
from services.households.measures.lifecycle import DONE_STATE, OPEN_STATES, VALID_STATES
from services.households.measures.models import HelpMeasure
from shared.auth import May
from shared.db import execute_core, lock_until_commit
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.records.town_rates import town_head
from shared.unit_of_work import UnitOfWork

HOUSEHOLDS: sa.Table = Household.__table__  # type: ignore[attr-defined]
MEASURES: sa.Table = HelpMeasure.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(Household.created_at), "due_on": col(Household.due_on)}
MAX_EXPORTED = 5000
HELP_LOCK_ID = 620_602_18
ModelT = TypeVar("ModelT", bound=SQLModel)


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.HOUSEHOLD_READ, col(Household.region), col(Household.cadre))


def without_measure_condition() -> sa.ColumnElement[bool]:
    """Condition: in monitoring, and no measure is planned, under way or done."""
    measures = sa.select(MEASURES.c.id).where(
        MEASURES.c.household_id == HOUSEHOLDS.c.id, MEASURES.c.state.in_(VALID_STATES)
    )
    return sa.and_(HOUSEHOLDS.c.state == HouseholdState.MONITORED, sa.not_(measures.exists()))


def late_condition(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Condition: not decided, and the deadline has passed."""
    return sa.and_(HOUSEHOLDS.c.state.in_(UNDER_WAY), HOUSEHOLDS.c.due_on < work.today)


def faulty_condition() -> sa.ColumnElement[bool]:
    """Condition: a check of the data fails."""
    return sa.cast(HOUSEHOLDS.c.faults, sa.String) != "[]"


async def get_household(work: UnitOfWork, household_id: UUID, *, lock: bool = False) -> Household:
    """Get a household; raises NotFound."""
    query = select(Household).where(Household.id == household_id, _scope(work))
    household = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if household is None:
        raise NotFound("没有这个监测户", "No such household")
    return household


async def list_members(work: UnitOfWork, household: Household) -> list[HouseholdMember]:
    """The members of a household that the caller may read, as they were entered."""
    query = select(HouseholdMember).where(HouseholdMember.household_id == household.id, _scope(work))
    query = query.join(Household, col(Household.id) == col(HouseholdMember.household_id))
    return list(await work.session.exec(query.order_by(col(HouseholdMember.id))))


async def list_of_members(
    work: UnitOfWork, household: Household, model: type[ModelT], day: str
) -> list[ModelT]:
    """The loans or jobs of the members of a household that the caller may read, the latest `day` first."""
    columns = model.__table__.c  # type: ignore[attr-defined]
    query = (
        select(model)
        .join(HouseholdMember, col(HouseholdMember.id_mark) == columns.id_mark)
        .join(Household, col(Household.id) == col(HouseholdMember.household_id))
        .where(Household.id == household.id, _scope(work))
    )
    return list(await work.session.exec(query.order_by(columns[day].desc(), columns.id)))


async def system_list_known_marks(
    work: UnitOfWork, marks: Collection[str], except_id: UUID | None = None
) -> set[str]:
    """Those of these marks of persons that stand in a current household other than `except_id`."""
    query = (
        select(HouseholdMember.id_mark)
        .join(Household, col(Household.id) == col(HouseholdMember.household_id))
        .where(col(HouseholdMember.id_mark).in_(marks), col(Household.state).in_(CURRENT))
    )
    if except_id is not None:
        query = query.where(Household.id != except_id)
    return set(await work.session.exec(query))


async def system_lock_help(work: UnitOfWork) -> None:
    """Let one loan or job after the other be compared with what its household and person have, until the transaction ends."""
    await lock_until_commit(work.session, HELP_LOCK_ID)


async def system_list_helped_marks(work: UnitOfWork, marks: Collection[str]) -> list[str]:
    """Those of these marks of persons that stand in a household that is monitored now."""
    query = (
        select(HouseholdMember.id_mark)
        .join(Household, col(Household.id) == col(HouseholdMember.household_id))
        .where(col(HouseholdMember.id_mark).in_(marks), col(Household.state).in_(HELPED))
    )
    return list(await work.session.exec(query.distinct().order_by(col(HouseholdMember.id_mark))))


async def list_exported(work: UnitOfWork, region: str) -> list[Household]:
    """The households of a paper, by village and time, one more than a paper holds at most."""
    query = select(Household).where(_scope(work), *build_conditions(work, region, {}, {}))
    order = (col(Household.region), col(Household.verified_on), col(Household.id))
    return list(await work.session.exec(query.order_by(*order).limit(MAX_EXPORTED + 1)))


async def system_list_numbered(work: UnitOfWork, numbers: Collection[str]) -> list[Household]:
    """Households with these numbers of the national system, whoever may see them."""
    return list(await work.session.exec(select(Household).where(col(Household.number).in_(numbers))))


async def count_measures(work: UnitOfWork, household: Household) -> tuple[int, int]:
    """(measures not finished, measures done) of a household."""
    query = sa.select(
        sa.func.count().filter(MEASURES.c.state.in_(OPEN_STATES)).label("open"),
        sa.func.count().filter(MEASURES.c.state == DONE_STATE).label("done"),
    ).where(MEASURES.c.household_id == household.id)
    row = (await execute_core(work.session, query)).one()
    return int(row.open), int(row.done)


def build_conditions(
    work: UnitOfWork, region: str | None, filters: Mapping[str, Any], flags: Mapping[str, bool]
) -> list[sa.ColumnElement[bool]]:
    """The conditions of a list; `flags` are late, faulty, without_measure."""
    found = [HOUSEHOLDS.c[name] == value for name, value in filters.items() if value is not None]
    if region:
        found.append(work.within_region(HOUSEHOLDS.c.region, region))
    conditions = {
        "late": late_condition(work),
        "faulty": faulty_condition(),
        "without_measure": without_measure_condition(),
    }
    return found + [condition for name, condition in conditions.items() if flags.get(name)]


async def list_households(
    work: UnitOfWork, params: PageParams, conditions: list[sa.ColumnElement[bool]]
) -> Page[Household]:
    """List a page of households."""
    query = select(Household).where(_scope(work), *conditions)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(Household.id), default="-created_at"
    )


async def sum_households(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Rows (head, state, class, households, people, late, faulty, without measure) of a region.

    With `year` the identified ones are those identified in it.
    """
    counts = [
        sa.func.count().label("households"),
        sa.cast(sa.func.coalesce(sa.func.sum(HOUSEHOLDS.c.size), 0), sa.BigInteger).label("people"),
        sa.func.count().filter(late_condition(work)).label("late"),
        sa.func.count().filter(faulty_condition()).label("faulty"),
        sa.func.count().filter(without_measure_condition()).label("without_measure"),
    ]
    head = town_head(work, HOUSEHOLDS.c.region, region).label("head")
    query = sa.select(head, HOUSEHOLDS.c.state, HOUSEHOLDS.c.monitor_class, *counts).where(
        work.actor.scope_filter(May.HOUSEHOLD_SUMMARY_READ, HOUSEHOLDS.c.region),
        work.within_region(HOUSEHOLDS.c.region, region),
    )
    if year is not None:
        query = query.where(
            sa.extract("year", sa.func.coalesce(HOUSEHOLDS.c.identified_on, HOUSEHOLDS.c.verified_on)) == year
        )
    return list(
        await execute_core(work.session, query.group_by(head, HOUSEHOLDS.c.state, HOUSEHOLDS.c.monitor_class))
    )
