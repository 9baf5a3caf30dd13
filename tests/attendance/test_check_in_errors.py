"""Ordinary errors: a malformed item, a wrong phone clock, the same request twice."""

from datetime import timedelta
from typing import Any

import httpx

from services.attendance.days.consumers import project_next_batch
from tests.attendance.factories_attendance import (
    build_check_in,
    create_account,
    get_json,
    post_json,
    set_rule,
)
from tests.clients import DISTRICT, TOWN, ServiceUnderTest
from tests.conftest import Clock

CHECK_INS_PATH = "/attendance/check-ins"


async def test_a_malformed_item_affects_no_other_and_is_explained(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    ahead = build_check_in(clock, at=clock.now() + timedelta(days=3))
    items = [
        build_check_in(clock),
        5,
        None,
        "x",
        {"id": "abc"},
        ahead,
        build_check_in(clock, at=clock.now() - timedelta(days=400)),
    ]
    results = (await post_json(cadre, CHECK_INS_PATH, {"items": items}))["items"]
    assert [result["result"] for result in results] == ["applied"] + ["refused"] * 6
    assert "校准手机时间" in results[5]["words"]
    assert "核对手机时间" in results[6]["words"]
    assert results[4]["words"] == "编号应为编号(UUID); 打卡时间必填"
    problem = await post_json(cadre, CHECK_INS_PATH, {"id": "abc", "kind": "Lunch"}, 422)
    assert {error["pointer"] for error in problem["errors"]} == {"/id", "/taken_at", "/kind"}
    assert "'OnDuty'、'OffDuty'" in next(
        error["detail"] for error in problem["errors"] if error["pointer"] == "/kind"
    )
    assert (await post_json(cadre, CHECK_INS_PATH, {"items": []}, 422))["errors"] == [
        {"pointer": "/items", "code": "too_short", "detail": "至少 1 项"}
    ]
    for imports, words in ((True, "钉钉或企业微信"), (False, "离村请报备")):
        await set_rule(attendance, "check_in.switches", own_check_in=False, imports=imports)
        assert words in (await post_json(cadre, CHECK_INS_PATH, build_check_in(clock), 403))["detail"]


async def test_approving_a_phone_closes_its_open_reviews(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    items = [
        build_check_in(
            clock,
            at=clock.now() - timedelta(days=days_back, minutes=days_back),
            device=name,
            north_m=days_back,
        )
        for days_back, name in ((5, "old-1"), (4, "old-2"), (2, "new"), (1, "new"))
    ]
    await post_json(cadre, CHECK_INS_PATH, {"items": items})
    while await project_next_batch(attendance.context):
        pass
    reviews = (await get_json(town, "/attendance/reviews?state=open"))["items"]
    assert [review["work_date"] for review in reviews if review["oddities"][0]["kind"] == "new_device"] == [
        "2024-05-19",
        "2024-05-18",
    ]
    words = [
        anomaly["words"]
        for review in reviews
        for anomaly in review["oddities"]
        if anomaly["kind"] == "unsettled"
    ]
    assert all("补传时间较晚" in text for text in words)
    devices = {
        device["device"]: device["id"] for device in (await get_json(cadre, "/attendance/devices"))["items"]
    }
    await post_json(cadre, f"/attendance/devices/{devices['old-1']}/release", {"reason": "旧手机坏了"}, 200)
    await post_json(town, f"/attendance/devices/{devices['new']}/approve", {}, 200)
    while await project_next_batch(attendance.context):
        pass
    open_reviews = (await get_json(town, "/attendance/reviews?state=open"))["items"]
    assert not [review for review in open_reviews if review["work_date"] >= "2024-05-18"]


async def test_a_repeated_request_is_refused_with_the_reason(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    town: httpx.AsyncClient,
    bureau: httpx.AsyncClient,
    post: Any,
) -> None:
    unit = {"name": "武威市水务局", "level": "city", "region": DISTRICT}
    errand = {
        "kind": "meeting",
        "starts_on": "2024-05-21",
        "ends_on": "2024-05-22",
        "place": "区里",
        "why": "会议",
    }
    make_up = {"on": "2024-05-17", "why": "手机没电", "witness": "zhang"}
    start, end = "2024-05-21T20:00:00+08:00", "2024-05-22T07:00:00+08:00"
    shift = {"person": "li", "person_name": "李某", "starts_at": start, "ends_at": end, "kind": "night"}
    rota = {"post_id": post["id"], "shifts": [shift]}
    for client, address, body, words in (
        (bureau, "units", unit, "已登记"),
        (cadre, "errands", errand, "已报备公出"),
        (cadre, "make-ups", make_up, "已申请补卡"),
        (town, "duties", rota, "05-21 20:00 已有班次"),
    ):
        await post_json(client, f"/attendance/{address}", body)
        assert words in (await post_json(client, f"/attendance/{address}", body, 409))["detail"]
    witness = attendance.client_as("cadre", person="zhang")
    (waiting,) = (await get_json(witness, "/attendance/make-ups?to_witness=true&count=exact"))["items"]
    assert waiting["person"] == "li"
    assert (await get_json(cadre, "/attendance/make-ups?to_witness=true"))["items"] == []


async def test_an_approver_who_returns_early_ends_the_delegation(
    attendance: ServiceUnderTest, town: httpx.AsyncClient
) -> None:
    body = {
        "deputy": "second",
        "step": "town",
        "region": TOWN,
        "starts_on": "2024-05-20",
        "ends_on": "2024-05-30",
    }
    await create_account(attendance.system, "second", "town_officer", TOWN)
    delegation = await post_json(town, "/attendance/delegations", body)
    address = f"/attendance/delegations/{delegation['id']}/end"
    second = attendance.client_as("town_officer", person="second")
    await post_json(second, address, {"ends_on": "2024-05-21"}, 403)
    assert "05-30" in (await post_json(town, address, {"ends_on": "2024-06-21"}, 422))["detail"]
    assert (await post_json(town, address, {"ends_on": "2024-05-21"}, 200))["ends_on"] == "2024-05-21"


async def test_malformed_records_are_explained_in_chinese(bureau: httpx.AsyncClient) -> None:
    good = {"id": 1, "userId": "u", "checkType": "OnDuty", "workDate": 1, "userCheckTime": 1716163200000}
    records = [
        good | {"checkType": "X"},
        good | {"userCheckTime": "abc"},
        good | {"userCheckTime": None},
        {"a": 1},
    ]
    body = {"channel": "dingtalk", "region": DISTRICT, "records": records}
    problem = await post_json(bureau, "/attendance/imports", body, 422)
    assert [error["detail"] for error in problem["errors"]] == [
        "checkType 只能是 OnDuty 或 OffDuty, 收到 'X'",
        "userCheckTime 应为整数, 收到 'abc'",
        "userCheckTime 应为整数, 收到 'None'",
        "不是钉钉的考勤记录: 缺少 userId",
    ]
    mixed = await post_json(bureau, "/attendance/imports", body | {"records": [*records, good]})
    assert (mixed["unmatched"], "第 4 条" in mixed["detail"]) == (1, True), "the good one is taken"
    whole = {"errcode": 0, "recordresult": [good | {"id": 2}]}
    assert (await post_json(bureau, "/attendance/imports", body | {"records": whole}))["unmatched"] == 1
