"""Tables of running totals, and mapper listeners that insert a delta for every change of a project."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapper
from sqlmodel import Field

from services.projects.base import Base
from services.projects.projects.lifecycle import STAGE_OF_STATE, Stage, State
from services.projects.projects.models import Project
from shared.db import BigSerial, text_enum
from shared.records import previous_values


class ProjectDelta(Base, table=True):
    """A change of counts and 分 that is not folded yet, at the project's own region."""

    __tablename__ = "project_delta"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(BigSerial, primary_key=True, autoincrement=True))
    region: str = Field(max_length=12)
    year: int
    stage: Stage = Field(sa_type=text_enum(Stage))
    category: str = Field(max_length=2)
    number: int
    total: int = Field(sa_type=sa.BigInteger)
    allocated: int = Field(sa_type=sa.BigInteger)
    paid: int = Field(sa_type=sa.BigInteger)
    settled: int = Field(sa_type=sa.BigInteger)
    industry_count: int
    industry_total: int = Field(sa_type=sa.BigInteger)


class ProjectTotal(Base, table=True):
    """Folded counts and 分 of a region, found by the region above it; what stands at a region itself is under itself."""

    __tablename__ = "project_total"

    parent: str = Field(primary_key=True, max_length=12)
    region: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stage: Stage = Field(sa_type=text_enum(Stage), primary_key=True)
    category: str = Field(primary_key=True, max_length=2)
    number: int
    total: int = Field(sa_type=sa.BigInteger)
    allocated: int = Field(sa_type=sa.BigInteger)
    paid: int = Field(sa_type=sa.BigInteger)
    settled: int = Field(sa_type=sa.BigInteger)
    industry_count: int
    industry_total: int = Field(sa_type=sa.BigInteger)


DELTA_TABLE: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTAL_KEYS = ("year", "stage", "category")
MONEY_COLUMNS = ("total", "allocated", "paid", "settled")
FIGURE_COLUMNS = ("number", *MONEY_COLUMNS, "industry_count", "industry_total")
WATCHED_COLUMNS = ("region", "year", "state", "category", "is_package", "counts_as_industry", *MONEY_COLUMNS)


class ProjectFigures(NamedTuple):
    """Where a project stands in the figures, and what it adds to them."""

    region: str
    year: int
    stage: Stage
    category: str
    figures: tuple[int, ...]


def _compute_figures(values: Mapping[str, Any]) -> ProjectFigures | None:
    if values["is_package"]:  # its parts are counted
        return None
    industry = int(values["counts_as_industry"])
    money = tuple(values[name] or 0 for name in MONEY_COLUMNS)
    stage = STAGE_OF_STATE[State(values["state"])]
    category = values["category"].split(".")[0]
    return ProjectFigures(
        values["region"], values["year"], stage, category, (1, *money, industry, industry * money[0])
    )


def _get_current_values(project: Project) -> dict[str, Any]:
    return {name: getattr(project, name) for name in WATCHED_COLUMNS}


def _insert_deltas(connection: sa.Connection, was: ProjectFigures | None, now: ProjectFigures | None) -> None:
    if was == now:
        return
    rows = [(was, -1), (now, 1)]
    if was is not None and now is not None and was[:-1] == now[:-1]:
        grown = tuple(after - earlier for earlier, after in zip(was.figures, now.figures, strict=True))
        rows = [(now._replace(figures=grown), 1)]
    for standing, sign in rows:
        if standing is not None:
            figures = {
                name: sign * value for name, value in zip(FIGURE_COLUMNS, standing.figures, strict=True)
            }
            keys = {"region": standing.region, **dict(zip(TOTAL_KEYS, standing[1:-1], strict=True))}
            connection.execute(DELTA_TABLE.insert().values(**keys, **figures))


@event.listens_for(Project, "after_insert")
def _on_insert(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    _insert_deltas(connection, None, _compute_figures(_get_current_values(project)))


@event.listens_for(Project, "after_update")
def _on_update(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    now = _get_current_values(project)
    _insert_deltas(connection, _compute_figures(previous_values(project, now)), _compute_figures(now))
