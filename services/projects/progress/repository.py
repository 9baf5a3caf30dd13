"""Queries on progress reports."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.progress.models import PhotoUse, Progress
from services.projects.progress.schemas import ProgressRead
from services.projects.projects.models import Project, ProjectPlace
from shared.auth import May
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

MAX_REPORTS = 360
"""Thirty years of monthly reports."""
SORT_COLUMNS = {"reported_on": col(Progress.reported_on)}

PROGRESS_TABLE: sa.Table = Progress.__table__  # type: ignore[attr-defined]


def is_visible_report(work: UnitOfWork) -> sa.ColumnElement[bool]:
    """Whether a report is about a project that the caller may read."""
    scope = work.actor.scope_filter(May.PROJECT_READ, col(Project.region))
    return col(Progress.project_id).in_(select(Project.id).where(scope))


async def list_reports(work: UnitOfWork, project_id: UUID, params: PageParams) -> PageAnswer:
    """Return a page of the reports of a project. The caller has checked access to the project."""
    query = select(Progress).where(Progress.project_id == project_id)
    return await answer_page(
        work.session,
        query,
        params,
        orders=SORT_COLUMNS,
        key=col(Progress.id),
        default="-reported_on",
        read=ProgressRead,
    )


async def list_reports_until(work: UnitOfWork, project_id: UUID, on: date) -> list[Progress]:
    """Return the last `MAX_REPORTS` reports of a project up to a day, oldest first. The caller has checked access."""
    query = select(Progress).where(Progress.project_id == project_id, Progress.reported_on <= on)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc()).limit(MAX_REPORTS)
    return list(await work.session.exec(query))[::-1]


def system_build_quantities_query(project_id: Any) -> sa.Select[Any]:  # noqa: ANN401 - an id or a parameter
    """Build the query of the quantities in the last `MAX_REPORTS` reports of a project, the newest first."""
    table = PROGRESS_TABLE.c
    query = sa.select(table.quantities).where(table.project_id == project_id)
    return query.order_by(table.reported_on.desc(), table.id.desc()).limit(MAX_REPORTS)


async def list_all_reports(work: UnitOfWork, project_id: UUID) -> list[Progress]:
    """Return the last `MAX_REPORTS` reports of a project, oldest first. The caller has checked access to the project."""
    query = select(Progress).where(Progress.project_id == project_id)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc()).limit(MAX_REPORTS)
    return list(await work.session.exec(query))[::-1]


async def find_report(work: UnitOfWork, progress_id: UUID) -> Progress | None:
    """Return the report with a client-generated id, or None."""
    return await work.session.get(Progress, progress_id)


async def list_photo_uses(work: UnitOfWork, contents: Iterable[str]) -> dict[str, date]:
    """Return the day of the report that used each of these photo contents (SHA-256), of any project."""
    query = select(PhotoUse).where(col(PhotoUse.sha256).in_(list(contents)))
    return {use.sha256: use.reported_on for use in await work.session.exec(query)}


async def list_points(work: UnitOfWork, project_id: UUID) -> Sequence[tuple[float, float]]:
    """Return (longitude, latitude) of every place of a project that has coordinates. The caller has checked access."""
    query = select(ProjectPlace.lon, ProjectPlace.lat).where(
        ProjectPlace.project_id == project_id, col(ProjectPlace.lon).is_not(None)
    )
    return [(lon, lat) for lon, lat in await work.session.exec(query) if lon is not None and lat is not None]
