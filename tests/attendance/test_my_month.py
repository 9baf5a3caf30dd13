"""What a cadre reads about themselves: team, month with reasons, decisions, objections, swaps of shifts."""

from datetime import timedelta
from typing import Any

import httpx

from services.attendance.days.consumers import project_next_batch
from tests.attendance.factories_attendance import build_check_in, create_account, get_json, post_json
from tests.clients import TOWN, VILLAGE, ServiceUnderTest
from tests.conftest import Clock


async def run_day_projection(attendance: ServiceUnderTest) -> None:
    while await project_next_batch(attendance.context):
        pass


async def test_a_cadre_reads_the_reasons_of_their_month_and_may_object(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    clock.set(clock.now().replace(month=6, day=3))
    check_ins = [
        build_check_in(
            clock, at=clock.now() - timedelta(days=days_back, minutes=3 * days_back), north_m=days_back
        )
        for days_back in (17, 13)
    ]
    await post_json(cadre, "/attendance/check-ins", {"items": check_ins})
    await run_day_projection(attendance)
    month = await get_json(cadre, "/attendance/months/mine", month="2024-05")
    days = {item["work_date"]: item for item in month["days"]}
    day = days["2024-05-21"]
    assert day["result"] == "pending"
    assert "补传时间较晚" in day["review"]
    review = (await get_json(town, "/attendance/reviews?state=open"))["items"][0]
    await post_json(town, f"/attendance/reviews/{review['id']}/reject", {"reason": "电话无人接"}, 200)
    body = {"text": "当天在村开会, 有签到册"}
    address = f"/attendance/days/{day['id']}/objections"
    await post_json(attendance.client_as("cadre", person="zhang"), address, body, 404)
    await post_json(town, address, body, 403)
    objection = await post_json(cadre, address, body)
    assert "待答复" in (await post_json(cadre, address, body, 409))["detail"]
    await run_day_projection(attendance)
    sheet = {"region": VILLAGE, "month": "2024-05"}
    days_with_objection = (await get_json(cadre, "/attendance/months/mine", month="2024-05"))["days"]
    objected_day = next(item for item in days_with_objection if item["work_date"] == "2024-05-21")
    assert (objected_day["provisional"], objected_day["may_object"], objected_day["objections"][0]["id"]) == (
        True,
        False,
        objection["id"],
    )
    assert "本人有异议待答复" in objected_day["words"]
    await post_json(town, "/attendance/months/sign", sheet, 409)
    assert (await get_json(town, "/attendance/objections?state=open"))["items"][0]["text"] == body["text"]
    await check_objection_answer(attendance, town, objection)
    month = await get_json(cadre, "/attendance/months/mine", month="2024-05")
    day = next(item for item in month["days"] if item["work_date"] == "2024-05-21")
    assert (day["result"], day["objections"][0]["answer"]) == ("present", "查看签到册属实, 请镇里补记")
    assert month["tally"]["present"] == 1
    await check_decision_messages(attendance, cadre)


async def check_objection_answer(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, objection: Any
) -> None:
    await post_json(attendance.anonymous_client(), f"/attendance/complaints/{objection['id']}", {}, 405)
    await get_json(attendance.anonymous_client(), f"/attendance/complaints/{objection['id']}", 404)
    answer = f"/attendance/complaints/{objection['id']}/answer"
    await post_json(town, answer, {"reason": "不成立"}, 403)
    await post_json(attendance.client_as("auditor"), answer, {"reason": "查看签到册属实, 请镇里补记"}, 200)
    at = "2024-05-21T09:00:00+08:00"
    await post_json(town, "/attendance/corrections", {"person": "li", "taken_at": at, "reason": "签到册属实"})
    await run_day_projection(attendance)


async def check_decision_messages(attendance: ServiceUnderTest, cadre: httpx.AsyncClient) -> None:
    messages = (await get_json(cadre, "/attendance/messages?unread=true&count=exact"))["items"]
    kinds = [message["kind"] for message in messages]
    assert kinds[:3] == ["correction", "objection", "review"]
    assert "签到册属实" in messages[0]["words"]
    assert "5月21日" in messages[2]["words"]
    assert (await get_json(attendance.client_as("cadre", person="zhang"), "/attendance/messages"))[
        "items"
    ] == []
    await post_json(
        attendance.client_as("cadre", person="zhang"),
        "/attendance/messages/seen",
        {"until": messages[0]["id"]},
        404,
    )
    assert (await post_json(cadre, "/attendance/messages/seen", {"until": messages[2]["id"]}, 200))[
        "seen"
    ] == len(messages) - 2
    assert (await post_json(cadre, "/attendance/messages/seen", {"until": messages[0]["id"]}, 200))[
        "seen"
    ] == 2
    assert (await get_json(cadre, "/attendance/messages?unread=true"))["items"] == []


async def test_a_swap_needs_the_partners_consent_and_the_towns_approval(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    colleague, stranger = (
        attendance.client_as("cadre", person="zhang"),
        attendance.client_as("cadre", person="wang"),
    )
    body = {"person": "zhang", "person_name": "张某", "starts_on": "2024-01-01"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)

    def shift(person: str, name: str, day: int) -> dict[str, Any]:
        start, end = f"2024-05-{day}T20:00:00+08:00", f"2024-05-{day + 1}T07:00:00+08:00"
        return {"person": person, "person_name": name, "starts_at": start, "ends_at": end, "kind": "night"}

    shifts = [
        shift("li", "李某", 22),
        shift("zhang", "张某", 24),
        shift("zhang", "张某", 26),
        shift("li", "李某", 28),
    ]
    mine, theirs, again, last = await post_json(
        town, "/attendance/duties", {"post_id": post["id"], "shifts": shifts}
    )
    assert len((await get_json(cadre, "/attendance/duties"))["items"]) == 4
    assert (await get_json(stranger, "/attendance/duties"))["items"] == []
    swap = {"duty_id": mine["id"], "other_duty_id": theirs["id"], "why": "孩子高考"}
    address = "/attendance/duty-swaps"
    await post_json(cadre, address, {"duty_id": mine["id"], "why": "有事"}, 422)
    await post_json(cadre, address, swap | {"other_duty_id": last["id"]}, 422)
    await post_json(stranger, address, swap, 404)
    swap_request = await post_json(cadre, address, swap)
    assert (
        "已在换班中"
        in (await post_json(cadre, address, swap | {"other_duty_id": again["id"]}, 409))["detail"]
    )
    swap_address = f"{address}/{swap_request['id']}"
    await post_json(stranger, f"{swap_address}/agree", {}, 404)
    assert (await post_json(cadre, f"{swap_address}/agree", {}, 409))["errors"][0][
        "code"
    ] == "not_the_partner"
    await post_json(town, f"{swap_address}/approve", {}, 409)
    assert (
        "想与您换班(05-22 20:00 换 05-24 20:00)"
        in (await get_json(colleague, "/attendance/messages"))["items"][0]["words"]
    )
    assert [
        swap_row["id"] for swap_row in (await get_json(colleague, f"{address}?to_agree=true"))["items"]
    ] == [swap_request["id"]]
    assert [
        action["action"] for action in (await get_json(colleague, swap_address))["available_actions"]
    ] == ["agree", "decline"]
    assert (await post_json(colleague, f"{swap_address}/agree", {}, 200))["state"] == "agreed"
    assert (await post_json(town, f"{swap_address}/approve", {}, 200))["state"] == "approved"
    persons_by_duty = {
        duty["id"]: duty["person"] for duty in (await get_json(town, "/attendance/duties"))["items"]
    }
    assert (persons_by_duty[mine["id"]], persons_by_duty[theirs["id"]], persons_by_duty[last["id"]]) == (
        "zhang",
        "li",
        "li",
    )
    await check_started_shift_stays(cadre, colleague, town, last, clock)


async def check_started_shift_stays(
    cadre: httpx.AsyncClient, colleague: httpx.AsyncClient, town: httpx.AsyncClient, last: Any, clock: Clock
) -> None:
    address = "/attendance/duty-swaps"
    clock.set(clock.now().replace(day=27))
    late = await post_json(
        cadre, address, {"duty_id": last["id"], "partner": "zhang", "partner_name": "张某", "why": "替班"}
    )
    await post_json(colleague, f"{address}/{late['id']}/agree", {}, 200)
    clock.set(clock.now().replace(day=28, hour=13))
    assert (await post_json(town, f"{address}/{late['id']}/approve", {}, 409))["errors"][0][
        "code"
    ] == "too_late"
    assert (await post_json(cadre, f"{address}/{late['id']}/withdraw", {}, 200))["state"] == "withdrawn"


async def test_a_member_reads_the_team_they_belong_to_and_no_other(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, bureau: httpx.AsyncClient, post: Any
) -> None:
    team = await post_json(bureau, "/attendance/teams", {"name": "新店村驻村工作队", "region": VILLAGE})
    other = await post_json(bureau, "/attendance/teams", {"name": "另一支", "region": VILLAGE})
    for person in ("li", "zhang"):
        body = {"person": person, "person_name": f"{person}同志", "role": "member", "starts_on": "2024-01-01"}
        await post_json(bureau, f"/attendance/teams/{team['id']}/members", body)
    assert [team_row["id"] for team_row in (await get_json(cadre, "/attendance/teams"))["items"]] == [
        team["id"]
    ]
    assert len((await get_json(cadre, f"/attendance/teams/{team['id']}"))["members"]) == 2
    await get_json(cadre, f"/attendance/teams/{other['id']}", 404)
    assert [member["person"] for member in (await get_json(cadre, "/attendance/members"))["items"]] == ["li"]
    assert len((await get_json(cadre, "/attendance/posts"))["items"]) == 1


async def test_leaves_that_await_the_callers_approval_are_listed(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    town: httpx.AsyncClient,
    bureau: httpx.AsyncClient,
    post: Any,
) -> None:
    body = {"kind": "personal", "starts_on": "2024-05-21", "ends_on": "2024-05-30", "why": "家中有事"}
    leave = await post_json(cadre, "/attendance/leaves", body)
    address = "/attendance/leaves?to_approve=true&count=exact"
    assert [(await get_json(client, address))["total"] for client in (town, bureau)] == [1, 0]
    await post_json(town, f"/attendance/leaves/{leave['id']}/endorse", {}, 200)
    assert [(await get_json(client, address))["total"] for client in (town, bureau)] == [0, 1]
    other = attendance.client_as("town_officer", person="other")
    await create_account(attendance.system, "other", "town_officer", TOWN)
    delegation = {"deputy": "other", "step": "county", "region": "620602100000"}
    await post_json(
        bureau, "/attendance/delegations", delegation | {"starts_on": "2024-05-20", "ends_on": "2024-05-20"}
    )
    assert [(await get_json(client, address))["total"] for client in (town, other)] == [0, 1]
    await post_json(bureau, f"/attendance/leaves/{leave['id']}/refuse", {"reason": "防汛期间"}, 200)
    assert "不批准: 防汛期间" in (await get_json(cadre, "/attendance/messages"))["items"][0]["words"]
