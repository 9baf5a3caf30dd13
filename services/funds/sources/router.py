"""HTTP routes of fund documents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.sources import repository, service
from services.funds.sources.models import Source, SourceAdjustment
from services.funds.sources.schemas import (
    AdjustmentCreate,
    Fund,
    FundLevel,
    SourceAdjustmentRead,
    SourceCreate,
    SourceDetail,
    SourceRead,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Shortcut

router = APIRouter(prefix="/funds/sources", tags=["资金来源"], route_class=Route)


@router.post(
    "",
    status_code=201,
    response_model=SourceRead,
    **requires(May.SOURCE_REGISTER, refuses=(Invalid, Conflict, NotFound)),
)
async def register_source(work: WriteWork, body: SourceCreate) -> Source:
    """登记指标文: posts its amount as received and available."""
    return await service.create_source(work, body)


@router.get("", response_model=Page[SourceRead], **requires(May.FUND_READ))
async def list_sources(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    level: FundLevel | None = None,
    fund: Fund | None = None,
    document_no: Annotated[str | None, Query(max_length=100)] = None,
) -> PageAnswer:
    """指标文列表."""
    return await repository.list_sources(
        work, params, region=region, year=year, level=level, fund=fund, document_no=document_no
    )


@router.get("/{source_id}", response_model=SourceDetail, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_source(work: ReadWork, source_id: UUID) -> SourceDetail:
    """指标文, 其余额与调整."""
    return await service.get_source_detail(work, source_id)


@router.post(
    "/{source_id}/adjustments",
    status_code=201,
    response_model=SourceAdjustmentRead,
    **requires(May.SOURCE_REGISTER, refuses=(Invalid, Conflict, NotFound)),
)
async def adjust_source(work: WriteWork, source_id: UUID, body: AdjustmentCreate) -> SourceAdjustment:
    """追加, 追减, 收回."""
    return await service.create_adjustment(work, source_id, body)


SOURCE_KIND = RecordKind(
    name="source",
    label="资金来源",
    path="/funds/sources",
    model=Source,
    read=SourceRead,
    may=May.FUND_READ,
    title="title",
    columns=(
        "document_no",
        "title",
        "region",
        "fiscal_year",
        "level",
        "fund",
        "task",
        "amount",
        "received_on",
    ),
    filters=("region", "year", "level", "fund", "document_no"),
    search=("document_no", "title"),
    parents={"carried_from": "source"},
    topics=("source.registered", "source.adjusted"),
    acts=(Act("追加、追减、收回", "/funds/sources/{id}/adjustments"),),
    shortcuts=(Shortcut(May.SOURCE_REGISTER, "登记指标文", "/funds/sources"),),
)
