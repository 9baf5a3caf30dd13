"""Phone numbers are stored encrypted only, also in stored responses and events."""

from tests.projects.factories_projects import ProjectScenario, build_project, expect_success
from tests.stored_text_search import find_clear_text


async def test_no_phone_number_is_stored_in_clear_text(scenario: ProjectScenario) -> None:
    key = {"Idempotency-Key": "the-same-request"}
    project = expect_success(
        await scenario.clerk.post("/projects", json=build_project(leader_phone="13812341234"), headers=key)
    )
    address = f"/projects/{project['id']}"
    tag = {"If-Match": (await scenario.clerk.get(address)).headers["etag"]}
    expect_success(await scenario.clerk.patch(address, json={"leader_phone": "13900001111"}, headers=tag))

    context = scenario.projects.context
    assert await find_clear_text(context, "13812341234", "13900001111") == []
    assert await find_clear_text(context, "王建国") != []  # it does find what is there
