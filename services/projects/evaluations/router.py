"""Evaluations over HTTP: of one project, and the ranking of projects."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from services.projects.evaluations import exports, ranking, repository, service
from services.projects.evaluations.lifecycle import EVALUATION, EvaluationAction, EvaluationState
from services.projects.evaluations.repository import Wanted
from services.projects.evaluations.schemas import (
    EvaluationAct,
    EvaluationCounts,
    EvaluationDetail,
    EvaluationRead,
    SelfEvaluation,
)
from services.projects.library.schemas import CATEGORY, REGION
from shared.errors import BadRequest, Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/projects", tags=["项目评价"], route_class=Route)
Region = Annotated[str | None, Query(pattern=REGION)]
Year = Annotated[int | None, Query(ge=2000, le=2100)]
Category = Annotated[str | None, Query(pattern=CATEGORY, description="类型代码, 含下级")]


def wanted(
    region: Region = None,
    category: Category = None,
    year: Year = None,
    state: EvaluationState | None = None,
    grade: Annotated[str, Query(max_length=20, description="等次代码")] = "",
) -> Wanted:
    """What a ranking is narrowed to, as the query says it."""
    return Wanted(region, category, year, state, grade)


Narrowed = Annotated[Wanted, Depends(wanted)]


@router.get(
    "/evaluations", response_model=Page[EvaluationRead], **allows(May.PROJECT_READ, refuses=(BadRequest,))
)
async def rank_projects(work: Reading, asked: Paging, narrowed: Narrowed) -> Page[EvaluationRead]:
    """项目评价排序: 按得分从高到低, 只排项目, 不排人."""
    found = await repository.listed(work, asked, narrowed)
    items = [ranking.read(one) for one in found.items]
    return Page[EvaluationRead].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@router.get("/evaluations/summary", response_model=EvaluationCounts, **allows(May.PROJECT_READ))
async def count_evaluations(
    work: Reading, region: Region = None, year: Year = None, category: Category = None
) -> EvaluationCounts:
    """各等次的项目数, 点开见项目."""
    return await ranking.counts(work, region or work.context.settings.district, year, category)


@router.get(
    "/evaluations/export",
    response_class=StreamingResponse,
    response_model=None,
    **allows(May.PROJECT_READ),
)
async def export_evaluations(work: Reading, narrowed: Narrowed) -> StreamingResponse:
    """导出项目评价表: 各项得分、总分、等次."""
    written = await exports.write(work, narrowed)
    return StreamingResponse(written.chunks(), media_type=written.media_type, headers=written.headers())


@router.get(
    "/{project_id}/evaluation",
    response_model=EvaluationDetail,
    **allows(May.PROJECT_READ, refuses=(NotFound,)),
)
async def read_project_evaluation(work: Reading, project_id: UUID) -> EvaluationDetail:
    """项目评价明细: 每一分背后的数据, 和按现有数据的得分."""
    return await service.detail(work, project_id)


@router.put(
    "/{project_id}/self-evaluation",
    response_model=EvaluationRead,
    **allows(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def evaluate_own_project(
    work: Writing, project_id: UUID, body: SelfEvaluation, match: IfMatch
) -> EvaluationRead:
    """项目自评: 有数据的项自动计分, 其余给分并说明依据."""
    return ranking.read(await service.evaluate(work, project_id, body, match))


@router.post(
    "/{project_id}/evaluation/{action}",
    response_model=EvaluationRead | Preview,
    description=f"```mermaid\n{EVALUATION.mermaid()}\n```",
    **allows(*EVALUATION.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_evaluation(
    work: Writing,
    project_id: UUID,
    action: EvaluationAction,
    body: EvaluationAct,
    match: IfMatch,
    dry_run: bool = False,
) -> EvaluationRead | Preview:
    """办理项目评价: 复核(由自评人以外的人), 退回, 重新自评."""
    found = await service.act(work, project_id, action, body, match=match, dry_run=dry_run)
    return found if isinstance(found, Preview) else ranking.read(found)
