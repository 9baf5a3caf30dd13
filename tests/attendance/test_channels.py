"""The district's keys are sealed, and the daily pull runs by itself, says how far it is and what went wrong."""

from datetime import timedelta
from typing import Any

import httpx

from services.attendance.imports import repository, service
from services.attendance.imports.service import run_due_pull
from tests.attendance.factories_attendance import create_post, get_json, post_json, set_rule
from tests.attendance.fake_channels import FakeChannelServer, build_punch
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.stored_text_search import find_clear_text

APP_SECRET = "right-secret-of-ding"
CHANNEL_BODY = {"channel": "dingtalk", "region": DISTRICT, "app_key": "ding-key", "app_secret": APP_SECRET}


async def test_a_pull_runs_in_the_background_and_tells_how_it_went(
    attendance: ServiceUnderTest,
    bureau: httpx.AsyncClient,
    town: httpx.AsyncClient,
    fake: FakeChannelServer,
    clock: Clock,
) -> None:
    fake.secret = APP_SECRET
    await create_post(town, "li")
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await post_json(bureau, "/attendance/external-accounts", account)
    await post_json(town, "/attendance/channels", CHANNEL_BODY | {"region": TOWN}, 403)
    await post_json(bureau, "/attendance/channels", CHANNEL_BODY | {"hour": 24, "app_secret": "short"}, 422)
    made = await post_json(
        bureau, "/attendance/channels", CHANNEL_BODY, headers={"Idempotency-Key": "the-channel"}
    )
    assert (made["secret_masked"], made["due_at"]) == ("******ng", "2024-05-20T22:00:00Z")
    await post_json(bureau, "/attendance/channels", CHANNEL_BODY, 409)
    assert APP_SECRET not in str(await get_json(bureau, "/attendance/channels"))
    assert await find_clear_text(attendance.context, APP_SECRET) == []
    assert await run_due_pull(attendance.context) == 0
    address = f"/attendance/channels/{made['id']}"
    await post_json(bureau, f"{address}/pull", {"first": "2024-05-01"}, 422)
    await post_json(bureau, f"{address}/pull", {"first": "2024-05-01", "last": "2024-06-20"}, 422)
    fake.rows = [build_punch(n, "ding-li", f"2024-05-{1 + n:02d} 08:00:00") for n in range(18)]
    fake.malformed_row = {"userId": "ding-li", "userCheckTime": "?", "checkType": "OnDuty", "id": 99}
    assert (await post_json(bureau, f"{address}/pull", {"first": "2024-05-01", "last": "2024-05-20"}, 202))[
        "parts"
    ] == 0
    assert await run_due_pull(attendance.context) == 1
    now = await get_json(bureau, address)
    assert (now["state"], now["parts"], now["parts_done"], now["fresh"]) == ("waiting", 3, 3, 18)
    assert (now["last_error"], now["due_at"]) == ("", "2024-05-20T22:00:00Z")
    runs = (await get_json(attendance.client_as("auditor"), "/attendance/imports"))["items"]
    assert "1 条无法识别: userCheckTime 应为整数" in runs[-1]["detail"]
    clock.advance(timedelta(hours=22))
    assert await run_due_pull(attendance.context) == 1
    assert (await get_json(bureau, address))["fresh"] == 0


async def test_a_pull_that_fails_says_why_tries_again_and_gives_way(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, fake: FakeChannelServer, clock: Clock
) -> None:
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": VILLAGE}
    await post_json(bureau, "/attendance/external-accounts", account)
    made = await post_json(bureau, "/attendance/channels", CHANNEL_BODY)
    address = f"/attendance/channels/{made['id']}"
    clock.advance(timedelta(days=1))
    assert await run_due_pull(attendance.context) == 1
    failed = await get_json(bureau, address)
    assert (failed["state"], "40089" in failed["last_error"]) == ("failed", True)
    assert failed["due_at"] == "2024-05-21T01:15:00Z"
    assert await run_due_pull(attendance.context) == 0
    tag = (await bureau.get(address)).headers["etag"]
    changed = await bureau.patch(address, json={"app_secret": "right-enough"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["last_error"]) == (200, "")
    fake.secret = "right-enough"
    await post_json(bureau, f"{address}/pull", {}, 202)
    await check_lease_takeover(attendance, bureau, address, clock)
    assert await run_due_pull(attendance.context) == 1
    assert (await get_json(bureau, address))["state"] == "waiting"
    await set_rule(attendance, "check_in.switches", imports=False)
    await post_json(bureau, f"{address}/pull", {}, 403)


async def check_lease_takeover(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, address: str, clock: Clock
) -> None:
    """A process claims the pull and dies; while its lease lasts nobody else is at it, afterwards another is."""
    context = attendance.context
    async with context.database.write() as session:
        row = await repository.system_claim_due_channel(session, context.clock())
        assert row is not None
        lost = service._build_job(context, row)
    assert await run_due_pull(context) == 0
    assert "正在导入" in (await post_json(bureau, f"{address}/pull", {}, 409))["detail"]
    clock.advance(timedelta(minutes=6))
    assert await run_due_pull(context) == 1
    await service._record_failure(context, lost, "late words of a dead process")
    state: Any = await get_json(bureau, address)
    assert (state["state"], state["last_error"]) == ("waiting", "")
    await post_json(bureau, f"{address}/pull", {}, 202)
