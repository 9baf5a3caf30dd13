"""Routes of `/projects/screenings`, `/projects/{id}/screenings` and clearances."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.projects import repository as projects
from services.projects.projects.models import Project
from services.projects.projects.schemas import ProjectRead
from services.projects.screening import repository, service
from services.projects.screening.models import Clearance, ScreeningRun
from services.projects.screening.schemas import (
    ClearanceCreate,
    ClearanceDecision,
    ClearanceRead,
    ClearanceState,
    ScreeningAnswer,
    ScreeningRunRead,
    ScreeningSubject,
)
from shared.auth import May
from shared.errors import BadRequest, Conflict, Invalid, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Todo

MAX_TEXT_BYTES = 256 * 1024
router = APIRouter(prefix="/projects/screenings", tags=["项目筛查"], route_class=Route)


@router.post("", response_model=ScreeningAnswer, **requires(May.SCREENING_TRY, body=MAX_TEXT_BYTES))
async def try_screening(work: ReadWork, body: ScreeningSubject) -> ScreeningAnswer:
    """试筛: judges a text against the negative list (and readiness, when given); stores nothing."""
    return ScreeningAnswer.from_screening(await service.screen_subject(work, body))


project_screening_router = APIRouter(prefix="/projects", tags=["项目筛查"], route_class=Route)


@project_screening_router.get(
    "/clearances",
    response_model=Page[ClearanceRead],
    **requires(May.PROJECT_WAIVE, refuses=(BadRequest,)),
)
async def list_waiting_clearances(work: ReadWork, params: Pagination) -> PageAnswer:
    """待批准的放行申请."""
    return await repository.list_pending_waivers(work, params)


@project_screening_router.post(
    "/clearances/{clearance_id}/grant",
    response_model=ClearanceRead,
    **requires(May.PROJECT_WAIVE, refuses=(NotFound, Conflict)),
)
async def grant_clearance(work: WriteWork, clearance_id: UUID, body: ClearanceDecision) -> Clearance:
    """批准放行: 须由申请人和项目录入人以外的人办理."""
    return await service.decide_clearance(work, clearance_id, body, grant=True)


@project_screening_router.post(
    "/clearances/{clearance_id}/refuse",
    response_model=ClearanceRead,
    **requires(May.PROJECT_WAIVE, refuses=(NotFound, Conflict)),
)
async def refuse_clearance(work: WriteWork, clearance_id: UUID, body: ClearanceDecision) -> Clearance:
    """不同意放行."""
    return await service.decide_clearance(work, clearance_id, body, grant=False)


@project_screening_router.get(
    "/{project_id}/screenings",
    response_model=Page[ScreeningRunRead],
    **requires(May.PROJECT_READ, refuses=(NotFound, BadRequest)),
)
async def list_project_screenings(work: ReadWork, project_id: UUID, params: Pagination) -> PageAnswer:
    """项目的历次筛查."""
    project = await projects.get_project(work, project_id)
    return await repository.list_runs(work, params, project.id)


@project_screening_router.post(
    "/{project_id}/screenings",
    response_model=ProjectRead,
    **requires(*service.WAIVER_REQUEST_PERMISSIONS, refuses=(NotFound, Conflict)),
)
async def screen_project(work: WriteWork, project_id: UUID) -> Project:
    """按今天的规则重新筛查."""
    return await service.rescreen_project(work, project_id)


@project_screening_router.get(
    "/{project_id}/clearances",
    response_model=list[ClearanceRead],
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def list_project_clearances(work: ReadWork, project_id: UUID) -> list[Clearance]:
    """项目的确认与放行."""
    project = await projects.get_project(work, project_id)
    return await repository.list_clearances_of_project(work, project.id)


@project_screening_router.post(
    "/{project_id}/clearances",
    status_code=201,
    response_model=ClearanceRead,
    **requires(*service.WAIVER_REQUEST_PERMISSIONS, refuses=(NotFound, Conflict, Invalid)),
)
async def ask_clearance(work: WriteWork, project_id: UUID, body: ClearanceCreate) -> Clearance:
    """确认一条复核类发现, 或申请放行一条禁止类发现."""
    return await service.create_clearance(work, project_id, body)


CLEARANCE_KIND = RecordKind(
    name="screening_clearance",
    label="筛查放行",
    path="/projects/clearances",
    model=Clearance,
    read=ClearanceRead,
    may=May.PROJECT_WAIVE,
    title="item",
    columns=("item", "severity", "words", "reason", "region", "state", "created_at"),
    create="/projects/{project_id}/clearances",
    search=("item", "reason"),
    parents={"project_id": "project"},
    topics=("project.cleared",),
    acts=(
        Act("同意放行", "/projects/clearances/{id}/grant", states=(ClearanceState.ASKED,)),
        Act("不同意", "/projects/clearances/{id}/refuse", states=(ClearanceState.ASKED,)),
    ),
    todo=(
        Todo(
            "state.asked",
            "待批准的筛查放行",
            (May.PROJECT_WAIVE,),
            lambda work: repository.build_undecided_condition(work.actor),
        ),
    ),
)
SCREENING_KIND = RecordKind(
    name="screening",
    label="筛查记录",
    path="/projects/{project_id}/screenings",
    model=ScreeningRun,
    read=ScreeningRunRead,
    may=May.PROJECT_READ,
    title="occasion",
    columns=("at", "occasion", "verdict", "open", "rule_set_version"),
    parents={"project_id": "project"},
    since="at",
    topics=("project.screened",),
)
