"""Oversight over HTTP: read only."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from services.funds.oversight import columns
from services.funds.oversight import evaluation as evaluating
from services.funds.oversight.schemas import Evaluation, Supervision
from shared.errors import NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/funds", tags=["资金监督"], route_class=Route)
Region = Annotated[str, Query(pattern=r"^[0-9]{12}$")]
Year = Annotated[int, Query(ge=2000, le=2100)]


@router.get("/supervision", response_model=Supervision, **allows(May.FUND_READ))
async def read_supervision(
    work: Reading, region: Region, year: Year, by: Literal["fund", "region"] = "fund"
) -> Supervision:
    """监督台账: 各级下达, 分配, 支出和进度, 按资金或按乡镇."""
    return await columns.supervision(work, region, year, by)


@router.get("/evaluation", response_model=Evaluation, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_evaluation(work: Reading, region: Region, year: Year) -> Evaluation:
    """绩效评价及考核指标, 由账上和记录得出."""
    return await evaluating.evaluation(work, region, year)
