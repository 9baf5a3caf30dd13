"""Recording that somebody saw an asset, and how the place they stood at agrees with its own."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.assets.inspections.models import Inspection
from services.assets.inspections.schemas import Condition, InspectionPost
from services.assets.keeping import rhythm
from services.assets.refusals import wrong
from services.assets.register import repository as register
from services.assets.register.lifecycle import COUNTED, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.repairs.service import from_inspection
from shared import files
from shared.contracts.assets import AssetEvent
from shared.creates import create
from shared.errors import Conflict
from shared.fences import Circle, Fence, from_json, verdict
from shared.permissions import May
from shared.places import Fix
from shared.work import Work

BROKEN = frozenset({Condition.BROKEN, Condition.UNUSABLE})
AHEAD = timedelta(minutes=10)
"""How far a phone's clock may be ahead."""
CLOSED = frozenset({AssetState.DISCARDED, AssetState.SUPERSEDED})


class AssetInspected(AssetEvent):
    """资产已巡查."""

    topic = "asset.inspected"
    asset_id: UUID
    inspection_id: UUID
    condition: str
    verdict: str | None = None
    photos: int = 0


async def record(work: Work, asset_id: UUID, body: InspectionPost) -> tuple[Inspection, bool]:
    """One inspection, its place judged against the asset's, and whether it is new; the same id twice is one record."""
    asset = await register.get(work, asset_id, lock=True)
    work.actor.require(May.ASSET_INSPECT, asset.region)
    if asset.state in CLOSED:
        raise Conflict(f"资产{asset.state.label}, 不再巡查", f"The asset is {asset.state}")
    when = body.inspected_at or work.at
    if when > work.at + AHEAD:
        raise wrong(
            "in_the_future", "巡查时间晚于现在, 请检查手机时间", "/inspected_at", "It lies in the future"
        )
    photos = [str(one) for one in body.photos]
    await files.require(work, photos)
    inspection, fresh = await create(
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
        **await judged(work, asset, body.fix, when),
    )
    if fresh:
        await _told(work, asset, inspection)
    return inspection, fresh


async def _told(work: Work, asset: Asset, inspection: Inspection) -> None:
    if inspection.condition is not Condition.NOT_FOUND:
        await rhythm.seen(work, asset, inspection.inspected_at, photo=bool(inspection.photos))
    event = AssetInspected(
        asset_id=asset.id,
        inspection_id=inspection.id,
        condition=inspection.condition,
        verdict=inspection.verdict,
        photos=len(inspection.photos),
    )
    await work.tell(event, asset, happened_at=inspection.inspected_at)
    if inspection.condition in BROKEN and asset.state in COUNTED and asset.use is not UseState.DISPOSED:
        await from_inspection(work, asset, inspection.id, inspection.findings, inspection.photos)


async def judged(work: Work, asset: Asset | None, fix: Fix | None, when: datetime) -> dict[str, Any]:
    """The fix in WGS-84 and how it stands to the asset's place; no verdict when either has no coordinates."""
    if fix is None:
        return {}
    point = fix.wgs84()
    found: dict[str, Any] = {"fix": fix.model_dump(mode="json"), "lon": point.lon, "lat": point.lat}
    fence = await _fence(work, asset, when) if asset is not None else None
    if fence is not None:
        said = verdict([fence], point, fix.accuracy_m)
        found |= {
            "verdict": said.kind,
            "distance_m": round(said.distance_m, 1),
            "margin_m": round(said.margin_m, 1),
        }
    return found


async def _fence(work: Work, asset: Asset, when: datetime) -> Fence | None:
    if asset.outline is not None:
        return from_json(asset.outline)
    if asset.lon is None or asset.lat is None:
        return None
    rule = await work.rule("inspection.radius_m", on=when.date(), region=asset.region)
    return Circle(asset.lon, asset.lat, float(rule.value))
