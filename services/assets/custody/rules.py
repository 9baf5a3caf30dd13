"""When an asset must be seen next, by the district's rule for its class and subclass."""

from datetime import date, datetime, timedelta

from services.assets.register.models import NEVER_DUE, Asset
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork


async def next_inspection_due(work: UnitOfWork, asset: Asset) -> date:
    """Days after it was last seen, or after it came on the register; `NEVER` where the rule asks for none."""
    rule = await work.get_rule("inspection.rhythm_days", region=asset.region)
    days = rule.value.get(f"{asset.asset_class}.{asset.subclass}", rule.value.get(asset.asset_class))
    if not days:
        return NEVER_DUE
    since = asset.inspected_at or asset.registered_at or work.at
    return since.astimezone(CHINA_TIME_ZONE).date() + timedelta(days=int(days))


async def record_sighting(work: UnitOfWork, asset: Asset, when: datetime, *, photo: bool) -> None:
    """Somebody saw an asset the caller holds locked. What is told late never takes back what is known already."""
    if photo and (asset.photographed_at is None or asset.photographed_at < when):
        asset.photographed_at = when
        work.session.add(asset)
    if asset.inspected_at is None or asset.inspected_at < when:
        asset.inspected_at = when
        asset.inspect_due_on = await next_inspection_due(work, asset)
        work.session.add(asset)
