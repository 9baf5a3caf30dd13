"""A project's screenings and clearances over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.clearing import repository, service
from services.projects.clearing.schemas import ClearanceAsk, ClearanceDecision, ClearanceRead, RunRead
from services.projects.library import repository as projects
from services.projects.library.models import Project
from services.projects.library.reads import ProjectRead
from services.projects.screening import repository as screenings
from services.projects.screening.models import Clearance, Run
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目筛查"], route_class=Route)


@router.get(
    "/clearances",
    response_model=Page[ClearanceRead],
    **allows(May.PROJECT_WAIVE, refuses=(BadRequest,)),
)
async def list_waiting_clearances(work: Reading, asked: Paging) -> Page[Clearance]:
    """待批准的放行申请."""
    return await repository.waiting(work, asked)


@router.post(
    "/clearances/{clearance_id}/grant",
    response_model=ClearanceRead,
    **allows(May.PROJECT_WAIVE, refuses=(NotFound, Conflict)),
)
async def grant_clearance(work: Writing, clearance_id: UUID, body: ClearanceDecision) -> Clearance:
    """批准放行: 须由申请人和项目录入人以外的人办理."""
    return await service.decide(work, clearance_id, body, grant=True)


@router.post(
    "/clearances/{clearance_id}/refuse",
    response_model=ClearanceRead,
    **allows(May.PROJECT_WAIVE, refuses=(NotFound, Conflict)),
)
async def refuse_clearance(work: Writing, clearance_id: UUID, body: ClearanceDecision) -> Clearance:
    """不同意放行."""
    return await service.decide(work, clearance_id, body, grant=False)


@router.get(
    "/{project_id}/screenings",
    response_model=Page[RunRead],
    **allows(May.PROJECT_READ, refuses=(NotFound, BadRequest)),
)
async def list_project_screenings(work: Reading, project_id: UUID, asked: Paging) -> Page[Run]:
    """项目的历次筛查."""
    project = await projects.get(work, project_id)
    return await screenings.runs(work, asked, project.id)


@router.post(
    "/{project_id}/screenings",
    response_model=ProjectRead,
    **allows(*service.ASKING, refuses=(NotFound, Conflict)),
)
async def screen_project(work: Writing, project_id: UUID) -> Project:
    """按今天的规则重新筛查."""
    return await service.screen_again(work, project_id)


@router.get(
    "/{project_id}/clearances",
    response_model=list[ClearanceRead],
    **allows(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_project_clearances(work: Reading, project_id: UUID) -> list[Clearance]:
    """项目的确认与放行."""
    project = await projects.get(work, project_id)
    return await repository.of_project(work, project.id)


@router.post(
    "/{project_id}/clearances",
    status_code=201,
    response_model=ClearanceRead,
    **allows(*service.ASKING, refuses=(NotFound, Conflict, Invalid)),
)
async def ask_clearance(work: Writing, project_id: UUID, body: ClearanceAsk) -> Clearance:
    """确认一条复核类发现, 或申请放行一条禁止类发现."""
    return await service.ask(work, project_id, body)
