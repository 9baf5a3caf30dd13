"""Queries of the exchange."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from services.funds.allocations.models import Allocation
from services.funds.commitments.models import CachedProject
from services.funds.contracts.models import Contract
from services.funds.exchange.models import ExchangeRow
from services.funds.exchange.schemas import ExchangeKind, ExchangeRowRead, ExchangeRowState
from services.funds.payments.lifecycle import PaymentState
from services.funds.payments.models import Payment, Refund
from services.funds.sources.models import Source, SourceAdjustment
from shared.auth import May
from shared.db import execute_core
from shared.errors import NotFound
from shared.events import insert_once
from shared.http import Page, PageAnswer, PageParams, answer_page, list_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"created_at": col(ExchangeRow.created_at)}
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]
EXPORTED_STATES = (PaymentState.APPROVED, PaymentState.PAID, PaymentState.REVERSED)


async def get_row(work: UnitOfWork, row_id: UUID, *, lock: bool = False) -> ExchangeRow:
    """Get a row of the caller's regions; NotFound otherwise."""
    query = select(ExchangeRow).where(
        ExchangeRow.id == row_id, work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region))
    )
    row = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound(f"没有这一行: {row_id}", f"No row {row_id}")
    return row


async def list_rows(
    work: UnitOfWork, params: PageParams, *, kind: ExchangeKind | None, state: ExchangeRowState | None
) -> PageAnswer:
    """List a page of rows of the caller's regions."""
    query = select(ExchangeRow).where(work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region)))
    if kind is not None:
        query = query.where(ExchangeRow.kind == kind)
    if state is not None:
        query = query.where(ExchangeRow.state == state)
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(ExchangeRow.id),
        default="-created_at",
        read=ExchangeRowRead,
    )


async def find_same_row(
    work: UnitOfWork, kind: ExchangeKind, external_id: str, digest: str, *, lock: bool = False
) -> ExchangeRow | None:
    """Find the row received before with equal key and content, within the caller's regions."""
    query = select(ExchangeRow).where(
        ExchangeRow.kind == kind,
        ExchangeRow.external_id == external_id,
        ExchangeRow.content_digest == digest,
        work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region)),
    )
    return (await work.session.exec(query.with_for_update() if lock else query)).first()


async def insert_row(work: UnitOfWork, row: ExchangeRow) -> bool:
    """Insert the row unless an equal one was inserted concurrently; return whether it was inserted."""
    table = ExchangeRow.__table__  # type: ignore[attr-defined]
    return (
        await execute_core(work.session, insert_once(work.session, table, row.model_dump()))
    ).first() is not None


async def find_applied_row(work: UnitOfWork, kind: ExchangeKind, external_id: str) -> ExchangeRow | None:
    """Find the applied row with this key, from any sender."""
    query = select(ExchangeRow).where(
        ExchangeRow.kind == kind,
        ExchangeRow.external_id == external_id,
        col(ExchangeRow.state) == ExchangeRowState.APPLIED,
    )
    return (await work.session.exec(query.order_by(col(ExchangeRow.id)))).first()


async def list_applied_subjects(
    work: UnitOfWork, kind: ExchangeKind, subject_ids: Sequence[UUID]
) -> set[str]:
    """Which of our records are the subject of an applied row of this kind."""
    query = select(ExchangeRow.subject).where(
        col(ExchangeRow.subject).in_([str(subject_id) for subject_id in subject_ids]),
        ExchangeRow.kind == kind,
        col(ExchangeRow.state) == ExchangeRowState.APPLIED,
        work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region)),
    )
    return set(await work.session.exec(query))


async def list_waiting_rows(work: UnitOfWork, limit: int = 200) -> list[ExchangeRow]:
    """List waiting rows of the caller's regions, least recently tried first."""
    query = (
        select(ExchangeRow)
        .where(
            col(ExchangeRow.state) == ExchangeRowState.WAITING,
            work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region)),
        )
        .order_by(col(ExchangeRow.updated_at), col(ExchangeRow.id))
        .limit(limit)
    )
    return list(await work.session.exec(query))


async def system_list_ready_rows(work: UnitOfWork, limit: int = 200) -> list[ExchangeRow]:
    """List waiting rows whose payment or document has changed since the last attempt, least recently tried first."""
    last_tried, document = col(ExchangeRow.updated_at), aliased(ExchangeRow)
    payment_changed = sa.exists().where(
        PAYMENT.c.id == ExchangeRow.awaits_payment, PAYMENT.c.updated_at >= last_tried
    )
    document_changed = sa.exists().where(
        col(document.kind) == ExchangeKind.BGT_INFO,
        col(document.external_id) == ExchangeRow.awaits_document,
        col(document.state) == ExchangeRowState.APPLIED,
        col(document.updated_at) >= last_tried,
    )
    query = (
        select(ExchangeRow)
        .where(col(ExchangeRow.state) == ExchangeRowState.WAITING, sa.or_(payment_changed, document_changed))
        .order_by(last_tried, col(ExchangeRow.id))
        .limit(limit)
    )
    return list(await work.session.exec(query))


async def get_external_ids(work: UnitOfWork, subjects: Sequence[UUID]) -> dict[str, str]:
    """Map ids of fund documents to their 指标主键 in the finance system."""
    query = select(ExchangeRow.subject, ExchangeRow.external_id).where(
        ExchangeRow.kind == ExchangeKind.BGT_INFO,
        col(ExchangeRow.state) == ExchangeRowState.APPLIED,
        col(ExchangeRow.subject).in_([str(subject_id) for subject_id in subjects]),
        work.actor.scope_filter(May.EXCHANGE, col(ExchangeRow.region)),
    )
    return {row[0]: row[1] for row in await work.session.exec(query)}


async def list_sources(work: UnitOfWork, params: PageParams, year: int | None) -> Page[Source]:
    """List a page of fund documents of the caller's regions."""
    query = select(Source).where(work.actor.scope_filter(May.EXCHANGE, col(Source.region)))
    if year is not None:
        query = query.where(Source.fiscal_year == year)
    orders = {"received_on": col(Source.received_on)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(Source.id), default="received_on"
    )


async def list_adjustments(work: UnitOfWork, params: PageParams) -> Page[SourceAdjustment]:
    """List a page of adjustments of fund documents of the caller's regions."""
    query = (
        select(SourceAdjustment)
        .join(Source, col(Source.id) == SourceAdjustment.source_id)
        .where(work.actor.scope_filter(May.EXCHANGE, col(Source.region)))
    )
    orders, key = {"created_at": col(SourceAdjustment.created_at)}, col(SourceAdjustment.id)
    return await list_page(work.session, query, params, orders=orders, key=key, default="created_at")


async def list_refunds(work: UnitOfWork, params: PageParams) -> Page[Refund]:
    """List a page of refunds of payments of the caller's regions."""
    query = (
        select(Refund)
        .join(Payment, col(Payment.id) == Refund.payment_id)
        .where(work.actor.scope_filter(May.EXCHANGE, col(Payment.region)))
    )
    orders = {"created_at": col(Refund.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(Refund.id), default="created_at"
    )


async def list_payments(work: UnitOfWork, params: PageParams, *, payable: bool) -> Page[Payment]:
    """List a page of payments to export: those to be paid (`payable`), or all from APPROVED on."""
    states = (PaymentState.APPROVED,) if payable else EXPORTED_STATES
    query = select(Payment).where(
        work.actor.scope_filter(May.EXCHANGE, col(Payment.region)), col(Payment.state).in_(states)
    )
    orders = {"created_at": col(Payment.created_at)}
    return await list_page(
        work.session, query, params, orders=orders, key=col(Payment.id), default="created_at"
    )


async def list_related_records(work: UnitOfWork, payment_ids: Sequence[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Document number, project and contract number of payments, in one query."""
    payment, allocation, snapshot, contract = PAYMENT.c, Allocation, CachedProject, Contract
    query = (
        sa.select(
            payment.id,
            payment.source_id,
            col(allocation.document_no).label("document_no"),
            col(allocation.project_name).label("name"),
            col(snapshot.code).label("code"),
            col(contract.number).label("contract_no"),
        )
        .select_from(PAYMENT)
        .join(allocation, col(allocation.id) == payment.allocation_id)
        .outerjoin(snapshot, col(snapshot.id) == payment.project_id)
        .outerjoin(contract, col(contract.id) == payment.contract_id)
        .where(payment.id.in_(payment_ids), work.actor.scope_filter(May.EXCHANGE, payment.region))
    )
    return {row.id: row for row in await execute_core(work.session, query)}


def build_refused_condition() -> sa.ColumnElement[bool]:
    """Whether a received row was refused and waits for a person."""
    return col(ExchangeRow.state) == ExchangeRowState.REFUSED
