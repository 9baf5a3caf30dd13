"""Projects over HTTP."""

import math
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.projects.library import moving, repository, service, writing
from services.projects.library.kinds import MoneyKind
from services.projects.library.lifecycle import PROJECT
from services.projects.library.models import Project
from services.projects.library.reads import History, ProjectDetail, ProjectRead, ProjectRow
from services.projects.library.repository import Wanted
from services.projects.library.schemas import (
    CATEGORY,
    REGION,
    ProjectAct,
    ProjectChange,
    ProjectCreate,
)
from services.projects.library.states import Action, Stage, State
from shared.errors import (
    BadRequest,
    Conflict,
    Fault,
    Invalid,
    NotFound,
    NotReady,
    Stale,
    VersionRequired,
)
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.money import fen
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目"], route_class=Route)
LARGE = 256 * 1024
EARTH = (-180.0, -90.0, 180.0, 90.0)
NOWHERE = (math.nan,) * 4
AMOUNT = r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$"


def _bounds(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    west, south, east, north = found if len(found) == len(EARTH) else NOWHERE
    if not (EARTH[0] <= west <= east <= EARTH[2] and EARTH[1] <= south <= north <= EARTH[3]):
        detail = "地图范围须为“西,南,东,北”, WGS-84 度"
        raise Invalid(detail, "west,south,east,north", faults=[Fault("bounds", detail, "", "/bounds")])
    return west, south, east, north


def wanted(
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    own: Annotated[bool, Query(description="只看直属该地区的, 不含下级")] = False,
    stage: Stage | None = None,
    state: Annotated[list[State] | None, Query(max_length=19)] = None,
    category: Annotated[str | None, Query(pattern=CATEGORY, description="类型代码, 含下级")] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    plan_year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    parent_id: UUID | None = None,
    source: Annotated[MoneyKind | None, Query(description="计划资金来源")] = None,
    amount_from: Annotated[str | None, Query(pattern=AMOUNT, description="总投资不低于, 元")] = None,
    amount_to: Annotated[str | None, Query(pattern=AMOUNT, description="总投资不高于, 元")] = None,
    industry: bool | None = None,
    household: bool | None = None,
    blocked: bool | None = None,
    overdue: Annotated[bool | None, Query(description="已过计划完工时间而未完工")] = None,
    bounds: Annotated[str, Query(max_length=100, description="西,南,东,北 (WGS-84)")] = "",
    q: Annotated[
        str, Query(max_length=100, description="名称、地点、单位、库编号、内容, 可用拼音首字母")
    ] = "",
) -> Wanted:
    """What a list is narrowed to, as the query says it."""
    return Wanted(
        region=region,
        own=own,
        stage=stage,
        state=tuple(state or ()),
        category=category,
        year=year,
        plan_year=plan_year,
        parent_id=parent_id,
        source=source,
        amount_from=None if amount_from is None else fen(amount_from),
        amount_to=None if amount_to is None else fen(amount_to),
        industry=industry,
        household=household,
        blocked=blocked,
        overdue=overdue,
        bounds=_bounds(bounds),
        q=q,
    )


Narrowed = Annotated[Wanted, Depends(wanted)]


@router.post(
    "",
    status_code=201,
    response_model=ProjectRead,
    **allows(May.PROJECT_DECLARE, refuses=(Invalid, Conflict, NotFound), body=LARGE),
)
async def draft_project(work: Writing, body: ProjectCreate) -> Project:
    """新建项目(草稿)."""
    return await writing.draft(work, body)


@router.get("", response_model=Page[ProjectRow], **allows(May.PROJECT_READ, refuses=(BadRequest, Invalid)))
async def list_projects(work: Reading, asked: Paging, narrowed: Narrowed) -> Page[Project]:
    """项目列表."""
    return await repository.listed(work, asked, narrowed)


@router.get("/{project_id}", response_model=ProjectDetail, **allows(May.PROJECT_READ, refuses=(NotFound,)))
async def read_project(work: Reading, project_id: UUID) -> ProjectDetail:
    """项目全貌和可办事项."""
    return await service.detail(work, project_id)


@router.patch(
    "/{project_id}",
    response_model=ProjectRead,
    **allows(May.PROJECT_DECLARE, refuses=(NotFound, Invalid, Conflict, Stale, VersionRequired), body=LARGE),
)
async def change_project(work: Writing, project_id: UUID, body: ProjectChange, match: IfMatch) -> Project:
    """修改项目."""
    return await writing.change(work, project_id, body, match)


@router.get("/{project_id}/history", response_model=History, **allows(May.PROJECT_READ, refuses=(NotFound,)))
async def read_project_history(
    work: Reading,
    project_id: UUID,
    cursor: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> History:
    """项目经历: 每一步的实际时间和录入时间."""
    return await service.history(work, project_id, cursor, limit)


@router.post(
    "/{project_id}/{action}",
    response_model=ProjectRead | Preview,
    description=f"```mermaid\n{PROJECT.mermaid()}\n```",
    **allows(*PROJECT.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_project(
    work: Writing,
    project_id: UUID,
    action: Action,
    body: ProjectAct,
    match: IfMatch,
    dry_run: bool = False,
) -> Project | Preview:
    """办理项目: 申报, 审核, 论证, 审定, 入库, 计划, 开工, 完工, 验收, 移交, 办结, 退回, 暂停, 出库, 终止."""
    return await moving.act(work, project_id, action, body, match=match, dry_run=dry_run)
