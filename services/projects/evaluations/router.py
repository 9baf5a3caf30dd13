"""Routes of project evaluations: one project, ranking, export."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from services.projects.evaluations import exporter, repository, service
from services.projects.evaluations.lifecycle import EVALUATION_LIFECYCLE, EvaluationAction, EvaluationState
from services.projects.evaluations.models import ProjectEvaluation
from services.projects.evaluations.repository import EvaluationFilter
from services.projects.evaluations.schemas import (
    EvaluationCounts,
    EvaluationDetail,
    EvaluationRead,
    EvaluationTransitionRequest,
    SelfEvaluation,
)
from services.projects.projects.schemas import CATEGORY_PATTERN
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.records import Part, RecordKind, turn

router = APIRouter(prefix="/projects", tags=["项目评价"], route_class=Route)
RegionParam = RegionCode | None
YearParam = Annotated[int | None, Query(ge=2000, le=2100)]
CategoryParam = Annotated[
    str | None,
    Query(
        pattern=CATEGORY_PATTERN,
        description="类型代码, 含下级",
        json_schema_extra={"x-codes": "projects.categories"},
    ),
]


async def parse_evaluation_filter(
    region: RegionParam = None,
    category: CategoryParam = None,
    year: YearParam = None,
    state: EvaluationState | None = None,
    grade: Annotated[str, Query(max_length=20, description="等次代码")] = "",
) -> EvaluationFilter:
    """Read the filter of evaluations from the query parameters."""
    return EvaluationFilter(region, category, year, state, grade)


EvaluationFilterParam = Annotated[EvaluationFilter, Depends(parse_evaluation_filter)]


@router.get(
    "/evaluations", response_model=Page[EvaluationRead], **requires(May.PROJECT_READ, refuses=(BadRequest,))
)
async def rank_projects(
    work: ReadWork, params: Pagination, filters: EvaluationFilterParam
) -> Page[EvaluationRead]:
    """项目评价排序: 按得分从高到低, 只排项目, 不排人."""
    page = await repository.list_evaluations(work, params, filters)
    items = [service.build_evaluation_read(evaluation) for evaluation in page.items]
    return Page[EvaluationRead].model_construct(items=items, next_cursor=page.next_cursor, total=page.total)


@router.get("/evaluations/summary", response_model=EvaluationCounts, **requires(May.PROJECT_READ))
async def count_evaluations(
    work: ReadWork, region: RegionParam = None, year: YearParam = None, category: CategoryParam = None
) -> EvaluationCounts:
    """各等次的项目数, 点开见项目."""
    return await service.count_grades(work, region or work.home_region, year, category)


@router.get(
    "/evaluations/export",
    response_class=StreamingResponse,
    response_model=None,
    **requires(May.PROJECT_READ),
)
async def export_evaluations(work: ReadWork, filters: EvaluationFilterParam) -> StreamingResponse:
    """导出项目评价表: 各项得分、总分、等次."""
    export = await exporter.write_evaluations(work, filters)
    return StreamingResponse(
        export.iterate_chunks(), media_type=export.media_type, headers=export.build_headers()
    )


@router.get(
    "/{project_id}/evaluation",
    response_model=EvaluationDetail,
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def read_project_evaluation(work: ReadWork, project_id: UUID) -> EvaluationDetail:
    """项目评价明细: 每一分背后的数据, 和按现有数据的得分."""
    return await service.get_evaluation_detail(work, project_id)


@router.put(
    "/{project_id}/self-evaluation",
    response_model=EvaluationRead,
    **requires(May.PROJECT_IMPLEMENT, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
)
async def evaluate_own_project(
    work: WriteWork, project_id: UUID, body: SelfEvaluation, match: IfMatch
) -> EvaluationRead:
    """项目自评: 有数据的项自动计分, 其余给分并说明依据."""
    return service.build_evaluation_read(await service.submit_self_evaluation(work, project_id, body, match))


@router.post(
    "/{project_id}/evaluation/{action}",
    response_model=EvaluationRead | TransitionPreview,
    **moves(EVALUATION_LIFECYCLE),
)
async def act_on_evaluation(
    work: WriteWork,
    project_id: UUID,
    action: EvaluationAction,
    body: EvaluationTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> EvaluationRead | TransitionPreview:
    """办理项目评价: 复核(由自评人以外的人), 退回, 重新自评."""
    result = await service.transition_evaluation(work, project_id, action, body, match=match, dry_run=dry_run)
    return result if isinstance(result, TransitionPreview) else service.build_evaluation_read(result)


@router.get(
    "/evaluations/{evaluation_id}",
    response_model=EvaluationRead,
    **requires(May.PROJECT_READ, refuses=(NotFound,)),
)
async def read_evaluation_by_id(work: ReadWork, evaluation_id: UUID) -> EvaluationRead:
    """一份项目评价."""
    return service.build_evaluation_read(await repository.get_evaluation_by_id(work, evaluation_id))


EVALUATION_KIND = RecordKind(
    name="evaluation",
    label="项目评价",
    path="/projects/evaluations",
    model=ProjectEvaluation,
    read=EvaluationRead,
    may=May.PROJECT_READ,
    title="project_name",
    columns=("project_name", "category_label", "region", "year", "score", "grade_label", "state"),
    filters=("region", "category", "year", "state", "grade"),
    search=("project_name",),
    parents={"project_id": "project"},
    lifecycle=EVALUATION_LIFECYCLE,
    moves="/projects/{project_id}/evaluation",
    parts=(Part("items", "评分表", "/projects/{project_id}/evaluation", inside="now"),),
    topics=("project.evaluated", "project.evaluation_moved"),
    turns=(
        turn(EvaluationState.SUBMITTED, EvaluationAction.REVIEW, "待复核的项目评价"),
        turn(EvaluationState.RETURNED, EvaluationAction.SUBMIT, "退回修改的项目评价"),
    ),
)
