"""Month sheets: counts, signature, later data, export, and the monthly statistics."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from services.attendance.days.consumers import project_next_batch, refresh_provisional_days
from tests.attendance.factories_attendance import (
    build_check_in,
    create_post,
    get_json,
    post_json,
    submit_check_in,
)
from tests.clients import TOWN, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock


async def run_day_projection(attendance: ServiceUnderTest) -> None:
    while await project_next_batch(attendance.context):
        pass


async def create_month(attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock) -> None:
    """Li is present on 20 and 21 May and on leave on 22 May; wang sends nothing."""
    await create_post(town, "li", "wang", since="2024-05-20")
    team = await post_json(town, "/attendance/teams", {"name": "新店村工作队", "region": VILLAGE})
    body = {"person": "li", "person_name": "李明", "role": "member", "starts_on": "2024-05-01"}
    await post_json(town, f"/attendance/teams/{team['id']}/members", body)
    cadre = attendance.client_as("cadre", person="li")
    await submit_check_in(cadre, build_check_in(clock))
    clock.advance(timedelta(days=1))
    await submit_check_in(cadre, build_check_in(clock))
    request = {"kind": "annual", "starts_on": "2024-05-22", "ends_on": "2024-05-22", "why": "年休假"}
    leave = await post_json(cadre, "/attendance/leaves", request)
    await post_json(town, f"/attendance/leaves/{leave['id']}/approve", {}, 200)
    await run_day_projection(attendance)


async def advance_to_june(attendance: ServiceUnderTest, clock: Clock) -> None:
    for _ in range(2):
        clock.advance(timedelta(days=8))
        await run_day_projection(attendance)
        await refresh_provisional_days(attendance.context)


async def test_a_months_sheet_counts_each_person(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    await advance_to_june(attendance, clock)
    sheet = await get_json(town, "/attendance/months", region=TOWN, month="2024-05")
    (li, wang) = sheet["rows"]
    assert (li["key"], li["stationed"], li["leave"], li["least_days"], li["met"]) == (
        "li",
        2.0,
        1.0,
        10,
        False,
    )
    assert (li["present"], li["unexplained"], li["rest"], li["workdays"]) == (2, 7, 2, 10)
    assert (wang["stationed"], wang["unexplained"]) == (0.0, 10)
    assert (sheet["total"]["persons"], sheet["total"]["stationed"]) == (2, 2.0)
    for by, rows in (("village", [(VILLAGE, "黄羊镇广场村委会")]), ("town", [(TOWN, "黄羊镇")])):
        sheet_by = await get_json(town, "/attendance/months", region=TOWN, month="2024-05", by=by)
        assert [(row["key"], row["name"]) for row in sheet_by["rows"]] == rows
        assert sheet_by["rows"][0]["persons"] == 2
    teams = await get_json(town, "/attendance/months", region=TOWN, month="2024-05", by="team")
    assert {row["name"] for row in teams["rows"]} == {"新店村工作队", ""}
    year = await get_json(town, "/attendance/years", region=TOWN, year=2024)
    assert year["rows"][0]["stationed"] == 2.0
    assert year["rows"][0]["least_days"] is None


async def test_days_of_a_merged_village_stand_under_the_new_one(
    doors: SystemUnderTest, attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    new, month = "620602100202", "2024-05"

    async def read_persons(region: str) -> list[dict[str, Any]]:
        sheet = await get_json(town, "/attendance/months", region=region, month=month)
        assert sheet["total"]["persons"] == len(sheet["rows"])
        return [row | {"region": ""} for row in sheet["rows"]]

    before = await read_persons(TOWN)
    await doors.merge_regions(VILLAGE, new)

    (village,) = (await get_json(town, "/attendance/months", region=TOWN, month=month, by="village"))["rows"]
    assert (village["key"], village["region"], village["persons"]) == (new, new, 2)
    for region in (TOWN, new):
        assert await read_persons(region) == before
        figures = await get_json(town, "/attendance/statistics", region=region, month=month)
        assert [row["name"] for row in figures["rows"]] == ["li同志", "wang同志"]
    assert len((await get_json(town, "/attendance/posts", region=new))["items"]) == 1


async def test_a_signature_evaluates_days_without_a_result_first(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    clock.advance(timedelta(days=60))
    signed = await post_json(town, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 200)
    (li, wang) = (await get_json(town, f"/attendance/sheets/{signed['id']}"))["rows"]
    assert (li["unexplained"], li["leave"], wang["unexplained"], wang["rest"]) == (7, 1.0, 10, 2)


async def test_nobody_can_order_people_by_their_figures(
    town: httpx.AsyncClient, bureau: httpx.AsyncClient
) -> None:
    for address in ("/attendance/days", "/attendance/members", "/attendance/check-ins", "/attendance/deeds"):
        await get_json(bureau, f"{address}?sort=-halves", 400)


async def test_a_signature_freezes_days_and_later_data_is_stored_beside_them(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    body = {"region": VILLAGE, "month": "2024-05"}
    problem = await post_json(town, "/attendance/months/sign", body, 409)
    assert {error["code"] for error in problem["errors"]} == {"not_over", "provisional"}
    await advance_to_june(attendance, clock)
    signed = await post_json(town, "/attendance/months/sign", body, 200)
    assert signed["state"] == "signed"
    await post_json(town, "/attendance/months/sign", body, 409)
    sheet = await get_json(town, "/attendance/months", region=VILLAGE, month="2024-05")
    assert sheet["state"] == "signed"
    taken_at = (clock.now() - timedelta(days=9)).isoformat()
    check_in = await post_json(
        town, "/attendance/corrections", {"person": "wang", "taken_at": taken_at, "reason": "村里证实"}
    )
    await run_day_projection(attendance)
    (day,) = (
        await get_json(
            town, f"/attendance/days?person=wang&from={check_in['work_date']}&to={check_in['work_date']}"
        )
    )["items"]
    assert (day["result"], day["frozen"], day["after_signature"]["result"]) == (
        "unexplained",
        True,
        "present",
    )
    assert (await get_json(town, "/attendance/months", region=VILLAGE, month="2024-05"))["total"][
        "after_signature"
    ] == 1
    stored = await get_json(town, f"/attendance/sheets/{signed['id']}")
    assert [row["key"] for row in stored["rows"]] == ["li", "wang"]
    await post_json(town, "/attendance/months/reopen", body, 409)
    await post_json(town, "/attendance/months/reopen", body | {"reason": "补充材料"}, 200)
    (day,) = (
        await get_json(
            town, f"/attendance/days?person=wang&from={check_in['work_date']}&to={check_in['work_date']}"
        )
    )["items"]
    assert (day["result"], day["frozen"], day["after_signature"]) == ("present", False, {})


async def test_nobody_signs_the_month_they_are_in(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    await advance_to_june(attendance, clock)
    signer = attendance.client_as("town_officer", person="li")
    await post_json(signer, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 403)
    elsewhere = attendance.client_as("town_officer", "620602101000")
    await post_json(elsewhere, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 404)


@pytest.mark.parametrize("month", ["2024-13", "2024-5", "x"])
async def test_a_malformed_month_is_refused(town: httpx.AsyncClient, month: str) -> None:
    await get_json(town, "/attendance/months", 422, region=TOWN, month=month)


async def test_the_report_has_a_column_for_every_day(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    response = await town.get("/attendance/months/export", params={"region": TOWN, "month": "2024-05"})
    assert response.status_code == 200
    rows: Any = CalamineWorkbook.from_filelike(BytesIO(response.content)).get_sheet_by_index(0).to_python()
    header = next(row for row in rows if row[0] == "姓名")
    line: Any = dict(zip(header, next(row for row in rows if row[2] == "li"), strict=True))
    assert line["部门"] == "新店村工作队"
    assert (line["出勤天数"], line["20 一"], line["22 三"]) == (2, "正常(暂定)", "")
    assert sum(1 for title in header if title[:1].isdigit()) == 31


async def test_the_monthly_statistics_follow_from_daily_records(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_month(attendance, town, clock)
    cadre = attendance.client_as("cadre", person="li")
    visit = {"visited_on": "2024-05-20", "kind": "household", "purpose": "care", "household": "王五"}
    await post_json(cadre, "/attendance/visits", visit)
    for kind, amount, people in (
        ("project", "250000.00", 30),
        ("consumption", "30000.00", 5),
        ("jobs", "0.00", 7),
    ):
        deed = {
            "happened_on": "2024-05-20",
            "kind": kind,
            "content": "办成一件",
            "amount": amount,
            "beneficiaries": people,
        }
        await post_json(cadre, "/attendance/deeds", deed | {"done": kind != "jobs"})
    statistics = await get_json(town, "/attendance/statistics", region=TOWN, month="2024-05")
    line = next(row for row in statistics["rows"] if row["key"] == "li")
    assert (line["role"], line["stationed"], line["household_visits"]) == ("工作队队员", 2.0, 1)
    assert (line["project"], line["project_money"], line["consumption_money"], line["jobs"]) == (
        1,
        "250000.00",
        "30000.00",
        7,
    )
    assert (line["deeds"], line["deeds_done"]) == (3, 2)
    towns = await get_json(town, "/attendance/statistics", region=TOWN, month="2024-05", by="town")
    assert [(row["key"], row["name"], row["deeds"]) for row in towns["rows"]] == [(TOWN, "黄羊镇", 3)]
    units = await get_json(town, "/attendance/statistics", region=TOWN, month="2024-05", by="unit")
    assert units["rows"][0]["unit"] == "未登记派出单位"
    response = await town.get("/attendance/statistics/export", params={"region": TOWN, "month": "2024-05"})
    sheets = CalamineWorkbook.from_filelike(BytesIO(response.content))
    assert sheets.sheet_names == ["月统计", "实事清单"]
    rows: Any = sheets.get_sheet_by_index(0).to_python()
    header = next(row for row in rows if row[0] == "单位")
    line = dict(zip(header, next(row for row in rows if row[1].startswith("li")), strict=True))
    assert line["协调资金(万元)"] == 25


async def test_days_of_a_signed_month_are_withdrawn_when_it_is_reopened(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    """A signed day without its assignment stays and says so; reopened, it goes."""
    await create_month(attendance, town, clock)
    await advance_to_june(attendance, clock)
    body = {"region": VILLAGE, "month": "2024-05"}
    await post_json(town, "/attendance/months/sign", body, 200)
    (assignment,) = (await get_json(town, "/attendance/assignments", person="wang"))["items"]
    match = {"If-Match": f'"{assignment["version"]}"'}
    ended = {"ends_on": "2024-05-28", "reason": "调离"}
    await post_json(town, f"/attendance/assignments/{assignment['id']}/end", ended, 200, headers=match)
    await run_day_projection(attendance)
    days = "/attendance/days?person=wang&from=2024-05-29&to=2024-05-31"
    signed = (await get_json(town, days))["items"]
    assert [(day["result"], day["after_signature"]["result"]) for day in signed] == [
        ("unexplained", "rest")
    ] * 3
    await post_json(town, "/attendance/months/reopen", body | {"reason": "派驻有误"}, 200)
    await run_day_projection(attendance)
    assert (await get_json(town, days))["items"] == []
