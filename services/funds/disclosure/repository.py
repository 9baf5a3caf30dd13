"""Queries of targets for announcements."""

from uuid import UUID

from sqlmodel import col, select

from services.funds.targets.lifecycle import TargetState
from services.funds.targets.models import Target
from shared.auth import May
from shared.unit_of_work import UnitOfWork

UNDECIDED_STATES = (TargetState.DRAFT, TargetState.SUBMITTED)


async def list_decided_targets(work: UnitOfWork, plan_id: UUID) -> list[Target]:
    """List the approved, published or evaluated targets of a plan within the caller's regions."""
    query = select(Target).where(
        Target.plan_id == plan_id,
        col(Target.state).not_in(UNDECIDED_STATES),
        work.actor.scope_filter(May.FUND_READ, col(Target.region)),
    )
    return list(await work.session.exec(query.order_by(col(Target.id))))
