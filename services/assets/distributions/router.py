"""Routes of income distribution."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.distributions import service
from services.assets.distributions.lifecycle import DISTRIBUTION, DistributionAction, DistributionState
from services.assets.distributions.models import Distribution, Payout
from services.assets.distributions.schemas import (
    BalanceRead,
    DecisionStepPost,
    DistributionCreate,
    DistributionDetail,
    DistributionRead,
    DistributionTransitionRequest,
    LinesPost,
    PayeeAccountRead,
    PayoutList,
    PayoutPaymentPost,
    PayoutRead,
    PayoutReversalPost,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.notices.router import record_notice_router
from shared.notices.service import NoticeSubject
from shared.records import Act, Part, RecordKind, turn
from shared.unit_of_work import UnitOfWork

router = APIRouter(prefix="/assets/distributions", tags=["收益分配"], route_class=Route)
OPERATE_ROUTE = requires(
    May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid, PreconditionFailed, Forbidden)
)


@router.post("", status_code=201, response_model=DistributionDetail, **OPERATE_ROUTE)
async def draft_distribution(work: WriteWork, body: DistributionCreate) -> DistributionDetail:
    """编制收益分配方案."""
    return await service.get_distribution_detail(work, await service.create_distribution(work, body))


@router.get("", response_model=Page[DistributionRead], **requires(May.ASSET_READ))
async def list_distributions(
    work: ReadWork,
    page_params: Pagination,
    region: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2012, le=2100)] = None,
    state: DistributionState | None = None,
) -> PageAnswer:
    """收益分配方案列表."""
    where = records.equality_conditions({col(Distribution.year): year, col(Distribution.state): state})
    orders = {"created_at": col(Distribution.created_at), "year": col(Distribution.year)}
    return await records.page_records(
        work,
        page_params,
        Distribution,
        *where,
        orders=orders,
        default="-created_at",
        region=region,
        read=DistributionRead,
    )


@router.get("/balance", response_model=BalanceRead, **requires(May.ASSET_READ))
async def read_balance(work: ReadWork, region: RegionCode) -> BalanceRead:
    """收益账余额: 已收 = 未分配 + 已定方案待付 + 公积提留 + 已分配."""
    return await service.get_balance(work, region)


@router.get("/{plan_id}", response_model=DistributionDetail, **requires(May.ASSET_READ, refuses=(NotFound,)))
async def read_distribution(work: ReadWork, plan_id: UUID) -> DistributionDetail:
    """收益分配方案, 四议两公开, 可办事项."""
    return await service.get_distribution_detail(work, await service.get_distribution(work, plan_id))


@router.put("/{plan_id}/lines", response_model=DistributionRead, **OPERATE_ROUTE)
async def update_lines(work: WriteWork, plan_id: UUID, body: LinesPost, match: IfMatch) -> Distribution:
    """修改编制中方案的明细; 已记录的决议步骤作废."""
    return await service.update_lines(work, plan_id, body.lines, match)


@router.post("/{plan_id}/steps", response_model=DistributionDetail, **OPERATE_ROUTE)
async def record_decision_step(
    work: WriteWork, plan_id: UUID, body: DecisionStepPost, match: IfMatch
) -> DistributionDetail:
    """记录四议两公开的一步."""
    return await service.get_distribution_detail(
        work, await service.record_decision_step(work, plan_id, body, match)
    )


@router.get(
    "/{plan_id}/payouts", response_model=list[PayoutRead], **requires(May.ASSET_OPERATE, refuses=(NotFound,))
)
async def list_payouts(work: ReadWork, plan_id: UUID) -> list[Payout]:
    """发放名单; 账号只显示尾号."""
    return await service.list_payouts(work, plan_id)


@router.post(
    "/{plan_id}/payouts",
    status_code=201,
    response_model=list[PayoutRead],
    **requires(May.ASSET_OPERATE, refuses=(NotFound, Conflict, Invalid), body=512 * 1024),
)
async def add_payouts(work: WriteWork, plan_id: UUID, body: PayoutList) -> list[Payout]:
    """增加发放名单."""
    return await service.create_payouts(work, plan_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/pay", response_model=PayoutRead, **OPERATE_ROUTE)
async def record_payment(work: WriteWork, plan_id: UUID, payout_id: UUID, body: PayoutPaymentPost) -> Payout:
    """登记兑付."""
    return await service.record_payment(work, plan_id, payout_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/withdraw", response_model=PayoutRead, **OPERATE_ROUTE)
async def withdraw_payout(
    work: WriteWork, plan_id: UUID, payout_id: UUID, body: PayoutReversalPost
) -> Payout:
    """从名单撤下还没有兑付的一笔."""
    return await service.withdraw_payout(work, plan_id, payout_id, body)


@router.post("/{plan_id}/payouts/{payout_id}/return", response_model=PayoutRead, **OPERATE_ROUTE)
async def return_payout(work: WriteWork, plan_id: UUID, payout_id: UUID, body: PayoutReversalPost) -> Payout:
    """登记已兑付的一笔被退回(账号有误等); 资金回到待付, 可再次兑付或撤下."""
    return await service.return_payout(work, plan_id, payout_id, body)


@router.post(
    "/{plan_id}/payouts/{payout_id}/account", response_model=PayeeAccountRead, **never_stored(OPERATE_ROUTE)
)
async def reveal_account(work: WriteWork, plan_id: UUID, payout_id: UUID) -> PayeeAccountRead:
    """查看完整账号; 查看行为会被记录."""
    return PayeeAccountRead(account=await service.reveal_account(work, plan_id, payout_id))


async def _load_notice_subject(work: UnitOfWork, record_id: UUID, /, *, lock: bool) -> NoticeSubject:
    return await service.get_notice_subject(work, record_id, lock=lock)


notice_router = record_notice_router(
    "/assets/distributions", load=_load_notice_subject, read=May.ASSET_READ, post=May.ASSET_NOTICE
)
transition_router = APIRouter(prefix="/assets/distributions", tags=["收益分配"], route_class=Route)


@transition_router.post(
    "/{plan_id}/{action}",
    response_model=DistributionDetail | TransitionPreview,
    **moves(DISTRIBUTION),
)
async def act_on_distribution(
    work: WriteWork,
    plan_id: UUID,
    action: DistributionAction,
    body: DistributionTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> DistributionDetail | TransitionPreview:
    """办理收益分配方案."""
    return await service.transition_distribution(work, plan_id, action, body, match=match, dry_run=dry_run)


DISTRIBUTION_KIND = RecordKind(
    name="distribution",
    label="收益分配方案",
    path="/assets/distributions",
    model=Distribution,
    read=DistributionRead,
    may=May.ASSET_READ,
    title="title",
    columns=("title", "owner_name", "region", "year", "total", "state"),
    filters=("region", "year", "state"),
    search=("title", "owner_name"),
    lifecycle=DISTRIBUTION,
    acts=(
        Act(
            "编排分配明细",
            "/assets/distributions/{id}/lines",
            method="PUT",
            states=(DistributionState.DRAFT,),
        ),
        Act("发布公示", "/assets/distributions/{id}/notices"),
        Act("登记民主决策", "/assets/distributions/{id}/steps", states=(DistributionState.DRAFT,)),
        Act("添加领款人", "/assets/distributions/{id}/payouts", states=(DistributionState.APPROVED,)),
        Act("登记兑付", "/assets/distributions/{id}/payouts/{payout_id}/pay"),
        Act("登记退回", "/assets/distributions/{id}/payouts/{payout_id}/return"),
        Act("撤销", "/assets/distributions/{id}/payouts/{payout_id}/withdraw"),
    ),
    parts=(Part("payouts", "领款人", "/assets/distributions/{id}/payouts"),),
    topics=("distribution.moved", "distribution.listed", "distribution.paid"),
    turns=(
        turn(DistributionState.DRAFT, DistributionAction.SUBMIT, "收益分配草稿"),
        turn(DistributionState.DECIDED, DistributionAction.APPROVE, "待批准的收益分配"),
        turn(DistributionState.APPROVED, DistributionAction.CLOSE, "待发放完毕的收益分配"),
    ),
)
