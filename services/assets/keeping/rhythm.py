"""When an asset must be seen next, by the district's rule for its class and subclass."""

from datetime import date, timedelta

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
