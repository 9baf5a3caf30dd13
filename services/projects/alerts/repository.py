"""Queries on projects that match a warning rule, and on the alerts about them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.alerts.models import ProjectAlert
from services.projects.alerts.rules import WARNING_SPECS, WarningRule
from services.projects.projects.models import Project
from services.projects.projects.repository import PROJECT_COLUMNS
from shared.alerts.detection import MAX_ROWS_PER_SCAN, Subjects, is_among
from shared.alerts.lifecycle import AlertState
from shared.auth import May
from shared.db import execute_core
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

SORT_COLUMNS = {"total": col(Project.total), "updated_at": col(Project.updated_at)}
ALERT_TABLE: sa.Table = ProjectAlert.__table__  # type: ignore[attr-defined]
ALERT_COLUMNS = ALERT_TABLE.c


def _is_standing(rule: str) -> sa.ColumnElement[bool]:
    """Condition: an alert of the rule that is neither closed nor gone."""
    return sa.and_(
        ALERT_COLUMNS.rule == rule, ALERT_COLUMNS.gone.is_(False), ALERT_COLUMNS.state != AlertState.CLOSED
    )


async def count_warnings(
    work: UnitOfWork, region: str, rules: Mapping[str, tuple[str, WarningRule]]
) -> dict[str, tuple[int, int]]:
    """Count the standing alerts about projects, and those past their deadline, per rule in one statement.

    `rules` maps the name of a warning to its rule's key and value.
    """
    if not rules:
        return {}
    parts = [
        sa.select(
            sa.literal(name).label("name"),
            sa.func.count().label("hits"),
            sa.func.coalesce(
                sa.func.sum(
                    sa.case((WARNING_SPECS[name].build_overdue_condition(value, work.today), 1), else_=0)
                ),
                0,
            ).label("past"),
        ).where(*_build_conditions(work, region, name, key))
        for name, (key, value) in rules.items()
    ]
    rows = await execute_core(work.session, sa.union_all(*parts))
    return {row.name: (row.hits, row.past) for row in rows}


def _build_conditions(work: UnitOfWork, region: str, name: str, key: str) -> list[sa.ColumnElement[bool]]:
    alerted = sa.select(ALERT_COLUMNS.project_id).where(_is_standing(key))
    return [
        work.actor.scope_filter(May.PROJECT_READ, PROJECT_COLUMNS.region),
        work.within_region(PROJECT_COLUMNS.region, region),
        PROJECT_COLUMNS[WARNING_SPECS[name].since_column].is_not(None),
        PROJECT_COLUMNS.id.in_(alerted),
    ]


async def count_alerts(work: UnitOfWork, region: str, key: str) -> int:
    """Count the standing alerts of a rule in a region."""
    query = sa.select(sa.func.count()).where(
        _is_standing(key),
        work.actor.scope_filter(May.PROJECT_READ, ALERT_COLUMNS.region),
        work.within_region(ALERT_COLUMNS.region, region),
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_warned_projects(
    work: UnitOfWork, params: PageParams, region: str, name: str, key: str
) -> Page[Project]:
    """Return a page of the projects that a rule has standing alerts about, longest delay first."""
    query = select(Project).where(*_build_conditions(work, region, name, key))
    orders = {**SORT_COLUMNS, "since": getattr(Project, WARNING_SPECS[name].since_column)}
    return await list_page(work.session, query, params, orders=orders, key=col(Project.id), default="since")


async def system_list_warned(
    work: UnitOfWork, name: str, value: WarningRule, subjects: Subjects
) -> list[sa.Row[Any]]:
    """Return (id, region, name, since) of the projects that match a rule, longest delay first."""
    since = PROJECT_COLUMNS[WARNING_SPECS[name].since_column]
    query = sa.select(PROJECT_COLUMNS.id, PROJECT_COLUMNS.region, PROJECT_COLUMNS.name, since.label("since"))
    query = query.where(
        WARNING_SPECS[name].build_condition(value, work.today), is_among(PROJECT_COLUMNS.id, subjects)
    )
    query = query.order_by(since, PROJECT_COLUMNS.id).limit(MAX_ROWS_PER_SCAN)
    return list(await execute_core(work.session, query))
