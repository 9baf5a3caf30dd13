"""Queries of statements."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.statements.models import Statement, StatementLine
from services.funds.statements.schemas import OPEN_RESULTS, MatchResult
from shared.auth import May, region_bounds
from shared.db import execute_core
from shared.errors import NotFound
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Statement.created_at)}
LINE: sa.Table = StatementLine.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
REFUND: sa.Table = Refund.__table__  # type: ignore[attr-defined]
PAID_STATES = (PaymentState.PAID, PaymentState.REVERSED)


async def get_statement(work: UnitOfWork, statement_id: UUID, *, lock: bool = False) -> Statement:
    """One statement of the caller's regions; NotFound otherwise."""
    query = select(Statement).where(
        Statement.id == statement_id, work.actor.scope_filter(May.RECONCILE, col(Statement.region))
    )
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这份对账单: {statement_id}", f"No statement {statement_id}")
    return found


async def list_statements(work: UnitOfWork, asked: PageParams, region: str | None) -> Page[Statement]:
    """A page of statements of the caller's regions."""
    query = select(Statement).where(work.actor.scope_filter(May.RECONCILE, col(Statement.region)))
    if region:
        query = query.where(col(Statement.region).between(*region_bounds(region)))
    return await list_page(
        work.session, query, asked, orders=ORDERS, key=col(Statement.id), default="-created_at"
    )


async def get_line(work: UnitOfWork, statement_id: UUID, line_id: UUID) -> StatementLine:
    """A line of a statement the caller was given already; NotFound otherwise."""
    query = select(StatementLine).where(
        StatementLine.id == line_id, StatementLine.statement_id == statement_id
    )
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这一行: {line_id}", f"No line {line_id}")
    return found


async def list_lines(
    work: UnitOfWork, statement_id: UUID, *, but: Sequence[MatchResult] = ()
) -> list[StatementLine]:
    """The lines of a statement the caller was given already, both sides."""
    query = select(StatementLine).where(
        StatementLine.statement_id == statement_id, col(StatementLine.match).not_in(but)
    )
    return list(
        await work.session.exec(query.order_by(col(StatementLine.side).desc(), col(StatementLine.position)))
    )


async def delete_our_lines(work: UnitOfWork, statement_id: UUID) -> None:
    """Drop our unexplained lines before matching again."""
    kept = LINE.c
    gone = sa.delete(LINE).where(
        kept.statement_id == statement_id, kept.side == "ours", kept.match == MatchResult.ALONE
    )
    await execute_core(work.session, gone)


async def sum_lines_by_result(work: UnitOfWork, statement_id: UUID) -> list[sa.Row[Any]]:
    """Lines and sums by side and result."""
    kept = LINE.c
    query = (
        sa.select(
            kept.side,
            kept.match,
            sa.func.count().label("lines"),
            sa.cast(sa.func.coalesce(sa.func.sum(kept.amount), 0), sa.BigInteger).label("amount"),
            sa.cast(sa.func.coalesce(sa.func.sum(kept.our_amount), 0), sa.BigInteger).label("our_amount"),
        )
        .where(kept.statement_id == statement_id)
        .group_by(kept.side, kept.match)
        .order_by(kept.side, kept.match)
    )
    return list(await execute_core(work.session, query))


async def count_open_lines(work: UnitOfWork, statement_id: UUID) -> int:
    """How many lines still need somebody."""
    query = sa.select(sa.func.count()).where(
        LINE.c.statement_id == statement_id, LINE.c.match.in_(sorted(OPEN_RESULTS))
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_our_records(work: UnitOfWork, region: str, first: date, last: date) -> list[sa.Row[Any]]:
    """Our payments and refunds of a region between two days: (id, voucher_no, amount, on, payee); refunds below zero."""
    kept, back = PAYMENT.c, REFUND.c
    mine = (kept.region.between(*region_bounds(region)), work.actor.scope_filter(May.RECONCILE, kept.region))
    paid = sa.select(
        kept.id, kept.voucher_no, kept.amount, kept.paid_on.label("on"), kept.payee_name.label("payee")
    ).where(*mine, kept.state.in_(PAID_STATES), kept.paid_on.between(first, last))
    refunded = (
        sa.select(
            back.id,
            back.voucher_no,
            (-back.amount).label("amount"),
            back.happened_on.label("on"),
            kept.payee_name,
        )
        .select_from(REFUND.join(PAYMENT, kept.id == back.payment_id))
        .where(*mine, back.happened_on.between(first, last))
    )
    both = sa.union_all(paid, refunded).subquery()
    query = sa.select(both).order_by(both.c.on, both.c.id)
    return list(await execute_core(work.session, query))


async def list_matched_elsewhere(
    work: UnitOfWork, statement_id: UUID, record_ids: Sequence[UUID]
) -> set[UUID]:
    """Those of our records that another statement has accounted for already."""
    kept = LINE.c
    found: set[UUID] = set()
    for at in range(0, len(record_ids), 500):
        query = sa.select(kept.record_id).where(
            kept.statement_id != statement_id,
            kept.side == "theirs",
            kept.record_id.in_(record_ids[at : at + 500]),
            kept.match.in_((MatchResult.EXACT, MatchResult.TOLERATED, MatchResult.RESOLVED)),
        )
        found |= set((await execute_core(work.session, query)).scalars())
    return found
