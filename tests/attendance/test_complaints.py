"""Complaints are anonymous and open to everyone; so is the list of attendance methods switched on."""

import asyncio
from datetime import timedelta

import httpx

from tests.attendance.factories_attendance import get_json, post_json, set_rule
from tests.clients import DISTRICT, ServiceUnderTest
from tests.conftest import Clock

COMPLAINT_BODY = {"region": DISTRICT, "text": "要求每天发定位到群里并排名", "contact": "13812341234"}


async def test_a_complaint_about_another_district_is_refused_with_the_reason(
    attendance: ServiceUnderTest,
) -> None:
    elsewhere = {**COMPLAINT_BODY, "region": "620621000000"}
    refused = await post_json(attendance.anonymous_client(), "/attendance/complaints", elsewhere, 422)
    assert refused["errors"][0]["pointer"] == "/region"


async def test_a_complaint_without_login_is_answered_by_its_number(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, town: httpx.AsyncClient
) -> None:
    anonymous = attendance.anonymous_client()
    receipt = await post_json(anonymous, "/attendance/complaints", COMPLAINT_BODY)
    await get_json(town, "/attendance/complaints", 403)
    (row,) = (await get_json(bureau, "/attendance/complaints"))["items"]
    assert row["contact"] == "13812341234"
    address = f"/attendance/complaints/{receipt['id']}"
    await post_json(bureau, f"{address}/answer", {}, 409)
    await post_json(bureau, f"{address}/answer", {"reason": "已取消排名"}, 200)
    answered = await get_json(anonymous, address)
    assert (answered["state"], answered["answer"]) == ("answered", "已取消排名")
    assert "contact" not in answered
    events_text = str((await get_json(bureau, "/attendance/events"))["items"])
    assert "排名" not in events_text
    assert "1381234" not in events_text


async def test_one_source_and_one_day_have_so_many_complaints(
    attendance: ServiceUnderTest, clock: Clock
) -> None:
    await set_rule(attendance, "complaint.limits", per_sender_hour=3, per_district_day=10)
    own = [{"X-Forwarded-For": f"2001:db8:7:8::{number}"} for number in range(1, 9)]
    anyone = attendance.anonymous_client()
    sent = [anyone.post("/attendance/complaints", json=COMPLAINT_BODY, headers=one) for one in own]
    statuses = [answer.status_code for answer in await asyncio.gather(*sent)]
    assert (statuses.count(201), statuses.count(429)) == (3, 5)

    others = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(1, 10)]
    statuses = [
        (await anyone.post("/attendance/complaints", json=COMPLAINT_BODY, headers=one)).status_code
        for one in others
    ]
    assert statuses == [201] * 7 + [429] * 2
    clock.advance(timedelta(days=1, minutes=1))
    await post_json(attendance.anonymous_client(), "/attendance/complaints", COMPLAINT_BODY)


async def test_the_switches_and_the_record_keeping_number_are_public(attendance: ServiceUnderTest) -> None:
    await set_rule(
        attendance, "check_in.switches", own_check_in=False, imports=False, record_keeping_no="甘备2026001"
    )
    compliance = await get_json(attendance.anonymous_client(), "/attendance/compliance")
    assert (compliance["record_keeping_no"], compliance["mode"]) == (
        "甘备2026001",
        "报备、值班与抽查, 不打卡",
    )
    assert "不排名、不通报到个人" in compliance["promises"]
