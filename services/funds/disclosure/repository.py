"""Queries of targets for announcements."""

from uuid import UUID

from sqlmodel import col, select

from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target, TargetIndicator
from shared.auth import May
from shared.unit_of_work import UnitOfWork

UNDECIDED_STATES = (TargetState.DRAFT, TargetState.SUBMITTED)


async def list_decided_targets(work: UnitOfWork, plan_id: UUID) -> list[Target]:
    """The decided targets of a plan within the caller's regions."""
    query = select(Target).where(
        Target.plan_id == plan_id,
        col(Target.state).not_in(UNDECIDED_STATES),
        work.actor.scope_filter(May.FUND_READ, col(Target.region)),
    )
    return list(await work.session.exec(query.order_by(col(Target.id))))


async def list_indicators(work: UnitOfWork, target_ids: list[UUID]) -> list[TargetIndicator]:
    """Indicators of targets the caller was given, in the order of their sheets."""
    query = select(TargetIndicator).where(col(TargetIndicator.target_id).in_(target_ids))
    return list(
        await work.session.exec(query.order_by(col(TargetIndicator.target_id), col(TargetIndicator.position)))
    )
