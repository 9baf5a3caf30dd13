"""`/projects/{id}/progress`: reports of the works."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.library import repository as library
from services.projects.progress import repository, service
from services.projects.progress.models import Progress
from services.projects.progress.schemas import ProgressCreate, ProgressRead
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["形象进度"], route_class=Route)


@router.post(
    "/{project_id}/progress",
    status_code=201,
    response_model=ProgressRead,
    **allows(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def report_progress(work: Writing, project_id: UUID, body: ProgressCreate) -> Progress:
    """上报进度: 形象进度、工程量、带位置的照片、存在问题."""
    return await service.report(work, project_id, body)


@router.get(
    "/{project_id}/progress",
    response_model=Page[ProgressRead],
    **allows(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_progress(work: Reading, asked: Paging, project_id: UUID) -> Page[Progress]:
    """进度报告, 最近的在前."""
    await library.get(work, project_id)
    return await repository.listed(work, project_id, asked)
