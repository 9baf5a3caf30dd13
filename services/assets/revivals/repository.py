"""Figures of an asset before and after."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receipt
from shared.db import run
from shared.permissions import May
from shared.work import Work

CAME: sa.Table = Receipt.__table__  # type: ignore[attr-defined]


async def received(work: Work, asset_id: UUID, after: date, until: date) -> int:
    """What came in after one day until another, in 分."""
    query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(CAME.c.amount), 0), sa.BigInteger)).where(
        CAME.c.asset_id == asset_id,
        CAME.c.received_on > after,
        CAME.c.received_on <= until,
        work.actor.where(May.ASSET_READ, CAME.c.region),
    )
    return int((await run(work.session, query)).scalar_one())


async def operator(work: Work, asset_id: UUID) -> str:
    """Who operates an asset under a contract that runs."""
    query = select(OperatingContract.operator).where(
        OperatingContract.asset_id == asset_id,
        OperatingContract.state == ContractState.ACTIVE,
        work.actor.where(May.ASSET_READ, col(OperatingContract.region)),
    )
    return (await work.session.exec(query.limit(1))).first() or ""
