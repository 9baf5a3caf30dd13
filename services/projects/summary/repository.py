"""Queries on running totals and on live sums."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import sqlalchemy as sa

from services.projects.projects.lifecycle import STAGE_OF_STATE
from services.projects.projects.models import IS_BLOCKED
from services.projects.projects.repository import PROJECT_COLUMNS
from services.projects.summary.models import FIGURE_COLUMNS, TOTAL_KEYS, ProjectDelta, ProjectTotal
from shared.auth import LEVEL_DIGITS, May, region_bounds
from shared.db import execute_core
from shared.records import TotalSpec
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork

DELTA_TABLE: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTAL_TABLE: sa.Table = ProjectTotal.__table__  # type: ignore[attr-defined]
ALL_YEARS = 0
"""Key under which totals over all years are stored."""


def _list_total_keys(row: sa.Row[Any]) -> Iterable[tuple[Any, ...]]:
    """List the keys a delta counts under: its own region and each ancestor pair, in its year and over all years."""
    regions = ancestor_codes(row.region)
    pairs = [(row.region, row.region), *zip(regions[1:], regions, strict=False)]
    return ((*pair, year, row.stage, row.category) for pair, year in product(pairs, (row.year, ALL_YEARS)))


TOTAL_SPEC = TotalSpec(
    DELTA_TABLE, TOTAL_TABLE, ("parent", "region", *TOTAL_KEYS), FIGURE_COLUMNS, _list_total_keys
)


def may_show_totals(work: UnitOfWork, region: str) -> bool:
    """Return whether the stored totals of a region are what the caller may see: all its projects, under the codes of today."""
    if work.context.mergers.is_regrouped(region, _count_child_digits(region)):
        return False
    first, last = region_bounds(region)
    return any(low <= first and last <= high for _, low, high in work.actor.list_reaches(May.PROJECT_READ))


async def sum_totals(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Sum totals and unfolded deltas per child region (`head`), stage and category. The caller sees the whole region."""
    digits = _count_child_digits(region)
    in_year = TOTAL_TABLE.c.year == (ALL_YEARS if year is None else year)
    sources = [
        sa.select(
            sa.func.substr(TOTAL_TABLE.c.region, 1, digits).label("head"),
            *(TOTAL_TABLE.c[name] for name in (*TOTAL_KEYS, *FIGURE_COLUMNS)),
        ).where(
            TOTAL_TABLE.c.parent == region,
            in_year,
            work.actor.scope_filter(May.PROJECT_READ, TOTAL_TABLE.c.region),
        ),
        sa.select(
            sa.func.substr(DELTA_TABLE.c.region, 1, digits).label("head"),
            *(DELTA_TABLE.c[name] for name in (*TOTAL_KEYS, *FIGURE_COLUMNS)),
        ).where(
            work.within_region(DELTA_TABLE.c.region, region),
            work.actor.scope_filter(May.PROJECT_READ, DELTA_TABLE.c.region),
        ),
    ]
    if year is not None:
        sources[1] = sources[1].where(DELTA_TABLE.c.year == year)
    source = sa.union_all(*sources).subquery().c
    query = sa.select(
        source.head,
        source.stage,
        source.category,
        *(sa.cast(sa.func.sum(source[name]), sa.BigInteger).label(name) for name in FIGURE_COLUMNS),
    ).group_by(source.head, source.stage, source.category)
    rows = await execute_core(work.session, query.order_by(source.head, source.stage, source.category))
    return [row for row in rows if row.number]


def _count_child_digits(region: str) -> int:
    """Return how many leading digits identify the regions directly below this one."""
    digits = next(n for n in LEVEL_DIGITS if not region[n:].strip("0"))
    return LEVEL_DIGITS[min(LEVEL_DIGITS.index(digits) + 1, len(LEVEL_DIGITS) - 1)]


def _sum_fen(column: Any) -> Any:  # noqa: ANN401 - an expression
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _build_base_query(work: UnitOfWork, region: str, year: int | None) -> sa.Select[Any]:
    """Select the projects of a region with their statistics key."""
    # An inner select, so that GROUP BY names columns; PostgreSQL treats expressions with parameters as different.
    stage = sa.case(
        *(
            (PROJECT_COLUMNS.state == state, sa.literal(stage_of_state.value))
            for state, stage_of_state in STAGE_OF_STATE.items()
        ),
        else_="",
    )
    query = sa.select(
        work.context.mergers.current_head(PROJECT_COLUMNS.region, _count_child_digits(region), region).label(
            "head"
        ),
        stage.label("stage"),
        sa.func.substr(PROJECT_COLUMNS.category, 1, 1).label("category"),
        *(PROJECT_COLUMNS[name] for name in ("total", "allocated", "paid", "settled", "counts_as_industry")),
    ).where(
        work.actor.scope_filter(May.PROJECT_READ, PROJECT_COLUMNS.region),
        work.within_region(PROJECT_COLUMNS.region, region),
        PROJECT_COLUMNS.is_package.is_(False),
    )
    return query if year is None else query.where(PROJECT_COLUMNS.year == year)


async def count_blocked(work: UnitOfWork, region: str, year: int | None) -> dict[tuple[str, str, str], int]:
    """Count projects blocked by screening, per child region, stage and top-level category."""
    row_columns = _build_base_query(work, region, year).where(IS_BLOCKED).subquery().c
    keys = (row_columns.head, row_columns.stage, row_columns.category)
    rows = await execute_core(work.session, sa.select(*keys, sa.func.count().label("number")).group_by(*keys))
    return {(row.head, row.stage, row.category): row.number for row in rows}


async def sum_projects(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Sum counts and amounts (分) per child region, stage and top-level category directly from the projects."""
    row_columns = _build_base_query(work, region, year).subquery().c
    query = sa.select(
        row_columns.head,
        row_columns.stage,
        row_columns.category,
        sa.func.count().label("number"),
        *(_sum_fen(row_columns[name]).label(name) for name in ("total", "allocated", "paid", "settled")),
        _sum_fen(sa.case((row_columns.counts_as_industry, 1), else_=0)).label("industry_count"),
        _sum_fen(sa.case((row_columns.counts_as_industry, row_columns.total), else_=0)).label(
            "industry_total"
        ),
    ).group_by(row_columns.head, row_columns.stage, row_columns.category)
    return list(
        await execute_core(
            work.session, query.order_by(row_columns.head, row_columns.stage, row_columns.category)
        )
    )
