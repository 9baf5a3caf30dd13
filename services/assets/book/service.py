"""Use cases of the value book: adjustments approved by a second person, value on a day, funding from the funds ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.book import repository
from services.assets.book.calculation import (
    BookedValue,
    Change,
    ValuePart,
    calculate_value,
    split_by_allocation,
)
from services.assets.book.events import ValueAdjusted
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction, AdjustmentFacts, AdjustmentState
from services.assets.book.models import BookOpening, ValueAdjustment
from services.assets.book.schemas import (
    AdjustmentPost,
    AdjustmentTransitionRequest,
    BookPart,
    BookRead,
    ValueAdjustmentKind,
    ValueAdjustmentRead,
)
from services.assets.errors import conflict
from services.assets.policy import DEPRECIATION, DepreciationTerms
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged, FundingCarried, FundingShare
from services.assets.register.lifecycle import COUNTED_STATES, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass
from shared.auth import May
from shared.china import add_months, format_yuan, split_proportionally
from shared.clients.funds import FundsClient
from shared.db import new_id
from shared.errors import ApiError, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition
from shared.records import create_record, save_record
from shared.rules import Rule
from shared.unit_of_work import ServiceClient, ServiceContext, UnitOfWork

RETRY_INTERVAL = timedelta(hours=1)
"""Time before a project without allocations is queried again."""
log = structlog.get_logger("funding")


async def create_adjustment(work: UnitOfWork, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """Propose an adjustment; it takes effect when another person approves it. Invalid when amount or date do not fit its kind."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_REGISTER, asset.region, department=asset.managing_unit)
    if body.amount == 0:
        raise invalid_field("zero", "调整金额不能为零", "/amount", "It changes nothing")
    if body.kind in {ValueAdjustmentKind.IMPAIRMENT, ValueAdjustmentKind.PARTIAL} and body.amount > 0:
        raise invalid_field("sign", f"{body.kind.label}的金额须为负", "/amount", "It must be below zero")
    if body.kind is ValueAdjustmentKind.IMPROVEMENT and body.amount < 0:
        raise invalid_field("sign", "改扩建增值的金额须为正", "/amount", "It must be above zero")
    if body.happened_on > work.today:
        raise invalid_field("in_the_future", "发生日期不能晚于今天", "/happened_on", "It lies in the future")
    await _check_start(work, asset, body.happened_on)
    await _check_service_years(work, asset, body)
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


async def _check_start(work: UnitOfWork, asset: Asset, happened_on: date) -> None:
    """Invalid if an adjustment is dated before the asset was built, or before the split or merge that made it."""
    openings = await repository.list_openings(work, asset)
    start = openings[0].opened_on if openings else asset.built_on
    if start is not None and happened_on < start:
        detail = f"发生日期早于{'拆并' if openings else '建成'}日期 {start}"
        raise invalid_field("before_start", detail, "/happened_on", "It is before the asset began")


async def _check_service_years(work: UnitOfWork, asset: Asset, body: AdjustmentPost) -> None:
    """Invalid when only an improvement would renew the life and none is given, or it ends before the improvement."""
    years, is_improvement = body.service_years, body.kind is ValueAdjustmentKind.IMPROVEMENT
    if years is not None and not is_improvement:
        raise invalid_field(
            "no_improvement", "只有改扩建重新核定使用年限", "/service_years", "Only an improvement"
        )
    if not is_improvement or asset.built_on is None:
        return
    if years is not None and add_months(asset.built_on, years * 12) <= body.happened_on:
        raise invalid_field("over", "新的使用年限在改扩建之前就已届满", "/service_years", "It is over before")
    book = await _load_book(work, asset, body.happened_on)
    total = book.calculate(body.happened_on).total
    if years is None and book.years is not None and total.months >= total.total_months:
        detail = f"使用年限 {total.total_months // 12} 年已满, 改扩建须填写重新核定的使用年限"
        raise invalid_field("life_over", detail, "/service_years", "Its service life is over")


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
    net_after = await find_lowest_net(work, asset, adjustment)
    if is_correction:  # a corrected original value must stay positive
        net_after = min(net_after, asset.original_value + adjustment.amount - 1)
    facts = AdjustmentFacts(
        net_after=net_after,
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


@dataclass(frozen=True)
class Book:
    """Parts of an asset's value, the changes since, and the terms of depreciation."""

    parts: list[ValuePart]
    changes: list[Change]
    adjustments: list[ValueAdjustment]
    own_years: list[int | None]
    """Service years of each part where they are its own, not the rule's."""
    opened_on: date | None
    years: int | None
    residual_percent: int
    rule: str

    def calculate(self, on: date, extra: Sequence[Change] = ()) -> BookedValue:
        """Value of every part on a day, with further changes."""
        return calculate_value(
            self.parts, [*self.changes, *extra], on, residual_percent=self.residual_percent
        )


async def _load_book(work: UnitOfWork, asset: Asset, on: date, *, original_value: int | None = None) -> Book:
    """The value of an asset from its start, or from the split or merge that opened it."""
    rule = await work.get_rule(DEPRECIATION, on=on, region=asset.region)
    of_asset = col(ValueAdjustment.asset_id) == asset.id
    adjustments = await records.list_records(
        work, ValueAdjustment, of_asset, order=(col(ValueAdjustment.happened_on),)
    )
    openings = await repository.list_openings(work, asset)
    return _build_book(asset, rule, adjustments, openings, original_value=original_value)


def _build_book(
    asset: Asset,
    rule: Rule[dict[AssetClass, DepreciationTerms]],
    adjustments: list[ValueAdjustment],
    openings: Sequence[BookOpening],
    *,
    original_value: int | None = None,
) -> Book:
    """An approved correction is part of the original value; after an opening it is a change like the others."""
    terms_by_class = rule.value
    terms = terms_by_class.get(asset.asset_class)
    years = asset.service_years or (terms.years if terms else None)
    is_depreciated = terms is not None and terms.enabled
    if openings:
        parts = [
            ValuePart(
                opening.value,
                opening.opened_on,
                opening.built_on,
                (opening.service_years or years) if is_depreciated else None,
                opening.accumulated,
            )
            for opening in openings
        ]
        counted = [
            one
            for one in adjustments
            if one.state is AdjustmentState.APPROVED and one.created_at > openings[0].opened_at
        ]
    else:
        value = asset.original_value if original_value is None else original_value
        since = asset.built_on or date.min
        parts = [ValuePart(value, since, asset.built_on, years if is_depreciated else None)]
        counted = [one for one in adjustments if _counts_separately(one)]
    return Book(
        parts=parts,
        changes=[Change(one.happened_on, one.amount, one.service_years) for one in counted],
        adjustments=adjustments,
        own_years=[one.service_years for one in openings] if openings else [asset.service_years],
        opened_on=openings[0].opened_on if openings else None,
        years=years if any(part.built_on is not None and part.years for part in parts) else None,
        residual_percent=terms.residual_percent if terms else 0,
        rule=rule.ref,
    )


async def sum_net(work: UnitOfWork, region: str, year: int | None) -> int:
    """Net value today, in 分, of the assets of a district, town or village that are on the register and not disposed of.

    Assets whose value never changed are summed in SQL, the others by their books.
    """
    rule = await work.get_rule(DEPRECIATION, on=work.today, region=region)
    changed = await repository.list_changed_assets(work, region, year)
    total = await repository.sum_unchanged_net(work, region, year, rule.value)
    for asset, adjustments, openings in changed:
        total += _build_book(asset, rule, adjustments, openings).calculate(work.today).total.net
    return total


async def get_book(work: UnitOfWork, asset: Asset, on: date) -> BookRead:
    """Value of an asset on a day: adjustments, and depreciation by the rule book.depreciation for its class and district.

    Invalid before the split or merge that made the asset: its value was that of the assets before it.
    """
    book = await _load_book(work, asset, on)
    if book.opened_on is not None and on < book.opened_on:
        detail = f"资产由拆并形成, 自 {book.opened_on} 起有账面价值, 之前的请查原资产"
        raise invalid_field("before_opening", detail, "/on", "It was made by a split or merge later")
    booked = book.calculate(on)
    total, value = booked.total, sum(booked.values)
    depreciated = book.years is not None or total.accumulated > 0
    return BookRead.model_construct(
        asset_id=asset.id,
        on=on,
        original_value=asset.original_value,
        adjusted=value - asset.original_value,
        value=value,
        depreciated=depreciated,
        years=total.total_months // 12 or book.years,
        months=total.months if depreciated else None,
        residual=total.residual if depreciated else None,
        accumulated=total.accumulated if depreciated else None,
        net=total.net,
        rule=book.rule,
        parts=[
            BookPart(
                value=part_value,
                built_on=part.built_on,
                accumulated=depreciation.accumulated,
                net=depreciation.net,
            )
            for part, part_value, depreciation in zip(book.parts, booked.values, booked.parts, strict=True)
        ],
        adjustments=[ValueAdjustmentRead.model_validate(adjustment) for adjustment in book.adjustments],
    )


async def find_lowest_net(work: UnitOfWork, asset: Asset, adjustment: ValueAdjustment) -> int:
    """The lowest net value in 分 on any day up to today if the adjustment were approved."""
    is_restated = adjustment.kind is ValueAdjustmentKind.CORRECTION and not await repository.list_openings(
        work, asset
    )
    original_value = asset.original_value + adjustment.amount if is_restated else None
    book = await _load_book(work, asset, work.today, original_value=original_value)
    own = Change(adjustment.happened_on, adjustment.amount, adjustment.service_years)
    extra = [] if is_restated else [own]
    return book.calculate(work.today, extra).lowest


async def get_value_parts(work: UnitOfWork, asset: Asset) -> list[ValuePart]:
    """Parts of the value of an asset as they stand today, to open its successors with."""
    book = await _load_book(work, asset, work.today)
    booked = book.calculate(work.today)
    renewed = next((one.service_years for one in reversed(book.changes) if one.service_years), None)
    return [
        ValuePart(value, work.today, part.built_on, renewed or years, depreciation.accumulated)
        for part, years, value, depreciation in zip(
            book.parts, book.own_years, booked.values, booked.parts, strict=True
        )
    ]


async def open_books(
    work: UnitOfWork, successors: Sequence[Asset], parts: Sequence[Sequence[ValuePart]]
) -> None:
    """Open the books of the successors of a split or merge with their parts."""
    for asset, own in zip(successors, parts, strict=True):
        work.session.add_all(
            BookOpening(
                asset_id=asset.id,
                position=position,
                region=asset.region,
                opened_on=work.today,
                opened_at=work.at,
                value=part.value,
                accumulated=part.accumulated,
                built_on=part.built_on,
                service_years=part.years,
            )
            for position, part in enumerate(own, 1)
        )
    await work.session.flush()


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
    work.actor.require(May.ASSET_REGISTER, asset.region, department=asset.managing_unit)
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
        include={"kind", "happened_on", "service_years", "document_no", "file_ids", "state", "decided_by"}
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
