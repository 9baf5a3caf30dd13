"""Naming keepers and listing duties."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col

from services.assets import repository_base as scoped
from services.assets.custody import repository, rules
from services.assets.custody.events import AssetInspected, HouseholdVisited, KeeperNamed, PhoneRevealed
from services.assets.custody.models import FollowUp, Inspection, Keeper
from services.assets.custody.schemas import (
    BatchItemOutcome,
    Condition,
    FollowUpPost,
    InspectionBatch,
    InspectionBatchOutcome,
    InspectionItem,
    InspectionOutcome,
    InspectionPost,
    KeeperPost,
)
from services.assets.errors import conflict, invalid
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetClass
from services.assets.repairs.service import create_repair_from_inspection
from shared import spreadsheets
from shared.auth import May, mask_phone
from shared.china import Circle, Fence, Fix, evaluate_fences, fence_from_json
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, FieldErrorRead
from shared.files import uploads
from shared.http import to_field_errors
from shared.records import create_record
from shared.spreadsheets import Column
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def create_keeper(work: UnitOfWork, asset_id: UUID, body: KeeperPost) -> Keeper:
    """A new keeper; the earlier one's duty ends the day before."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_KEEP, asset.region)
    if asset.state not in COUNTED_STATES:
        raise conflict("not_registered", "资产未登记, 不能指定管护责任人", "The asset is not on the register")
    known = await scoped.list_records(work, Keeper, col(Keeper.id) == body.id) if body.id else []
    earlier = None if known else await repository.find_current_keeper(work, asset.id)
    if earlier is not None:
        if body.starts_on <= earlier.starts_on:
            raise invalid(
                "before", f"须晚于现责任人的起始日 {earlier.starts_on}", "/starts_on", "It begins too early"
            )
        earlier.ends_on = body.starts_on - timedelta(days=1)
        earlier.version += 1
        work.session.add(earlier)
        await work.session.flush()
    keeper_id = body.id or new_id()
    sealed = (
        work.context.keyring.encrypt(body.phone, associated_data=f"keeper:{keeper_id}:phone")
        if body.phone
        else ""
    )
    keeper, fresh = await create_record(
        work,
        Keeper,
        body,
        region=asset.region,
        id=keeper_id,
        asset_id=asset.id,
        phone_sealed=sealed,
        phone_masked=mask_phone(body.phone) if body.phone else "",
        **body.model_dump(exclude={"id", "phone"}),
    )
    if fresh:
        asset.keeper_unit, asset.keeper_name = keeper.unit, keeper.name
        asset.version += 1
        work.session.add(asset)
        event = KeeperNamed(asset_id=asset.id, keeper_id=keeper.id, welfare_post=keeper.welfare_post)
        await work.publish(event, asset)
    return keeper


async def copy_keeper(work: UnitOfWork, old: Asset, new: Asset) -> None:
    """Who keeps an asset now keeps what became of it."""
    known = await repository.find_current_keeper(work, old.id)
    if known is None:
        return
    keyring, keeper_id = work.context.keyring, new_id()
    sealed = known.phone_sealed and keyring.encrypt(
        keyring.decrypt(known.phone_sealed, associated_data=f"keeper:{known.id}:phone"),
        associated_data=f"keeper:{keeper_id}:phone",
    )
    said = known.model_dump(include={"unit", "name", "phone_masked", "funding", "welfare_post", "duties"})
    work.session.add(
        Keeper(
            **said,
            id=keeper_id,
            region=new.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            asset_id=new.id,
            phone_sealed=sealed,
            starts_on=work.today,
        )
    )


async def list_keepers(work: UnitOfWork, asset_id: UUID) -> list[Keeper]:
    """Everybody who kept an asset, the present one last."""
    asset = await register.get_asset(work, asset_id)
    return await scoped.list_records(
        work, Keeper, col(Keeper.asset_id) == asset.id, order=(col(Keeper.starts_on),)
    )


async def reveal_phone(work: UnitOfWork, asset_id: UUID, keeper_id: UUID) -> str:
    """The keeper's number in clear, for those who manage keeping; that it was read is written down."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_KEEP, asset.region)
    keeper = await scoped.get_record(work, Keeper, keeper_id, "位管护责任人")
    if keeper.asset_id != asset.id or not keeper.phone_sealed:
        raise conflict("no_phone", "没有登记电话", "No phone is known")
    await work.publish(PhoneRevealed(asset_id=asset.id, record_id=keeper.id), asset)
    return work.context.keyring.decrypt(keeper.phone_sealed, associated_data=f"keeper:{keeper.id}:phone")


DUTY_COLUMNS = (
    Column("region", "村(镇)代码"),
    Column("code", "资产编号", width=22),
    Column("name", "资产名称", width=30),
    Column("class_label", "类别"),
    Column("address", "坐落", width=30),
    Column("owner_name", "所有权人", width=24),
    Column("keeper_unit", "管护单位", width=24),
    Column("keeper_name", "管护责任人"),
    Column("use_label", "使用状态"),
    Column("inspect_due_on", "下次巡查不晚于", spreadsheets.DAY),
)


async def build_duty_sheet(work: UnitOfWork, region: str) -> bytes:
    """管护责任清单 of a region as a workbook (at most 5,000 assets)."""
    work.actor.require(May.ASSET_READ, region)
    assets = await register.list_region_assets(work, region, 5000)
    rows = [
        {column.key: getattr(one, column.key, None) for column in DUTY_COLUMNS}
        | {"class_label": one.asset_class.label, "use_label": one.use.label}
        for one in assets
    ]
    return spreadsheets.build_workbook(DUTY_COLUMNS, rows, name="管护责任清单")


BROKEN_CONDITIONS = frozenset({Condition.BROKEN, Condition.UNUSABLE})
MAX_CLOCK_SKEW = timedelta(minutes=10)
"""How far a phone's clock may be ahead."""
CLOSED_STATES = frozenset({AssetState.DISCARDED, AssetState.SUPERSEDED})


async def record_inspection(
    work: UnitOfWork, asset_id: UUID, body: InspectionPost
) -> tuple[Inspection, bool]:
    """One inspection, its place judged against the asset's, and whether it is new; the same id twice is one record."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state in CLOSED_STATES:
        raise Conflict(f"资产{asset.state.label}, 不再巡查", f"The asset is {asset.state}")
    when = body.inspected_at or work.at
    if when > work.at + MAX_CLOCK_SKEW:
        raise invalid(
            "in_the_future", "巡查时间晚于现在, 请检查手机时间", "/inspected_at", "It lies in the future"
        )
    photos = [str(one) for one in body.photos]
    await uploads.require_files(work, photos)
    inspection, fresh = await create_record(
        work,
        Inspection,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        photos=photos,
        inspected_at=when,
        inspector=work.actor.id,
        **body.model_dump(include={"condition", "use_seen", "findings"}),
        **await evaluate_fix(work, asset, body.fix, when),
    )
    if fresh:
        await _publish_inspection(work, asset, inspection)
    return inspection, fresh


async def _publish_inspection(work: UnitOfWork, asset: Asset, inspection: Inspection) -> None:
    if inspection.condition is not Condition.NOT_FOUND:
        await rules.record_sighting(work, asset, inspection.inspected_at, photo=bool(inspection.photos))
    event = AssetInspected(
        asset_id=asset.id,
        inspection_id=inspection.id,
        condition=inspection.condition,
        verdict=inspection.verdict,
        photos=len(inspection.photos),
    )
    await work.publish(event, asset, happened_at=inspection.inspected_at)
    if (
        inspection.condition in BROKEN_CONDITIONS
        and asset.state in COUNTED_STATES
        and asset.use is not UseState.DISPOSED
    ):
        await create_repair_from_inspection(
            work, asset, inspection.id, inspection.findings, inspection.photos
        )


async def evaluate_fix(
    work: UnitOfWork, asset: Asset | None, fix: Fix | None, when: datetime
) -> dict[str, Any]:
    """The fix in WGS-84 and how it stands to the asset's place; no verdict when either has no coordinates."""
    if fix is None:
        return {}
    point = fix.to_wgs84()
    found: dict[str, Any] = {"fix": fix.model_dump(mode="json"), "lon": point.lon, "lat": point.lat}
    fence = await _find_asset_fence(work, asset, when) if asset is not None else None
    if fence is not None:
        said = evaluate_fences([fence], point, fix.accuracy_m)
        found |= {
            "verdict": said.kind,
            "distance_m": round(said.distance_m, 1),
            "margin_m": round(said.margin_m, 1),
        }
    return found


async def _find_asset_fence(work: UnitOfWork, asset: Asset, when: datetime) -> Fence | None:
    if asset.outline is not None:
        return fence_from_json(asset.outline)
    if asset.lon is None or asset.lat is None:
        return None
    rule = await work.get_rule("inspection.radius_m", on=when.date(), region=asset.region)
    return Circle(asset.lon, asset.lat, float(rule.value))


MAX_ID_LENGTH = 64


async def record_batch(work: UnitOfWork, body: InspectionBatch) -> InspectionBatchOutcome:
    """A batch in any order; what is refused says why, and the rest is kept."""
    # Locks are taken in one order, so that two phones that send the same assets never wait in a ring.
    order = sorted(range(len(body.items)), key=lambda at: str(body.items[at].get("asset_id")))
    taken = {at: await _record_item(work, body.items[at]) for at in order}
    return InspectionBatchOutcome(items=[taken[at] for at in range(len(body.items))])


async def _record_item(work: UnitOfWork, raw: dict[str, Any]) -> InspectionOutcome:
    name = str(raw.get("id", ""))[:MAX_ID_LENGTH]
    try:
        item = InspectionItem.model_validate(raw)
    except ValidationError as error:
        return _build_refusal(name, "填写有误", to_field_errors(error.errors()))
    post = InspectionPost.model_validate(item.model_dump(exclude={"asset_id"}))
    try:
        async with work.session.begin_nested():
            inspection, fresh = await record_inspection(work, item.asset_id, post)
    except ApiError as refusal:
        return _build_refusal(name, refusal.detail, refusal.errors)
    taken = BatchItemOutcome.APPLIED if fresh else BatchItemOutcome.DUPLICATE
    return InspectionOutcome(id=name, taken=taken, verdict=inspection.verdict, words=taken.label)


def _build_refusal(
    name: str, words: str, found: list[FieldError] | tuple[FieldError, ...]
) -> InspectionOutcome:
    said = [FieldErrorRead(pointer=one.pointer, code=one.code, detail=one.detail) for one in found]
    return InspectionOutcome(id=name, taken=BatchItemOutcome.REFUSED, words=words, errors=said)


async def record_follow_up(work: UnitOfWork, asset_id: UUID, body: FollowUpPost) -> FollowUp:
    """A visit; it counts as having seen the asset."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.asset_class is not AssetClass.HOUSEHOLD:
        raise invalid(
            "not_household", "只有到户类资产需要回访; 其他资产请登记巡查", "", "Only household assets"
        )
    if asset.state not in COUNTED_STATES:
        raise conflict("not_registered", "资产不在册", "The asset is not on the register")
    if body.visited_on > work.today:
        raise invalid("in_the_future", "回访日期不能晚于今天", "/visited_on", "It lies in the future")
    photos = [str(one) for one in body.photos]
    await uploads.require_files(work, photos)
    visit, fresh = await create_record(
        work,
        FollowUp,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        visitor=work.actor.id,
        photos=photos,
        **body.model_dump(exclude={"id", "photos"}),
    )
    if fresh:
        seen = min(work.at, datetime.combine(body.visited_on, time(12), CHINA_TIME_ZONE))
        await rules.record_sighting(work, asset, seen, photo=bool(photos))
        await work.publish(
            HouseholdVisited(asset_id=asset.id, visit_id=visit.id, holding=visit.holding),
            asset,
            happened_at=seen,
        )
    return visit
