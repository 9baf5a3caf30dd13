"""Routes of `/projects`: records, transitions, packages, batches."""

import math
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query

from services.projects.policy import INBOX_LIMITS
from services.projects.projects import guards, repository, service, transitions
from services.projects.projects.lifecycle import PROJECT_LIFECYCLE, STAGE_OF_STATE, Action, Stage, State
from services.projects.projects.models import Project
from services.projects.projects.repository import ProjectFilter
from services.projects.projects.schemas import (
    CATEGORY_PATTERN,
    BatchWrite,
    History,
    MoneyKind,
    PartsRollup,
    ProjectChange,
    ProjectCreate,
    ProjectDetail,
    ProjectParts,
    ProjectRead,
    ProjectRow,
    ProjectTransitionRequest,
    RollOver,
    TransitionBatchRead,
)
from shared.auth import May
from shared.china import RegionCode, parse_yuan
from shared.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Act, Part, RecordKind, Shortcut, Todo, turn

batch_router = APIRouter(prefix="/projects", tags=["批量办理"], route_class=Route)


@batch_router.post("/batch", response_model=TransitionBatchRead, **requires(*PROJECT_LIFECYCLE.permissions()))
async def act_on_many(work: WriteWork, body: BatchWrite, dry_run: bool = False) -> TransitionBatchRead:
    """批量办理: 一份文件办多个项目, 逐个给出结果."""
    return await transitions.transition_batch(work, body, dry_run=dry_run)


@batch_router.post("/roll-over", response_model=TransitionBatchRead, **requires(May.PROJECT_PLAN))
async def roll_projects_over(work: WriteWork, body: RollOver, dry_run: bool = False) -> TransitionBatchRead:
    """在库未安排的项目滚动纳入下一年度."""
    return await transitions.roll_over_projects(work, body, dry_run=dry_run)


package_router = APIRouter(prefix="/projects", tags=["项目包"], route_class=Route)


@package_router.get(
    "/{project_id}/parts", response_model=ProjectParts, **requires(May.PROJECT_READ, refuses=(NotFound,))
)
async def read_parts(work: ReadWork, project_id: UUID) -> ProjectParts:
    """项目包的下级项目和资金合计."""
    project = await repository.get_project(work, project_id)
    rollup = PartsRollup.model_validate(await repository.sum_parts(work, project.id))
    return ProjectParts.model_construct(
        id=project.id,
        name=project.name,
        total=project.total,
        sum=rollup,
        difference=project.total - rollup.total,
        items=[
            ProjectRow.model_validate(child) for child in await repository.list_children(work, project.id)
        ],
    )


router = APIRouter(prefix="/projects", tags=["项目"], route_class=Route)
MAX_BODY_BYTES = 256 * 1024
WORLD_BOUNDS = (-180.0, -90.0, 180.0, 90.0)
INVALID_BOUNDS = (math.nan,) * 4
AMOUNT_PATTERN = r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$"


def _parse_bounds(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        degrees = [float(part) for part in text.split(",")]
    except ValueError:
        degrees = []
    west, south, east, north = degrees if len(degrees) == len(WORLD_BOUNDS) else INVALID_BOUNDS
    if not (
        WORLD_BOUNDS[0] <= west <= east <= WORLD_BOUNDS[2]
        and WORLD_BOUNDS[1] <= south <= north <= WORLD_BOUNDS[3]
    ):
        detail = "地图范围须为“西,南,东,北”, WGS-84 度"
        raise Invalid(detail, "west,south,east,north", errors=[FieldError("bounds", detail, "", "/bounds")])
    return west, south, east, north


async def parse_project_filter(
    region: RegionCode | None = None,
    own: Annotated[bool, Query(description="只看直属该地区的, 不含下级")] = False,
    stage: Stage | None = None,
    state: Annotated[list[State] | None, Query(max_length=19)] = None,
    category: Annotated[
        str | None,
        Query(
            pattern=CATEGORY_PATTERN,
            description="类型代码, 含下级",
            json_schema_extra={"x-codes": "projects.categories"},
        ),
    ] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    plan_year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    parent_id: UUID | None = None,
    source: Annotated[MoneyKind | None, Query(description="计划资金来源")] = None,
    amount_from: Annotated[str | None, Query(pattern=AMOUNT_PATTERN, description="总投资不低于, 元")] = None,
    amount_to: Annotated[str | None, Query(pattern=AMOUNT_PATTERN, description="总投资不高于, 元")] = None,
    industry: bool | None = None,
    household: bool | None = None,
    blocked: bool | None = None,
    overdue: Annotated[bool | None, Query(description="已过计划完工时间而未完工")] = None,
    behind: Annotated[bool | None, Query(description="形象进度落后于计划进度")] = None,
    payment_behind: Annotated[bool | None, Query(description="支付落后于计划进度")] = None,
    bounds: Annotated[str, Query(max_length=100, description="西,南,东,北 (WGS-84)")] = "",
    unit: Annotated[
        list[Annotated[str, Query(max_length=20)]] | None,
        Query(
            max_length=20,
            description="有以这些单位计量的工程量, 不含项目包",
            json_schema_extra={"x-codes": "projects.units"},
        ),
    ] = None,
    q: Annotated[
        str, Query(max_length=100, description="名称、地点、单位、库编号、内容, 可用拼音首字母")
    ] = "",
) -> ProjectFilter:
    """Read the filter of a project list from the query parameters."""
    return ProjectFilter(
        region=region,
        own=own,
        stage=stage,
        state=tuple(state or ()),
        category=category,
        year=year,
        plan_year=plan_year,
        parent_id=parent_id,
        source=source,
        amount_from=None if amount_from is None else parse_yuan(amount_from),
        amount_to=None if amount_to is None else parse_yuan(amount_to),
        industry=industry,
        household=household,
        blocked=blocked,
        overdue=overdue,
        behind=behind,
        payment_behind=payment_behind,
        bounds=_parse_bounds(bounds),
        unit=tuple(unit or ()),
        q=q,
    )


ProjectFilterParam = Annotated[ProjectFilter, Depends(parse_project_filter)]


@router.post(
    "",
    status_code=201,
    response_model=ProjectRead,
    **requires(May.PROJECT_DECLARE, refuses=(Invalid, Conflict, NotFound), body=MAX_BODY_BYTES),
)
async def draft_project(work: WriteWork, body: ProjectCreate) -> Project:
    """新建项目(草稿)."""
    return await service.create_project(work, body)


@router.get("", response_model=Page[ProjectRow], **requires(May.PROJECT_READ, refuses=(BadRequest, Invalid)))
async def list_projects(work: ReadWork, params: Pagination, filters: ProjectFilterParam) -> PageAnswer:
    """项目列表."""
    return await repository.list_projects(work, params, filters)


@router.get("/{project_id}", response_model=ProjectDetail, **requires(May.PROJECT_READ, refuses=(NotFound,)))
async def read_project(work: ReadWork, project_id: UUID) -> ProjectDetail:
    """项目全貌和可办事项."""
    return await service.get_project_detail(work, project_id)


@router.patch(
    "/{project_id}",
    response_model=ProjectRead,
    **requires(
        May.PROJECT_DECLARE,
        refuses=(NotFound, Invalid, Conflict, PreconditionFailed, VersionRequired),
        body=MAX_BODY_BYTES,
    ),
)
async def change_project(work: WriteWork, project_id: UUID, body: ProjectChange, match: IfMatch) -> Project:
    """修改项目."""
    return await service.update_project(work, project_id, body, match)


@router.get(
    "/{project_id}/history", response_model=History, **requires(May.PROJECT_READ, refuses=(NotFound,))
)
async def read_project_history(
    work: ReadWork,
    project_id: UUID,
    cursor: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> History:
    """项目经历: 每一步的实际时间和录入时间."""
    return await service.get_project_history(work, project_id, cursor, limit)


@router.post(
    "/{project_id}/{action}",
    response_model=ProjectRead | TransitionPreview,
    **moves(PROJECT_LIFECYCLE),
)
async def act_on_project(
    work: WriteWork,
    project_id: UUID,
    action: Action,
    body: ProjectTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> Project | TransitionPreview:
    """办理项目: 申报, 审核, 论证, 审定, 入库, 计划, 开工, 完工, 验收, 移交, 办结, 退回, 暂停, 出库, 终止."""
    return await transitions.transition_project(work, project_id, action, body, match=match, dry_run=dry_run)


S, A = State, Action
PROJECT_KIND = RecordKind(
    name="project",
    label="项目",
    path="/projects",
    model=Project,
    read=ProjectRow,
    may=May.PROJECT_READ,
    title="name",
    columns=(
        "name",
        "library_code",
        "category_label",
        "region",
        "year",
        "total",
        "allocated",
        "paid",
        "state",
        "planned_end",
    ),
    filters=(
        "region",
        "stage",
        "state",
        "category",
        "year",
        "plan_year",
        "source",
        "industry",
        "blocked",
        "overdue",
        "behind",
        "payment_behind",
        "unit",
        "q",
    ),
    search=("name", "content", "library_code"),
    acts=(
        Act(
            "发布公示",
            "/projects/{id}/notices",
            states=(State.VILLAGE_NOTICE, State.TOWN_NOTICE, State.DISTRICT_NOTICE, State.COMPLETED),
        ),
        Act("添加附件", "/projects/{id}/documents"),
        Act("撤下", "/projects/{id}/documents/{attachment_id}/remove", until="removed_at"),
        Act(
            "编排节点",
            "/projects/{id}/milestones",
            method="PUT",
            states=(State.STARTED, State.UNDER_CONSTRUCTION),
        ),
        Act(
            "编排计划进度",
            "/projects/{id}/schedule",
            method="PUT",
            states=(State.RESERVE, State.PLANNED, State.STARTED, State.UNDER_CONSTRUCTION),
        ),
        Act("完成", "/projects/{id}/milestones/{milestone_id}/reach", until="done_on"),
        Act(
            "自评",
            "/projects/{id}/self-evaluation",
            method="PUT",
            states=(State.ACCEPTED, State.HANDED_OVER),
            versioned=False,
        ),
    ),
    parts=(
        Part("attachments", "附件", "/projects/{id}/documents"),
        Part("milestones", "节点", "/projects/{id}/milestones"),
    ),
    parents={"parent_id": "project"},
    lifecycle=PROJECT_LIFECYCLE,
    stages=STAGE_OF_STATE,
    limits=INBOX_LIMITS,
    topics=("project.drafted", "project.changed", "project.moved"),
    turns=(
        turn(S.DRAFT, A.DECLARE, "项目草稿"),
        turn(S.RETURNED, A.DECLARE, "退回修改的项目"),
        turn(S.VILLAGE_NOTICE, (A.FORWARD, A.SUBMIT), "村级公示中的项目"),
        turn(S.TOWN_REVIEW, A.ENDORSE, "待镇级审核的项目"),
        turn(S.TOWN_NOTICE, A.FORWARD, "镇级公示中的项目"),
        turn(S.APPRAISAL, A.APPRAISE, "待论证的项目"),
        turn(S.APPROVAL, A.APPROVE, "待审定的项目"),
        turn(S.DISTRICT_NOTICE, A.ADMIT, "县级公示中的项目"),
        turn(S.PLANNED, A.START, "待开工的项目"),
        turn(S.UNDER_CONSTRUCTION, A.COMPLETE, "待完工确认的项目"),
        turn(S.COMPLETED, A.ACCEPT, "待验收的项目"),
        turn(S.ACCEPTED, A.HAND_OVER, "待移交的项目"),
        turn(S.HANDED_OVER, A.CLOSE, "待办结的项目"),
    ),
    twins={
        guards.belongs_to_town: lambda _work: repository.build_town_condition(),
        guards.belongs_to_county: lambda _work: sa.not_(repository.build_town_condition()),
        guards.has_allocation: lambda _work: repository.PROJECT_COLUMNS.allocated > 0,
        guards.not_own_works: lambda work: sa.not_(repository.build_own_works_condition(work)),
        guards.construction_complete: lambda _work: repository.build_fully_built_condition(),
    },
    whose=repository.build_responsibility_condition,
    todo=(
        Todo(
            "overdue.true",
            "超过计划工期的项目",
            (May.PROJECT_IMPLEMENT,),
            lambda work: repository.build_overdue_condition(work.today),
            due="planned_end",
        ),
        Todo(
            "behind.true",
            "进度落后于计划的项目",
            (May.PROJECT_IMPLEMENT,),
            lambda work: repository.build_behind_condition(work.today, "schedule_due_on"),
            due="schedule_due_on",
        ),
        Todo(
            "blocked.true",
            "筛查未通过的项目",
            (May.PROJECT_ENDORSE, May.PROJECT_APPRAISE, May.PROJECT_WAIVE),
            lambda _work: repository.build_blocked_condition(),
        ),
    ),
    phone=True,
    shortcuts=(Shortcut(May.PROJECT_DECLARE, "申报项目", "/projects"),),
)
