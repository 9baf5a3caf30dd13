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


async def counts(
    work: Work, region: str, rules: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[int, int]]:
    """Hits and overdue hits of every rule, in one statement; each is counted from the index of its own sign."""
    if not rules:
        return {}
    parts = [
        sa.select(
            sa.literal(name).label("name"),
            sa.func.count().label("hits"),
            sa.func.coalesce(
                sa.func.sum(sa.case((SIGNS[name].past(value, work.today), 1), else_=0)), 0
            ).label("past"),
        ).where(*_narrowed(work, region, name, value))
        for name, value in rules.items()
    ]
    rows = await run(work.session, sa.union_all(*parts))
    return {row.name: (row.hits, row.past) for row in rows}


def _narrowed(work: Work, region: str, name: str, value: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    return [
        work.actor.where(May.PROJECT_READ, P.region),
        P.region.between(*span(region)),
        SIGNS[name].condition(value, work.today),
    ]


async def listed(work: Work, asked: Asked, region: str, name: str, value: Mapping[str, Any]) -> Page[Project]:
    """A page of the projects one rule warns of, the longest first."""
    query = select(Project).where(*_narrowed(work, region, name, value))
    orders = {**ORDERS, "since": getattr(Project, SIGNS[name].since)}
    return await page(work.session, query, asked, orders=orders, key=col(Project.id), default="since")
