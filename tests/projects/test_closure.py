"""Hand-over and closing: registered assets cover the settlement, money is settled, the project is evaluated."""

from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import SELF_EVALUATION_BODY, ProjectScenario, expect_success
from tests.projects.neighbour_events import fund_project


async def register_assets(scenario: ProjectScenario, doors: SystemUnderTest, project_id: str) -> None:
    """Register the asset drafts that acceptance created, as the village."""
    await doors.deliver_events()
    clerk = doors.service("assets").client_as("village_clerk", scenario.village)
    drafts = expect_success(await clerk.get("/assets", params={"project_id": project_id}))["items"]
    assert drafts
    for draft in drafts:
        tag = (await clerk.get(f"/assets/{draft['id']}")).headers["ETag"]
        owner = {"owner_kind": "village", "owner_name": "新店村股份经济合作社", "subclass": "plant"}
        expect_success(await clerk.patch(f"/assets/{draft['id']}", json=owner, headers={"If-Match": tag}))
        expect_success(await clerk.post(f"/assets/{draft['id']}/register", json={}))


async def test_hand_over_requires_assets_worth_the_settlement(
    scenario: ProjectScenario, doors: SystemUnderTest
) -> None:
    project_id = await scenario.create_accepted()
    answer = await scenario.bureau.post(f"/projects/{project_id}/hand_over", json={})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "not_registered")
    await register_assets(scenario, doors, project_id)
    assert (await scenario.transition_project(scenario.bureau, project_id, "hand_over"))[
        "state"
    ] == "handed_over"


async def test_hand_over_without_full_coverage_requires_a_reason(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_accepted()
    handed = await scenario.transition_project(
        scenario.bureau, project_id, "hand_over", reason="公路养护段直接接收, 不形成村级资产"
    )
    assert handed["uncovered_reason"] == "公路养护段直接接收, 不形成村级资产"


async def test_hand_over_is_unavailable_while_the_assets_service_is_down(
    scenario: ProjectScenario, doors: SystemUnderTest
) -> None:
    project_id = await scenario.create_accepted()
    assets = doors.apps.pop("assets")
    wire = doors.apps["projects"].state.context.clients
    wire.apps = {name: app for name, app in wire.apps.items() if name != "assets"}
    wire._clients.pop("assets", None)
    try:
        answer = await scenario.bureau.post(f"/projects/{project_id}/hand_over", json={"reason": "随便"})
    finally:
        doors.apps["assets"] = assets
        wire.apps = doors.apps
        wire._clients.pop("assets", None)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert expect_success(await scenario.bureau.get(f"/projects/{project_id}"))["state"] == "accepted"


async def test_a_project_closes_after_its_evaluation_by_another_person(scenario: ProjectScenario) -> None:
    project_id = await scenario.create_accepted()
    await scenario.transition_project(scenario.bureau, project_id, "hand_over", reason="另行登记")
    answer = await scenario.bureau.post(f"/projects/{project_id}/close", json={})
    assert answer.json()["errors"][0]["code"] == "not_evaluated"
    address = f"/projects/{project_id}/self-evaluation"
    expect_success(await scenario.bureau.put(address, json=SELF_EVALUATION_BODY))
    assert (await scenario.bureau.post(f"/projects/{project_id}/close", json={})).status_code == 403
    scored = expect_success(await scenario.town.put(address, json=SELF_EVALUATION_BODY))
    closed = await scenario.transition_project(scenario.bureau, project_id, "close")
    assert (closed["state"], closed["stage"]) == ("closed", "completed")
    assert closed["evaluation"]["score"] == scored["score"]


async def test_an_open_balance_keeps_a_project_open(
    scenario: ProjectScenario, doors: SystemUnderTest, clock: Clock
) -> None:
    """Allocated money is neither paid nor returned."""
    project_id = await scenario.create_in_reserve()
    await fund_project(doors, clock, project_id, "500000.00")
    project = expect_success(await scenario.bureau.get(f"/projects/{project_id}"))
    assert (project["state"], project["allocated"], project["committed"]) == ("planned", "500000.00", "0.00")
    await scenario.start_project(project_id)
    await scenario.finish_project(project_id)
    await scenario.accept_project(project_id, "500000.00")
    await scenario.transition_project(scenario.bureau, project_id, "hand_over", reason="另行登记")
    expect_success(
        await scenario.town.put(f"/projects/{project_id}/self-evaluation", json=SELF_EVALUATION_BODY)
    )
    answer = await scenario.bureau.post(f"/projects/{project_id}/close", json={})
    assert [error["code"] for error in answer.json()["errors"]] == ["unpaid"]
    assert "500000.00" in answer.json()["detail"]
