"""Queries of measures of help in the caller's regions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.households.measures.models import HelpMeasure
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"created_at": col(HelpMeasure.created_at)}


def _scope(work: UnitOfWork) -> sa.ColumnElement[bool]:
    return work.actor.scope_filter(May.HOUSEHOLD_READ, col(HelpMeasure.region), col(HelpMeasure.cadre))


async def get_measure(work: UnitOfWork, measure_id: UUID, *, lock: bool = False) -> HelpMeasure:
    """Get a measure; raises NotFound."""
    query = select(HelpMeasure).where(HelpMeasure.id == measure_id, _scope(work))
    measure = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if measure is None:
        raise NotFound("没有这条帮扶措施", "No such measure")
    return measure


async def list_measures(
    work: UnitOfWork, params: PageParams, region: str | None, filters: Mapping[str, Any]
) -> Page[HelpMeasure]:
    """List a page of measures."""
    conditions = [getattr(HelpMeasure, name) == value for name, value in filters.items() if value is not None]
    if region:
        conditions.append(work.within_region(col(HelpMeasure.region), region))
    query = select(HelpMeasure).where(_scope(work), *conditions)
    return await list_page(
        work.session, query, params, orders=SORT_COLUMNS, key=col(HelpMeasure.id), default="-created_at"
    )


async def list_of_household(work: UnitOfWork, household_id: UUID) -> list[HelpMeasure]:
    """The measures of a household that the caller may read."""
    query = select(HelpMeasure).where(HelpMeasure.household_id == household_id, _scope(work))
    return list(await work.session.exec(query.order_by(col(HelpMeasure.created_at), col(HelpMeasure.id))))
