"""Use cases of custody: keepers, the duty list, inspections, follow-up visits."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col

from services.assets import repository_base as records
from services.assets.custody import repository, rules
from services.assets.custody.events import AssetInspected, HouseholdVisited, KeeperNamed, PhoneRevealed
from services.assets.custody.models import AssetFollowUp, Inspection, Keeper
from services.assets.custody.schemas import (
    AssetCondition,
    BatchItemOutcome,
    FollowUpPost,
    InspectionBatch,
    InspectionBatchOutcome,
    InspectionItem,
    InspectionOutcome,
    InspectionPost,
    KeeperPost,
)
from services.assets.errors import conflict
from services.assets.policy import INSPECTION_RADIUS
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED_STATES, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.rules import find_point
from services.assets.register.schemas import AssetClass
from services.assets.repairs.service import create_repair_from_inspection
from shared import spreadsheets
from shared.auth import May, mask_phone
from shared.china import Circle, Fence, Fix, evaluate_fences, fence_from_json
from shared.db import new_id
from shared.errors import ApiError, Conflict, FieldError, FieldErrorRead, invalid_field
from shared.files import uploads
from shared.files.remarks import PhotoClaim, list_photo_remarks
from shared.http import to_field_errors
from shared.records import create_record, log_event, save_record, touch_record
from shared.spreadsheets import Column
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

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
BROKEN_CONDITIONS = frozenset({AssetCondition.BROKEN, AssetCondition.UNUSABLE})
MAX_CLOCK_SKEW = timedelta(minutes=10)
"""How far the clock of a phone may be ahead of the server."""
CLOSED_STATES = frozenset({AssetState.DISCARDED, AssetState.SUPERSEDED})
MAX_ID_LENGTH = 64


async def create_keeper(work: UnitOfWork, asset_id: UUID, body: KeeperPost) -> Keeper:
    """Create a keeper; the previous one ends the day before. Conflict when the asset is not on the register."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_KEEP, asset.region, department=asset.managing_unit)
    if asset.state not in COUNTED_STATES:
        raise conflict("not_registered", "资产未登记, 不能指定管护责任人", "The asset is not on the register")
    existing = await records.list_records(work, Keeper, col(Keeper.id) == body.id) if body.id else []
    previous = None if existing else await repository.find_current_keeper(work, asset.id)
    if previous is not None:
        if body.starts_on <= previous.starts_on:
            raise invalid_field(
                "before", f"须晚于现责任人的起始日 {previous.starts_on}", "/starts_on", "It begins too early"
            )
        previous.ends_on = body.starts_on - timedelta(days=1)
        touch_record(work, previous)
        await work.session.flush()
    keeper_id = body.id or new_id()
    encrypted_phone = (
        work.context.keyring.encrypt(body.phone, associated_data=f"keeper:{keeper_id}:phone")
        if body.phone
        else ""
    )
    keeper, created = await create_record(
        work,
        Keeper,
        body,
        region=asset.region,
        id=keeper_id,
        asset_id=asset.id,
        phone_sealed=encrypted_phone,
        phone_masked=mask_phone(body.phone) if body.phone else "",
        **body.model_dump(exclude={"id", "phone"}),
    )
    if created:
        asset.keeper_unit, asset.keeper_name = keeper.unit, keeper.name
        event = KeeperNamed(asset_id=asset.id, keeper_id=keeper.id, welfare_post=keeper.welfare_post)
        await save_record(work, asset, event)
    return keeper


async def copy_keeper(work: UnitOfWork, old: Asset, new: Asset) -> None:
    """Copy the current keeper to a successor. The phone is encrypted again, because its ciphertext is bound to the keeper id."""
    keeper = await repository.find_current_keeper(work, old.id)
    if keeper is None:
        return
    keyring, keeper_id = work.context.keyring, new_id()
    encrypted_phone = keeper.phone_sealed and keyring.encrypt(
        keyring.decrypt(keeper.phone_sealed, associated_data=f"keeper:{keeper.id}:phone"),
        associated_data=f"keeper:{keeper_id}:phone",
    )
    columns = keeper.model_dump(include={"unit", "name", "phone_masked", "funding", "welfare_post", "duties"})
    work.session.add(
        Keeper(
            **columns,
            id=keeper_id,
            region=new.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            asset_id=new.id,
            phone_sealed=encrypted_phone,
            starts_on=work.today,
        )
    )


async def list_keepers(work: UnitOfWork, asset_id: UUID) -> list[Keeper]:
    """All keepers of an asset, the current one last."""
    asset = await register.get_asset(work, asset_id)
    return await records.list_records(
        work, Keeper, col(Keeper.asset_id) == asset.id, order=(col(Keeper.starts_on),)
    )


async def reveal_phone(work: UnitOfWork, asset_id: UUID, keeper_id: UUID) -> str:
    """Phone number of a keeper in clear, for those who manage custody; each reading is logged as an event."""
    asset = await register.get_asset(work, asset_id)
    work.actor.require(May.ASSET_KEEP, asset.region, department=asset.managing_unit)
    keeper = await records.get_record(work, Keeper, keeper_id, "位管护责任人")
    if keeper.asset_id != asset.id or not keeper.phone_sealed:
        raise conflict("no_phone", "没有登记电话", "No phone is known")
    await log_event(work, asset, PhoneRevealed(asset_id=asset.id, record_id=keeper.id))
    return work.context.keyring.decrypt(keeper.phone_sealed, associated_data=f"keeper:{keeper.id}:phone")


async def build_duty_sheet(work: UnitOfWork, region: str) -> bytes:
    """Duty list (管护责任清单) of a region as XLSX (at most 5,000 assets)."""
    work.actor.require(May.ASSET_READ, region)
    assets = await register.list_region_assets(work, region, 5000)
    rows = [
        {column.key: getattr(asset, column.key, None) for column in DUTY_COLUMNS}
        | {"class_label": asset.asset_class.label, "use_label": asset.use.label}
        for asset in assets
    ]
    return spreadsheets.build_workbook(DUTY_COLUMNS, rows, name="管护责任清单")


async def record_inspection(
    work: UnitOfWork, asset_id: UUID, body: InspectionPost
) -> tuple[Inspection, bool]:
    """Record an inspection with its position verdict; returns (inspection, created). A repeated id returns the first record."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state in CLOSED_STATES:
        raise Conflict(f"资产{asset.state.label}, 不再巡查", f"The asset is {asset.state}")
    when = body.inspected_at or work.at
    if when > work.at + MAX_CLOCK_SKEW:
        raise invalid_field(
            "in_the_future", "巡查时间晚于现在, 请检查手机时间", "/inspected_at", "It lies in the future"
        )
    photos = [str(file_id) for file_id in body.photos]
    files = await uploads.require_files(work, photos)
    day = when.astimezone(CHINA_TIME_ZONE).date()
    fix = await evaluate_fix(work, asset, body.fix, when)
    claim = PhotoClaim(day, day, (fix["lon"], fix["lat"]) if fix else find_point(asset))
    inspection, created = await create_record(
        work,
        Inspection,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        photos=photos,
        photo_remarks=await list_photo_remarks(work, Inspection, photos, files, claim),
        inspected_at=when,
        inspector=work.actor.id,
        **body.model_dump(include={"condition", "use_seen", "findings"}),
        **fix,
    )
    if created:
        await _publish_inspection(work, asset, inspection)
    return inspection, created


async def evaluate_fix(
    work: UnitOfWork, asset: Asset | None, fix: Fix | None, when: datetime
) -> dict[str, Any]:
    """Columns of a fix: WGS-84 position; verdict, distance and margin (metres) against the asset's area, if both have coordinates."""
    if fix is None:
        return {}
    point = fix.to_wgs84()
    columns: dict[str, Any] = {"fix": fix.model_dump(mode="json"), "lon": point.lon, "lat": point.lat}
    fence = await _find_asset_fence(work, asset, when) if asset is not None else None
    if fence is not None:
        position = evaluate_fences([fence], point, fix.accuracy_m)
        columns |= {
            "verdict": position.kind,
            "distance_m": round(position.distance_m, 1),
            "margin_m": round(position.margin_m, 1),
        }
    return columns


async def record_batch(work: UnitOfWork, body: InspectionBatch) -> InspectionBatchOutcome:
    """Record a batch of inspections; each item has its own outcome, and a refused item does not undo the others."""
    # Assets are locked in sorted order, so that two phones that send the same assets cannot deadlock.
    order = sorted(range(len(body.items)), key=lambda index: str(body.items[index].get("asset_id")))
    outcomes = {index: await _record_item(work, body.items[index]) for index in order}
    return InspectionBatchOutcome(items=[outcomes[index] for index in range(len(body.items))])


async def record_follow_up(work: UnitOfWork, asset_id: UUID, body: FollowUpPost) -> AssetFollowUp:
    """Record a follow-up visit to a household asset; it counts as a sighting."""
    asset = await register.get_asset(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.asset_class is not AssetClass.HOUSEHOLD:
        raise invalid_field(
            "not_household", "只有到户类资产需要回访; 其他资产请登记巡查", "", "Only household assets"
        )
    if asset.state not in COUNTED_STATES:
        raise conflict("not_registered", "资产不在册", "The asset is not on the register")
    if body.visited_on > work.today:
        raise invalid_field("in_the_future", "回访日期不能晚于今天", "/visited_on", "It lies in the future")
    photos = [str(file_id) for file_id in body.photos]
    await uploads.require_files(work, photos)
    visit, created = await create_record(
        work,
        AssetFollowUp,
        body,
        region=asset.region,
        id=body.id,
        asset_id=asset.id,
        visitor=work.actor.id,
        photos=photos,
        **body.model_dump(exclude={"id", "photos"}),
    )
    if created:
        seen_at = min(work.at, datetime.combine(body.visited_on, time(12), CHINA_TIME_ZONE))
        await rules.record_sighting(work, asset, seen_at, photo=bool(photos))
        await log_event(
            work,
            asset,
            HouseholdVisited(asset_id=asset.id, visit_id=visit.id, holding=visit.holding),
            happened_at=seen_at,
        )
    return visit


async def _publish_inspection(work: UnitOfWork, asset: Asset, inspection: Inspection) -> None:
    if inspection.condition is not AssetCondition.NOT_FOUND:
        await rules.record_sighting(work, asset, inspection.inspected_at, photo=bool(inspection.photos))
    event = AssetInspected(
        asset_id=asset.id,
        inspection_id=inspection.id,
        condition=inspection.condition,
        verdict=inspection.verdict,
        photos=len(inspection.photos),
    )
    await log_event(work, asset, event, happened_at=inspection.inspected_at)
    if (
        inspection.condition in BROKEN_CONDITIONS
        and asset.state in COUNTED_STATES
        and asset.use is not UseState.DISPOSED
    ):
        await create_repair_from_inspection(work, asset, inspection)


async def _find_asset_fence(work: UnitOfWork, asset: Asset, when: datetime) -> Fence | None:
    if asset.outline is not None:
        return fence_from_json(asset.outline)
    if asset.lon is None or asset.lat is None:
        return None
    rule = await work.get_rule(INSPECTION_RADIUS, on=when.date(), region=asset.region)
    return Circle(asset.lon, asset.lat, float(rule.value))


async def _record_item(work: UnitOfWork, raw: dict[str, Any]) -> InspectionOutcome:
    item_id = str(raw.get("id", ""))[:MAX_ID_LENGTH]
    try:
        item = InspectionItem.model_validate(raw)
    except ValidationError as error:
        return _build_refusal(item_id, "填写有误", to_field_errors(error.errors()))
    post = InspectionPost.model_validate(item.model_dump(exclude={"asset_id"}))
    try:
        async with work.session.begin_nested():
            inspection, created = await record_inspection(work, item.asset_id, post)
    except ApiError as api_error:
        return _build_refusal(item_id, api_error.detail, api_error.errors)
    outcome = BatchItemOutcome.APPLIED if created else BatchItemOutcome.DUPLICATE
    return InspectionOutcome(id=item_id, taken=outcome, verdict=inspection.verdict, words=outcome.label)


def _build_refusal(
    item_id: str, message: str, errors: list[FieldError] | tuple[FieldError, ...]
) -> InspectionOutcome:
    error_reads = [
        FieldErrorRead(pointer=error.pointer, code=error.code, detail=error.detail) for error in errors
    ]
    return InspectionOutcome(id=item_id, taken=BatchItemOutcome.REFUSED, words=message, errors=error_reads)
