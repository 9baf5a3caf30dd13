"""个人信息请求: everything held on a named person is shown, erased by two officers, or held; the log still proves the tables."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from shared.db import execute_core
from shared.db.migrate import load_base
from shared.errors import NotFound
from shared.events.audit_log import seal_rows
from shared.events.fsck import check_service
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.households.factories_households import Monitoring, build_form, build_id_card
from tests.households.test_households import PURPOSE, REPORT
from tests.households.test_imports import change_table, import_table
from tests.stored_text_search import find_clear_text
from tests.workbooks import load_workbook

REQUESTS = "/households/person-requests"
NAME, PHONE, ACCOUNT, ID_NO = "钱样甲", "13893512345", "6228480402564890018", build_id_card(1)
REQUEST = {"region": VILLAGE, "name": NAME, "id_no": ID_NO, "phone": PHONE, "document": "甘凉信申〔2026〕7号"}
ERASURE = REQUEST | {"kind": "erasure", "basis": "purpose_over"}
JOB = {
    "region": VILLAGE,
    "name": NAME,
    "id_no": ID_NO,
    "kind": "welfare_post",
    "post": "保洁",
    "employer": "示例村委会",
    "starts_on": "2024-01-01",
    "pay": "500.00",
}


@pytest.fixture
def people(door: Callable[[str], ServiceUnderTest]) -> Monitoring:
    """The people around the households."""
    return Monitoring(door)


async def register(who: httpx.AsyncClient, body: dict[str, Any], status: int = 201) -> Any:
    answer = await who.post(REQUESTS, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def read_person(who: httpx.AsyncClient, request: str) -> list[dict[str, Any]]:
    key = {"Idempotency-Key": f"reading-{request}"}
    answer = await who.post(f"{REQUESTS}/{request}/readings", json=PURPOSE, headers=key)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


async def read_tables(service: ServiceUnderTest) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row of the service's own tables by table and key."""
    found = {}
    async with service.context.database.read() as session:
        for table in load_base(service.name).metadata.sorted_tables:
            if "id" in table.c and table.name not in {"event_log", "fsck_run"}:
                for row in (await execute_core(session, sa.select(table))).mappings():
                    found[table.name, str(row["id"])] = dict(row)
    return found


async def enter_and_dismiss(people: Monitoring, clock: Clock, **changes: Any) -> str:
    """A household that came by a self-report, stood on notice and was found not to qualify."""
    told = await people.public.post("/households/clues/self-reports", json=REPORT)
    assert told.status_code == 201, told.text
    (clue,) = (await people.town.get("/households/clues?state=open")).json()["items"]
    await people.must(people.clerk, clue["id"], "assignee", "/households/clues", assignee="cadre-a")
    household = await people.enter(clue_id=clue["id"], **changes)
    await people.bring_to(household, clock)
    await people.must(people.bureau, household, "reject", reason="收入超过监测范围")
    return household


async def test_a_person_is_shown_and_erased_and_the_log_still_proves_the_tables(
    people: Monitoring, doors: SystemUnderTest, clock: Clock
) -> None:
    service = doors.service("households")
    (head, *others) = build_form()["members"]
    other = await people.enter(members=others, phone="13893500000", account="6228480402564890026")
    household = await enter_and_dismiss(people, clock, members=[head])
    job = (await people.town.post("/households/jobs", json=JOB)).json()["id"]
    await people.must(people.town, job, "leave", "/households/jobs", left_on="2024-05-20", reason="外出务工")
    await people.bureau.post(
        f"/households/{household}/readings", json=PURPOSE, headers={"Idempotency-Key": "before"}
    )
    await seal_rows(service.context)
    auditor = service.client_as("auditor")
    head = (await auditor.get("/households/log/verify")).json()["head"]
    before = await read_tables(service)
    photo = before["household", household]["file_ids"][0]
    request = (await register(people.comparer, ERASURE))["id"]

    shown = await read_person(people.comparer, request)
    values = [(one["label"], value) for one in shown for value in one["values"].values()]
    assert {label for label, _ in values} == {"家庭成员", "户主资料", "全户资料", "监测线索", "帮扶岗位"}
    assert {("家庭成员", ID_NO), ("户主资料", ACCOUNT), ("监测线索", PHONE), ("帮扶岗位", "保洁")} <= {
        one for one in values if isinstance(one[1], str)
    }
    assert not any(name in str(shown) for name in ("孙样乙", "赵样甲", build_id_card(2)))

    own = await people.act(people.comparer, request, "erase", REQUESTS)
    assert (own.status_code, (await read_tables(service))["help_job", job]) == (403, before["help_job", job])
    done = await people.must(people.bureau, request, "erase", REQUESTS)
    assert {(one["label"], one["erased"], one["kept"]) for one in done["outcome"]} == {
        (label, 1, 0) for label in ("家庭成员", "户主资料", "全户资料", "监测线索", "帮扶岗位")
    }

    erased = (await auditor.get("/households/events?types=personal_data.erased")).json()["items"]
    assert {household, job} <= {event["subject"] for event in erased}, "the log says what was emptied"
    after = await read_tables(service)
    touched = {key for key in before if before[key] != after.get(key)}
    assert {table for table, _ in touched} == {
        *("clue", "file", "help_job", "household", "household_member", "notice")
    }
    assert not [key for key in touched if other in str(before[key])]
    sealed = [
        str(v) for key in touched for n, v in before[key].items() if v and n.endswith(("_sealed", "_mark"))
    ]
    secrets = [NAME, ID_NO, PHONE, ACCOUNT, REPORT["text"]]
    assert sealed
    assert await find_clear_text(service.context, *secrets) == []
    assert not [one for one in sealed if one in str(after)]
    board = await people.public.get("/households/public-notices?on=2024-05-21")
    assert "钱" not in board.text
    sha256 = before["file", photo]["sha256"]
    assert (await people.bureau.get(f"/households/files/{photo}")).status_code == 404
    with pytest.raises(NotFound):
        _ = [one async for one in service.context.storage.stream(sha256)]
    report = await check_service("households", service.context.database, doors.apps["households"].state.fsck)
    assert report.differences == []
    await seal_rows(service.context)
    verified = (await auditor.get("/households/log/verify", params=head)).json()
    assert (verified["faults"], verified["rows"] > head["position"]) == ([], True), (
        "the head of before still holds"
    )
    assert (await people.comparer.post(f"{REQUESTS}/{request}/readings", json=PURPOSE)).status_code == 409


async def test_what_is_still_needed_stays_and_is_said(people: Monitoring, clock: Clock) -> None:
    await people.enter()
    request = (await register(people.comparer, ERASURE))["id"]
    refused = await people.act(people.bureau, request, "erase", REQUESTS)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "nothing_to_erase")
    assert "处理目的未实现" in refused.json()["detail"]
    rejected = await people.must(people.bureau, request, "reject", REQUESTS, reason="正在监测帮扶")
    assert (rejected["state"], rejected["name_masked"]) == ("rejected", "")
    members = (await people.cadre.get("/households")).json()["items"]
    assert members[0]["head_masked"] == "钱**"


async def test_one_member_goes_and_the_family_stays(people: Monitoring, clock: Clock) -> None:
    household = await enter_and_dismiss(people, clock)
    body = ERASURE | {"name": "钱样丙", "id_no": build_id_card(3), "phone": None}
    request = (await register(people.comparer, body))["id"]
    await people.must(people.bureau, request, "erase", REQUESTS)
    kept = (await people.bureau.post(f"/households/{household}/readings", json=PURPOSE)).json()
    names = [(one["name"], one["id_no"], one["relation"]) for one in kept["members"]]
    assert names == [(NAME, ID_NO, "head"), ("孙样乙", build_id_card(2), "spouse"), ("", "", "son")]
    assert (kept["phone"], kept["account"], kept["risks"]) == (PHONE, ACCOUNT, ["illness"])


async def test_a_held_person_is_not_erased_until_another_person_lifts_the_hold(
    people: Monitoring, clock: Clock
) -> None:
    await enter_and_dismiss(people, clock)
    waiting = (await register(people.comparer, ERASURE))["id"]
    hold = (await register(people.comparer, REQUEST | {"kind": "hold", "document": "凉纪函〔2026〕3号"}))[
        "id"
    ]
    refused = await register(people.bureau, ERASURE, 409)
    stopped = await people.act(people.bureau, waiting, "erase", REQUESTS)
    assert "凉纪函〔2026〕3号" in refused["detail"]
    assert (stopped.status_code, stopped.json()["errors"][0]["code"]) == (409, "on_hold")
    own = await people.act(people.comparer, hold, "lift", REQUESTS, reason="结案")
    assert own.status_code == 403
    await people.must(people.bureau, hold, "lift", REQUESTS, reason="凉纪函〔2026〕9号")
    assert (await people.must(people.bureau, waiting, "erase", REQUESTS))["state"] == "erased"


async def test_a_hold_of_another_district_stands_and_names_no_document(
    people: Monitoring, doors: SystemUnderTest
) -> None:
    away = doors.service("households").client_as("bureau", "632323000000")
    hold = {"kind": "hold", "region": "632323000000", "document": "泽监函〔2026〕4号"}
    await register(away, REQUEST | hold)
    await register(away, REQUEST | hold | {"id_no": build_id_card(3), "name": "钱样丙"})
    refused = await register(people.bureau, ERASURE, 409)
    assert "632323000000" in refused["detail"]
    assert "泽监函" not in str(refused)
    assert (await register(people.bureau, ERASURE | {"id_no": build_id_card(2), "name": "孙样乙"}))["id"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id_no": None, "phone": None, "region": "620602000000"}, "/id_no"),
        ({"received_on": "2024-05-21"}, "/received_on"),
        ({"basis": None}, "/basis"),
        ({"kind": "copy"}, "/basis"),
        ({"name": "赵样乙"}, "/name"),
    ],
)
async def test_a_request_tells_one_person(people: Monitoring, change: dict[str, Any], pointer: str) -> None:
    await people.enter()
    made = await people.comparer.post(REQUESTS, json=ERASURE | change)
    if pointer == "/name":
        made = await people.act(people.bureau, made.json()["id"], "erase", REQUESTS)
    assert (made.status_code, made.json()["errors"][0]["pointer"]) == (422, pointer), made.text


async def test_a_copy_is_an_event_and_only_the_bureau_reads_it(
    people: Monitoring, doors: SystemUnderTest
) -> None:
    await people.enter()
    request = (await register(people.comparer, REQUEST | {"kind": "copy"}))["id"]
    assert len(await read_person(people.comparer, request)) == 2
    assert await find_clear_text(doors.service("households").context, NAME, ID_NO) == [], "an answer was kept"
    for other in (people.town, people.cadre, people.leader):
        assert (await other.get(f"{REQUESTS}/{request}")).status_code == 403
    service = doors.service("households")
    away = service.client_as("bureau", "632323000000")
    assert (await away.post(f"{REQUESTS}/{request}/readings", json=PURPOSE)).status_code == 404
    history = (await service.client_as("auditor").get("/households/events?types=person_request.read")).json()
    (event,) = history["items"]
    assert (event["actor"], event["reason"], len(event["after"]["records"])) == (
        "bureau-a",
        PURPOSE["purpose"],
        2,
    )
    answered = await people.must(people.comparer, request, "answer", REQUESTS, reason="已当面交付复制件")
    assert (answered["state"], answered["name_masked"]) == ("answered", "")


async def test_the_uploaded_table_goes_too(people: Monitoring, doors: SystemUnderTest) -> None:
    workbook = load_workbook("16")
    wife = [row for _, row in workbook.list_rows()][7]
    table = change_table(workbook.content, lambda _rows: None, rows=11)
    job, sender = await import_table(doors.service("households"), table)
    path = f"/households/table-imports/{job['id']}/workbook"
    there = await sender.get(path)
    body = {"region": DISTRICT, "name": wife["name"], "id_no": wife["id_no"], "phone": None}
    request = (await register(people.comparer, ERASURE | body))["id"]
    done = await people.must(people.bureau, request, "erase", REQUESTS)
    gone = await sender.get(path)
    assert (there.status_code, [one["label"] for one in done["outcome"]], gone.status_code) == (
        *(200, ["家庭成员"]),
        409,
    )
