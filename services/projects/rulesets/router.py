"""Screening rules over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from services.projects.rescreening.schemas import JobRead
from services.projects.rulesets import repository, service
from services.projects.rulesets.schemas import (
    Activated,
    RuleSetChange,
    RuleSetDecision,
    RuleSetDraft,
    RuleSetItem,
    RuleSetRead,
)
from services.projects.screening.kinds import SetState
from services.projects.screening.models import Job, RuleSetRow
from shared.errors import BadRequest, Conflict, Invalid, NotFound, NotReady, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

LARGE = 1024 * 1024
router = APIRouter(prefix="/projects/screening-rules", tags=["筛查规则"], route_class=Route)


@router.get("", response_model=Page[RuleSetItem], **allows(May.RULE_READ, refuses=(BadRequest,)))
async def list_rule_sets(work: Reading, asked: Paging, state: SetState | None = None) -> Page[RuleSetRow]:
    """规则集的历次版本."""
    return await repository.listed(work, asked, state=state)


@router.post(
    "",
    status_code=201,
    response_model=RuleSetItem,
    **allows(May.RULE_MANAGE, refuses=(Invalid, Conflict, NotFound), body=LARGE),
)
async def draft_rule_set(work: Writing, body: RuleSetDraft) -> RuleSetRow:
    """在现行规则上起草一版."""
    return await service.draft(work, body)


@router.get("/{rule_set_id}", response_model=RuleSetRead, **allows(May.RULE_READ, refuses=(NotFound,)))
async def read_rule_set(work: Reading, rule_set_id: UUID) -> RuleSetRow:
    """规则集全文."""
    return await repository.get(work, rule_set_id)


@router.patch(
    "/{rule_set_id}",
    response_model=RuleSetItem,
    **allows(May.RULE_MANAGE, refuses=(NotFound, Invalid, Conflict, Stale, VersionRequired), body=LARGE),
)
async def change_rule_set(
    work: Writing, rule_set_id: UUID, body: RuleSetChange, match: IfMatch
) -> RuleSetRow:
    """修改草稿."""
    return await service.change(work, rule_set_id, body, match)


@router.post(
    "/{rule_set_id}/trial",
    status_code=202,
    response_model=JobRead,
    **allows(May.RULE_MANAGE, refuses=(NotFound, Conflict)),
)
async def try_rule_set(work: Writing, rule_set_id: UUID) -> Job:
    """用草稿试算全库: 在后台进行, 结果见全库筛查的变化清单."""
    return await service.try_out(work, rule_set_id)


@router.post(
    "/{rule_set_id}/activate",
    response_model=Activated,
    **allows(May.RULE_MANAGE, refuses=(NotFound, Conflict, NotReady, Stale)),
)
async def activate_rule_set(
    work: Writing, rule_set_id: UUID, body: RuleSetDecision, match: IfMatch
) -> Activated:
    """启用草稿, 并重筛全库."""
    return await service.activate(work, rule_set_id, body, match)


@router.post(
    "/{rule_set_id}/discard",
    response_model=RuleSetItem,
    **allows(May.RULE_MANAGE, refuses=(NotFound, Conflict)),
)
async def discard_rule_set(work: Writing, rule_set_id: UUID, body: RuleSetDecision) -> RuleSetRow:
    """作废草稿."""
    return await service.discard(work, rule_set_id, body)


@router.post(
    "/{rule_set_id}/retire", response_model=Activated, **allows(May.RULE_MANAGE, refuses=(NotFound, Conflict))
)
async def retire_rule_set(work: Writing, rule_set_id: UUID, body: RuleSetDecision) -> Activated:
    """停用, 恢复上级或内置规则, 并重筛全库."""
    return await service.retire(work, rule_set_id, body)
