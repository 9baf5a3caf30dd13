"""Every query about progress reports."""

from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.projects.progress.models import Progress
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

MAX_REPORTS = 360
SORT_COLUMNS = {"reported_on": col(Progress.reported_on)}


async def list_reports(work: UnitOfWork, project_id: UUID, asked: PageParams) -> Page[Progress]:
    """A page of the reports of a project the caller was given."""
    query = select(Progress).where(Progress.project_id == project_id)
    return await list_page(
        work.session, query, asked, orders=SORT_COLUMNS, key=col(Progress.id), default="-reported_on"
    )


async def find_last_report(work: UnitOfWork, project_id: UUID, on: date) -> Progress | None:
    """The last report up to a day of a project the caller was given."""
    query = select(Progress).where(Progress.project_id == project_id, Progress.reported_on <= on)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc())
    return (await work.session.exec(query.limit(1))).first()


async def list_all_reports(work: UnitOfWork, project_id: UUID) -> list[Progress]:
    """The last reports of a project the caller was given, the earliest first; thirty years of monthly ones at most."""
    query = select(Progress).where(Progress.project_id == project_id)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc()).limit(MAX_REPORTS)
    return list(await work.session.exec(query))[::-1]


async def find_report(work: UnitOfWork, progress_id: UUID) -> Progress | None:
    """A report by the id a phone gave it."""
    return await work.session.get(Progress, progress_id)
