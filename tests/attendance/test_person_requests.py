"""个人信息请求 in attendance: visits to a household and the number of who complained are shown and erased."""

from typing import Any

import httpx

from shared.events.fsck import check_service
from tests.attendance.factories_attendance import get_json, post_json
from tests.attendance.test_visits import VISIT_BODY
from tests.clients import VILLAGE, ServiceUnderTest
from tests.stored_text_search import find_clear_text

REQUESTS = "/attendance/person-requests"
PHONE = "13893512345"
BODY = {
    "kind": "erasure",
    "basis": "consent_withdrawn",
    "region": VILLAGE,
    "name": VISIT_BODY["household"],
    "phone": PHONE,
    "document": "甘凉信申〔2026〕11号",
}


async def test_a_visited_household_and_who_complained_are_erased(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any
) -> None:
    name = str(VISIT_BODY["household"])
    visit = await post_json(cadre, "/attendance/visits", VISIT_BODY)
    other = await post_json(
        cadre, "/attendance/visits", VISIT_BODY | {"household": "马秀兰", "findings": "都好"}
    )
    complaint = {"region": VILLAGE, "text": "要求每天发定位到群里并排名", "contact": PHONE}
    made = (await attendance.anonymous_client().post("/attendance/complaints", json=complaint)).json()["id"]
    request = (await post_json(bureau, REQUESTS, BODY))["id"]
    read = await post_json(bureau, f"{REQUESTS}/{request}/readings", {"purpose": "答复申请人"}, 200)
    shown = {one["label"]: one for one in read["rows"]}
    assert (shown["走访"]["values"]["household"], shown["走访"]["id"]) == (name, visit["id"])
    assert (shown["投诉"]["values"]["contact"], "还没有答复" in shown["投诉"]["kept"]) == (PHONE, True)
    assert "马秀兰" not in str(read)

    await post_json(bureau, f"/attendance/complaints/{made}/answer", {"reason": "已取消排名"}, 200)
    second = attendance.client_as("bureau", person="second")
    done = await post_json(second, f"{REQUESTS}/{request}/erase", {}, 200)
    assert {one["label"]: (one["erased"], one["kept"]) for one in done["outcome"]} == dict.fromkeys(
        shown, (1, 0)
    )
    assert await find_clear_text(attendance.context, name, PHONE) == []
    visits = {one["id"]: one for one in (await get_json(bureau, "/attendance/visits"))["items"]}
    assert (visits[visit["id"]]["findings"], visits[other["id"]]["findings"]) == ("已删除", "都好")
    fsck = attendance.system.apps["attendance"].state.fsck
    assert (await check_service("attendance", attendance.context.database, fsck)).differences == []
