"""DingTalk's workbook and its pasted answers, taken record by record."""

import json
from typing import Any

import httpx

from services.attendance.table_imports.router import IMPORTS
from shared.imports.service import run_next_batch
from tests.attendance.factories_attendance import get_json, post_json, set_rule
from tests.attendance.fake_channels import build_punch
from tests.clients import DISTRICT, ServiceUnderTest
from tests.workbooks import load_workbook

PATH = "/attendance/table-imports"


async def import_table(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, content: bytes, **params: Any
) -> Any:
    return await import_kind(attendance, bureau, "check_ins", content, **params)


async def import_kind(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, kind: str, content: bytes, **params: Any
) -> Any:
    if "corrections" in params:
        params["corrections"] = json.dumps(params["corrections"])
    answer = await bureau.post(f"{PATH}/{kind}", content=content, params={"region": DISTRICT, **params})
    assert answer.status_code == 202, answer.text
    while await run_next_batch(IMPORTS, attendance.context):
        pass
    return await get_json(bureau, f"{PATH}/{answer.json()['id']}")


async def register_account(attendance: ServiceUnderTest, external: str) -> None:
    body = {"channel": "dingtalk", "external": external, "person": "li", "region": DISTRICT}
    await post_json(attendance.client_as("admin"), "/attendance/external-accounts", body)


async def test_the_workbook_of_dingtalk_is_counted_once(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, post: Any
) -> None:
    workbook = load_workbook("12")
    (sheet,) = [one for one in workbook.truth["sheets"] if one["name"] == "原始记录"]
    truth = [(row["user_id"], row["punched_at"], row["result"]) for row in sheet["data_rows"]]
    await register_account(attendance, "uid0000")
    tried = await import_table(attendance, bureau, workbook.content, dry_run=True)
    assert (tried["imported"], tried["wrong"]) == (len(truth), 0)
    assert (await get_json(bureau, "/attendance/check-ins?person=li"))["items"] == []
    job = await import_table(attendance, bureau, workbook.content)
    assert (job["rows"], job["imported"], job["wrong"]) == (len(truth), len(truth), 0), job["faults"]
    reasons = {one["name"]: one["reason"] for one in job["sheets"]}
    assert (reasons["原始记录"], "不重复计入" in reasons["每日统计"]) == ("", True)
    items = (await get_json(bureau, "/attendance/check-ins?person=li&limit=200"))["items"]
    expected = sorted(
        (at, "outside" if result == "外勤" else "inside") for user, at, result in truth if user == "uid0000"
    )
    found = sorted((one["taken_at"], one["verdict"]) for one in items)
    assert [verdict for _, verdict in found] == [verdict for _, verdict in expected]
    assert len(items) == len(expected)
    rows = (await get_json(bureau, f"{PATH}/{job['id']}/rows?limit=200"))["items"]
    waiting = [one for one in rows if any("还没有对应到人员" in note for note in one["notes"])]
    assert len(waiting) == len(truth) - len(expected)
    again = await import_table(attendance, bureau, workbook.content)
    assert (again["imported"], again["already"]) == (0, len(truth))
    seconds = build_punch(7, "uid0000", f"{expected[0][0]}:31")
    pulled = await import_table(
        attendance, bureau, json.dumps({"errcode": 0, "recordresult": [seconds]}).encode()
    )
    assert (pulled["imported"], pulled["already"]) == (0, 1)


async def test_a_pasted_answer_is_judged_record_by_record(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any
) -> None:
    await register_account(attendance, "ding-li")
    good = build_punch(1, "ding-li", "2024-05-17 08:00:00")
    records = [good, {"userId": "x"}, "nonsense", good | {"checkType": "Lunch", "recordId": 2}, good]
    answer = {"errcode": 0, "errmsg": "ok", "recordresult": records}
    job = await import_table(attendance, bureau, json.dumps(answer).encode())
    assert (job["rows"], job["imported"], job["already"], job["wrong"]) == (5, 1, 1, 3)
    assert {fault["row"] for fault in job["faults"]} == {3, 4, 5}
    assert "checkType 只能是 OnDuty 或 OffDuty" in job["faults"][2]["message"]
    assert len((await get_json(cadre, "/attendance/check-ins"))["items"]) == 1
    broken = await bureau.post(f"{PATH}/check_ins?region={DISTRICT}", content=b'{"errcode": 0, "record')
    assert (broken.status_code, "JSON 不完整" in broken.json()["detail"]) == (422, True)


async def test_where_imports_are_switched_off_nothing_is_taken(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    await set_rule(attendance, "check_in.switches", imports=False)
    job = await import_table(
        attendance, bureau, "UserId,打卡时间,打卡地址\nu,2024-05-17 08:00,村委会\n".encode()
    )
    assert (job["state"], job["message"]) == ("failed", "本地未开通考勤导入")
