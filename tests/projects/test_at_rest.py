"""A phone number is nowhere on the library's disk, not even beside a repeated request or in an event."""

from tests.at_rest import traces
from tests.projects.steps import Steps, a_project, good


async def test_no_phone_is_kept_in_clear(steps: Steps) -> None:
    key = {"Idempotency-Key": "the-same-request"}
    made = good(await steps.clerk.post("/projects", json=a_project(leader_phone="13812341234"), headers=key))
    address = f"/projects/{made['id']}"
    tag = {"If-Match": (await steps.clerk.get(address)).headers["etag"]}
    good(await steps.clerk.patch(address, json={"leader_phone": "13900001111"}, headers=tag))

    context = steps.projects.context
    assert await traces(context, "13812341234", "13900001111") == []
    assert await traces(context, "王建国") != []  # it does find what is there
