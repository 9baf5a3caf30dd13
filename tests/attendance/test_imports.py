"""Attendance of DingTalk and WeCom is taken in once, and read back in DingTalk's own format."""

from typing import Any

import httpx
import pytest

from services.attendance.days.follow import follow
from shared.places import Datum, from_wgs84
from tests.attendance.fake_channels import Fake, a_punch, an_invalid_punch, an_unsigned_plan, millis
from tests.attendance.world import HALL, a_tap, read, sent, set_rule, tapped
from tests.conftest import Clock
from tests.doors import DISTRICT, Door

GCJ = from_wgs84(*HALL, Datum.GCJ02)
HERE = {"userLongitude": GCJ[0], "userLatitude": GCJ[1], "userAccuracy": 20}
FILE = {"channel": "dingtalk", "region": DISTRICT}
PULL = {**FILE, "first": "2024-05-01", "last": "2024-05-20", "app_key": "k", "app_secret": "right"}


async def known(bureau: httpx.AsyncClient, external: str = "ding-li", channel: str = "dingtalk") -> Any:
    body = {"channel": channel, "external": external, "person": "li", "region": DISTRICT}
    return await sent(bureau, "/attendance/external-accounts", body)


async def test_a_file_is_taken_in_once_and_makes_the_day(
    attendance: Door, bureau: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any
) -> None:
    await known(bureau)
    rows = [
        a_punch(1, "ding-li", "2024-05-17 08:01:02", **HERE),
        a_punch(
            2,
            "ding-li",
            "2024-05-16 08:01:02",
            userLongitude=GCJ[0] + 0.05,
            userLatitude=GCJ[1],
            userAccuracy=20,
        ),
        an_invalid_punch(3, "ding-li", "2024-05-15 08:01:02"),
        an_unsigned_plan(4, "ding-li", "2024-05-14"),
        a_punch(5, "ding-li", "2024-05-13 08:01:02", sourceType="ATM"),
    ]
    run = await sent(bureau, "/attendance/imports", {**FILE, "records": rows})
    assert (run["fresh"], run["invalid"], run["unsigned"], run["known"]) == (3, 1, 1, 0)
    again = await sent(bureau, "/attendance/imports", {**FILE, "records": rows})
    assert (again["fresh"], again["known"]) == (0, 5)
    late = [a_punch(4, "ding-li", "2024-05-14 21:00:00", **HERE)]
    assert (await sent(bureau, "/attendance/imports", {**FILE, "records": late}))["fresh"] == 1
    taps = {one["work_date"]: one for one in (await read(cadre, "/attendance/check-ins"))["items"]}
    assert (taps["2024-05-17"]["verdict"], taps["2024-05-17"]["source"]) == ("inside", "SYSTEM")
    assert taps["2024-05-16"]["verdict"] == "outside"
    assert taps["2024-05-13"]["verdict"] == "inside"
    assert taps["2024-05-14"]["verdict"] == "inside"
    assert len(taps) == 4
    await the_days_follow(attendance, cadre)


async def the_days_follow(attendance: Door, cadre: httpx.AsyncClient) -> None:
    while await follow(attendance.context):
        pass
    days = {
        one["work_date"]: one["result"] for one in (await read(cadre, "/attendance/days?limit=200"))["items"]
    }
    assert (days["2024-05-17"], days["2024-05-16"], days["2024-05-15"]) == (
        "present",
        "unexplained",
        "unexplained",
    )


async def test_records_wait_for_their_person(
    bureau: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any
) -> None:
    run = await sent(
        bureau,
        "/attendance/imports",
        {**FILE, "records": [a_punch(1, "ding-li", "2024-05-17 08:00:00", **HERE)]},
    )
    assert (run["fresh"], run["unmatched"]) == (0, 1)
    assert (await read(cadre, "/attendance/check-ins"))["items"] == []
    await known(bureau)
    (tap,) = (await read(cadre, "/attendance/check-ins"))["items"]
    assert tap["verdict"] == "inside"


@pytest.mark.parametrize("details", [True, False])
async def test_a_pull_keeps_to_the_limits_and_survives_throttling(
    attendance: Door,
    bureau: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    post: Any,
    fake: Fake,
    details: bool,
) -> None:
    await known(bureau)
    fake.rows = [
        a_punch(n, "ding-li", f"2024-05-{1 + n % 20:02d} 08:{n % 60:02d}:00", **HERE) for n in range(130)
    ]
    fake.throttle_every = 3
    run = await sent(bureau, "/attendance/imports/pull", {**PULL, "details": details})
    assert (run["fresh"], run["known"]) == (130, 0)
    assert len(fake.asked) >= 3
    again = await sent(bureau, "/attendance/imports/pull", {**PULL, "details": details})
    assert (again["fresh"], again["known"]) == (0, 130)


async def test_a_wrong_secret_and_a_silent_server_change_nothing(
    attendance: Door, bureau: httpx.AsyncClient, post: Any, fake: Fake
) -> None:
    await known(bureau)
    problem = await sent(bureau, "/attendance/imports/pull", {**PULL, "app_secret": "wrong"}, 409)
    assert "40089" in problem["detail"]
    fake.throttle_every = 1
    await sent(bureau, "/attendance/imports/pull", PULL, 503)
    assert (await read(bureau, "/attendance/imports"))["items"] == []


async def test_wecom_counts_in_seconds_and_micro_degrees(
    attendance: Door, bureau: httpx.AsyncClient, cadre: httpx.AsyncClient, post: Any, fake: Fake
) -> None:
    await known(bureau, "wx-li", "wecom")
    at = millis("2024-05-17 08:00:00") // 1000
    common = {
        "userid": "wx-li",
        "checkin_time": at,
        "exception_type": "",
        "lat": int(GCJ[1] * 1e6),
        "lng": int(GCJ[0] * 1e6),
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
    run = await sent(bureau, "/attendance/imports/pull", {**PULL, "channel": "wecom"})
    assert (run["fresh"], run["unsigned"]) == (2, 1)
    taps = {one["kind"]: one["verdict"] for one in (await read(cadre, "/attendance/check-ins"))["items"]}
    assert taps["OnDuty"] == "inside" or taps["OnDuty"] == "unsure"
    assert taps["OffDuty"] == "outside"


async def test_what_is_no_record_is_named(bureau: httpx.AsyncClient, attendance: Door) -> None:
    records = [a_punch(1, "u", "2024-05-17 08:00:00"), {"userId": "x"}, {"checkType": "Lunch"}]
    problem = await sent(bureau, "/attendance/imports", {**FILE, "records": records}, 422)
    assert [one["pointer"] for one in problem["errors"]] == ["/records/1", "/records/2"]
    await set_rule(attendance, "check_in.switches", imports=False)
    await sent(bureau, "/attendance/imports", {**FILE, "records": records[:1]}, 403)


async def test_dingtalks_software_reads_ours_unchanged(
    attendance: Door, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await tapped(cadre, a_tap(clock))
    await tapped(cadre, a_tap(clock, north_m=900))
    address = "/attendance/dingtalk/attendance/"
    body = {
        "userIds": ["li"],
        "checkDateFrom": "2024-05-20 00:00:00",
        "checkDateTo": "2024-05-20 23:59:59",
        "isI18n": "false",
    }
    found = await sent(bureau, address + "listRecord", body, 200)
    assert found["errcode"] == 0
    inside = next(one for one in found["recordresult"] if one["locationResult"] == "Normal")
    assert (inside["isLegal"], inside["sourceType"], inside["checkType"]) == ("Y", "USER", "OnDuty")
    assert inside["userCheckTime"] == millis("2024-05-20 08:59:00")
    assert (inside["userLongitude"], inside["userLatitude"]) == pytest.approx(tuple(GCJ), abs=1e-5)
    assert [one["locationResult"] for one in found["recordresult"]].count("Outside") == 1
    asked = {
        "workDateFrom": "2024-05-20 10:00:00",
        "workDateTo": "2024-05-20 11:00:00",
        "userIdList": ["li"],
        "offset": 0,
        "limit": 1,
    }
    first = await sent(bureau, address + "list", asked, 200)
    assert (len(first["recordresult"]), first["hasMore"]) == (1, True)
    assert (await sent(bureau, address + "list", asked | {"offset": 1}, 200))["hasMore"] is False
    for bad, code in (
        ({"limit": 51}, 40035),
        ({"userIdList": ["x"] * 51}, 40032),
        ({"userIdList": []}, 40032),
        ({"workDateTo": "2024-05-27 00:00:00"}, 40035),
        ({"workDateFrom": "20 May"}, 40035),
    ):
        assert (await sent(bureau, address + "list", asked | bad, 200))["errcode"] == code
    await sent(cadre, address + "list", asked, 403)
    while await follow(attendance.context):
        pass
    gap = asked | {"workDateFrom": "2024-05-17 00:00:00", "workDateTo": "2024-05-17 00:00:00", "limit": 50}
    (row,) = (await sent(bureau, address + "list", gap, 200))["recordresult"]
    assert (row["timeResult"], row["locationResult"]) == ("NotSigned", "NotSigned")


async def test_the_token_may_stand_where_dingtalk_puts_it(
    attendance: Door, bureau: httpx.AsyncClient
) -> None:
    body = {"userIds": ["li"], "checkDateFrom": "2024-05-20 00:00:00", "checkDateTo": "2024-05-20 23:59:59"}
    answered = await bureau.get("/attendance/members")
    token = answered.request.headers["authorization"].removeprefix("Bearer ")
    nobody = attendance.nobody()
    address = "/attendance/dingtalk/attendance/listRecord"
    await sent(nobody, address, body, 401)
    assert (await sent(nobody, f"{address}?access_token={token}", body, 200))["errcode"] == 0
    assert (await sent(nobody, f"{address}?access_token=wrong", body, 200))["errcode"] == 40014
    missing = await sent(nobody, f"{address}?access_token={token}", {"userIds": ["li"]}, 200)
    assert (missing["errcode"], "checkDateFrom" in missing["errmsg"]) == (40035, True)
    asked = (await attendance.as_("cadre").get("/attendance/members")).request
    weak = asked.headers["authorization"].removeprefix("Bearer ")
    denied = await sent(nobody, f"{address}?access_token={weak}", body, 200)
    assert (denied["errcode"], denied["sub_code"]) == (88, "60011")
