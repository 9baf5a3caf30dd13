"""Distribution plans over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.plans import drafting, repository, service
from services.funds.plans.lifecycle import PLAN, PlanAction, PlanState
from services.funds.plans.models import Plan
from services.funds.plans.schemas import (
    REGION,
    Checks,
    LineRead,
    LinesWrite,
    PlanAct,
    PlanChange,
    PlanCreate,
    PlanDetail,
    PlanRead,
)
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/plans", tags=["分配方案"], route_class=Route)
LARGE = 1024 * 1024
EDIT = (NotFound, Conflict, Invalid, Stale, VersionRequired)


@router.post(
    "",
    status_code=201,
    response_model=PlanRead,
    **allows(May.PLAN_DRAFT, refuses=(Invalid, Conflict, NotFound), body=LARGE),
)
async def draft_plan(work: Writing, body: PlanCreate) -> Plan:
    """编制分配方案, 可一并给出明细."""
    return await drafting.draft(work, body)


@router.get("", response_model=Page[PlanRead], **allows(May.FUND_READ))
async def list_plans(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    state: PlanState | None = None,
) -> Page[Plan]:
    """分配方案列表."""
    return await repository.listed(work, asked, region=region, year=year, state=state)


@router.get("/{plan_id}", response_model=PlanDetail, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_plan(work: Reading, plan_id: UUID) -> PlanDetail:
    """分配方案, 明细和可办事项."""
    return await service.detail(work, plan_id)


@router.patch("/{plan_id}", response_model=PlanRead, **allows(May.PLAN_DRAFT, refuses=EDIT))
async def change_plan(work: Writing, plan_id: UUID, body: PlanChange, match: IfMatch) -> Plan:
    """修改编制中的方案."""
    return await drafting.change(work, plan_id, body, match)


@router.get("/{plan_id}/lines", response_model=list[LineRead], **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_lines(work: Reading, plan_id: UUID) -> list[LineRead]:
    """方案明细."""
    return (await service.detail(work, plan_id)).lines


@router.put("/{plan_id}/lines", response_model=PlanRead, **allows(May.PLAN_DRAFT, refuses=EDIT, body=LARGE))
async def rewrite_lines(work: Writing, plan_id: UUID, body: LinesWrite, match: IfMatch) -> Plan:
    """替换编制中方案的全部明细."""
    return await drafting.rewrite(work, plan_id, body.lines, match)


@router.get("/{plan_id}/checks", response_model=Checks, **allows(May.FUND_READ, refuses=(NotFound,)))
async def check_plan(work: Reading, plan_id: UUID) -> Checks:
    """方案检查: 每条规则现在怎么说."""
    return await service.checks(work, plan_id)


@router.post(
    "/{plan_id}/{action}",
    response_model=PlanRead | Preview,
    description=f"```mermaid\n{PLAN.mermaid()}\n```",
    **allows(*PLAN.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_plan(
    work: Writing, plan_id: UUID, action: PlanAction, body: PlanAct, match: IfMatch, dry_run: bool = False
) -> Plan | Preview:
    """办理方案: 报审, 退回, 审定, 公示, 下达, 撤销."""
    return await service.act(work, plan_id, action, body, match=match, dry_run=dry_run)
