"""Queries of clues in the caller's regions."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.households.clues.lifecycle import ClueState
from services.households.clues.models import Clue
from services.households.clues.schemas import ClueSource
from services.households.households.lifecycle import HouseholdState
from services.households.households.models import Household
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.notices.receipt import parse_receipt_number
from shared.unit_of_work import UnitOfWork

CLUES: sa.Table = Clue.__table__  # type: ignore[attr-defined]
SORT_COLUMNS = {"created_at": col(Clue.created_at), "due_on": col(Clue.due_on)}


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.HOUSEHOLD_READ, col(Clue.region), col(Clue.assignee))


async def get_clue(work: UnitOfWork, clue_id: UUID, *, lock: bool = False) -> Clue:
    """Get a clue; raises NotFound."""
    query = select(Clue).where(Clue.id == clue_id, _scope(work))
    clue = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if clue is None:
        raise NotFound("没有这条线索", "No such clue")
    return clue


async def list_clues(
    work: UnitOfWork,
    params: PageParams,
    region: str | None,
    state: ClueState | None,
    source: ClueSource | None,
) -> Page[Clue]:
    """List a page of clues."""
    query = select(Clue).where(_scope(work))
    if region:
        query = query.where(work.within_region(col(Clue.region), region))
    if state is not None:
        query = query.where(col(Clue.state) == state)
    if source is not None:
        query = query.where(col(Clue.source) == source)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(Clue.id), default="-created_at"
    )


async def system_count_self_reports(work: UnitOfWork, region: str) -> tuple[int, int]:
    """(self-reports of this sender, self-reports of this village) in the last day."""
    by_sender = sa.func.count().filter(CLUES.c.created_by == work.actor.id).label("by_sender")
    by_village = sa.func.count().filter(CLUES.c.region == region).label("by_village")
    query = sa.select(by_sender, by_village).where(
        CLUES.c.source == ClueSource.SELF_REPORT,
        CLUES.c.created_at > work.at - timedelta(days=1),
        sa.or_(CLUES.c.created_by == work.actor.id, CLUES.c.region == region),
    )
    row = (await execute_core(work.session, query)).one()
    return int(row.by_sender), int(row.by_village)


async def system_find_self_report(work: UnitOfWork, number: str) -> tuple[Clue, HouseholdState | None] | None:
    """The self-report with a receipt number, and the state of the household that came of it."""
    parsed = parse_receipt_number(number)
    if parsed is None:
        return None
    query = (
        select(Clue, Household.state)
        .join(Household, col(Household.id) == col(Clue.household_id), isouter=True)
        .where(col(Clue.id).between(parsed.low, parsed.high), Clue.source == ClueSource.SELF_REPORT)
    )
    for clue, state in await work.session.exec(query):
        if parsed.matches(clue.id):
            return clue, HouseholdState(state) if state else None
    return None
