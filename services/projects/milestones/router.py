"""Routes of `/projects/{id}/milestones`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.milestones import service
from services.projects.milestones.schemas import MilestoneCompletion, MilestoneRead, MilestonesWrite
from services.projects.projects import repository as projects
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/projects", tags=["项目节点"], route_class=Route)


@router.get(
    "/{project_id}/milestones",
    response_model=list[MilestoneRead],
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_milestones(work: ReadWork, project_id: UUID) -> list[MilestoneRead]:
    """项目节点."""
    await projects.get_project(work, project_id)
    return await service.list_milestones(work, project_id)


@router.put(
    "/{project_id}/milestones",
    response_model=list[MilestoneRead],
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def plan_milestones(work: WriteWork, project_id: UUID, body: MilestonesWrite) -> list[MilestoneRead]:
    """编排节点."""
    return await service.replace_milestones(work, project_id, body)


@router.post(
    "/{project_id}/milestones/{milestone_id}/reach",
    response_model=MilestoneRead,
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def reach_milestone(
    work: WriteWork, project_id: UUID, milestone_id: UUID, body: MilestoneCompletion
) -> MilestoneRead:
    """完成节点."""
    return await service.complete_milestone(work, project_id, milestone_id, body)
