"""Changing an asset's value by two people, and what it is worth on a day."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col

from services.assets.book.depreciation import with_changes
from services.assets.book.kinds import AdjustmentKind
from services.assets.book.lifecycle import ADJUSTMENT, AdjustmentAction, AdjustmentFacts, AdjustmentState
from services.assets.book.models import ValueAdjustment
from services.assets.book.schemas import AdjustmentAct, AdjustmentPost, AdjustmentRead, BookRead
from services.assets.refusals import wrong
from services.assets.register import repository as register
from services.assets.register.events import AssetChanged
from services.assets.register.lifecycle import COUNTED, UseState
from services.assets.register.models import Asset
from services.assets.scoped import repository as scoped
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.http import Match
from shared.ids import new_id
from shared.money import SignedMoney, share, yuan
from shared.moves import Preview, fire
from shared.permissions import May
from shared.work import Work


class ValueAdjusted(AssetEvent):
    """价值调整换了状态."""

    topic = "asset.value_adjusted"
    asset_id: UUID
    adjustment_id: UUID
    kind: str
    amount: SignedMoney
    was: str
    now: str


async def propose(work: Work, asset_id: UUID, body: AdjustmentPost) -> ValueAdjustment:
    """An adjustment that waits for another person's approval."""
    asset = await register.get(work, asset_id)
    work.actor.require(May.ASSET_REGISTER, asset.region)
    if body.amount == 0:
        raise wrong("zero", "调整金额不能为零", "/amount", "It changes nothing")
    if body.kind in {AdjustmentKind.IMPAIRMENT, AdjustmentKind.PARTIAL} and body.amount > 0:
        raise wrong("sign", f"{body.kind.label}的金额须为负", "/amount", "It must be below zero")
    if body.kind is AdjustmentKind.IMPROVEMENT and body.amount < 0:
        raise wrong("sign", "改扩建增值的金额须为正", "/amount", "It must be above zero")
    if body.happened_on > work.today:
        raise wrong("in_the_future", "发生日期不能晚于今天", "/happened_on", "It lies in the future")
    papers = [str(one) for one in body.file_ids]
    await files.require(work, papers, "/file_ids")
    made, _ = await create(
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


async def decide(
    work: Work,
    adjustment_id: UUID,
    action: AdjustmentAction,
    body: AdjustmentAct,
    *,
    match: Match,
    dry_run: bool,
) -> ValueAdjustment | Preview:
    """Approve or refuse; an approval changes the asset in the same transaction."""
    seen = await scoped.one(work, ValueAdjustment, adjustment_id, "项价值调整")
    asset = await register.get(work, seen.asset_id, lock=True)
    adjustment = await scoped.one(work, ValueAdjustment, adjustment_id, "项价值调整", lock=True)
    correction = adjustment.kind is AdjustmentKind.CORRECTION
    after = (asset.original_value if correction else worth(asset)) + adjustment.amount
    facts = AdjustmentFacts(
        value_after=after - 1 if correction else after,  # an original value stays above zero
        on_the_books=asset.state in COUNTED and asset.use is not UseState.DISPOSED,
        reason=body.reason,
    )
    preview = await fire(
        work,
        ADJUSTMENT,
        adjustment,
        action,
        facts,
        act=body,
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
        await _applied(work, asset, adjustment)
    return adjustment


async def _applied(work: Work, asset: Asset, adjustment: ValueAdjustment) -> None:
    """An approved change of value, with its event in the asset's own history."""
    name = "original_value" if adjustment.kind is AdjustmentKind.CORRECTION else "adjusted"
    before = {name: yuan(getattr(asset, name))}
    setattr(asset, name, getattr(asset, name) + adjustment.amount)
    if name == "original_value" and asset.funding_carried:
        # The sources add up to the value, so they are asked again.
        asset.funding_known, asset.funding_asked_at = False, None
    asset.version += 1
    asset.updated_at = work.at
    work.session.add(asset)
    event = AssetChanged(asset_id=asset.id, fields=[name])
    await work.tell(event, asset, before=before, reason=f"{adjustment.kind.label}: {adjustment.reason}")


def worth(asset: Asset) -> int:
    """Original value and approved adjustments, before depreciation."""
    return asset.original_value + asset.adjusted


def _counts(adjustment: ValueAdjustment) -> bool:
    """Whether an adjustment stands beside the original value; a correction is in it."""
    correction = adjustment.kind is AdjustmentKind.CORRECTION
    return adjustment.state is AdjustmentState.APPROVED and not correction


async def carry_over(work: Work, old: Asset, new: Sequence[Asset]) -> None:
    """The approved adjustments of an asset on its successors, in proportion to their original values."""
    for row in await scoped.some(work, ValueAdjustment, col(ValueAdjustment.asset_id) == old.id):
        if not _counts(row):
            continue
        parts = share(row.amount, [one.original_value for one in new])
        for asset, part in zip(new, parts, strict=True):
            if part:
                asset.adjusted += part
                work.session.add_all((asset, _successor(work, row, old, asset, part)))


def _successor(work: Work, row: ValueAdjustment, old: Asset, asset: Asset, amount: int) -> ValueAdjustment:
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


async def book(work: Work, asset: Asset, on: date) -> BookRead:
    """What an asset is worth on a day by the district's rule for its class."""
    rule = await work.rule("book.depreciation", on=on, region=asset.region)
    terms = rule.value.get(asset.asset_class) or {}
    years = asset.service_years or terms.get("years")
    kept = bool(terms.get("enabled")) and years is not None and asset.built_on is not None
    mine = col(ValueAdjustment.asset_id) == asset.id
    rows = await scoped.some(work, ValueAdjustment, mine, order=(col(ValueAdjustment.happened_on),))
    changes = [(one.happened_on, one.amount) for one in rows if _counts(one) and one.happened_on <= on]
    adjusted = sum(amount for _, amount in changes)
    value = asset.original_value + adjusted
    found = None
    if kept and years is not None and asset.built_on is not None:
        found = with_changes(
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
