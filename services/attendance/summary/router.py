"""`/attendance/summary`."""

from datetime import date

from fastapi import APIRouter

from services.attendance.fields import WholeRegion, YearQuery
from services.attendance.summary import repository
from services.attendance.summary.schemas import Summary
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/attendance/summary", tags=["驻村汇总"], route_class=Route)


@router.get("", response_model=Summary, **allows(May.PRESENCE_READ))
async def read_summary(work: Reading, region: WholeRegion, year: YearQuery) -> Summary:
    """一个地区一年的驻村工作: 只有数量, 没有个人和排名."""
    year_round = (date(year, 1, 1), date(year, 12, 31))
    counts: dict[str, int] = {}
    for part in (repository.stationed, repository.punched, repository.reckoned, repository.helped):
        counts |= await part(work, region, *year_round)
    return Summary(region=region, year=year, **counts)
