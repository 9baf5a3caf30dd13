"""Every query about progress reports."""

from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.projects.progress.models import Progress
from shared.pages import Asked, Page, page
from shared.work import Work

MOST = 360
ORDERS = {"reported_on": col(Progress.reported_on)}


async def listed(work: Work, project_id: UUID, asked: Asked) -> Page[Progress]:
    """A page of the reports of a project the caller was given."""
    query = select(Progress).where(Progress.project_id == project_id)
    return await page(work.session, query, asked, orders=ORDERS, key=col(Progress.id), default="-reported_on")


async def before(work: Work, project_id: UUID, on: date) -> Progress | None:
    """The last report up to a day of a project the caller was given."""
    query = select(Progress).where(Progress.project_id == project_id, Progress.reported_on <= on)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc())
    return (await work.session.exec(query.limit(1))).first()


async def all_of(work: Work, project_id: UUID) -> list[Progress]:
    """The last reports of a project the caller was given, the earliest first; thirty years of monthly ones at most."""
    query = select(Progress).where(Progress.project_id == project_id)
    query = query.order_by(col(Progress.reported_on).desc(), col(Progress.id).desc()).limit(MOST)
    return list(await work.session.exec(query))[::-1]


async def one(work: Work, progress_id: UUID) -> Progress | None:
    """A report by the id a phone gave it."""
    return await work.session.get(Progress, progress_id)
