"""Distribution over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets.distributions import payouts, service
from services.assets.distributions.lifecycle import PLAN, PlanAction, PlanState
from services.assets.distributions.models import Distribution, Payout
from services.assets.distributions.schemas import (
    AccountRead,
    BalanceRead,
    DistributionAct,
    DistributionCreate,
    DistributionDetail,
    DistributionRead,
    LinesPost,
    PayoutList,
    PayoutPay,
    PayoutRead,
    PayoutTakenBack,
    StepPost,
)
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.notices.router import of_record
from shared.notices.service import Subject
from shared.pages import Page, Paging
from shared.permissions import May
from shared.work import Work

router = APIRouter(prefix="/assets/distributions", tags=["收益分配"], route_class=Route)
OPERATE = allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid, Stale, Forbidden))
REGION = r"^[0-9]{12}$"


@router.post("", status_code=201, response_model=DistributionDetail, **OPERATE)
async def draft_distribution(work: Writing, body: DistributionCreate) -> DistributionDetail:
    """编制收益分配方案."""
    return await service.detail(work, await service.draft(work, body))


@router.get("", response_model=Page[DistributionRead], **allows(May.ASSET_READ))
async def list_distributions(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=REGION)] = None,
    year: Annotated[int | None, Query(ge=2012, le=2100)] = None,
    state: PlanState | None = None,
) -> Page[Distribution]:
    """收益分配方案列表."""
    where = scoped.system_same({col(Distribution.year): year, col(Distribution.state): state})
    orders = {"created_at": col(Distribution.created_at), "year": col(Distribution.year)}
    return await scoped.paged(
        work, asked, Distribution, *where, orders=orders, default="-created_at", region=region
    )


@router.get("/balance", response_model=BalanceRead, **allows(May.ASSET_READ))
async def read_balance(work: Reading, region: Annotated[str, Query(pattern=REGION)]) -> BalanceRead:
    """收益账余额: 已收 = 未分配 + 已定方案待付 + 公积提留 + 已分配."""
    return await service.balance(work, region)


@router.get("/{plan_id}", response_model=DistributionDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_distribution(work: Reading, plan_id: UUID) -> DistributionDetail:
    """收益分配方案, 四议两公开, 可办事项."""
    return await service.detail(work, await service.get(work, plan_id))


@router.put("/{plan_id}/lines", response_model=DistributionRead, **OPERATE)
async def rewrite_lines(work: Writing, plan_id: UUID, body: LinesPost, match: IfMatch) -> Distribution:
    """修改编制中方案的明细; 已记录的决议步骤作废."""
    return await service.rewrite(work, plan_id, body.lines, match)


@router.post("/{plan_id}/steps", response_model=DistributionDetail, **OPERATE)
async def note_decision_step(
    work: Writing, plan_id: UUID, body: StepPost, match: IfMatch
) -> DistributionDetail:
    """记录四议两公开的一步."""
    return await service.detail(work, await service.note_step(work, plan_id, body, match))


@router.get(
    "/{plan_id}/payouts", response_model=list[PayoutRead], **allows(May.ASSET_OPERATE, refuses=(NotFound,))
)
async def list_payouts(work: Reading, plan_id: UUID) -> list[Payout]:
    """发放名单; 账号只显示尾号."""
    return await payouts.listed(work, plan_id)


@router.post(
    "/{plan_id}/payouts",
    status_code=201,
    response_model=list[PayoutRead],
    **allows(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid), body=512 * 1024),
)
async def add_payouts(work: Writing, plan_id: UUID, body: PayoutList) -> list[Payout]:
    """增加发放名单."""
    return await payouts.add(work, plan_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/pay", response_model=PayoutRead, **OPERATE)
async def pay_out(work: Writing, plan_id: UUID, payout_id: UUID, body: PayoutPay) -> Payout:
    """登记兑付."""
    return await payouts.pay(work, plan_id, payout_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/withdraw", response_model=PayoutRead, **OPERATE)
async def withdraw_payout(work: Writing, plan_id: UUID, payout_id: UUID, body: PayoutTakenBack) -> Payout:
    """从名单撤下还没有兑付的一笔."""
    return await payouts.withdraw(work, plan_id, payout_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/return", response_model=PayoutRead, **OPERATE)
async def payout_returned(work: Writing, plan_id: UUID, payout_id: UUID, body: PayoutTakenBack) -> Payout:
    """登记已兑付的一笔被退回(账号有误等); 资金回到待付, 可再次兑付或撤下."""
    return await payouts.came_back(work, plan_id, payout_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/account", response_model=AccountRead, **OPERATE)
async def reveal_account(work: Writing, plan_id: UUID, payout_id: UUID) -> AccountRead:
    """查看完整账号; 查看行为会被记录."""
    return AccountRead(account=await payouts.account(work, plan_id, payout_id))


async def _subject(work: Work, record_id: UUID, /, *, lock: bool) -> Subject:
    return await service.subject(work, record_id, lock=lock)


notices = of_record("/assets/distributions", load=_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE)
verbs = APIRouter(prefix="/assets/distributions", tags=["收益分配"], route_class=Route)


@verbs.post(
    "/{plan_id}/{action}",
    response_model=DistributionDetail | Preview,
    description=f"```mermaid\n{PLAN.mermaid()}\n```",
    **allows(*PLAN.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_distribution(
    work: Writing,
    plan_id: UUID,
    action: PlanAction,
    body: DistributionAct,
    match: IfMatch,
    dry_run: bool = False,
) -> DistributionDetail | Preview:
    """办理收益分配方案."""
    return await service.act(work, plan_id, action, body, match=match, dry_run=dry_run)
