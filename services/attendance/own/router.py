"""`/attendance/months/mine`."""

from fastapi import APIRouter

from services.attendance.fields import MonthQuery
from services.attendance.own import service
from services.attendance.own.schemas import OwnMonth
from shared.errors import NotFound
from shared.http import Reading, Route, allows
from shared.permissions import May

router = APIRouter(prefix="/attendance/months", tags=["月表"], route_class=Route)


@router.get("/mine", response_model=OwnMonth, **allows(May.CHECK_IN, refuses=(NotFound,)))
async def read_own_month(work: Reading, month: MonthQuery) -> OwnMonth:
    """我的月表: 各天的认定与依据, 复核, 异议."""
    return await service.month(work, month)
