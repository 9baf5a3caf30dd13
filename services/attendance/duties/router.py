"""`/attendance/duties` and `/attendance/calendar`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance.duties import repository, service
from services.attendance.duties.models import Duty
from services.attendance.duties.schemas import CalendarDay, DutyAct, DutyEnd, DutyRead, Rota
from services.attendance.fields import MonthQuery, PersonQuery, RegionQuery
from services.attendance.rows import between, columns
from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import Page, Paging
from shared.permissions import May

ROTA = 256 * 1024
"""Body limit in bytes of a rota."""
router = APIRouter(prefix="/attendance", tags=["值班"], route_class=Route)


@router.post(
    "/duties",
    status_code=201,
    response_model=list[DutyRead],
    **allows(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid), body=ROTA),
)
async def set_rota(work: Writing, body: Rota) -> list[Duty]:
    """排班."""
    return await service.set_rota(work, body)


@router.get("/duties", response_model=Page[DutyRead], **allows(May.PRESENCE_READ))
async def list_duties(
    work: Reading,
    asked: Paging,
    region: RegionQuery = "",
    person: PersonQuery = "",
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> Page[Duty]:
    """值班表; a cadre sees the rota of their posts."""
    where = between(columns(Duty).work_date, since, until)
    return await repository.listed(work, asked, region=region, person=person, where=where)


@router.post(
    "/duties/{duty_id}/{action}",
    response_model=DutyRead,
    **allows(May.TEAM_MANAGE, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def end_duty(work: Writing, duty_id: UUID, action: DutyEnd, body: DutyAct, match: IfMatch) -> Duty:
    """确认已值班, 或取消班次."""
    return await service.end(work, duty_id, action, body, match)


@router.get("/calendar", response_model=list[CalendarDay], **allows(May.PRESENCE_READ))
async def read_calendar(work: Reading, month: MonthQuery, region: RegionQuery = "") -> list[CalendarDay]:
    """一个月的工作日与休息日, 含调休."""
    return await service.days(work, month, region)
