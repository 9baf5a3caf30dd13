"""Queries on running totals and on live sums."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import sqlalchemy as sa

from services.projects.projects.lifecycle import STAGE_OF_STATE
from services.projects.projects.repository import PROJECT_TABLE
from services.projects.summary.models import FIGURE_COLUMNS, TOTAL_KEYS, ProjectDelta, ProjectTotal
from shared.auth import LEVEL_DIGITS, May, region_bounds
from shared.db import execute_core
from shared.records import TotalSpec
from shared.rules import ancestor_codes
from shared.unit_of_work import UnitOfWork


def _count_child_digits(region: str) -> int:
    """How many digits name the regions right below this one."""
    at = next(n for n in LEVEL_DIGITS if not region[n:].strip("0"))
    return LEVEL_DIGITS[min(LEVEL_DIGITS.index(at) + 1, len(LEVEL_DIGITS) - 1)]


DELTA_TABLE: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTAL_TABLE: sa.Table = ProjectTotal.__table__  # type: ignore[attr-defined]
ALL_YEARS = 0
"""The year under which totals of all years are kept."""


def _list_total_keys(row: sa.Row[Any]) -> Iterable[tuple[Any, ...]]:
    """A project counts at its own region, and below each region above it; in its year, and in all years."""
    regions = ancestor_codes(row.region)
    pairs = [(row.region, row.region), *zip(regions[1:], regions, strict=False)]
    return ((*pair, year, row.stage, row.category) for pair, year in product(pairs, (row.year, ALL_YEARS)))


TOTAL_SPEC = TotalSpec(
    DELTA_TABLE, TOTAL_TABLE, ("parent", "region", *TOTAL_KEYS), FIGURE_COLUMNS, _list_total_keys
)


def sees_whole_region(work: UnitOfWork, region: str) -> bool:
    """Whether the caller sees a region whole, so that its totals are the caller's."""
    first, last = region_bounds(region)
    return any(low <= first and last <= high for _, low, high in work.actor.list_reaches(May.PROJECT_READ))


async def sum_totals(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """(head, stage, category, figures) of the regions right below one the caller sees whole, folded and not yet folded."""
    digits = _count_child_digits(region)
    kept = TOTAL_TABLE.c.year == (ALL_YEARS if year is None else year)
    parts = [
        sa.select(
            sa.func.substr(TOTAL_TABLE.c.region, 1, digits).label("head"),
            *(TOTAL_TABLE.c[name] for name in (*TOTAL_KEYS, *FIGURE_COLUMNS)),
        ).where(
            TOTAL_TABLE.c.parent == region,
            kept,
            work.actor.scope_filter(May.PROJECT_READ, TOTAL_TABLE.c.region),
        ),
        sa.select(
            sa.func.substr(DELTA_TABLE.c.region, 1, digits).label("head"),
            *(DELTA_TABLE.c[name] for name in (*TOTAL_KEYS, *FIGURE_COLUMNS)),
        ).where(
            DELTA_TABLE.c.region.between(*region_bounds(region)),
            work.actor.scope_filter(May.PROJECT_READ, DELTA_TABLE.c.region),
        ),
    ]
    if year is not None:
        parts[1] = parts[1].where(DELTA_TABLE.c.year == year)
    one = sa.union_all(*parts).subquery().c
    query = sa.select(
        one.head,
        one.stage,
        one.category,
        *(sa.cast(sa.func.sum(one[name]), sa.BigInteger).label(name) for name in FIGURE_COLUMNS),
    ).group_by(one.head, one.stage, one.category)
    rows = await execute_core(work.session, query.order_by(one.head, one.stage, one.category))
    return [row for row in rows if row.number]


PROJECT_COLUMNS = PROJECT_TABLE.c


def _sum_fen(column: Any) -> Any:  # noqa: ANN401 - an expression
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _build_base_query(work: UnitOfWork, region: str, year: int | None) -> sa.Select[Any]:
    """Projects of a region, each with where it stands in the figures."""
    # In an inner select, so that grouping names columns and not expressions with parameters.
    stage = sa.case(
        *(
            (PROJECT_COLUMNS.state == state, sa.literal(found.value))
            for state, found in STAGE_OF_STATE.items()
        ),
        else_="",
    )
    query = sa.select(
        sa.func.substr(PROJECT_COLUMNS.region, 1, _count_child_digits(region)).label("head"),
        stage.label("stage"),
        sa.func.substr(PROJECT_COLUMNS.category, 1, 1).label("category"),
        *(PROJECT_COLUMNS[name] for name in ("total", "allocated", "paid", "settled", "counts_as_industry")),
    ).where(
        work.actor.scope_filter(May.PROJECT_READ, PROJECT_COLUMNS.region),
        PROJECT_COLUMNS.region.between(*region_bounds(region)),
        PROJECT_COLUMNS.is_package.is_(False),
    )
    return query if year is None else query.where(PROJECT_COLUMNS.year == year)


async def count_blocked(work: UnitOfWork, region: str, year: int | None) -> dict[tuple[str, str, str], int]:
    """How many projects screening blocks, by region right below, stage and first level of category."""
    one = _build_base_query(work, region, year).where(PROJECT_COLUMNS.blocked).subquery().c
    keys = (one.head, one.stage, one.category)
    rows = await execute_core(work.session, sa.select(*keys, sa.func.count().label("number")).group_by(*keys))
    return {(row.head, row.stage, row.category): row.number for row in rows}


async def sum_projects(work: UnitOfWork, region: str, year: int | None) -> list[sa.Row[Any]]:
    """Counts and 分 by region right below, stage and first level of category, from the projects themselves."""
    one = _build_base_query(work, region, year).subquery().c
    query = sa.select(
        one.head,
        one.stage,
        one.category,
        sa.func.count().label("number"),
        *(_sum_fen(one[name]).label(name) for name in ("total", "allocated", "paid", "settled")),
        _sum_fen(sa.case((one.counts_as_industry, 1), else_=0)).label("industry_count"),
        _sum_fen(sa.case((one.counts_as_industry, one.total), else_=0)).label("industry_total"),
    ).group_by(one.head, one.stage, one.category)
    return list(await execute_core(work.session, query.order_by(one.head, one.stage, one.category)))
