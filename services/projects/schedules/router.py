"""Routes of `/projects/{id}/schedule`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.projects import repository as projects
from services.projects.schedules import service
from services.projects.schedules.calculation import compute_deviation
from services.projects.schedules.schemas import ScheduleRead, ScheduleWrite
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/projects", tags=["计划进度"], route_class=Route)


@router.get(
    "/{project_id}/schedule", response_model=ScheduleRead, **requires(May.PROJECT_READ, refuses=(NotFound,))
)
async def read_schedule(work: ReadWork, project_id: UUID) -> ScheduleRead:
    """计划进度, 形象进度和支付与它的偏差."""
    return compute_deviation(await projects.get_project(work, project_id), work.today)


@router.put(
    "/{project_id}/schedule",
    response_model=ScheduleRead,
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def plan_schedule(work: WriteWork, project_id: UUID, body: ScheduleWrite) -> ScheduleRead:
    """编排计划进度: 各月底应达到的累计形象进度和支付."""
    return compute_deviation(await service.replace_schedule(work, project_id, body), work.today)
