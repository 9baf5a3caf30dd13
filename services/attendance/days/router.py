"""Routes `/attendance/days`: list and read evaluated days."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.attendance import repository as records
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import DayRead, DayResult
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.sql_conditions import get_columns, in_date_range
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, Pagination, ReadWork, Route, requires
from shared.records import RecordKind

router = APIRouter(prefix="/attendance/days", tags=["在岗日"], route_class=Route)


@router.get("", response_model=Page[DayRead], **requires(May.PRESENCE_READ))
async def list_days(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    result: DayResult | None = None,
    provisional: Annotated[bool | None, Query(description="空为全部")] = None,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> Page[AttendanceDay]:
    """在岗日列表, 每天附认定依据."""
    equal = {"person": person, "result": result, "provisional": provisional}
    where = in_date_range(get_columns(AttendanceDay).work_date, since, until)
    return await records.list_records(
        work, page_params, AttendanceDay, order="-work_date", region=region, equal=equal, where=where
    )


@router.get("/{day_id}", response_model=DayRead, **requires(May.PRESENCE_READ, refuses=(NotFound,)))
async def read_day(work: ReadWork, day_id: UUID) -> AttendanceDay:
    """一人一天."""
    return await records.get_record(work, AttendanceDay, day_id, "这一天")


DAY_KIND = RecordKind(
    name="day",
    label="在岗日",
    path="/attendance/days",
    model=AttendanceDay,
    read=DayRead,
    may=May.PRESENCE_READ,
    owner="person",
    title="person_name",
    columns=("person_name", "work_date", "region", "result", "words", "provisional"),
    filters=("region", "person", "result", "provisional", "from", "to"),
    search=("person_name",),
    parents={"post_id": "post", "team_id": "team"},
    topics=("day.settled",),
    phone=True,
)
