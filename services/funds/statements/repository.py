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
from services.funds.statements.schemas import OPEN_RESULTS, MatchResult, Side, StatementRead, StatementState
from shared.auth import May
from shared.db import delete_rows, execute_core
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(Statement.created_at)}
LINE: sa.Table = StatementLine.__table__  # type: ignore[attr-defined]
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
REFUND: sa.Table = Refund.__table__  # type: ignore[attr-defined]
PAID_STATES = (PaymentState.PAID, PaymentState.REVERSED)


async def get_statement(work: UnitOfWork, statement_id: UUID, *, lock: bool = False) -> Statement:
    """Get a statement of the caller's regions; NotFound otherwise."""
    query = select(Statement).where(
        Statement.id == statement_id, work.actor.scope_filter(May.RECONCILE, col(Statement.region))
    )
    statement = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if statement is None:
        raise NotFound(f"没有这份对账单: {statement_id}", f"No statement {statement_id}")
    return statement


async def list_statements(work: UnitOfWork, params: PageParams, region: str | None) -> PageAnswer:
    """List a page of statements of the caller's regions."""
    query = select(Statement).where(work.actor.scope_filter(May.RECONCILE, col(Statement.region)))
    if region:
        query = query.where(work.within_region(col(Statement.region), region))
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Statement.id),
        default="-created_at",
        read=StatementRead,
    )


async def get_line(work: UnitOfWork, statement_id: UUID, line_id: UUID) -> StatementLine:
    """Get a line of a statement; NotFound otherwise. Not scoped: the caller has access to the statement."""
    query = select(StatementLine).where(
        StatementLine.id == line_id, StatementLine.statement_id == statement_id
    )
    line = (await work.session.exec(query)).first()
    if line is None:
        raise NotFound(f"没有这一行: {line_id}", f"No line {line_id}")
    return line


async def list_lines(
    work: UnitOfWork, statement_id: UUID, *, excluded: Sequence[MatchResult] = ()
) -> list[StatementLine]:
    """List the lines of both sides of a statement, without some results. Not scoped: the caller has access to it."""
    query = select(StatementLine).where(
        StatementLine.statement_id == statement_id, col(StatementLine.match).not_in(excluded)
    )
    return list(
        await work.session.exec(query.order_by(col(StatementLine.side).desc(), col(StatementLine.position)))
    )


async def delete_our_lines(work: UnitOfWork, statement_id: UUID) -> None:
    """Delete our unmatched, unexplained lines and those of groups before matching again."""
    line = LINE.c
    unsettled = line.match.in_((MatchResult.ALONE, MatchResult.GROUPED))
    await delete_rows(work.session, LINE, line.statement_id == statement_id, line.side == "ours", unsettled)


async def sum_lines_by_result(work: UnitOfWork, statement_id: UUID) -> list[sa.Row[Any]]:
    """Count and sum the lines per side and result."""
    line = LINE.c
    query = (
        sa.select(
            line.side,
            line.match,
            sa.func.count().label("lines"),
            sa.cast(sa.func.coalesce(sa.func.sum(line.amount), 0), sa.BigInteger).label("amount"),
            sa.cast(sa.func.coalesce(sa.func.sum(line.our_amount), 0), sa.BigInteger).label("our_amount"),
        )
        .where(line.statement_id == statement_id)
        .group_by(line.side, line.match)
        .order_by(line.side, line.match)
    )
    return list(await execute_core(work.session, query))


async def count_open_lines(work: UnitOfWork, statement_id: UUID) -> int:
    """Count the lines that still need an explanation."""
    query = sa.select(sa.func.count()).where(
        LINE.c.statement_id == statement_id, LINE.c.match.in_(sorted(OPEN_RESULTS))
    )
    return int((await execute_core(work.session, query)).scalar_one())


async def list_statement_lines(work: UnitOfWork, region: str) -> list[StatementLine]:
    """The lines of all statements of a region, their side only, to recognise a line that comes again."""
    query = (
        select(StatementLine)
        .join(Statement, col(Statement.id) == StatementLine.statement_id)
        .where(
            Statement.region == region,
            StatementLine.side == Side.THEIRS,
            work.actor.scope_filter(May.RECONCILE, col(Statement.region)),
        )
    )
    return list(await work.session.exec(query))


async def list_our_records(work: UnitOfWork, region: str, first: date, last: date) -> list[sa.Row[Any]]:
    """Our payments and refunds of a region in a period: (id, voucher_no, amount, on, payee); refunds are negative."""
    payment, refund = PAYMENT.c, REFUND.c
    scope = (
        work.within_region(payment.region, region),
        work.actor.scope_filter(May.RECONCILE, payment.region),
    )
    paid = sa.select(
        payment.id,
        payment.voucher_no,
        payment.amount,
        payment.paid_on.label("on"),
        payment.payee_name.label("payee"),
    ).where(*scope, payment.state.in_(PAID_STATES), payment.paid_on.between(first, last))
    refunded = (
        sa.select(
            refund.id,
            refund.voucher_no,
            (-refund.amount).label("amount"),
            refund.happened_on.label("on"),
            payment.payee_name,
        )
        .select_from(REFUND.join(PAYMENT, payment.id == refund.payment_id))
        .where(*scope, refund.happened_on.between(first, last))
    )
    both = sa.union_all(paid, refunded).subquery()
    query = sa.select(both).order_by(both.c.on, both.c.id)
    return list(await execute_core(work.session, query))


async def list_matched_elsewhere(
    work: UnitOfWork, statement_id: UUID, record_ids: Sequence[UUID]
) -> set[UUID]:
    """Which of our records are matched by another statement already."""
    line = LINE.c
    matched: set[UUID] = set()
    for offset in range(0, len(record_ids), 500):
        query = sa.select(line.record_id).where(
            line.statement_id != statement_id,
            sa.or_(line.side == "theirs", line.match == MatchResult.GROUPED),
            line.record_id.in_(record_ids[offset : offset + 500]),
            line.match.in_(
                (MatchResult.EXACT, MatchResult.TOLERATED, MatchResult.GROUPED, MatchResult.RESOLVED)
            ),
        )
        matched |= set((await execute_core(work.session, query)).scalars())
    return matched


def build_open_condition() -> sa.ColumnElement[bool]:
    """Whether a statement has lines without an explanation or was not closed yet."""
    return col(Statement.state) == StatementState.OPEN
