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
from shared.db import BigSerial, Fen, text_enum
from shared.records import previous_values


class ProjectDelta(Base, table=True):
    """A change of counts and amounts (分) that is not yet folded into the totals, at the project's own region."""

    __tablename__ = "project_delta"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(BigSerial, primary_key=True, autoincrement=True))
    region: str = Field(max_length=12)
    year: int
    stage: Stage = Field(sa_type=text_enum(Stage))
    category: str = Field(max_length=2)
    number: int
    total: int = Field(sa_type=Fen)
    allocated: int = Field(sa_type=Fen)
    paid: int = Field(sa_type=Fen)
    settled: int = Field(sa_type=Fen)
    industry_count: int
    industry_total: int = Field(sa_type=Fen)


class ProjectTotal(Base, table=True):
    """Folded counts and amounts (分) of a region, keyed by its parent region; a region's own projects have itself as parent."""

    __tablename__ = "project_total"

    parent: str = Field(primary_key=True, max_length=12)
    region: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stage: Stage = Field(sa_type=text_enum(Stage), primary_key=True)
    category: str = Field(primary_key=True, max_length=2)
    number: int
    total: int = Field(sa_type=Fen)
    allocated: int = Field(sa_type=Fen)
    paid: int = Field(sa_type=Fen)
    settled: int = Field(sa_type=Fen)
    industry_count: int
    industry_total: int = Field(sa_type=Fen)


DELTA_TABLE: sa.Table = ProjectDelta.__table__  # type: ignore[attr-defined]
TOTAL_KEYS = ("year", "stage", "category")
MONEY_COLUMNS = ("total", "allocated", "paid", "settled")
FIGURE_COLUMNS = ("number", *MONEY_COLUMNS, "industry_count", "industry_total")
WATCHED_COLUMNS = ("region", "year", "state", "category", "is_package", "counts_as_industry", *MONEY_COLUMNS)


class ProjectFigures(NamedTuple):
    """Key of a project in the statistics and the figures it adds."""

    region: str
    year: int
    stage: Stage
    category: str
    figures: tuple[int, ...]


def _compute_figures(values: Mapping[str, Any]) -> ProjectFigures | None:
    if values["is_package"]:  # only its parts are counted
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


def _insert_deltas(
    connection: sa.Connection, previous: ProjectFigures | None, current: ProjectFigures | None
) -> None:
    if previous == current:
        return
    rows = [(previous, -1), (current, 1)]
    if previous is not None and current is not None and previous[:-1] == current[:-1]:
        difference = tuple(
            after - before for before, after in zip(previous.figures, current.figures, strict=True)
        )
        rows = [(current._replace(figures=difference), 1)]
    for entry, sign in rows:
        if entry is not None:
            figures = {name: sign * value for name, value in zip(FIGURE_COLUMNS, entry.figures, strict=True)}
            keys = {"region": entry.region, **dict(zip(TOTAL_KEYS, entry[1:-1], strict=True))}
            connection.execute(DELTA_TABLE.insert().values(**keys, **figures))


@event.listens_for(Project, "after_insert")
def _on_insert(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    _insert_deltas(connection, None, _compute_figures(_get_current_values(project)))


@event.listens_for(Project, "after_update")
def _on_update(_mapper: Mapper[Project], connection: sa.Connection, project: Project) -> None:
    values = _get_current_values(project)
    _insert_deltas(connection, _compute_figures(previous_values(project, values)), _compute_figures(values))
