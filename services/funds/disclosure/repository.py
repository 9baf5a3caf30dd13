"""What announcements read beside plan and ledger."""

from uuid import UUID

from sqlmodel import col, select

from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator
from shared.permissions import May
from shared.work import Work

UNDECIDED = (TargetState.DRAFT, TargetState.SUBMITTED)


async def targets(work: Work, plan_id: UUID) -> list[Target]:
    """The decided targets of a plan within the caller's regions."""
    query = select(Target).where(
        Target.plan_id == plan_id,
        col(Target.state).not_in(UNDECIDED),
        work.actor.where(May.FUND_READ, col(Target.region)),
    )
    return list(await work.session.exec(query.order_by(col(Target.id))))


async def indicators(work: Work, target_ids: list[UUID]) -> list[TargetIndicator]:
    """Indicators of targets the caller was given, in the order of their sheets."""
    query = select(TargetIndicator).where(col(TargetIndicator.target_id).in_(target_ids))
    return list(
        await work.session.exec(query.order_by(col(TargetIndicator.target_id), col(TargetIndicator.position)))
    )
