"""The queries behind the warnings."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.library.models import Project
from services.projects.warnings.signs import SIGNS, P
from shared.access import span
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

ORDERS = {"total": col(Project.total), "updated_at": col(Project.updated_at)}


async def counts(work: Work, region: str, rules: Mapping[str, Mapping[str, Any]]) -> sa.Row[Any]:
    """Hits and overdue hits of every rule, in one statement."""
    columns = []
    for name, value in rules.items():
        hit = SIGNS[name].condition(value, work.today)
        past = sa.and_(hit, SIGNS[name].past(value, work.today))
        for label, condition in ((name, hit), (f"{name}_past", past)):
            columns.append(sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(label))
    query = sa.select(*columns).where(
        work.actor.where(May.PROJECT_READ, P.region), P.region.between(*span(region))
    )
    return (await run(work.session, query)).one()


async def listed(work: Work, asked: Asked, region: str, name: str, value: Mapping[str, Any]) -> Page[Project]:
    """A page of the projects one rule warns of."""
    query = select(Project).where(
        work.actor.where(May.PROJECT_READ, col(Project.region)),
        col(Project.region).between(*span(region)),
        SIGNS[name].condition(value, work.today),
    )
    return await page(work.session, query, asked, orders=ORDERS, key=col(Project.id), default="-total")
