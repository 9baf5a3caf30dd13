"""Sheets by the rules of their period, what holds them back, and statistics that a signature freezes."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import openpyxl
import pytest

from services.attendance.days.consumers import project_next_batch, refresh_provisional_days
from tests.attendance.factories_attendance import (
    build_check_in,
    create_post,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest, set_rule_version
from tests.conftest import Clock
from tests.papers import find_unprinted_characters, read_page_sizes, read_paper

DEED = {"kind": "urgent", "content": "协调更换水泵", "beneficiaries": 3}


async def settle_days(attendance: ServiceUnderTest) -> None:
    while await project_next_batch(attendance.context):
        pass
    await refresh_provisional_days(attendance.context)
    attendance.context.memory.pop("refreshed_on", None)


async def check_in_daily(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, clock: Clock, days: int
) -> None:
    """Checks in on each day from today on, and ends in the morning after."""
    for _ in range(days):
        await submit_check_in(cadre, build_check_in(clock))
        clock.advance(timedelta(days=1))
    await settle_days(attendance)


async def read_row(client: httpx.AsyncClient, period: str = "2024-05") -> Any:
    name = "months" if "-" in period else "years"
    query: Any = {"month": period} if "-" in period else {"year": period}
    sheet = await get_json(client, f"/attendance/{name}", region=TOWN, **query)
    return next(row for row in sheet["rows"] if row["key"] == "li")


async def test_every_working_day_is_enough_where_the_rule_counts_working_days(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", since="2024-05-20")
    await check_in_daily(attendance, cadre, clock, 12)
    clock.advance(timedelta(days=5))
    await settle_days(attendance)
    await set_rule(attendance, "presence.rules", days_counted="calendar")
    row = await read_row(town)
    assert (row["workdays"], row["stationed"], row["least_days"], row["met"]) == (10, 12.0, 20, False)
    await set_rule(attendance, "presence.rules", days_counted="working")
    row = await read_row(town)
    assert (row["least_days"], row["met"]) == (10, True), "10 of 10 working days"


async def test_working_days_to_come_are_not_met_already(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", since="2024-05-20")
    await set_rule(attendance, "presence.rules", days_counted="working")
    await submit_check_in(cadre, build_check_in(clock))
    await settle_days(attendance)
    row = await read_row(town)
    assert (row["stationed"], row["least_days"], row["met"]) == (1.0, 10, False)


async def test_a_yearly_rule_adopted_in_the_year_speaks_of_the_whole_year(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    bureau = attendance.client_as("bureau", DISTRICT)
    await check_in_daily(attendance, cadre, clock, 2)
    (current, *_) = await get_json(bureau, "/attendance/rules/presence.rules")
    body = {name: current[name] for name in ("key", "title", "confirmed")}
    body |= {"region": DISTRICT, "effective_from": "2024-05-21"}
    body["value"] = {**current["value"], "period": "year", "least_days": 200, "days_counted": "calendar"}
    rule = await set_rule_version(attendance, body)
    year = await get_json(town, "/attendance/years", region=TOWN, year="2024")
    assert year["rule_ref"] == f"presence.rules@{rule['version']}"
    row = await read_row(town, "2024")
    assert (row["stationed"], row["least_days"], row["met"]) == (2.0, 200, False)
    body["effective_from"] = "2024-05-01"
    await set_rule_version(attendance, body)
    row = await read_row(town)
    assert (row["least_days"], row["met"]) == (None, None)
    assert (row["year_stationed"], row["year_least_days"]) == (2.0, 200)


async def test_what_holds_a_sheet_back_is_named(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", "wang", since="2024-05-30")
    leave = {"kind": "personal", "starts_on": "2024-05-31", "ends_on": "2024-05-31", "why": "家中有事"}
    clock.advance(timedelta(days=10))
    await post_json(cadre, "/attendance/leaves", leave)
    clock.advance(timedelta(days=10))
    await settle_days(attendance)
    problem = await post_json(town, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 409)
    assert "li同志 05-31" in problem["detail"]
    assert "wang" not in problem["detail"]
    (held,) = (await get_json(town, "/attendance/months", region=TOWN, month="2024-05"))["held_by"]
    assert (held["person"], held["work_date"]) == ("li", "2024-05-31")
    assert "请假审批中" in held["words"]


async def test_a_signature_freezes_the_statistics_and_later_changes_are_told(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    await create_post(town, "li", since="2024-05-20")
    unit = await post_json(
        attendance.client_as("bureau"),
        "/attendance/units",
        {"name": "武威市水务局", "level": "city", "region": DISTRICT},
    )
    team = {"name": "新店村工作队", "region": VILLAGE, "unit_id": unit["id"]}
    team = await post_json(town, "/attendance/teams", team)
    member = {"person": "li", "person_name": "李明", "role": "member", "starts_on": "2024-05-01"}
    await post_json(town, f"/attendance/teams/{team['id']}/members", member)
    await submit_check_in(cadre, build_check_in(clock))
    first = await post_json(cadre, "/attendance/deeds", DEED | {"happened_on": "2024-05-20"})
    await post_json(cadre, "/attendance/deeds", DEED | {"happened_on": "2024-05-20"}, 409)
    clock.advance(timedelta(days=16))
    await settle_days(attendance)
    address = f"/attendance/deeds/{first['id']}"
    tag = {"If-Match": (await cadre.get(address)).headers["ETag"]}
    assert (await cadre.patch(address, json={"done_on": "2024-06-03"}, headers=tag)).status_code == 200

    async def read_statistics(**query: Any) -> Any:
        return await get_json(town, "/attendance/statistics", region=TOWN, month="2024-05", **query)

    (line,) = (await read_statistics())["rows"]
    assert (line["unit"], line["deeds"], line["deeds_done"]) == ("武威市水务局", 1, 0), "finished in June"
    sheet = await post_json(town, "/attendance/months/sign", {"region": VILLAGE, "month": "2024-05"}, 200)
    await post_json(cadre, "/attendance/deeds", DEED | {"happened_on": "2024-05-21", "content": "修好路灯"})
    after = await read_statistics()
    assert after["rows"] == [line], "as it was signed"
    assert after["signatures"][0]["digest"] == sheet["digest"]
    assert [(change["label"], change["signed"], change["now"]) for change in after["changes"]] == [
        ("解决急难愁盼(件)", "1", "2"),
        ("实事(件)", "1", "2"),
    ]
    (unit_line,) = (await read_statistics(by="unit"))["rows"]
    assert (unit_line["key"], unit_line["deeds"]) == ("武威市水务局", 1)
    tag = {"If-Match": "*"}
    body = {"region": VILLAGE, "month": "2024-05", "reason": "补记一件实事"}
    await post_json(town, "/attendance/months/reopen", body, 200, headers=tag)
    assert ((await read_statistics())["rows"][0]["deeds"], (await read_statistics())["changes"]) == (2, [])


@pytest.mark.parametrize(
    ("address", "size", "signer"), [("months", "8", "村党支部"), ("statistics", "9", "单位(盖章)")]
)
async def test_sheets_are_ready_to_print_and_sign(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    town: httpx.AsyncClient,
    clock: Clock,
    address: str,
    size: str,
    signer: str,
) -> None:
    await create_post(town, "li", "wang", since="2024-05-20")
    for client in (cadre, attendance.client_as("cadre", person="wang")):
        await submit_check_in(client, build_check_in(clock))
    await settle_days(attendance)
    response = await town.get(f"/attendance/{address}/export", params={"region": TOWN, "month": "2024-05"})
    book = openpyxl.load_workbook(BytesIO(response.content))
    for sheet in book.worksheets:
        assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", size)
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet["A1"].alignment.horizontal == "center"
        assert any(str(merged).startswith("A1:") for merged in sheet.merged_cells.ranges)
        assert sheet.print_title_rows, "heads on each page"
    first = book.worksheets[0]
    rows = list(first.iter_rows(values_only=True))
    head = next(index for index, row in enumerate(rows) if "姓名" in row)
    sums = next(row for row in rows if row[0] == "合计")
    stationed = next(i for i, title in enumerate(rows[head]) if title in {"出勤天数", "实驻天数"})
    assert sums[stationed] == sum(row[stationed] for row in rows[head + 1 : rows.index(sums)]) == 2
    assert "填表人" in rows[-1][0]
    assert signer in rows[-1][0]
    paper = await town.get(
        f"/attendance/{address}/export", params={"region": TOWN, "month": "2024-05", "form": "pdf"}
    )
    text = read_paper(paper.content)
    assert paper.headers["content-type"] == "application/pdf"
    assert all(words in text for words in ("填表人", signer, "合计", "li同志", "黄羊镇"))
    assert TOWN not in text
    assert read_page_sizes(paper.content)[0] == ((1191, 842) if size == "8" else (842, 595))
    assert find_unprinted_characters(paper.content) == set()
