"""The end of a year over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from services.funds.ledger.models import YearClosing
from services.funds.years import land, reopening, service
from services.funds.years.models import Reopening
from services.funds.years.schemas import (
    REGION,
    ClosingCreate,
    ClosingRead,
    LandReport,
    LandRevenueWrite,
    ReopeningCreate,
    ReopeningRead,
    YearHistory,
    YearReport,
)
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Reading, Route, Writing, allows
from shared.permissions import May

router = APIRouter(prefix="/funds/years", tags=["年终"], route_class=Route)
Year = Annotated[int, Path(ge=2000, le=2100)]
Region = Annotated[str, Query(pattern=REGION)]


@router.get("/{year}", response_model=YearReport, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_year(work: Reading, year: Year, region: Region) -> YearReport:
    """年末余额, 结转与应收回."""
    return await service.report(work, region, year)


@router.post(
    "/{year}/close",
    status_code=201,
    response_model=ClosingRead,
    **allows(May.YEAR_CLOSE, refuses=(Conflict, NotFound)),
)
async def close_year(work: Writing, year: Year, body: ClosingCreate) -> YearClosing:
    """年终结账: 此后不再登记该年及以前日期的业务."""
    return await service.close(work, year, body)


@router.get("/{year}/history", response_model=YearHistory, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_year_history(work: Reading, year: Year, region: Region) -> YearHistory:
    """一个年度的结账与重开."""
    return await reopening.history(work, region, year)


@router.post(
    "/{year}/reopenings",
    status_code=201,
    response_model=ReopeningRead,
    **allows(May.YEAR_CLOSE, refuses=(Conflict, Invalid, NotFound)),
)
async def ask_reopening(work: Writing, year: Year, body: ReopeningCreate) -> Reopening:
    """凭文件申请重开已结账年度."""
    return await reopening.ask(work, year, body)


@router.post(
    "/reopenings/{reopening_id}/confirm",
    response_model=ReopeningRead,
    **allows(May.YEAR_CLOSE, refuses=(Conflict, NotFound)),
)
async def confirm_reopening(work: Writing, reopening_id: UUID) -> Reopening:
    """确认重开, 由申请人以外的人办理."""
    return await reopening.confirm(work, reopening_id)


@router.get("/{year}/land-revenue", response_model=LandReport, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_land_revenue(work: Reading, year: Year, region: Region) -> LandReport:
    """土地出让收益用于农业农村的比例."""
    return await land.report(work, region, year)


@router.put(
    "/{year}/land-revenue",
    response_model=LandReport,
    **allows(May.SOURCE_REGISTER, refuses=(Invalid, NotFound)),
)
async def register_land_revenue(work: Writing, year: Year, body: LandRevenueWrite) -> LandReport:
    """登记全年土地出让收益; 决算数替换预计数."""
    return await land.register(work, year, body)
