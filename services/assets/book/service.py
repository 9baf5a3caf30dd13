"""Changing an asset's value by two people, and what it is worth on a day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import col

from services.assets import repository_base as scoped
from services.assets.book import repository
from services.assets.book.calculation import calculate_with_changes
from services.assets.book.events import ValueAdjusted
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction, AdjustmentFacts, AdjustmentState
from services.assets.book.models import ValueAdjustment
from services.assets.book.schemas import (
    AdjustmentKind,
    AdjustmentPost,
    AdjustmentRead,
    AdjustmentTransitionRequest,
    BookRead,
)
from services.assets.errors import conflict, invalid
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
from shared.records import create_record
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork


async def create_adjustment(work: UnitOfWork, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """An adjustment that waits for another person's approval."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if body.amount == 0:
        raise invalid("zero", "调整金额不能为零", "/amount", "It changes nothing")
    if body.kind in {AdjustmentKind.IMPAIRMENT, AdjustmentKind.PARTIAL} and body.amount > 0:
        raise invalid("sign", f"{body.kind.label}的金额须为负", "/amount", "It must be below zero")
    if body.kind is AdjustmentKind.IMPROVEMENT and body.amount < 0:
        raise invalid("sign", "改扩建增值的金额须为正", "/amount", "It must be above zero")
    if body.happened_on > work.today:
        raise invalid("in_the_future", "发生日期不能晚于今天", "/happened_on", "It lies in the future")
    papers = [str(one) for one in body.file_ids]
    await uploads.require_files(work, papers, "/file_ids")
    made, _ = await create_record(
        work,
        ValueAdjustment,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        file_ids=papers,
        state=AdjustmentState.PROPOSED,
        state_since=work.at,
        **body.model_dump(exclude={"id", "file_ids"}),
    )
    return made


async def transition_adjustment(
    work: UnitOfWork,
    adjustment_id: UUID,
    action: AdjustmentAction,
    body: AdjustmentTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> ValueAdjustment | TransitionPreview:
    """Approve or refuse; an approval changes the asset in the same transaction."""
    seen = await scoped.get_record(work, ValueAdjustment, adjustment_id, "项价值调整")
    asset = await register.get_asset(work, seen.asset_id, lock=True)
    adjustment = await scoped.get_record(work, ValueAdjustment, adjustment_id, "项价值调整", lock=True)
    correction = adjustment.kind is AdjustmentKind.CORRECTION
    after = (asset.original_value if correction else get_current_value(asset)) + adjustment.amount
    facts = AdjustmentFacts(
        value_after=after - 1 if correction else after,  # an original value stays above zero
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


async def _apply_adjustment(work: UnitOfWork, asset: Asset, adjustment: ValueAdjustment) -> None:
    """An approved change of value, with its event in the asset's own history."""
    name = "original_value" if adjustment.kind is AdjustmentKind.CORRECTION else "adjusted"
    before = {name: format_yuan(getattr(asset, name))}
    setattr(asset, name, getattr(asset, name) + adjustment.amount)
    if name == "original_value" and asset.funding_carried:
        # The sources add up to the value, so they are asked again.
        asset.funding_known, asset.funding_asked_at = False, None
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    event = AssetChanged(asset_id=asset.id, fields=[name])
    await work.publish(event, asset, before=before, reason=f"{adjustment.kind.label}: {adjustment.reason}")


def get_current_value(asset: Asset) -> int:
    """Original value and approved adjustments, before depreciation."""
    return asset.original_value + asset.adjusted


def _counts_separately(adjustment: ValueAdjustment) -> bool:
    """Whether an adjustment stands beside the original value; a correction is in it."""
    correction = adjustment.kind is AdjustmentKind.CORRECTION
    return adjustment.state is AdjustmentState.APPROVED and not correction


async def copy_adjustments(work: UnitOfWork, old: Asset, new: Sequence[Asset]) -> None:
    """The approved adjustments of an asset on its successors, in proportion to their original values."""
    for row in await scoped.list_records(work, ValueAdjustment, col(ValueAdjustment.asset_id) == old.id):
        if not _counts_separately(row):
            continue
        parts = split_proportionally(row.amount, [one.original_value for one in new])
        for asset, part in zip(new, parts, strict=True):
            if part:
                asset.adjusted += part
                work.session.add_all((asset, _build_successor(work, row, old, asset, part)))


def _build_successor(
    work: UnitOfWork, row: ValueAdjustment, old: Asset, asset: Asset, amount: int
) -> ValueAdjustment:
    taken = row.model_dump(include={"kind", "happened_on", "document_no", "file_ids", "state", "decided_by"})
    return ValueAdjustment(
        **taken,
        id=new_id(),
        region=asset.region,
        created_at=work.at,
        created_by=row.created_by,
        updated_at=work.at,
        asset_id=asset.id,
        amount=amount,
        reason=f"承接 {old.code}: {row.reason}",
        state_since=work.at,
    )


async def get_book(work: UnitOfWork, asset: Asset, on: date) -> BookRead:
    """What an asset is worth on a day by the district's rule for its class."""
    rule = await work.get_rule("book.depreciation", on=on, region=asset.region)
    terms = rule.value.get(asset.asset_class) or {}
    years = asset.service_years or terms.get("years")
    kept = bool(terms.get("enabled")) and years is not None and asset.built_on is not None
    mine = col(ValueAdjustment.asset_id) == asset.id
    rows = await scoped.list_records(work, ValueAdjustment, mine, order=(col(ValueAdjustment.happened_on),))
    changes = [
        (one.happened_on, one.amount) for one in rows if _counts_separately(one) and one.happened_on <= on
    ]
    adjusted = sum(amount for _, amount in changes)
    value = asset.original_value + adjusted
    found = None
    if kept and years is not None and asset.built_on is not None:
        found = calculate_with_changes(
            asset.original_value,
            changes,
            asset.built_on,
            on,
            years=int(years),
            residual_percent=int(terms["residual_percent"]),
        )
    return BookRead.model_construct(
        asset_id=asset.id,
        on=on,
        original_value=asset.original_value,
        adjusted=adjusted,
        value=value,
        depreciated=found is not None,
        years=int(years) if found and years else None,
        months=found.months if found else None,
        residual=found.residual if found else None,
        accumulated=found.accumulated if found else None,
        net=found.net if found else value,
        rule=rule.ref,
        adjustments=[AdjustmentRead.model_validate(one) for one in rows],
    )


RETRY_INTERVAL = timedelta(hours=1)
"""When a project without money is asked about again."""
log = structlog.get_logger("funding")


def split_by_allocation(thread: Mapping[str, Any], value: int) -> list[dict[str, Any]]:
    """A value in 分 split over the documents that stand behind a project, adding up exactly."""
    given: defaultdict[str, int] = defaultdict(int)
    for allocation in thread["allocations"]:
        given[allocation["source_id"]] += _net_allocation(allocation, thread["payments"])
    sources = [one for one in thread["sources"] if given[one["id"]] > 0]
    if not sources:
        return []
    amounts = split_proportionally(value, [given[one["id"]] for one in sources])
    return [
        {"level": one["level"], "fund": one["fund"], "document_no": one["document_no"], "amount": amount}
        for one, amount in zip(sources, amounts, strict=True)
        if amount
    ]


def _net_allocation(allocation: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> int:
    """What an allocation still gives: after recalls, and without money that was paid, came back and was not paid again."""
    kept, paid = parse_yuan(allocation["figures"]["allocated"]), parse_yuan(allocation["figures"]["paid"])
    back = sum(parse_yuan(one["refunded"]) for one in payments if one["allocation_id"] == allocation["id"])
    return max(paid, kept - back) if back else kept


async def fetch_funding(peer: ServiceClient, project_id: UUID, value: int) -> list[dict[str, Any]]:
    """What funds says; Unavailable when it is down."""
    funds = FundsClient(peer)
    thread = await funds.get_thread(project_id=project_id)
    given = [await funds.get_allocation(UUID(one["id"])) for one in thread["allocations"]]
    return split_by_allocation({**thread, "allocations": given}, value)


async def carry_funding(work: UnitOfWork, asset_id: UUID) -> Asset:
    """Fill an asset's funding from the ledger now. Conflict when it has no project or the project no money."""
    async with work.context.database.read() as session:
        seen = await register.get_asset(work.context.unit_of_work(session, work.actor), asset_id)
    if seen.project_id is None:
        raise conflict("no_project", "资产没有形成项目, 请手工填写资金来源", "No project")
    found = await fetch_funding(work.service_client("funds"), seen.project_id, seen.original_value)
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if not found or asset.original_value != seen.original_value:
        raise conflict("no_money", "资金账上没有这个项目的资金安排", "No money of this project")
    await update_funding(work, asset, found, "资金来源取自资金总账")
    return asset


async def update_funding(work: UnitOfWork, asset: Asset, found: list[dict[str, Any]], reason: str) -> None:
    """Write the sources down; when they differ from before, with an event that shows both."""
    before = asset.funding
    asset.funding, asset.funding_known, asset.funding_carried = found, True, True
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if found == before:
        return
    asset.version += 1
    asset.updated_at = work.at
    shares = tuple(FundingShare.model_validate(one | {"amount": format_yuan(one["amount"])}) for one in found)
    event = FundingCarried(asset_id=asset.id, project_id=asset.project_id, funding=shares)
    shown = [one | {"amount": format_yuan(one["amount"])} for one in before]
    await work.publish(event, asset, before={"funding": shown}, reason=reason)


async def fill_missing_funding(context: ServiceContext, most: int = 50) -> int:
    """Fill what is waiting, as far as funds answers; how many were filled. Safe to run any number of times."""
    async with context.database.read() as session:
        waiting = await repository.system_list_missing_funding(
            context.unit_of_work(session), context.clock() - RETRY_INTERVAL, most
        )
    peer = ServiceClient(context, "funds", context.service_actor(), context.clock())
    done = 0
    for asset in waiting:
        found = await _fetch_or_skip(peer, asset)
        async with context.database.write() as session:
            work = context.unit_of_work(session)
            now = await repository.system_lock_asset(work, asset)
            if now is not None and not now.funding_known:
                done += await _fill_asset(
                    work, now, found if now.original_value == asset.original_value else []
                )
    return done


async def _fetch_or_skip(peer: ServiceClient, asset: Asset) -> list[dict[str, Any]]:
    """What funds says of an asset's project; nothing when it refuses, so that one project holds no other up."""
    try:
        return await fetch_funding(peer, asset.project_id, asset.original_value) if asset.project_id else []
    except ApiError as refusal:
        log.warning("funding", asset=str(asset.id), reason=refusal.detail)
        return []


async def _fill_asset(work: UnitOfWork, asset: Asset, found: list[dict[str, Any]]) -> bool:
    asset.funding_asked_at = work.at
    work.session.add(asset)
    if found:
        corrected = (
            "资金调整收回、退款或原值更正后, 按资金总账更正"
            if asset.funding_carried
            else "资金来源取自资金总账"
        )
        await update_funding(work, asset, found, corrected)
    elif asset.funding_carried and asset.funding:
        await update_funding(work, asset, [], "项目的资金已全部收回, 资金来源清空")
    return bool(found)
