"""Routes `/attendance/days`: list and read evaluated days."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.attendance import repository as records
from services.attendance.days import repository
from services.attendance.days.exporter import build_board_sheet
from services.attendance.days.models import AttendanceDay
from services.attendance.days.schemas import BoardRow, DayBoard, DayRead, DayResult
from services.attendance.fields import PersonQuery, RegionQuery
from services.attendance.sql_conditions import get_columns, in_date_range
from services.attendance.workbooks import build_download_response
from shared.auth import May
from shared.china import PlaceNames
from shared.errors import NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, requires
from shared.records import RecordKind
from shared.records.region_names import find_place_names

NO_RECORD = "尚无记录"
router = APIRouter(prefix="/attendance/days", tags=["在岗日"], route_class=Route)


@router.get("", response_model=Page[DayRead], **requires(May.PRESENCE_READ))
async def list_days(
    work: ReadWork,
    page_params: Pagination,
    region: RegionQuery = "",
    person: PersonQuery = "",
    group_id: UUID | None = None,
    result: DayResult | None = None,
    provisional: Annotated[bool | None, Query(description="空为全部")] = None,
    since: Annotated[date | None, Query(alias="from")] = None,
    until: Annotated[date | None, Query(alias="to")] = None,
) -> PageAnswer:
    """在岗日列表, 每天附认定依据."""
    equal = {"person": person, "group_id": group_id, "result": result, "provisional": provisional}
    where = in_date_range(get_columns(AttendanceDay).work_date, since, until)
    return await records.list_records(
        work,
        page_params,
        AttendanceDay,
        order="-work_date",
        region=region,
        equal=equal,
        where=where,
        read=DayRead,
    )


@router.get("/board", response_model=DayBoard, **requires(May.PRESENCE_READ))
async def read_board(
    work: ReadWork,
    region: RegionQuery = "",
    on: Annotated[date | None, Query(description="空为今天")] = None,
    form: Annotated[Literal["json", "xlsx", "pdf"], Query(description="xlsx, pdf: 日报")] = "json",
) -> DayBoard | Response:
    """今日在岗: 派驻的每个人, 有没有记录、什么情况; 可出日报."""
    area, day = region or work.home_region, on or work.today
    places = await find_place_names(work, area)
    rows = await repository.list_board_rows(work, area, day)
    board = build_board(rows, places, area, day)
    if form == "json":
        return board
    content = await asyncio.to_thread(build_board_sheet, board, form)
    return build_download_response(content, f"驻村日报-{board.place}-{day}.{form}", form)


def build_board(rows: Sequence[Any], places: PlaceNames, region: str, on: date) -> DayBoard:
    """Returns the board of the rows of `list_board_rows`, counted by result."""
    shown = [
        BoardRow(
            person=person,
            person_name=name,
            region=area,
            place=places.describe(area),
            post=post,
            result=result,
            result_label=DayResult(result).label if result else NO_RECORD,
            words=words or "",
        )
        for person, name, area, post, result, words in rows
    ]
    return DayBoard(
        on=on,
        region=region,
        place=places.describe(region),
        stationed=len({row.person for row in shown}),
        counts=dict(Counter(row.result_label for row in shown)),
        rows=shown,
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
    filters=("region", "person", "group_id", "result", "provisional", "from", "to"),
    search=("person_name",),
    parents={"post_id": "post", "team_id": "team", "group_id": "attendance_group"},
    topics=("day.settled", "day.withdrawn"),
    phone=True,
)
