"""Queries of pledges."""

from collections.abc import Collection
from uuid import UUID

from sqlmodel import col, select

from services.assets.pledges.lifecycle import PledgeState
from services.assets.pledges.models import Pledge
from shared.auth import May
from shared.unit_of_work import UnitOfWork

OPEN_STATES = (PledgeState.PROPOSED, PledgeState.IN_FORCE)


async def find_pledgees(work: UnitOfWork, asset_ids: Collection[UUID]) -> dict[UUID, str]:
    """Asset → the pledgee of its pledge in force, for those of the assets that are pledged."""
    query = select(Pledge.asset_id, Pledge.pledgee).where(
        col(Pledge.asset_id).in_(asset_ids),
        Pledge.state == PledgeState.IN_FORCE,
        work.actor.scope_filter(May.ASSET_READ, col(Pledge.region)),
    )
    return dict((await work.session.exec(query)).all())


async def find_same_pledge(work: UnitOfWork, asset_id: UUID, pledgee: str) -> Pledge | None:
    """The pledge of an asset to the same pledgee that is proposed or in force, or None."""
    query = select(Pledge).where(
        Pledge.asset_id == asset_id,
        Pledge.pledgee == pledgee,
        col(Pledge.state).in_(OPEN_STATES),
        work.actor.scope_filter(May.ASSET_READ, col(Pledge.region)),
    )
    return (await work.session.exec(query)).first()
