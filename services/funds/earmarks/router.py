"""HTTP routes of earmarked amounts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.earmarks import repository, service
from services.funds.earmarks.models import Earmark
from services.funds.earmarks.schemas import EarmarkChange, EarmarkCreate, EarmarkMatrix, EarmarkRead
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, Conflict, Invalid, NotFound, PreconditionFailed, VersionRequired
from shared.http import IfMatch, Page, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import RecordKind

router = APIRouter(prefix="/funds/earmarks", tags=["切块额度"], route_class=Route)
Year = Annotated[int, Query(ge=2000, le=2100)]


@router.post(
    "",
    status_code=201,
    response_model=EarmarkRead,
    **requires(May.PLAN_DRAFT, refuses=(Invalid, Conflict, NotFound)),
)
async def register_earmark(work: WriteWork, body: EarmarkCreate) -> Earmark:
    """登记一个乡镇或单位的切块额度; 整张分配表用 /funds/table-imports/earmarks 导入."""
    return await service.create_earmark(work, body)


@router.get("", response_model=Page[EarmarkRead], **requires(May.FUND_READ))
async def list_earmarks(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    year: Year | None = None,
    title: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[Earmark]:
    """切块额度列表."""
    return await repository.list_earmarks(work, params, region=region, year=year, title=title)


@router.get("/matrix", response_model=EarmarkMatrix, **requires(May.FUND_READ, refuses=(BadRequest,)))
async def read_matrix(work: ReadWork, region: RegionCode, year: Year) -> EarmarkMatrix:
    """乡镇 × 类别, 和各乡镇已安排到项目的资金."""
    return await service.build_matrix(work, region, year)


@router.get("/{earmark_id}", response_model=EarmarkRead, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_earmark(work: ReadWork, earmark_id: UUID) -> Earmark:
    """切块额度."""
    return await repository.get_earmark(work, earmark_id)


@router.patch(
    "/{earmark_id}",
    response_model=EarmarkRead,
    **requires(May.PLAN_DRAFT, refuses=(NotFound, Invalid, PreconditionFailed, VersionRequired)),
)
async def change_earmark(work: WriteWork, earmark_id: UUID, body: EarmarkChange, match: IfMatch) -> Earmark:
    """更改切块额度, 写明理由."""
    return await service.update_earmark(work, earmark_id, body, match)


EARMARK_KIND = RecordKind(
    name="earmark",
    label="切块额度",
    path="/funds/earmarks",
    model=Earmark,
    read=EarmarkRead,
    may=May.FUND_READ,
    title="title",
    columns=("unit", "title", "year", "total", "region"),
    filters=("region", "year", "title"),
    search=("title", "unit"),
    parents={"source_id": "source"},
    topics=("earmark.changed",),
)
