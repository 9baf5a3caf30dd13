"""Teams, terms of members, and hand-over to another person."""

import asyncio
from typing import Any

import httpx

from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.clients import VILLAGE, ServiceUnderTest


async def create_team(town: httpx.AsyncClient, *persons: str, **changes: Any) -> Any:
    team = await post_json(town, "/attendance/teams", {"name": "新店村工作队", "region": VILLAGE})
    for person, role in zip(persons, ("first_secretary", "leader", "member"), strict=False):
        body = {
            "person": person,
            "person_name": f"{person}同志",
            "role": role,
            "starts_on": "2024-01-01",
            **changes,
        }
        await post_json(town, f"/attendance/teams/{team['id']}/members", body)
    return team


async def test_a_small_team_and_a_short_term_are_findings_not_refusals(town: httpx.AsyncClient) -> None:
    team = await create_team(town, "li", "wang", term_ends_on="2025-01-01")
    team_detail = await get_json(town, f"/attendance/teams/{team['id']}")
    assert [member["person"] for member in team_detail["members"]] == ["li", "wang"] or len(
        team_detail["members"]
    ) == 2
    text = " ".join(finding["words"] for finding in team_detail["findings"])
    assert "在队 2 人" in text
    assert "li同志的任期" in text
    assert team_detail["findings"][0]["rule"].startswith("team.requirements@")


async def test_a_full_team_has_no_findings(town: httpx.AsyncClient) -> None:
    team = await create_team(town, "li", "wang", "zhao", term_ends_on="2026-01-01")
    assert (await get_json(town, f"/attendance/teams/{team['id']}"))["findings"] == []


async def test_nobody_serves_in_two_teams_at_once(town: httpx.AsyncClient) -> None:
    await create_team(town, "li")
    other = await post_json(town, "/attendance/teams", {"name": "别村工作队", "region": "620602100202"})
    body = {"person": "li", "person_name": "李明", "role": "member", "starts_on": "2024-06-01"}
    await post_json(town, f"/attendance/teams/{other['id']}/members", body, 409)


async def test_a_person_added_to_several_teams_at_once_is_in_one(town: httpx.AsyncClient) -> None:
    names = [f"第{number}工作队" for number in range(6)]
    teams = [await post_json(town, "/attendance/teams", {"name": one, "region": VILLAGE}) for one in names]
    body = {"person": "li", "person_name": "李同志", "role": "member", "starts_on": "2024-05-06"}
    added = await asyncio.gather(
        *(town.post(f"/attendance/teams/{team['id']}/members", json=body) for team in teams)
    )
    assert sorted(answer.status_code for answer in added) == [201] + [409] * 5, added[0].text


async def test_a_hand_over_keeps_role_post_and_history(
    attendance: ServiceUnderTest, town: httpx.AsyncClient
) -> None:
    team = await create_team(town, "li")
    await create_post(town, "li")
    (term,) = (await get_json(town, "/attendance/members", person="li"))["items"]
    address = f"/attendance/members/{term['id']}/hand-over"
    body = {"person": "wang", "person_name": "王芳", "starts_on": "2024-05-20", "reason": "任期轮换"}
    body["id"] = "0190f0a0-0000-7000-8000-000000000001"
    new = await post_json(town, address, body)
    assert (new["role"], new["predecessor_id"]) == ("first_secretary", term["id"])
    assert (await post_json(town, address, body))["id"] == new["id"]
    (old,) = (await get_json(town, "/attendance/members", person="li"))["items"]
    assert old["ends_on"] == "2024-05-19"
    (before,) = (await get_json(town, "/attendance/assignments", person="li"))["items"]
    (after,) = (await get_json(town, "/attendance/assignments", person="wang"))["items"]
    assert before["ends_on"] == "2024-05-19"
    assert (after["starts_on"], after["post_id"]) == ("2024-05-20", before["post_id"])
    detail = await get_json(town, f"/attendance/teams/{team['id']}")
    assert [member["person"] for member in detail["members"]] == ["wang"]
    assert [member["person"] for member in detail["former"]] == ["li"]
    events = await get_json(attendance.client_as("bureau"), "/attendance/events")
    assert "wang" in [
        event["after"].get("successor") for event in events["items"] if event["type"] == "member.changed"
    ]
    await post_json(
        town, f"/attendance/members/{term['id']}/end", {"ends_on": "2024-06-01", "reason": "再次"}, 409
    )


async def test_leaving_the_team_ends_the_assignment(town: httpx.AsyncClient) -> None:
    await create_team(town, "li")
    await create_post(town, "li")
    (term,) = (await get_json(town, "/attendance/members", person="li"))["items"]
    ended = await post_json(
        town, f"/attendance/members/{term['id']}/end", {"ends_on": "2024-05-31", "reason": "调回"}, 200
    )
    assert ended["ends_on"] == "2024-05-31"
    (assignment,) = (await get_json(town, "/attendance/assignments", person="li"))["items"]
    assert assignment["ends_on"] == "2024-05-31"


async def test_a_town_knows_the_districts_units_and_no_other_towns_teams(
    attendance: ServiceUnderTest, town: httpx.AsyncClient, bureau: httpx.AsyncClient
) -> None:
    unit = await post_json(
        bureau, "/attendance/units", {"name": "区财政局", "level": "district", "region": "620602000000"}
    )
    assert [unit_row["id"] for unit_row in (await get_json(town, "/attendance/units"))["items"]] == [
        unit["id"]
    ]
    team = await post_json(
        town, "/attendance/teams", {"name": "工作队", "region": VILLAGE, "unit_id": unit["id"]}
    )
    assert (await get_json(town, f"/attendance/teams/{team['id']}"))["unit_name"] == "区财政局"
    elsewhere = attendance.client_as("town_officer", "620602101000")
    await get_json(elsewhere, f"/attendance/teams/{team['id']}", 404)
    assert (await get_json(elsewhere, "/attendance/teams"))["items"] == []
