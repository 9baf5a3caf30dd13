"""The query behind the summary."""

from typing import Any

import sqlalchemy as sa

from services.projects.library.repository import PROJECT
from services.projects.library.states import STAGES
from shared.access import LEVELS, span
from shared.db import run
from shared.permissions import May
from shared.work import Work

P = PROJECT.c


def _below(region: str) -> int:
    """How many digits name the regions right below this one."""
    at = next(n for n in LEVELS if not region[n:].strip("0"))
    return LEVELS[min(LEVELS.index(at) + 1, len(LEVELS) - 1)]


def _sum(column: Any) -> Any:  # noqa: ANN401 - an expression
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


async def summed(work: Work, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Counts and 分 by region right below, stage and first level of category."""
    # In an inner select, so that grouping names columns and not expressions with parameters.
    stage = sa.case(
        *((P.state == state, sa.literal(found.value)) for state, found in STAGES.items()), else_=""
    )
    inner = sa.select(
        sa.func.substr(P.region, 1, _below(region)).label("head"),
        stage.label("stage"),
        sa.func.substr(P.category, 1, 1).label("category"),
        *(P[name] for name in ("total", "allocated", "paid", "settled", "counts_as_industry", "blocked")),
    ).where(
        work.actor.where(May.PROJECT_READ, P.region), P.region.between(*span(region)), P.is_package.is_(False)
    )
    if year is not None:
        inner = inner.where(P.year == year)
    one = inner.subquery().c
    query = sa.select(
        one.head,
        one.stage,
        one.category,
        sa.func.count().label("count"),
        *(_sum(one[name]).label(name) for name in ("total", "allocated", "paid", "settled")),
        _sum(sa.case((one.counts_as_industry, 1), else_=0)).label("industry_count"),
        _sum(sa.case((one.counts_as_industry, one.total), else_=0)).label("industry_total"),
        _sum(sa.case((one.blocked, 1), else_=0)).label("blocked"),
    ).group_by(one.head, one.stage, one.category)
    return list(await run(work.session, query.order_by(one.head, one.stage, one.category)))
