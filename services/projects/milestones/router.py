"""`/projects/{id}/milestones`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.library import repository as library
from services.projects.milestones import service
from services.projects.milestones.schemas import MilestoneDone, MilestoneRead, MilestonesWrite
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目节点"], route_class=Route)


@router.get(
    "/{project_id}/milestones",
    response_model=list[MilestoneRead],
    **allows(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_milestones(work: Reading, project_id: UUID) -> list[MilestoneRead]:
    """项目节点."""
    await library.get(work, project_id)
    return await service.listed(work, project_id)


@router.put(
    "/{project_id}/milestones",
    response_model=list[MilestoneRead],
    **allows(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def plan_milestones(work: Writing, project_id: UUID, body: MilestonesWrite) -> list[MilestoneRead]:
    """编排节点."""
    return await service.plan(work, project_id, body)


@router.post(
    "/{project_id}/milestones/{milestone_id}/reach",
    response_model=MilestoneRead,
    **allows(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def reach_milestone(
    work: Writing, project_id: UUID, milestone_id: UUID, body: MilestoneDone
) -> MilestoneRead:
    """完成节点."""
    return await service.reach(work, project_id, milestone_id, body)
