"""HTTP routes of the reports: read only."""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.funds.ledger.router import Days
from services.funds.reports import service
from services.funds.reports.schemas import FundsSummary, FundsThread, PerformanceEvaluation, Supervision
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, Invalid, NotFound
from shared.http import ReadWork, Route, requires
from shared.records import keep_page

router = APIRouter(prefix="/funds", tags=["资金全链条"], route_class=Route)


@router.get("/thread", response_model=FundsThread, **requires(May.FUND_READ, refuses=(NotFound,)))
async def read_thread(
    work: ReadWork,
    project_id: UUID | None = None,
    source_id: UUID | None = None,
    plan_id: UUID | None = None,
    payment_id: UUID | None = None,
    document_no: Annotated[str | None, Query(min_length=2, max_length=100, description="指标文号")] = None,
) -> FundsThread:
    """资金全链条中资金这一段: exactly one of the five says where to start."""
    starts = [
        (service.get_thread_of_project, project_id),
        (service.get_thread_of_source, source_id),
        (service.get_thread_of_plan, plan_id),
        (service.get_thread_of_payment, payment_id),
    ]
    chosen = [(find, record) for find, record in starts if record is not None]
    if len(chosen) + (document_no is not None) != 1:
        raise BadRequest(
            "请给出 project_id、source_id、plan_id、payment_id、document_no 中的一个",
            "Give exactly one record to start from",
        )
    if document_no is not None:
        return await service.get_thread_of_document(work, document_no)
    ((find, record),) = chosen
    return await find(work, record)


@router.get("/summary", response_model=FundsSummary, **requires(May.FUND_READ, refuses=(Invalid,)))
async def read_summary(
    work: ReadWork,
    region: RegionCode,
    year: Annotated[int, Query(ge=2000, le=2100)],
    period: Days,
) -> Response:
    """一个地区一年的资金; 给出 from 或 as_of 时另有这段时间的发生额."""
    make = partial(service.get_summary, work, region, year, period)
    return await keep_page(work, "summary", (region, year, period), make)


oversight_router = APIRouter(prefix="/funds", tags=["资金监督"], route_class=Route)
Region = RegionCode
Year = Annotated[int, Query(ge=2000, le=2100)]


@oversight_router.get("/supervision", response_model=Supervision, **requires(May.FUND_READ))
async def read_supervision(
    work: ReadWork, region: Region, year: Year, by: Literal["fund", "region"] = "fund"
) -> Supervision:
    """监督台账: 各级下达, 分配, 支出和进度, 按资金或按乡镇."""
    return await service.get_supervision(work, region, year, by)


@oversight_router.get(
    "/evaluation", response_model=PerformanceEvaluation, **requires(May.FUND_READ, refuses=(NotFound,))
)
async def read_evaluation(work: ReadWork, region: Region, year: Year) -> PerformanceEvaluation:
    """绩效评价及考核指标, 由账上和记录得出."""
    return await service.get_evaluation(work, region, year)
