"""A person who leaves hands everything over in one action: grants, alerts, posts, team terms, duties, delegations."""

from typing import Any

import httpx
import pytest

from tests.alerts.cases import BUILDERS
from tests.attendance.factories_attendance import create_post, get_json, post_json
from tests.clients import TOWN, VILLAGE, SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import build_account

LEAVER, SUCCESSOR = "zhang.san", "li.si"


@pytest.fixture
async def admin(doors: SystemUnderTest) -> httpx.AsyncClient:
    found = doors.service("identity").client_as("admin")
    grants = [{"role": "cadre", "region": VILLAGE}, {"role": "town_officer", "region": TOWN}]
    await post_json(found, "/users", build_account(id=LEAVER, name="张三", grants=grants))
    await post_json(found, "/users", build_account(id=SUCCESSOR, name="李四", grants=grants[:1]))
    return found


def build_handover(**changes: Any) -> dict[str, Any]:
    return {"account": LEAVER, "successor": SUCCESSOR, "reason": "调离", **changes}


async def test_grants_end_the_day_before_and_the_successor_has_what_was_missing(
    admin: httpx.AsyncClient,
) -> None:
    done = await post_json(admin, "/handovers", build_handover(starts_on="2024-06-01"))
    leaver = await get_json(admin, f"/users/{LEAVER}")
    successor = await get_json(admin, f"/users/{SUCCESSOR}")
    listed = await get_json(admin, "/handovers", account=SUCCESSOR)

    assert {grant["valid_to"] for grant in leaver["grants"]} == {"2024-05-31"}
    assert [(grant["role"], grant["valid_from"]) for grant in successor["grants"]] == [
        ("cadre", "2024-05-20"),
        ("town_officer", "2024-06-01"),
    ]
    assert [grant["role"] for grant in done["moved"]] == ["town_officer"]
    assert [one["id"] for one in listed["items"]] == [done["id"]]
    assert (await get_json(admin, f"/handovers/{done['id']}"))["reason"] == "调离"


async def test_posts_terms_duties_and_delegations_go_with_it(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    town = doors.service("attendance").client_as("town_officer")
    post = await create_post(town, LEAVER)
    team = await post_json(town, "/attendance/teams", {"region": VILLAGE, "name": "驻村工作队"})
    member = {"person": LEAVER, "person_name": "张三", "role": "leader", "starts_on": "2024-01-01"}
    await post_json(town, f"/attendance/teams/{team['id']}/members", member)
    shifts = [
        {
            "person": LEAVER,
            "person_name": "张三",
            "kind": "day",
            "starts_at": f"2024-05-{day}T08:00:00+08:00",
            "ends_at": f"2024-05-{day}T18:00:00+08:00",
        }
        for day in (25, 28)
    ]
    await post_json(town, "/attendance/duties", {"post_id": post["id"], "shifts": shifts})
    await post_json(admin, "/handovers", build_handover(starts_on="2024-05-27"))
    await doors.deliver_events()

    duties = (await get_json(town, "/attendance/duties"))["items"]
    assignments = (await get_json(town, "/attendance/assignments", post_id=post["id"]))["items"]
    members = (await get_json(town, "/attendance/members", team_id=team["id"]))["items"]
    assert [(one["work_date"], one["person"]) for one in duties] == [
        ("2024-05-28", SUCCESSOR),
        ("2024-05-25", LEAVER),
    ]
    assert {(one["person"], one["starts_on"], one["ends_on"]) for one in assignments} >= {
        (SUCCESSOR, "2024-05-27", None)
    }
    assert {(one["person"], one["ends_on"]) for one in assignments} >= {(LEAVER, "2024-05-26")}
    assert {(one["person"], one["ends_on"]) for one in members} == {(LEAVER, "2024-05-26"), (SUCCESSOR, None)}


async def test_the_history_of_an_alert_says_why_its_owner_changed(
    admin: httpx.AsyncClient, doors: SystemUnderTest, clock: Clock
) -> None:
    case = await BUILDERS["assets"](doors, clock)
    await case.cause()
    await case.scan()
    (alert,) = await case.list_alerts()
    await case.act(alert["id"], "assign", owner=LEAVER)
    await post_json(admin, "/handovers", build_handover())
    await doors.deliver_events()
    history = (await case.deciding.get(f"{case.path}/{alert['id']}/history")).json()["items"]

    assert "工作移交: 调离, 责任人改为李四" in str(history)


async def test_nobody_hands_over_what_is_their_own_or_beyond_their_reach(
    admin: httpx.AsyncClient, doors: SystemUnderTest
) -> None:
    identity = doors.service("identity")
    own = identity.client_as("admin", person=LEAVER)
    elsewhere = identity.client_as("admin", "620602101000")
    await post_json(own, "/handovers", build_handover(), 403)
    await post_json(elsewhere, "/handovers", build_handover(), 404)
    await post_json(admin, "/handovers", build_handover(starts_on="2024-05-01"), 422)
    await post_json(admin, "/handovers", build_handover(successor=LEAVER), 422)

    assert (await get_json(admin, f"/users/{LEAVER}"))["grants"][0]["valid_to"] is None
