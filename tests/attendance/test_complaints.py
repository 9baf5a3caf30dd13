"""Anybody may complain, and anybody may read what a district switched on."""

import httpx

from tests.attendance.factories_attendance import get_json, post_json, set_rule
from tests.clients import DISTRICT, ServiceUnderTest

COMPLAINT_BODY = {"region": DISTRICT, "text": "要求每天发定位到群里并排名", "contact": "13812341234"}


async def test_a_complaint_about_another_district_is_turned_away_with_the_reason(
    attendance: ServiceUnderTest,
) -> None:
    elsewhere = {**COMPLAINT_BODY, "region": "620621000000"}
    refused = await post_json(attendance.anonymous_client(), "/attendance/complaints", elsewhere, 422)
    assert refused["errors"][0]["pointer"] == "/region"


async def test_a_complaint_without_login_is_answered_by_its_number(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, town: httpx.AsyncClient
) -> None:
    nobody = attendance.anonymous_client()
    made = await post_json(nobody, "/attendance/complaints", COMPLAINT_BODY)
    await get_json(town, "/attendance/complaints", 403)
    (row,) = (await get_json(bureau, "/attendance/complaints"))["items"]
    assert row["contact"] == "13812341234"
    address = f"/attendance/complaints/{made['id']}"
    await post_json(bureau, f"{address}/answer", {}, 409)
    await post_json(bureau, f"{address}/answer", {"reason": "已取消排名"}, 200)
    answered = await get_json(nobody, address)
    assert (answered["state"], answered["answer"]) == ("answered", "已取消排名")
    assert "contact" not in answered
    told = str((await get_json(bureau, "/attendance/events"))["items"])
    assert "排名" not in told
    assert "1381234" not in told


async def test_the_switches_and_the_record_keeping_number_are_public(attendance: ServiceUnderTest) -> None:
    await set_rule(
        attendance, "check_in.switches", own_check_in=False, imports=False, record_keeping_no="甘备2026001"
    )
    found = await get_json(attendance.anonymous_client(), "/attendance/compliance")
    assert (found["record_keeping_no"], found["mode"]) == ("甘备2026001", "报备、值班与抽查, 不打卡")
    assert "不排名、不通报到个人" in found["promises"]
