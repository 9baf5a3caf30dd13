"""Use cases of the value book: adjustments approved by a second person, value on a day, funding from the funds ledger."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.book import repository
from services.assets.book.calculation import calculate_with_changes
from services.assets.book.events import ValueAdjusted
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction, AdjustmentFacts, AdjustmentState
from services.assets.book.models import ValueAdjustment
from services.assets.book.schemas import (
    AdjustmentPost,
    AdjustmentTransitionRequest,
    BookRead,
    ValueAdjustmentKind,
    ValueAdjustmentRead,
)
from services.assets.errors import conflict, invalid
from services.assets.policy import DEPRECIATION
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged, FundingCarried, FundingShare
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from shared.auth import May
from shared.china import format_yuan, parse_yuan, split_proportionally
from shared.clients.funds import FundsClient
from shared.db import new_id
from shared.errors import ApiError
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition
from shared.records import create_record, save_record
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

RETRY_INTERVAL = timedelta(hours=1)
"""Time before a project without allocations is queried again."""
log = structlog.get_logger("funding")


async def create_adjustment(work: UnitOfWork, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """Propose an adjustment; it takes effect when another person approves it. Invalid when amount or date do not fit its kind."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if body.amount == 0:
        raise invalid("zero", "调整金额不能为零", "/amount", "It changes nothing")
    if body.kind in {ValueAdjustmentKind.IMPAIRMENT, ValueAdjustmentKind.PARTIAL} and body.amount > 0:
        raise invalid("sign", f"{body.kind.label}的金额须为负", "/amount", "It must be below zero")
    if body.kind is ValueAdjustmentKind.IMPROVEMENT and body.amount < 0:
        raise invalid("sign", "改扩建增值的金额须为正", "/amount", "It must be above zero")
    if body.happened_on > work.today:
        raise invalid("in_the_future", "发生日期不能晚于今天", "/happened_on", "It lies in the future")
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    adjustment, _ = await create_record(
        work,
        ValueAdjustment,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        file_ids=file_ids,
        state=AdjustmentState.PROPOSED,
        state_since=work.at,
        **body.model_dump(exclude={"id", "file_ids"}),
    )
    return adjustment


async def transition_adjustment(
    work: UnitOfWork,
    adjustment_id: UUID,
    action: AdjustmentAction,
    body: AdjustmentTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> ValueAdjustment | TransitionPreview:
    """Approve or reject an adjustment; approval changes the asset in the same transaction."""
    unlocked = await records.get_record(work, ValueAdjustment, adjustment_id, "项价值调整")
    asset = await register.get_asset(work, unlocked.asset_id, lock=True)
    adjustment = await records.get_record(work, ValueAdjustment, adjustment_id, "项价值调整", lock=True)
    is_correction = adjustment.kind is ValueAdjustmentKind.CORRECTION
    value_after = (asset.original_value if is_correction else get_current_value(asset)) + adjustment.amount
    facts = AdjustmentFacts(
        value_after=value_after - 1
        if is_correction
        else value_after,  # a corrected original value must stay positive
        is_registered=asset.state in COUNTED_STATES and asset.use is not UseState.DISPOSED,
        reason=body.reason,
    )
    preview = await apply_transition(
        work,
        ADJUSTMENT,
        adjustment,
        action,
        facts,
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: ValueAdjusted(
            asset_id=asset.id,
            adjustment_id=adjustment.id,
            kind=adjustment.kind,
            amount=adjustment.amount,
            was=was,
            now=now,
        ),
    )
    if preview is not None:
        return preview
    adjustment.decided_by = work.actor.id
    if adjustment.state is AdjustmentState.APPROVED:
        await _apply_adjustment(work, asset, adjustment)
    return adjustment


def get_current_value(asset: Asset) -> int:
    """Original value plus approved adjustments in 分, before depreciation."""
    return asset.original_value + asset.adjusted


async def copy_adjustments(work: UnitOfWork, old: Asset, new: Sequence[Asset]) -> None:
    """Copy the approved adjustments of an asset to its successors, split in proportion to their original values."""
    for adjustment in await records.list_records(
        work, ValueAdjustment, col(ValueAdjustment.asset_id) == old.id
    ):
        if not _counts_separately(adjustment):
            continue
        shares = split_proportionally(adjustment.amount, [asset.original_value for asset in new])
        for asset, share in zip(new, shares, strict=True):
            if share:
                asset.adjusted += share
                work.session.add_all((asset, _build_successor(work, adjustment, old, asset, share)))


async def get_book(work: UnitOfWork, asset: Asset, on: date) -> BookRead:
    """Value of an asset on a day: adjustments, and depreciation by the rule book.depreciation for its class and district."""
    rule = await work.get_rule(DEPRECIATION, on=on, region=asset.region)
    terms_by_class = rule.value
    terms = terms_by_class.get(asset.asset_class)
    years = asset.service_years or (terms.years if terms else None)
    of_asset = col(ValueAdjustment.asset_id) == asset.id
    adjustments = await records.list_records(
        work, ValueAdjustment, of_asset, order=(col(ValueAdjustment.happened_on),)
    )
    changes = [
        (adjustment.happened_on, adjustment.amount)
        for adjustment in adjustments
        if _counts_separately(adjustment) and adjustment.happened_on <= on
    ]
    adjusted = sum(amount for _, amount in changes)
    value = asset.original_value + adjusted
    depreciation = None
    if terms is not None and terms.enabled and years and asset.built_on is not None:
        depreciation = calculate_with_changes(
            asset.original_value,
            changes,
            asset.built_on,
            on,
            years=years,
            residual_percent=terms.residual_percent,
        )
    return BookRead.model_construct(
        asset_id=asset.id,
        on=on,
        original_value=asset.original_value,
        adjusted=adjusted,
        value=value,
        depreciated=depreciation is not None,
        years=years if depreciation else None,
        months=depreciation.months if depreciation else None,
        residual=depreciation.residual if depreciation else None,
        accumulated=depreciation.accumulated if depreciation else None,
        net=depreciation.net if depreciation else value,
        rule=rule.ref,
        adjustments=[ValueAdjustmentRead.model_validate(adjustment) for adjustment in adjustments],
    )


def split_by_allocation(thread: Mapping[str, Any], value: int) -> list[dict[str, Any]]:
    """Split a value in 分 over the fund sources of a project in proportion to their net allocations; the parts add up exactly."""
    amount_by_source: defaultdict[str, int] = defaultdict(int)
    for allocation in thread["allocations"]:
        amount_by_source[allocation["source_id"]] += _net_allocation(allocation, thread["payments"])
    sources = [source for source in thread["sources"] if amount_by_source[source["id"]] > 0]
    if not sources:
        return []
    amounts = split_proportionally(value, [amount_by_source[source["id"]] for source in sources])
    return [
        {
            "level": source["level"],
            "fund": source["fund"],
            "document_no": source["document_no"],
            "amount": amount,
        }
        for source, amount in zip(sources, amounts, strict=True)
        if amount
    ]


async def fetch_funding(service_client: ServiceClient, project_id: UUID, value: int) -> list[dict[str, Any]]:
    """Sources of money of a project from the funds service, scaled to `value`; Unavailable when it is down."""
    funds = FundsClient(service_client)
    thread = await funds.get_thread(project_id=project_id)
    allocations = [await funds.get_allocation(UUID(allocation["id"])) for allocation in thread["allocations"]]
    return split_by_allocation({**thread, "allocations": allocations}, value)


async def carry_funding(work: UnitOfWork, asset_id: UUID) -> Asset:
    """Fill the funding of an asset from the funds ledger now. Conflict when it has no project or the project has no allocation."""
    async with work.context.database.read() as session:
        unlocked = await register.get_asset(work.context.unit_of_work(session, work.actor), asset_id)
    if unlocked.project_id is None:
        raise conflict("no_project", "资产没有形成项目, 请手工填写资金来源", "No project")
    funding = await fetch_funding(work.service_client("funds"), unlocked.project_id, unlocked.original_value)
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if not funding or asset.original_value != unlocked.original_value:
        raise conflict("no_money", "资金账上没有这个项目的资金安排", "No money of this project")
    await update_funding(work, asset, funding, "资金来源取自资金总账")
    return asset


async def update_funding(work: UnitOfWork, asset: Asset, funding: list[dict[str, Any]], reason: str) -> None:
    """Store the sources of money; publish an event with the old and the new ones when they differ."""
    before = asset.funding
    asset.funding, asset.funding_known, asset.funding_carried = funding, True, True
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if funding == before:
        return
    shares = tuple(
        FundingShare.model_validate(part | {"amount": format_yuan(part["amount"])}) for part in funding
    )
    event = FundingCarried(asset_id=asset.id, project_id=asset.project_id, funding=shares)
    previous_funding = [part | {"amount": format_yuan(part["amount"])} for part in before]
    await save_record(work, asset, event, before={"funding": previous_funding}, reason=reason)


async def fill_missing_funding(context: ServiceContext, limit: int = 50) -> int:
    """Background task: fill missing funding of at most `limit` assets; returns how many were filled. Safe to repeat."""
    async with context.database.read() as session:
        assets = await repository.system_list_missing_funding(
            context.unit_of_work(session), context.clock() - RETRY_INTERVAL, limit
        )
    service_client = ServiceClient(context, "funds", context.service_actor(), context.clock())
    filled = 0
    for asset in assets:
        funding = await _fetch_or_skip(service_client, asset)
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            current = await repository.system_lock_asset(work, asset)
            if current is not None and not current.funding_known:
                filled += await _fill_asset(
                    work, current, funding if current.original_value == asset.original_value else []
                )
    return filled


async def _apply_adjustment(work: UnitOfWork, asset: Asset, adjustment: ValueAdjustment) -> None:
    """Apply an approved adjustment to the asset and publish the change in the asset's history."""
    name = "original_value" if adjustment.kind is ValueAdjustmentKind.CORRECTION else "adjusted"
    before = {name: format_yuan(getattr(asset, name))}
    setattr(asset, name, getattr(asset, name) + adjustment.amount)
    if name == "original_value" and asset.funding_carried:
        # The sources add up to the original value, so they must be fetched again.
        asset.funding_known, asset.funding_asked_at = False, None
    event = AssetChanged(asset_id=asset.id, fields=[name])
    await save_record(
        work, asset, event, before=before, reason=f"{adjustment.kind.label}: {adjustment.reason}"
    )


def _counts_separately(adjustment: ValueAdjustment) -> bool:
    """Whether an adjustment is added to the original value; an approved correction is already part of it."""
    is_correction = adjustment.kind is ValueAdjustmentKind.CORRECTION
    return adjustment.state is AdjustmentState.APPROVED and not is_correction


def _build_successor(
    work: UnitOfWork, adjustment: ValueAdjustment, old: Asset, asset: Asset, amount: int
) -> ValueAdjustment:
    columns = adjustment.model_dump(
        include={"kind", "happened_on", "document_no", "file_ids", "state", "decided_by"}
    )
    return ValueAdjustment(
        **columns,
        id=new_id(),
        region=asset.region,
        created_at=work.at,
        created_by=adjustment.created_by,
        updated_at=work.at,
        asset_id=asset.id,
        amount=amount,
        reason=f"承接 {old.code}: {adjustment.reason}",
        state_since=work.at,
    )


def _net_allocation(allocation: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> int:
    """Net amount of an allocation in 分: recalls are deducted, and so are refunds that were not paid out again."""
    allocated, paid = (
        parse_yuan(allocation["figures"]["allocated"]),
        parse_yuan(allocation["figures"]["paid"]),
    )
    refunded = sum(
        parse_yuan(payment["refunded"])
        for payment in payments
        if payment["allocation_id"] == allocation["id"]
    )
    return max(paid, allocated - refunded) if refunded else allocated


async def _fetch_or_skip(service_client: ServiceClient, asset: Asset) -> list[dict[str, Any]]:
    """Funding of the asset's project; empty when the funds service refuses, so that one project does not block the others."""
    try:
        return (
            await fetch_funding(service_client, asset.project_id, asset.original_value)
            if asset.project_id
            else []
        )
    except ApiError as error:
        log.warning("funding", asset=str(asset.id), reason=error.detail)
        return []


async def _fill_asset(work: UnitOfWork, asset: Asset, funding: list[dict[str, Any]]) -> bool:
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if funding:
        reason = (
            "资金调整收回、退款或原值更正后, 按资金总账更正"
            if asset.funding_carried
            else "资金来源取自资金总账"
        )
        await update_funding(work, asset, funding, reason)
    elif asset.funding_carried and asset.funding:
        await update_funding(work, asset, [], "项目的资金已全部收回, 资金来源清空")
    return bool(funding)
