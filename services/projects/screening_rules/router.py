"""Routes of `/projects/screening-rules` and `/projects/screening-jobs`."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.screening.models import RuleSetRow, ScreeningJob
from services.projects.screening.schemas import RuleSetState
from services.projects.screening_rules import repository, service
from services.projects.screening_rules.schemas import (
    RuleSetActivation,
    RuleSetChange,
    RuleSetDecision,
    RuleSetDraft,
    RuleSetItem,
    RuleSetRead,
    ScreeningJobChangeRead,
    ScreeningJobRead,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
    VersionRequired,
)
from shared.http import IfMatch, Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, Part, RecordKind
from shared.request_body import RequestBody

MAX_BODY_BYTES = 1024 * 1024
router = APIRouter(prefix="/projects/screening-rules", tags=["筛查规则"], route_class=Route)


@router.get("", response_model=Page[RuleSetItem], **requires(May.RULE_READ, refuses=(BadRequest,)))
async def list_rule_sets(work: ReadWork, params: Pagination, state: RuleSetState | None = None) -> PageAnswer:
    """规则集的历次版本."""
    return await repository.list_rule_sets(work, params, state=state)


@router.post(
    "",
    status_code=201,
    response_model=RuleSetItem,
    **requires(May.PROJECT_RULE_MANAGE, refuses=(Invalid, Conflict, NotFound), body=MAX_BODY_BYTES),
)
async def draft_rule_set(work: WriteWork, body: RuleSetDraft) -> RuleSetRow:
    """在现行规则上起草一版."""
    return await service.create_rule_set(work, body)


@router.get("/{rule_set_id}", response_model=RuleSetRead, **requires(May.RULE_READ, refuses=(NotFound,)))
async def read_rule_set(work: ReadWork, rule_set_id: UUID) -> RuleSetRow:
    """规则集全文."""
    return await repository.get_rule_set(work, rule_set_id)


@router.patch(
    "/{rule_set_id}",
    response_model=RuleSetItem,
    **requires(
        May.PROJECT_RULE_MANAGE,
        refuses=(NotFound, Invalid, Conflict, PreconditionFailed, VersionRequired),
        body=MAX_BODY_BYTES,
    ),
)
async def change_rule_set(
    work: WriteWork, rule_set_id: UUID, body: RuleSetChange, match: IfMatch
) -> RuleSetRow:
    """修改草稿."""
    return await service.update_rule_set(work, rule_set_id, body, match)


@router.post(
    "/{rule_set_id}/trial",
    status_code=202,
    response_model=ScreeningJobRead,
    **requires(May.PROJECT_RULE_MANAGE, refuses=(NotFound, Conflict)),
)
async def try_rule_set(work: WriteWork, rule_set_id: UUID) -> ScreeningJob:
    """用草稿试算全库: 在后台进行, 结果见全库筛查的变化清单."""
    return await service.start_trial(work, rule_set_id)


@router.post(
    "/{rule_set_id}/activate",
    response_model=RuleSetActivation,
    **requires(
        May.PROJECT_RULE_MANAGE, refuses=(NotFound, Conflict, PreconditionMissing, PreconditionFailed)
    ),
)
async def activate_rule_set(
    work: WriteWork, rule_set_id: UUID, body: RuleSetDecision, match: IfMatch
) -> RuleSetActivation:
    """启用草稿, 并重筛全库."""
    return await service.activate_rule_set(work, rule_set_id, body, match)


@router.post(
    "/{rule_set_id}/discard",
    response_model=RuleSetItem,
    **requires(May.PROJECT_RULE_MANAGE, refuses=(NotFound, Conflict)),
)
async def discard_rule_set(work: WriteWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetRow:
    """作废草稿."""
    return await service.discard_rule_set(work, rule_set_id, body)


@router.post(
    "/{rule_set_id}/retire",
    response_model=RuleSetActivation,
    **requires(May.PROJECT_RULE_MANAGE, refuses=(NotFound, Conflict)),
)
async def retire_rule_set(work: WriteWork, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetActivation:
    """停用, 恢复上级或内置规则, 并重筛全库."""
    return await service.retire_rule_set(work, rule_set_id, body)


job_router = APIRouter(prefix="/projects/screening-jobs", tags=["筛查规则"], route_class=Route)


class RescreenRequest(RequestBody):
    """重筛一个区划的全部项目."""

    region: RegionCode


@job_router.get("", response_model=Page[ScreeningJobRead], **requires(May.RULE_READ, refuses=(BadRequest,)))
async def list_screening_jobs(work: ReadWork, params: Pagination) -> PageAnswer:
    """全库试算和重筛."""
    return await repository.list_jobs(work, params)


@job_router.post(
    "",
    status_code=202,
    response_model=ScreeningJobRead,
    **requires(May.PROJECT_RULE_MANAGE, refuses=(NotFound,)),
)
async def rescreen_library(work: WriteWork, body: RescreenRequest) -> ScreeningJob:
    """按现行规则重筛全库; 在后台进行, 进展见本记录."""
    return await service.start_rescreening(work, body.region)


@job_router.get("/{job_id}", response_model=ScreeningJobRead, **requires(May.RULE_READ, refuses=(NotFound,)))
async def read_screening_job(work: ReadWork, job_id: UUID) -> ScreeningJob:
    """一次全库筛查的进展."""
    return await repository.get_job(work, job_id)


@job_router.get(
    "/{job_id}/changes",
    response_model=Page[ScreeningJobChangeRead],
    **requires(May.RULE_READ, refuses=(NotFound, BadRequest)),
)
async def list_screening_changes(work: ReadWork, job_id: UUID, params: Pagination) -> PageAnswer:
    """结果有变化的项目."""
    job = await repository.get_job(work, job_id)
    return await repository.list_job_changes(work, params, job.id)


RULE_SET_KIND = RecordKind(
    name="screening_rule_set",
    label="筛查规则集",
    path="/projects/screening-rules",
    model=RuleSetRow,
    read=RuleSetItem,
    may=May.RULE_READ,
    title="title",
    columns=("number", "title", "region", "state", "created_at", "activated_at", "retired_at"),
    filters=("state",),
    search=("title",),
    topics=("screening_rules.moved",),
    acts=(
        Act("试算: 会改变哪些项目", "/projects/screening-rules/{id}/trial", states=(RuleSetState.DRAFT,)),
        Act("启用", "/projects/screening-rules/{id}/activate", states=(RuleSetState.DRAFT,)),
        Act("作废", "/projects/screening-rules/{id}/discard", states=(RuleSetState.DRAFT,)),
        Act("停用", "/projects/screening-rules/{id}/retire", states=(RuleSetState.ACTIVE,)),
    ),
)
SCREENING_JOB_KIND = RecordKind(
    name="screening_job",
    label="重新筛查",
    path="/projects/screening-jobs",
    model=ScreeningJob,
    read=ScreeningJobRead,
    may=May.RULE_READ,
    title="kind",
    columns=("kind", "region", "state", "total", "done", "changed", "created_at", "finished_at"),
    parents={"rule_set_id": "screening_rule_set"},
    parts=(Part("changes", "会改变的项目", "/projects/screening-jobs/{id}/changes"),),
)
