"""Routes of `/projects/{id}/progress`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.progress import repository, service
from services.projects.progress.models import Progress
from services.projects.progress.schemas import ProgressCreate, ProgressRead
from services.projects.projects import repository as projects
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/projects", tags=["形象进度"], route_class=Route)


@router.post(
    "/{project_id}/progress",
    status_code=201,
    response_model=ProgressRead,
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def report_progress(work: WriteWork, project_id: UUID, body: ProgressCreate) -> Progress:
    """上报进度: 形象进度、工程量、带位置的照片、存在问题."""
    return await service.create_report(work, project_id, body)


@router.get(
    "/{project_id}/progress",
    response_model=Page[ProgressRead],
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_progress(work: ReadWork, params: Pagination, project_id: UUID) -> PageAnswer:
    """进度报告, 最近的在前."""
    await projects.get_project(work, project_id)
    return await repository.list_reports(work, project_id, params)


PROGRESS_KIND = RecordKind(
    name="progress",
    label="形象进度",
    path="/projects/{project_id}/progress",
    model=Progress,
    read=ProgressRead,
    may=May.PROJECT_READ,
    title="reported_on",
    columns=("reported_on", "physical_percent", "problems", "reported_by"),
    parents={"project_id": "project"},
    region="",
    since="happened_at",
    topics=("project.progressed",),
    told_by={"project.progressed": "project_id"},
    visible=repository.is_visible_report,
    phone=True,
)
