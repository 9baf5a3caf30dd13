"""HTTP routes of the year end."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from services.funds.ledger.models import YearClosing
from services.funds.years import service
from services.funds.years.models import Reopening
from services.funds.years.schemas import (
    ClosingCreate,
    ClosingRead,
    LandReport,
    LandRevenueWrite,
    ReopeningCreate,
    ReopeningRead,
    YearHistory,
    YearReport,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import ReadWork, Route, WriteWork, requires

router = APIRouter(prefix="/funds/years", tags=["年终"], route_class=Route)
Year = Annotated[int, Path(ge=2000, le=2100)]
Region = RegionCode


@router.get("/{year}", response_model=YearReport, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_year(work: ReadWork, year: Year, region: Region) -> YearReport:
    """年末余额, 结转与应收回."""
    return await service.get_year_report(work, region, year)


@router.post(
    "/{year}/close",
    status_code=201,
    response_model=ClosingRead,
    **requires(May.YEAR_CLOSE, refuses=(Conflict, NotFound)),
)
async def close_year(work: WriteWork, year: Year, body: ClosingCreate) -> YearClosing:
    """年终结账: 此后不再登记该年及以前日期的业务."""
    return await service.close_year(work, year, body)


@router.get("/{year}/history", response_model=YearHistory, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_year_history(work: ReadWork, year: Year, region: Region) -> YearHistory:
    """一个年度的结账与重开."""
    return await service.get_year_history(work, region, year)


@router.post(
    "/{year}/reopenings",
    status_code=201,
    response_model=ReopeningRead,
    **requires(May.YEAR_CLOSE, refuses=(Conflict, Invalid, NotFound)),
)
async def ask_reopening(work: WriteWork, year: Year, body: ReopeningCreate) -> Reopening:
    """凭文件申请重开已结账年度."""
    return await service.create_reopening(work, year, body)


@router.post(
    "/reopenings/{reopening_id}/confirm",
    response_model=ReopeningRead,
    **requires(May.YEAR_CLOSE, refuses=(Conflict, NotFound)),
)
async def confirm_reopening(work: WriteWork, reopening_id: UUID) -> Reopening:
    """确认重开, 由申请人以外的人办理."""
    return await service.confirm_reopening(work, reopening_id)


@router.get("/{year}/land-revenue", response_model=LandReport, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_land_revenue(work: ReadWork, year: Year, region: Region) -> LandReport:
    """土地出让收益用于农业农村的比例."""
    return await service.get_land_report(work, region, year)


@router.put(
    "/{year}/land-revenue",
    response_model=LandReport,
    **requires(May.SOURCE_REGISTER, refuses=(Invalid, NotFound)),
)
async def register_land_revenue(work: WriteWork, year: Year, body: LandRevenueWrite) -> LandReport:
    """登记全年土地出让收益; 决算数替换预计数."""
    return await service.save_land_revenue(work, year, body)
