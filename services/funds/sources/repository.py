"""Queries of fund documents and their adjustments."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import Fund, FundLevel, SourceRead
from shared.auth import May
from shared.china import normalize_document_no
from shared.errors import NotFound
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

ORDERS = {"received_on": col(Source.received_on), "fiscal_year": col(Source.fiscal_year)}


async def get_source(work: UnitOfWork, source_id: UUID, *, lock: bool = False) -> Source:
    """Get a document of the caller's regions; NotFound otherwise."""
    query = select(Source).where(
        Source.id == source_id, work.actor.scope_filter(May.FUND_READ, col(Source.region))
    )
    source = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if source is None:
        raise NotFound(f"没有这份资金来源: {source_id}", f"No source {source_id}")
    return source


async def get_sources_by_id(work: UnitOfWork, source_ids: Iterable[UUID]) -> dict[UUID, Source]:
    """Get documents by id. Not scoped: the caller has checked access to the records that refer to them."""
    rows = await work.session.exec(select(Source).where(col(Source.id).in_(set(source_ids))))
    return {source.id: source for source in rows}


async def find_duplicate(work: UnitOfWork, columns: dict[str, Any]) -> Source | None:
    """Find the document registered under the same region, number, level, fund, task and year.

    Numbers are compared without their spelling: 青财农字(2023)505号 is 青财农字〔2023〕505号.
    """
    query = select(Source).where(Source.document_key == normalize_document_no(columns["document_no"]))
    for name in ("region", "level", "fund", "task", "fiscal_year"):
        query = query.where(getattr(Source, name) == columns[name])
    return (await work.session.exec(query)).first()


async def list_sources(
    work: UnitOfWork,
    params: PageParams,
    *,
    region: str | None,
    year: int | None,
    level: FundLevel | None,
    fund: Fund | None,
    document_no: str | None,
) -> PageAnswer:
    """List a page of documents of the caller's regions."""
    query = select(Source).where(work.actor.scope_filter(May.FUND_READ, col(Source.region)))
    if region:
        query = query.where(work.within_region(col(Source.region), region))
    if year is not None:
        query = query.where(Source.fiscal_year == year)
    if level is not None:
        query = query.where(Source.level == level)
    if fund is not None:
        query = query.where(Source.fund == fund)
    if document_no:
        query = query.where(Source.document_key == normalize_document_no(document_no))
    return await answer_page(
        work.session,
        query,
        params,
        orders=ORDERS,
        key=col(Source.id),
        default="-received_on",
        read=SourceRead,
    )


async def list_adjustments(work: UnitOfWork, source_id: UUID) -> list[SourceAdjustment]:
    """List the adjustments of a document, oldest first."""
    query = select(SourceAdjustment).where(SourceAdjustment.source_id == source_id)
    return list(await work.session.exec(query.order_by(col(SourceAdjustment.id))))


async def find_adjustment(work: UnitOfWork, adjustment_id: UUID) -> SourceAdjustment | None:
    """Find an adjustment by id."""
    return await work.session.get(SourceAdjustment, adjustment_id)
