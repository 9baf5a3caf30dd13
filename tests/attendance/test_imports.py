"""Imports from DingTalk and WeCom, and reads in DingTalk's format."""

from typing import Any

import httpx
import pytest

from services.attendance.days.consumers import project_next_batch
from shared.china import Datum, from_wgs84
from tests.attendance.factories_attendance import (
    HALL_POSITION,
    build_check_in,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.attendance.fake_channels import (
    FakeChannelServer,
    build_invalid_punch,
    build_punch,
    build_unsigned_plan,
    to_epoch_ms,
)
from tests.clients import DISTRICT, ServiceUnderTest
from tests.conftest import Clock

HALL_GCJ02 = from_wgs84(*HALL_POSITION, Datum.GCJ02)
HALL_FIX = {"userLongitude": HALL_GCJ02[0], "userLatitude": HALL_GCJ02[1], "userAccuracy": 20}
FILE_PARAMETERS = {"channel": "dingtalk", "region": DISTRICT}
PULL_BODY = {
    **FILE_PARAMETERS,
    "first": "2024-05-01",
    "last": "2024-05-20",
    "app_key": "k",
    "app_secret": "right",
}


async def create_external_account(
    admin: httpx.AsyncClient, external: str = "ding-li", channel: str = "dingtalk"
) -> Any:
    body = {"channel": channel, "external": external, "person": "li", "region": DISTRICT}
    return await post_json(admin, "/attendance/external-accounts", body)


async def test_a_file_is_imported_once_and_its_days_are_evaluated(
    attendance: ServiceUnderTest,
    bureau: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
) -> None:
    await create_external_account(admin)
    rows = [
        build_punch(1, "ding-li", "2024-05-17 08:01:02", **HALL_FIX),
        build_punch(
            2,
            "ding-li",
            "2024-05-16 08:01:02",
            userLongitude=HALL_GCJ02[0] + 0.05,
            userLatitude=HALL_GCJ02[1],
            userAccuracy=20,
        ),
        build_invalid_punch(3, "ding-li", "2024-05-15 08:01:02"),
        build_unsigned_plan(4, "ding-li", "2024-05-14"),
        build_punch(5, "ding-li", "2024-05-13 08:01:02", sourceType="ATM"),
    ]
    run = await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": rows})
    assert (run["fresh"], run["invalid"], run["unsigned"], run["known"]) == (3, 1, 1, 0)
    again = await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": rows})
    assert (again["fresh"], again["known"]) == (0, 5)
    late = [build_punch(4, "ding-li", "2024-05-14 21:00:00", **HALL_FIX)]
    assert (await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": late}))[
        "fresh"
    ] == 1
    check_ins = {
        check_in["work_date"]: check_in
        for check_in in (await get_json(cadre, "/attendance/check-ins"))["items"]
    }
    assert (check_ins["2024-05-17"]["verdict"], check_ins["2024-05-17"]["source"]) == ("inside", "SYSTEM")
    assert check_ins["2024-05-16"]["verdict"] == "outside"
    assert check_ins["2024-05-13"]["verdict"] == "inside"
    assert check_ins["2024-05-14"]["verdict"] == "inside"
    assert len(check_ins) == 4
    await check_imported_days(attendance, cadre)


async def check_imported_days(attendance: ServiceUnderTest, cadre: httpx.AsyncClient) -> None:
    while await project_next_batch(attendance.context):
        pass
    days = {
        day["work_date"]: day["result"]
        for day in (await get_json(cadre, "/attendance/days?limit=200"))["items"]
    }
    assert (days["2024-05-17"], days["2024-05-16"], days["2024-05-15"]) == (
        "present",
        "unexplained",
        "unexplained",
    )


async def test_unmatched_records_become_check_ins_when_the_account_is_registered(
    bureau: httpx.AsyncClient, admin: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any
) -> None:
    run = await post_json(
        bureau,
        "/attendance/imports",
        {**FILE_PARAMETERS, "records": [build_punch(1, "ding-li", "2024-05-17 08:00:00", **HALL_FIX)]},
    )
    assert (run["fresh"], run["unmatched"]) == (0, 1)
    assert (await get_json(cadre, "/attendance/check-ins"))["items"] == []
    await create_external_account(admin)
    (check_in,) = (await get_json(cadre, "/attendance/check-ins"))["items"]
    assert check_in["verdict"] == "inside"


@pytest.mark.parametrize("details", [True, False])
async def test_a_pull_keeps_to_the_limits_and_survives_throttling(
    attendance: ServiceUnderTest,
    admin: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
    fake: FakeChannelServer,
    details: bool,
) -> None:
    await create_external_account(admin)
    fake.rows = [
        build_punch(n, "ding-li", f"2024-05-{1 + n % 20:02d} 08:{n % 60:02d}:00", **HALL_FIX)
        for n in range(130)
    ]
    fake.throttle_every = 3
    run = await post_json(admin, "/attendance/imports/pull", {**PULL_BODY, "details": details})
    assert (run["fresh"], run["known"]) == (130, 0)
    assert len(fake.requests) >= 3
    again = await post_json(admin, "/attendance/imports/pull", {**PULL_BODY, "details": details})
    assert (again["fresh"], again["known"]) == (0, 130)


async def test_a_wrong_secret_and_a_throttling_server_change_nothing(
    attendance: ServiceUnderTest,
    bureau: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    post: Any,
    fake: FakeChannelServer,
) -> None:
    await create_external_account(admin)
    problem = await post_json(admin, "/attendance/imports/pull", {**PULL_BODY, "app_secret": "wrong"}, 409)
    assert "40089" in problem["detail"]
    fake.throttle_every = 1
    await post_json(admin, "/attendance/imports/pull", PULL_BODY, 503)
    assert (await get_json(bureau, "/attendance/imports"))["items"] == []


async def test_wecom_counts_in_seconds_and_micro_degrees(
    attendance: ServiceUnderTest,
    admin: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
    fake: FakeChannelServer,
) -> None:
    await create_external_account(admin, "wx-li", "wecom")
    at = to_epoch_ms("2024-05-17 08:00:00") // 1000
    common = {
        "userid": "wx-li",
        "checkin_time": at,
        "exception_type": "",
        "lat": int(HALL_GCJ02[1] * 1e6),
        "lng": int(HALL_GCJ02[0] * 1e6),
    }
    fake.checkins = [
        common | {"checkin_type": "上班打卡"},
        common
        | {
            "checkin_type": "下班打卡",
            "checkin_time": at + 36_000,
            "exception_type": "地点异常",
            "lat": 0,
            "lng": 0,
        },
        common | {"checkin_type": "上班打卡", "checkin_time": at - 86_400, "exception_type": "未打卡"},
    ]
    run = await post_json(admin, "/attendance/imports/pull", {**PULL_BODY, "channel": "wecom"})
    assert (run["fresh"], run["unsigned"]) == (2, 1)
    check_ins = {
        check_in["kind"]: check_in["verdict"]
        for check_in in (await get_json(cadre, "/attendance/check-ins"))["items"]
    }
    assert check_ins["OnDuty"] == "inside" or check_ins["OnDuty"] == "unsure"
    assert check_ins["OffDuty"] == "outside"


async def test_malformed_records_are_named_by_position(
    bureau: httpx.AsyncClient, attendance: ServiceUnderTest
) -> None:
    records = [
        build_punch(1, "u", "2024-05-17 08:00:00"),
        {"userId": "x"},
        {"checkType": "Lunch"},
        "nonsense",
        7,
    ]
    run = await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": records})
    assert (run["unmatched"], all(f"第 {n} 条" in run["detail"] for n in (2, 3, 4, 5))) == (1, True)
    body = {**FILE_PARAMETERS, "records": records[1:]}
    problem = await post_json(bureau, "/attendance/imports", body, 422)
    assert [error["pointer"] for error in problem["errors"]] == [f"/records/{n}" for n in range(4)]
    await set_rule(attendance, "check_in.switches", imports=False)
    await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": records[:1]}, 403)


async def test_check_ins_are_read_in_dingtalks_format(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await submit_check_in(cadre, build_check_in(clock))
    await submit_check_in(cadre, build_check_in(clock, north_m=900))
    address = "/attendance/dingtalk/attendance/"
    body = {
        "userIds": ["li"],
        "checkDateFrom": "2024-05-20 00:00:00",
        "checkDateTo": "2024-05-20 23:59:59",
        "isI18n": "false",
    }
    details = await post_json(bureau, address + "listRecord", body, 200)
    assert details["errcode"] == 0
    inside = next(row for row in details["recordresult"] if row["locationResult"] == "Normal")
    assert (inside["isLegal"], inside["sourceType"], inside["checkType"]) == ("Y", "USER", "OnDuty")
    assert inside["userCheckTime"] == to_epoch_ms("2024-05-20 08:59:00")
    assert (inside["userLongitude"], inside["userLatitude"]) == pytest.approx(tuple(HALL_GCJ02), abs=1e-5)
    assert [row["locationResult"] for row in details["recordresult"]].count("Outside") == 1
    request = {
        "workDateFrom": "2024-05-20 10:00:00",
        "workDateTo": "2024-05-20 11:00:00",
        "userIdList": ["li"],
        "offset": 0,
        "limit": 1,
    }
    first = await post_json(bureau, address + "list", request, 200)
    assert (len(first["recordresult"]), first["hasMore"]) == (1, True)
    assert (await post_json(bureau, address + "list", request | {"offset": 1}, 200))["hasMore"] is False
    for bad, code in (
        ({"limit": 51}, 40035),
        ({"userIdList": ["x"] * 51}, 40032),
        ({"userIdList": []}, 40032),
        ({"workDateTo": "2024-05-27 00:00:00"}, 40035),
        ({"workDateFrom": "20 May"}, 40035),
    ):
        assert (await post_json(bureau, address + "list", request | bad, 200))["errcode"] == code
    await post_json(cadre, address + "list", request, 403)
    while await project_next_batch(attendance.context):
        pass
    gap_request = request | {
        "workDateFrom": "2024-05-17 00:00:00",
        "workDateTo": "2024-05-17 00:00:00",
        "limit": 50,
    }
    (row,) = (await post_json(bureau, address + "list", gap_request, 200))["recordresult"]
    assert (row["timeResult"], row["locationResult"]) == ("NotSigned", "NotSigned")


async def test_the_token_is_accepted_in_the_query_as_dingtalk_sends_it(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    body = {"userIds": ["li"], "checkDateFrom": "2024-05-20 00:00:00", "checkDateTo": "2024-05-20 23:59:59"}
    response = await bureau.get("/attendance/members")
    token = response.request.headers["authorization"].removeprefix("Bearer ")
    anonymous = attendance.anonymous_client()
    address = "/attendance/dingtalk/attendance/listRecord"
    await post_json(anonymous, address, body, 401)
    assert (await post_json(anonymous, f"{address}?access_token={token}", body, 200))["errcode"] == 0
    assert (await post_json(anonymous, f"{address}?access_token=wrong", body, 200))["errcode"] == 40014
    incomplete = await post_json(anonymous, f"{address}?access_token={token}", {"userIds": ["li"]}, 200)
    assert (incomplete["errcode"], "checkDateFrom" in incomplete["errmsg"]) == (40035, True)
    weak_request = (await attendance.client_as("cadre").get("/attendance/members")).request
    weak_token = weak_request.headers["authorization"].removeprefix("Bearer ")
    denied = await post_json(anonymous, f"{address}?access_token={weak_token}", body, 200)
    assert (denied["errcode"], denied["sub_code"]) == (88, "60011")


async def test_who_imports_neither_matches_accounts_nor_reviews_what_was_imported(
    attendance: ServiceUnderTest,
    bureau: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    town: httpx.AsyncClient,
    post: Any,
) -> None:
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await post_json(bureau, "/attendance/external-accounts", account, 403)
    await post_json(bureau, "/attendance/imports/pull", PULL_BODY, 403)
    await post_json(admin, "/attendance/imports", {**FILE_PARAMETERS, "records": []}, 403)
    await post_json(admin, "/attendance/external-accounts", account)
    edge = HALL_FIX | {"userLatitude": HALL_GCJ02[1] + 205 / 111_320}
    punch = build_punch(1, "ding-li", "2024-05-17 08:00:00", **edge)
    await post_json(bureau, "/attendance/imports", {**FILE_PARAMETERS, "records": [punch]})
    await project_next_batch(attendance.context)
    (review,) = (await get_json(town, "/attendance/reviews", state="open"))["items"]
    address = f"/attendance/reviews/{review['id']}"
    refused = await post_json(bureau, f"{address}/accept", {"reason": "已核实"}, 409)
    seen = await get_json(bureau, address)
    other = await post_json(
        attendance.client_as("bureau", person="other"), f"{address}/accept", {"reason": "已核实"}, 200
    )

    assert [error["code"] for error in refused["errors"]] == ["own_import"]
    assert not [action for action in seen["available_actions"] if action["ready"]]
    assert other["state"] == "accepted"
