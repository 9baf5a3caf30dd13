"""When an asset must be seen next, by the district's rule for its class and subclass."""

from datetime import date, datetime, timedelta

from services.assets.register.models import NEVER, Asset
from shared.work import CHINA, Work


async def next_visit(work: Work, asset: Asset) -> date:
    """Days after it was last seen, or after it came on the register; `NEVER` where the rule asks for none."""
    rule = await work.rule("inspection.rhythm_days", region=asset.region)
    days = rule.value.get(f"{asset.asset_class}.{asset.subclass}", rule.value.get(asset.asset_class))
    if not days:
        return NEVER
    since = asset.inspected_at or asset.registered_at or work.at
    return since.astimezone(CHINA).date() + timedelta(days=int(days))


async def seen(work: Work, asset: Asset, when: datetime, *, photo: bool) -> None:
    """Somebody saw an asset the caller holds locked. What is told late never takes back what is known already."""
    if photo and (asset.photographed_at is None or asset.photographed_at < when):
        asset.photographed_at = when
        work.session.add(asset)
    if asset.inspected_at is None or asset.inspected_at < when:
        asset.inspected_at = when
        asset.inspect_due_on = await next_visit(work, asset)
        work.session.add(asset)
