"""Every query about households of a batch."""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.batches.kinds import RowState
from services.funds.batches.models import Beneficiary
from services.funds.payments.models import Payment
from services.funds.payments.repository import LIVE
from shared.db import run
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.work import Work

TABLE: sa.Table = Beneficiary.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
ORDERS = {"position": col(Beneficiary.position)}


async def replace(work: Work, payment_id: UUID, rows: Sequence[Beneficiary]) -> None:
    """Put these households in the place of all others of a payment the caller was given."""
    await run(work.session, sa.delete(TABLE).where(TABLE.c.payment_id == payment_id))
    work.session.add_all(rows)
    await work.session.flush()


async def total(work: Work, payment_id: UUID) -> tuple[int, int]:
    """Households of a payment the caller was given, and what they add up to."""
    amount = sa.cast(sa.func.coalesce(sa.func.sum(TABLE.c.amount), 0), sa.BigInteger)
    query = sa.select(sa.func.count().label("households"), amount.label("added"))
    found = (await run(work.session, query.where(TABLE.c.payment_id == payment_id))).one()
    return int(found.households), int(found.added)


async def listed(work: Work, payment_id: UUID, asked: Asked) -> Page[Beneficiary]:
    """A page of the households of a payment the caller was given."""
    query = select(Beneficiary).where(Beneficiary.payment_id == payment_id)
    return await page(work.session, query, asked, orders=ORDERS, key=col(Beneficiary.id), default="position")


async def some(
    work: Work, payment_id: UUID, positions: Collection[int] | None = None, *, lock: bool = False
) -> list[Beneficiary]:
    """Households of a payment the caller was given: those at some positions, or all."""
    query = (
        select(Beneficiary).where(Beneficiary.payment_id == payment_id).order_by(col(Beneficiary.position))
    )
    if positions is not None:
        query = query.where(col(Beneficiary.position).in_(positions))
    return list(await work.session.exec(query.with_for_update() if lock else query))


async def elsewhere(work: Work, project_id: UUID, but: UUID, indexes: Collection[str]) -> set[str]:
    """Which of these people are in another live payment of the same project, within the caller's regions."""
    query = (
        sa.select(TABLE.c.card_index)
        .join(PAYMENT, PAYMENT.c.id == TABLE.c.payment_id)
        .where(
            PAYMENT.c.project_id == project_id,
            PAYMENT.c.id != but,
            PAYMENT.c.state.in_(LIVE),
            TABLE.c.state == RowState.LISTED,
            work.actor.where(May.FUND_READ, PAYMENT.c.region),
        )
        .distinct()
    )
    found: set[str] = set()
    some_of_them = list(indexes)
    for start in range(0, len(some_of_them), 500):
        part = query.where(TABLE.c.card_index.in_(some_of_them[start : start + 500]))
        found.update((await run(work.session, part)).scalars())
    return found
