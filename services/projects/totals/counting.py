"""Every change of a project that moves a figure leaves its difference, written by the mapper itself: none can be forgotten."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper

from services.projects.library.models import Project
from services.projects.library.states import STAGES, Stage, State
from services.projects.totals.models import ProjectDelta
from shared.totals import before

DELTAS: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
KEYS = ("year", "stage", "category")
MONEY = ("total", "allocated", "paid", "settled")
FIGURES = ("number", *MONEY, "industry_count", "industry_total")
WATCHED = ("region", "year", "state", "category", "is_package", "counts_as_industry", *MONEY)


class Standing(NamedTuple):
    """Where a project stands in the figures, and what it adds to them."""

    region: str
    year: int
    stage: Stage
    category: str
    figures: tuple[int, ...]


def _standing(values: Mapping[str, Any]) -> Standing | None:
    if values["is_package"]:  # its parts are counted
        return None
    industry = int(values["counts_as_industry"])
    money = tuple(values[name] or 0 for name in MONEY)
    stage = STAGES[State(values["state"])]
    category = values["category"].split(".")[0]
    return Standing(
        values["region"], values["year"], stage, category, (1, *money, industry, industry * money[0])
    )


def _now(project: Project) -> dict[str, Any]:
    return {name: getattr(project, name) for name in WATCHED}


def _write(connection: sa.Connection, was: Standing | None, now: Standing | None) -> None:
    if was == now:
        return
    rows = [(was, -1), (now, 1)]
    if was is not None and now is not None and was[:-1] == now[:-1]:
        grown = tuple(after - earlier for earlier, after in zip(was.figures, now.figures, strict=True))
        rows = [(now._replace(figures=grown), 1)]
    for standing, sign in rows:
        if standing is not None:
            figures = {name: sign * value for name, value in zip(FIGURES, standing.figures, strict=True)}
            keys = {"region": standing.region, **dict(zip(KEYS, standing[1:-1], strict=True))}
            connection.execute(DELTAS.insert().values(**keys, **figures))


@event.listens_for(Project, "after_insert")
def _inserted(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    _write(connection, None, _standing(_now(project)))


@event.listens_for(Project, "after_update")
def _updated(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    now = _now(project)
    _write(connection, _standing(before(project, now)), _standing(now))
