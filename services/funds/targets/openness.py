"""What anybody may read of performance targets, without login: the goal, the indicators, and confirmed results."""

from uuid import UUID

from services.funds.targets import repository
from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator
from services.funds.targets.moving import indicator, shown
from services.funds.targets.schemas import PublicIndicator, PublicTarget
from shared.pages import Asked, Page
from shared.work import Work


async def public_targets(
    work: Work, asked: Asked, *, region: str | None, year: int | None, project_id: UUID | None
) -> Page[PublicTarget]:
    """A page of what was made public."""
    found = await repository.system_public(work, asked, region=region, year=year, project_id=project_id)
    rows: dict[UUID, list[TargetIndicator]] = {one.id: [] for one in found.items}
    for row in await repository.indicators(work, list(rows)):
        rows[row.target_id].append(row)
    items = [_public(one, rows[one.id]) for one in found.items]
    return Page[PublicTarget].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


def _public(target: Target, rows: list[TargetIndicator]) -> PublicTarget:
    confirmed = target.state is TargetState.CONFIRMED
    said = shown(target)
    kept = [PublicIndicator.model_validate(indicator(row).model_dump()) for row in rows]
    if not confirmed:
        kept = [one.model_copy(update={"actual": "", "completion": ""}) for one in kept]
    hidden = {} if confirmed else {"score": None, "summary": ""}
    values = {name: getattr(said, name) for name in PublicTarget.model_fields if hasattr(said, name)}
    return PublicTarget.model_construct(**{**values, **hidden}, confirmed=confirmed, indicators=kept)
