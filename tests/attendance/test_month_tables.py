"""Tables of a month kept on paper: attendance signs, and the deeds that units report."""

import httpx

from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.attendance.test_days import run_day_projection
from tests.attendance.test_table_imports import PATH, import_kind
from tests.clients import ServiceUnderTest
from tests.workbooks import CountyWorkbook, load_workbook

RESULTS = {
    "present": {"present"},
    "leave": {"leave"},
    "errand": {"errand"},
    "absent": {"unexplained"},
    "rest": {"rest"},
    "half_present_half_leave": {"part"},
}


async def station(attendance: ServiceUnderTest, workbook: CountyWorkbook) -> dict[str, str]:
    """Stations the persons of a table in its villages; returns name → account."""
    bureau = attendance.client_as("bureau")
    accounts: dict[str, str] = {}
    for _, row in workbook.list_rows():
        (code,) = row["place"]["codes"]
        accounts[row["name"]] = f"p{len(accounts)}"
        post = await create_post(bureau, region=code, name=code, since="2023-01-01")
        body = {"person": accounts[row["name"]], "person_name": row["name"], "starts_on": "2023-01-01"}
        await post_json(bureau, f"/attendance/posts/{post['id']}/assignments", body)
    return accounts


async def list_results(bureau: httpx.AsyncClient, person: str) -> dict[str, str]:
    query = f"/attendance/days?person={person}&from=2023-05-01&to=2023-05-31&limit=40"
    return {day["work_date"]: day["result"] for day in (await get_json(bureau, query))["items"]}


async def test_a_month_kept_on_paper_becomes_its_days(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    workbook = load_workbook("13")
    accounts = await station(attendance, workbook)
    await post_json(
        attendance.client_as("cadre", person=accounts["王样乙"]),
        "/attendance/leaves",
        {"kind": "personal", "starts_on": "2024-05-20", "ends_on": "2024-05-20", "why": "家中有事"},
    )
    asked = {one["row"] for one in workbook.truth["ask"]}
    tried = await import_kind(attendance, bureau, "month_signs", workbook.content, dry_run=True)
    job = await import_kind(attendance, bureau, "month_signs", workbook.content)
    assert {fault["row"] for fault in job["faults"]} == {fault["row"] for fault in tried["faults"]} == asked
    messages = {fault["row"]: fault["message"] for fault in job["faults"]}
    assert messages[7] == "写 16.5, 按符号数为 15.5"
    assert messages[8] == "5月10日(工作日)空白"
    assert (job["rows"], job["imported"]) == (6, 4)
    await run_day_projection(attendance)
    for _, row in workbook.list_rows():
        days = await list_results(bureau, accounts[row["name"]])
        if row["row"] in asked:
            assert set(days.values()) <= {"unexplained", "rest"}
            continue
        for on, sign in row["days"].items():
            assert days[on] in RESULTS[sign], (row["name"], on, sign, days[on])
    again = await import_kind(attendance, bureau, "month_signs", workbook.content)
    assert (again["imported"], again["already"], again["differs"]) == (0, 4, 0)
    change = {"sheet": "5月", "row": 5, "key": "day31", "value": "事"}
    fixed = [
        change,
        *({**change, "key": key, "value": value} for key, value in (("present", "23"), ("leave", "3"))),
    ]
    edited = await import_kind(attendance, bureau, "month_signs", workbook.content, corrections=fixed)
    (difference,) = edited["differences"]
    assert difference["row"] == 5
    assert {one["column"] for one in difference["fields"]} == {"31日上午", "31日下午或晚上"}
    own = attendance.client_as("cadre", person=accounts["郑样乙"])
    texts = [one["words"] for one in (await get_json(own, "/attendance/messages"))["items"]]
    assert any("补录了2023-05的纸质考勤表" in text for text in texts)


async def test_what_the_system_knows_of_a_day_stands_before_the_paper(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    workbook = load_workbook("13")
    accounts = await station(attendance, workbook)
    errand = {
        "kind": "meeting",
        "starts_on": "2023-05-04",
        "ends_on": "2023-05-05",
        "place": "区委",
        "why": "参加会议",
    }
    own = attendance.client_as("cadre", person=accounts["郑样乙"])
    await post_json(own, "/attendance/errands", errand)
    job = await import_kind(attendance, bureau, "month_signs", workbook.content)
    rows = (await get_json(bureau, f"{PATH}/{job['id']}/rows"))["items"]
    (first,) = [row for row in rows if row["number"] == 5]
    assert first["notes"] == ["4、5日系统中已有记录, 以系统的为准"]
    items = (await get_json(bureau, f"/attendance/check-ins?person={accounts['郑样乙']}&limit=200"))["items"]
    days = {one["work_date"] for one in items}
    assert not days & {"2023-05-04", "2023-05-05"}
    assert "2023-05-08" in days


async def test_a_person_who_is_not_stationed_there_is_asked_about(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    rows = ["黄羊镇驻村干部考勤表,,,,", "姓名,所驻村,1日,2日,3日", "马样甲,广场村,√,√,☆"]
    content = "\n".join(rows).encode()
    job = await import_kind(attendance, bureau, "month_signs", content, month="2023-05")
    assert [fault["message"] for fault in job["faults"]] == ["5月没有“马样甲”派驻广场村; 请先登记派驻"]


async def test_what_units_report_becomes_deeds_and_figures_are_compared(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    workbook = load_workbook("14")
    accounts = await station(attendance, workbook)
    job = await import_kind(attendance, bureau, "deeds", workbook.content)
    asked = {one["row"] for one in workbook.truth["ask"]} - {11}
    assert {fault["row"] for fault in job["faults"]} == asked
    assert job["rows"] == workbook.truth["count"]["data_rows"]
    (check,) = [one for one in job["total_checks"] if not one["agrees"]]
    assert (check["row"], check["column"]) == (11, "消费帮扶"), check
    deeds = (await get_json(bureau, "/attendance/deeds?limit=100"))["items"]
    for _, row in workbook.list_rows():
        found = [one for one in deeds if one["person"] == accounts[row["name"]]]
        if row["row"] in asked:
            assert found == []
            continue
        money = {one["kind"]: one["amount"] for one in found if one["amount"] != "0.00"}
        stated = {"project": row["funds"], "other": row["goods"], "consumption": row["consumption"]}
        assert {kind: int(text.replace(".", "")) for kind, text in money.items()} == {
            kind: fen for kind, fen in stated.items() if fen
        }
        items = [one["content"] for one in found if one["amount"] == "0.00"]
        assert all(item in row["deeds"] for item in items)
        assert all(one["done"] == bool(row["closed"]) for one in found)
    first = next(one for one in job["differences"] if one["row"] == 6)
    told = {one["column"]: (one["library"], one["table"]) for one in first["fields"]}
    assert told["走访农户"] == ("0", "46")
    assert told["解决急难愁盼"] == ("2", "3")
    again = await import_kind(attendance, bureau, "deeds", workbook.content)
    assert again["imported"] == 0
    assert len((await get_json(bureau, "/attendance/deeds?limit=100"))["items"]) == len(deeds)
