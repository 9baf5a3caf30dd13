"""Inspection schedule of assets, by the rule inspection.rhythm_days of the district."""

from datetime import date, datetime, timedelta

from services.assets.policy import INSPECTION_RHYTHM
from services.assets.register.models import NEVER_DUE, Asset
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def next_inspection_due(work: UnitOfWork, asset: Asset) -> date:
    """Due date by the days of class and subclass, counted from the last sighting or else registration; NEVER_DUE if the rule has none."""
    rule = await work.get_rule(INSPECTION_RHYTHM, region=asset.region)
    days_by_class = rule.value
    days = days_by_class.get(f"{asset.asset_class}.{asset.subclass}", days_by_class.get(asset.asset_class, 0))
    if not days:
        return NEVER_DUE
    since = asset.inspected_at or asset.registered_at or work.at
    return since.astimezone(CHINA_TIME_ZONE).date() + timedelta(days=days)


async def record_sighting(work: UnitOfWork, asset: Asset, when: datetime, *, photo: bool) -> None:
    """Record a sighting of an asset that is already locked. Reports may arrive out of order, so an older sighting changes nothing."""
    if photo and (asset.photographed_at is None or asset.photographed_at < when):
        asset.photographed_at = when
        work.session.add(asset)
    if asset.inspected_at is None or asset.inspected_at < when:
        asset.inspected_at = when
        asset.inspect_due_on = await next_inspection_due(work, asset)
        work.session.add(asset)
