"""Attendance groups: posts and terms of their own, members for a time, in days, months and imports."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from services.attendance.days.consumers import recalculate_next_chunk, refresh_provisional_days
from shared.db import new_id
from tests.attendance.factories_attendance import (
    build_check_in,
    create_post,
    get_json,
    post_json,
    submit_check_in,
)
from tests.attendance.test_days import get_day, run_day_projection
from tests.attendance.test_table_imports import import_kind, register_account
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.workbooks import load_workbook

TWICE = {
    "since": "2024-05-01",
    "sign_ins": 2,
    "morning": {"start": "07:00", "end": "10:00"},
    "evening": {"start": "16:00", "end": "20:00"},
}


async def create_group(town: httpx.AsyncClient, *persons: str, name: str = "驻村考勤组", **body: Any) -> Any:
    group = await post_json(
        town, "/attendance/groups", {"name": name, "region": TOWN, "terms": TWICE, **body}
    )
    for person in persons:
        await join(town, group, person)
    return group


async def join(town: httpx.AsyncClient, group: Any, person: str, status: int = 201, **body: Any) -> Any:
    member = {"person": person, "person_name": f"{person}同志", "starts_on": "2024-05-06", **body}
    return await post_json(town, f"/attendance/groups/{group['id']}/members", member, status)


async def change(client: httpx.AsyncClient, record: Any, path: str, body: Any, *, posts: bool = False) -> Any:
    match = {"If-Match": f'"{record["version"]}"'}
    answer = await (client.post if posts else client.patch)(path, json=body, headers=match)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def recalculate(attendance: ServiceUnderTest) -> None:
    await run_day_projection(attendance)
    while await recalculate_next_chunk(attendance.context):
        pass


async def test_a_day_is_judged_by_the_terms_of_its_own_day(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    place = await create_post(town)
    group = await create_group(town, "li", posts=[place["id"]])
    result = await submit_check_in(cadre, build_check_in(clock))
    assert result["words"].startswith(f"在{place['name']}围栏内")
    await run_day_projection(attendance)
    day = await get_day(cadre)
    assert (day["result"], day["group_id"]) == ("part", group["id"])
    assert any(ref.startswith("attendance_group:") for ref in day["rule_refs"])
    free = {"since": "2024-05-20", "kind": "free"}
    await change(town, group, f"/attendance/groups/{group['id']}", {"terms": free})
    await recalculate(attendance)
    assert (await get_day(cadre))["result"] == "present"
    assert (await get_day(cadre, "2024-05-17"))["result"] == "unexplained"


async def test_weekdays_and_rota_say_which_days_are_worked(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    place = await create_post(town)
    saturday, friday = "2024-05-18", "2024-05-17"
    group = await create_group(
        town, "li", posts=[place["id"]], terms={"since": "2024-05-01", "weekdays": [1, 2, 3, 4, 6]}
    )
    await recalculate(attendance)
    await refresh_provisional_days(attendance.context)
    days = {on: await get_day(cadre, on) for on in (saturday, friday)}
    assert {on: (day["result"], day["works"]) for on, day in days.items()} == {
        saturday: ("unexplained", True),
        friday: ("rest", False),
    }
    rota = {"since": "2024-05-17", "kind": "rota"}
    await change(town, group, f"/attendance/groups/{group['id']}", {"terms": rota})
    shift = {
        "id": str(new_id()),
        "person": "li",
        "person_name": "li同志",
        "starts_at": f"{friday}T08:00:00+08:00",
        "ends_at": f"{friday}T18:00:00+08:00",
        "kind": "day",
    }
    duties = await post_json(town, "/attendance/duties", {"post_id": place["id"], "shifts": [shift]})
    await recalculate(attendance)
    days = {on: (await get_day(cadre, on))["works"] for on in (saturday, friday, "2024-05-20")}
    assert days == {saturday: False, friday: True, "2024-05-20": False}
    await post_json(town, f"/attendance/duties/{duties[0]['id']}/cancel", {"reason": "改期"}, 200)
    await run_day_projection(attendance)
    assert (await get_day(cadre, friday))["works"] is False


async def test_who_leaves_a_group_leaves_its_posts_and_is_in_one_group_at_a_time(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    place = await create_post(town)
    group = await create_group(town, posts=[place["id"]])
    member = await join(town, group, "li")
    other = await create_group(town, name="机关考勤组")
    refused = await join(town, other, "li", 409, starts_on="2024-06-01")
    assert "驻村考勤组" in refused["detail"]
    body = {"ends_on": "2024-05-17", "reason": "调离"}
    await change(town, member, f"/attendance/group-members/{member['id']}/end", body, posts=True)
    (assignment,) = (await get_json(cadre, "/attendance/assignments"))["items"]
    assert (assignment["ends_on"], assignment["group_id"]) == ("2024-05-17", group["id"])
    assert "围栏内" not in (await submit_check_in(cadre, build_check_in(clock)))["words"]
    await join(town, other, "li", starts_on="2024-05-18")
    listed = await get_json(town, "/attendance/group-members", on="2024-05-19", person="li")
    assert [one["group_id"] for one in listed["items"]] == [other["id"]]
    stranger = attendance.client_as("town_officer", "620602101000")
    await get_json(stranger, f"/attendance/groups/{group['id']}", 404)
    await post_json(cadre, "/attendance/groups", {"name": "自建", "region": TOWN, "terms": TWICE}, 403)


async def test_days_after_a_membership_are_judged_without_it(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    member = await join(town, await create_group(town), "li")
    await submit_check_in(cadre, build_check_in(clock))
    await run_day_projection(attendance)
    assert (await get_day(cadre))["result"] == "part"
    body = {"ends_on": "2024-05-17", "reason": "调离"}
    await change(town, member, f"/attendance/group-members/{member['id']}/end", body, posts=True)
    await run_day_projection(attendance)
    day = await get_day(cadre)
    assert (day["result"], day["group_id"]) == ("present", None)


async def test_a_person_added_to_several_groups_at_once_is_in_one(town: httpx.AsyncClient) -> None:
    groups = [await create_group(town, name=f"第{number}考勤组") for number in range(6)]
    body = {"person": "li", "person_name": "李同志", "starts_on": "2024-05-06"}
    added = await asyncio.gather(
        *(town.post(f"/attendance/groups/{group['id']}/members", json=body) for group in groups)
    )
    assert sorted(answer.status_code for answer in added) == [201] + [409] * 5


async def test_other_posts_count_from_the_day_of_the_change(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    first, second = await create_post(town), await create_post(town, at=(102.95, 37.65), name="横沟村部")
    group = await create_group(town, "li", posts=[first["id"]])
    await change(town, group, f"/attendance/groups/{group['id']}", {"posts": [second["id"]]})
    items = (await get_json(cadre, "/attendance/assignments"))["items"]
    found = {one["post_id"]: (one["starts_on"], one["ends_on"]) for one in items}
    assert found == {first["id"]: ("2024-05-06", "2024-05-19"), second["id"]: ("2024-05-20", None)}


async def test_days_and_months_are_listed_by_group(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, clock: Clock
) -> None:
    place = await create_post(town, "zhang")
    group = await create_group(town, "li", posts=[place["id"]])
    await run_day_projection(attendance)
    days = (await get_json(town, "/attendance/days", group_id=group["id"], limit="50"))["items"]
    assert {day["person"] for day in days} == {"li"}
    month = await get_json(town, "/attendance/months", region=TOWN, month="2024-05", group_id=group["id"])
    assert [row["key"] for row in month["rows"]] == ["li"]
    by_group = await get_json(town, "/attendance/months", region=TOWN, month="2024-05", by="group")
    assert {row["name"] for row in by_group["rows"]} == {"", "驻村考勤组"}


async def test_an_export_of_dingtalk_puts_its_persons_into_their_groups(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient
) -> None:
    await register_account(attendance, "uid0000")
    workbook = load_workbook("12")
    job = await import_kind(attendance, bureau, "groups", workbook.content, since="2024-05-01")
    assert (job["imported"], job["wrong"]) == (1, job["rows"] - 1), job["faults"]
    assert "还没有对应到人员" in job["faults"][0]["message"]
    (member,) = (await get_json(bureau, "/attendance/group-members"))["items"]
    (group,) = (await get_json(bureau, "/attendance/groups", region=DISTRICT))["items"]
    assert (member["person"], member["group_id"], group["name"]) == ("li", group["id"], "驻村考勤组")
    again = await import_kind(attendance, bureau, "groups", workbook.content, since="2024-05-08")
    assert (again["imported"], again["already"]) == (0, 1)
    moved = "姓名,考勤组,UserId,加入日期\n赵样甲,机关考勤组,uid0000,2024-05-10\n".encode()
    await import_kind(attendance, bureau, "groups", moved, since="2024-05-01")
    members = (await get_json(bureau, "/attendance/group-members"))["items"]
    assert [(one["starts_on"], one["ends_on"]) for one in members] == [
        ("2024-05-10", None),
        ("2024-05-01", "2024-05-09"),
    ]


async def test_the_phone_knows_the_terms_of_its_group(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, clock: Clock
) -> None:
    place = await create_post(town)
    await create_group(town, "li", posts=[place["id"]])
    clock.advance(timedelta(hours=1))
    start = await get_json(cadre, "http://test/internal/field-days")
    assert [post["id"] for post in start["posts"]] == [place["id"]]
    (group,) = start["groups"]
    assert (group["name"], group["terms"][0]["sign_ins"]) == ("驻村考勤组", 2)
    assert VILLAGE
