"""Queries of disposals and revitalisation plans."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receipt
from services.assets.disposals.lifecycle import DisposalState, RevivalState
from services.assets.disposals.models import Disposal, Revival
from services.assets.pledges.lifecycle import PledgeState
from services.assets.pledges.models import Pledge
from shared.auth import May
from shared.db import execute_core
from shared.unit_of_work import UnitOfWork

FINAL_STATES = (DisposalState.CLOSED, DisposalState.REJECTED)
RECEIPTS: sa.Table = Receipt.__table__  # type: ignore[attr-defined]


async def find_open_disposal(work: UnitOfWork, asset_id: UUID) -> Disposal | None:
    """The disposal of an asset that is not closed or rejected, or None."""
    query = select(Disposal).where(
        Disposal.asset_id == asset_id,
        col(Disposal.state).not_in(FINAL_STATES),
        work.actor.scope_filter(May.ASSET_READ, col(Disposal.region)),
    )
    return (await work.session.exec(query)).first()


async def find_open_revival(work: UnitOfWork, asset_id: UUID) -> Revival | None:
    """The revitalisation plan of an asset that is proposed, under way or reported, or None."""
    query = select(Revival).where(
        Revival.asset_id == asset_id,
        col(Revival.state).not_in((RevivalState.DONE, RevivalState.GIVEN_UP)),
        work.actor.scope_filter(May.ASSET_READ, col(Revival.region)),
    )
    return (await work.session.exec(query)).first()


async def find_obstacles(work: UnitOfWork, asset_id: UUID) -> tuple[str, str]:
    """(number of an active contract of an asset, pledgee of its pledge in force); empty where there is none."""
    contract = select(OperatingContract.number).where(
        OperatingContract.asset_id == asset_id,
        OperatingContract.state == ContractState.ACTIVE,
        work.actor.scope_filter(May.ASSET_READ, col(OperatingContract.region)),
    )
    pledge = select(Pledge.pledgee).where(
        Pledge.asset_id == asset_id,
        Pledge.state == PledgeState.IN_FORCE,
        work.actor.scope_filter(May.ASSET_READ, col(Pledge.region)),
    )
    query = sa.select(
        contract.limit(1).scalar_subquery().label("number"),
        pledge.limit(1).scalar_subquery().label("pledgee"),
    )
    row = (await execute_core(work.session, query)).one()
    return row.number or "", row.pledgee or ""


async def sum_received(work: UnitOfWork, asset_id: UUID, after: date, until: date) -> int:
    """Amount received for an asset after one day until another (inclusive), in 分."""
    query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(RECEIPTS.c.amount), 0), sa.BigInteger)).where(
        RECEIPTS.c.asset_id == asset_id,
        RECEIPTS.c.received_on > after,
        RECEIPTS.c.received_on <= until,
        work.actor.scope_filter(May.ASSET_READ, RECEIPTS.c.region),
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def find_operator(work: UnitOfWork, asset_id: UUID) -> str:
    """Operator of an asset under an active contract; empty when there is none."""
    query = select(OperatingContract.operator).where(
        OperatingContract.asset_id == asset_id,
        OperatingContract.state == ContractState.ACTIVE,
        work.actor.scope_filter(May.ASSET_READ, col(OperatingContract.region)),
    )
    return (await work.session.exec(query.limit(1))).first() or ""
