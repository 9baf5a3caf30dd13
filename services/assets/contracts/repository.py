"""Every query about contracts, receivables and receipts."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.assets.contracts.lifecycle import ContractState
from services.assets.contracts.models import OperatingContract, Receipt, ReceiptPart, Receivable
from shared.access import span
from shared.db import run
from shared.permissions import May
from shared.work import Work

DUE: sa.Table = Receivable.__table__  # type: ignore[attr-defined]
CAME: sa.Table = Receipt.__table__  # type: ignore[attr-defined]


async def overlapping(work: Work, contract: OperatingContract) -> str:
    """The number of an active contract of the same asset whose term touches this one's; empty when there is none."""
    query = select(OperatingContract.number).where(
        OperatingContract.asset_id == contract.asset_id,
        OperatingContract.id != contract.id,
        OperatingContract.state == ContractState.ACTIVE,
        OperatingContract.starts_on <= contract.ends_on,
        OperatingContract.ends_on >= contract.starts_on,
        work.actor.where(May.ASSET_READ, col(OperatingContract.region)),
    )
    return (await work.session.exec(query.limit(1))).first() or ""


async def receivables(work: Work, contract_id: UUID, *, lock: bool = False) -> list[Receivable]:
    """A contract's schedule in order."""
    query = select(Receivable).where(
        Receivable.contract_id == contract_id, work.actor.where(May.ASSET_READ, col(Receivable.region))
    )
    query = query.order_by(col(Receivable.number))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def parts(work: Work, receipt_id: UUID) -> list[tuple[ReceiptPart, Receivable]]:
    """Which receivables a receipt settled, locked."""
    query = (
        select(ReceiptPart, Receivable)
        .join(Receivable, col(Receivable.id) == col(ReceiptPart.receivable_id))
        .where(ReceiptPart.receipt_id == receipt_id, work.actor.where(May.ASSET_READ, col(Receivable.region)))
        .order_by(col(Receivable.number))
        .with_for_update()
    )
    return [(part, due) for part, due in await work.session.exec(query)]


async def reversed_already(work: Work, receipt_id: UUID) -> bool:
    """Whether a receipt was taken back."""
    query = select(Receipt.id).where(
        Receipt.reverses == receipt_id, work.actor.where(May.ASSET_READ, col(Receipt.region))
    )
    return (await work.session.exec(query)).first() is not None


async def due_by_year(
    work: Work, today: date, *, asset_id: UUID | None = None, region: str | None = None
) -> dict[int, tuple[int, int]]:
    """Year → (fallen due until today, settled of it) in 分, void ones left out."""
    year = sa.extract("year", DUE.c.due_on)
    query = sa.select(
        sa.cast(year, sa.Integer).label("year"),
        sa.cast(sa.func.sum(DUE.c.amount), sa.BigInteger).label("due"),
        sa.cast(sa.func.sum(DUE.c.received), sa.BigInteger).label("settled"),
    ).where(DUE.c.due_on <= today, DUE.c.void.is_(False), work.actor.where(May.ASSET_READ, DUE.c.region))
    query = query.where(*_about(DUE, asset_id, region)).group_by(sa.cast(year, sa.Integer))
    return {int(row.year): (int(row.due), int(row.settled)) for row in await run(work.session, query)}


async def received_by_year(
    work: Work, *, asset_id: UUID | None = None, region: str | None = None
) -> dict[int, int]:
    """Year → money that came in, reversals taken off."""
    year = sa.cast(sa.extract("year", CAME.c.received_on), sa.Integer)
    query = sa.select(
        year.label("year"), sa.cast(sa.func.sum(CAME.c.amount), sa.BigInteger).label("amount")
    ).where(work.actor.where(May.ASSET_READ, CAME.c.region), *_about(CAME, asset_id, region))
    return {int(row.year): int(row.amount) for row in await run(work.session, query.group_by(year))}


def _about(table: sa.Table, asset_id: UUID | None, region: str | None) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if asset_id is not None:
        found.append(table.c.asset_id == asset_id)
    if region is not None:
        found.append(table.c.region.between(*span(region)))
    return found
