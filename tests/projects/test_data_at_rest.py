"""A phone number is nowhere on the library's disk, not even beside a repeated request or in an event."""

from tests.projects.factories_projects import ProjectScenario, build_project, expect_success
from tests.stored_text_search import find_clear_text


async def test_no_phone_is_kept_in_clear(steps: ProjectScenario) -> None:
    key = {"Idempotency-Key": "the-same-request"}
    made = expect_success(
        await steps.clerk.post("/projects", json=build_project(leader_phone="13812341234"), headers=key)
    )
    address = f"/projects/{made['id']}"
    tag = {"If-Match": (await steps.clerk.get(address)).headers["etag"]}
    expect_success(await steps.clerk.patch(address, json={"leader_phone": "13900001111"}, headers=tag))

    context = steps.projects.context
    assert await find_clear_text(context, "13812341234", "13900001111") == []
    assert await find_clear_text(context, "王建国") != []  # it does find what is there
