"""The query behind the summary."""

from typing import Any

import sqlalchemy as sa

from services.projects.library.repository import PROJECT
from services.projects.library.states import STAGES
from services.projects.totals.levels import below
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

P = PROJECT.c


def _sum(column: Any) -> Any:  # noqa: ANN401 - an expression
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _placed(work: Work, region: str, year: int | None) -> sa.Select[Any]:
    """Projects of a region, each with where it stands in the figures."""
    # In an inner select, so that grouping names columns and not expressions with parameters.
    stage = sa.case(
        *((P.state == state, sa.literal(found.value)) for state, found in STAGES.items()), else_=""
    )
    query = sa.select(
        sa.func.substr(P.region, 1, below(region)).label("head"),
        stage.label("stage"),
        sa.func.substr(P.category, 1, 1).label("category"),
        *(P[name] for name in ("total", "allocated", "paid", "settled", "counts_as_industry")),
    ).where(
        work.actor.where(May.PROJECT_READ, P.region), P.region.between(*span(region)), P.is_package.is_(False)
    )
    return query if year is None else query.where(P.year == year)


async def blocked(work: Work, region: str, year: int | None) -> dict[tuple[str, str, str], int]:
    """How many projects screening blocks, by region right below, stage and first level of category."""
    one = _placed(work, region, year).where(P.blocked).subquery().c
    keys = (one.head, one.stage, one.category)
    rows = await run(work.session, sa.select(*keys, sa.func.count().label("number")).group_by(*keys))
    return {(row.head, row.stage, row.category): row.number for row in rows}


async def summed(work: Work, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Counts and 分 by region right below, stage and first level of category, from the projects themselves."""
    one = _placed(work, region, year).subquery().c
    query = sa.select(
        one.head,
        one.stage,
        one.category,
        sa.func.count().label("number"),
        *(_sum(one[name]).label(name) for name in ("total", "allocated", "paid", "settled")),
        _sum(sa.case((one.counts_as_industry, 1), else_=0)).label("industry_count"),
        _sum(sa.case((one.counts_as_industry, one.total), else_=0)).label("industry_total"),
    ).group_by(one.head, one.stage, one.category)
    return list(await run(work.session, query.order_by(one.head, one.stage, one.category)))
