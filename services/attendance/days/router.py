"""`/attendance/days`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.days.kinds import DayResult
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayRead
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.rows import between, columns
from shared.errors import NotFound
from shared.http import Reading, Route, allows
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/attendance/days", tags=["在岗日"], route_class=Route)


@router.get("", response_model=Page[DayRead], **allows(May.PRESENCE_READ))
async def list_days(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    result: DayResult | None = None,
    provisional: Annotated[bool | None, Query(description="空为全部")] = None,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> Page[AttendanceDay]:
    """在岗日列表, 每天附认定依据."""
    equal = {"person": person, "result": result, "provisional": provisional}
    where = between(columns(AttendanceDay).work_date, since, until)
    return await records.listed(
        work, asked, AttendanceDay, order="-work_date", region=region, equal=equal, where=where
    )


@router.get("/{day_id}", response_model=DayRead, **allows(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_day(work: Reading, day_id: UUID) -> AttendanceDay:
    """一人一天."""
    return await records.get(work, AttendanceDay, day_id, "这一天")
