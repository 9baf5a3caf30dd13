"""The end of a project: assets cover what was settled, money is finished, the work is judged."""

from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import SELF_EVALUATION_BODY, ProjectScenario, expect_success
from tests.projects.neighbour_events import fund_project


async def register_assets(steps: ProjectScenario, doors: SystemUnderTest, project_id: str) -> None:
    """The drafts that acceptance opened, registered by the village."""
    await doors.deliver_events()
    clerk = doors.service("assets").client_as("village_clerk", steps.village)
    drafts = expect_success(await clerk.get("/assets", params={"project_id": project_id}))["items"]
    assert drafts
    for draft in drafts:
        tag = (await clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
        owner = {"owner_kind": "village", "owner_name": "新店村股份经济合作社", "subclass": "plant"}
        expect_success(await clerk.patch(f"/assets/{draft['id']}", json=owner, headers={"If-Match": tag}))
        expect_success(await clerk.post(f"/assets/{draft['id']}/register", json={}))


async def test_a_project_is_handed_over_when_its_assets_cover_what_was_settled(
    steps: ProjectScenario, doors: SystemUnderTest
) -> None:
    project_id = await steps.create_accepted()
    answer = await steps.bureau.post(f"/projects/{project_id}/hand_over", json={})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "not_registered")
    await register_assets(steps, doors, project_id)
    assert (await steps.transition_project(steps.bureau, project_id, "hand_over"))["state"] == "handed_over"


async def test_or_the_bureau_says_why_they_do_not(steps: ProjectScenario) -> None:
    project_id = await steps.create_accepted()
    handed = await steps.transition_project(
        steps.bureau, project_id, "hand_over", reason="公路养护段直接接收, 不形成村级资产"
    )
    assert handed["uncovered_reason"] == "公路养护段直接接收, 不形成村级资产"


async def test_hand_over_waits_while_assets_do_not_answer(
    steps: ProjectScenario, doors: SystemUnderTest
) -> None:
    project_id = await steps.create_accepted()
    assets = doors.apps.pop("assets")
    wire = doors.apps["projects"].state.context.clients
    wire.apps = {name: app for name, app in wire.apps.items() if name != "assets"}
    wire._clients.pop("assets", None)
    try:
        answer = await steps.bureau.post(f"/projects/{project_id}/hand_over", json={"reason": "随便"})
    finally:
        doors.apps["assets"] = assets
        wire.apps = doors.apps
        wire._clients.pop("assets", None)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert expect_success(await steps.bureau.get(f"/projects/{project_id}"))["state"] == "accepted"


async def test_a_project_closes_after_its_evaluation_by_another_person(steps: ProjectScenario) -> None:
    project_id = await steps.create_accepted()
    await steps.transition_project(steps.bureau, project_id, "hand_over", reason="另行登记")
    answer = await steps.bureau.post(f"/projects/{project_id}/close", json={})
    assert answer.json()["errors"][0]["code"] == "not_evaluated"
    address = f"/projects/{project_id}/self-evaluation"
    expect_success(await steps.bureau.put(address, json=SELF_EVALUATION_BODY))
    assert (await steps.bureau.post(f"/projects/{project_id}/close", json={})).status_code == 403
    scored = expect_success(await steps.town.put(address, json=SELF_EVALUATION_BODY))
    closed = await steps.transition_project(steps.bureau, project_id, "close")
    assert (closed["state"], closed["stage"]) == ("closed", "completed")
    assert closed["evaluation"]["score"] == scored["score"]


async def test_an_open_balance_keeps_a_project_open(
    steps: ProjectScenario, doors: SystemUnderTest, clock: Clock
) -> None:
    """Money that funds gave and that is neither paid nor returned."""
    project_id = await steps.create_in_reserve()
    await fund_project(doors, clock, project_id, "500000.00")
    found = expect_success(await steps.bureau.get(f"/projects/{project_id}"))
    assert (found["state"], found["allocated"], found["committed"]) == ("planned", "500000.00", "0.00")
    await steps.start_project(project_id)
    await steps.finish_project(project_id)
    await steps.accept_project(project_id, "500000.00")
    await steps.transition_project(steps.bureau, project_id, "hand_over", reason="另行登记")
    expect_success(await steps.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY))
    answer = await steps.bureau.post(f"/projects/{project_id}/close", json={})
    assert [one["code"] for one in answer.json()["errors"]] == ["unpaid"]
    assert "500000.00" in answer.json()["detail"]
