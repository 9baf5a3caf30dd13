"""Pull channels: encrypted keys, the daily background pull, its progress and its errors."""

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


async def test_a_pull_runs_in_the_background_and_records_its_progress(
    attendance: ServiceUnderTest,
    admin: httpx.AsyncClient,
    town: httpx.AsyncClient,
    fake: FakeChannelServer,
    clock: Clock,
) -> None:
    fake.secret = APP_SECRET
    await create_post(town, "li")
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await post_json(admin, "/attendance/external-accounts", account)
    await post_json(town, "/attendance/channels", CHANNEL_BODY | {"region": TOWN}, 403)
    await post_json(admin, "/attendance/channels", CHANNEL_BODY | {"hour": 24, "app_secret": "short"}, 422)
    channel = await post_json(
        admin, "/attendance/channels", CHANNEL_BODY, headers={"Idempotency-Key": "the-channel"}
    )
    assert (channel["secret_masked"], channel["due_at"]) == ("******ng", "2024-05-20T22:00:00Z")
    await post_json(admin, "/attendance/channels", CHANNEL_BODY, 409)
    assert APP_SECRET not in str(await get_json(admin, "/attendance/channels"))
    assert await find_clear_text(attendance.context, APP_SECRET) == []
    assert await run_due_pull(attendance.context) == 0
    address = f"/attendance/channels/{channel['id']}"
    await post_json(admin, f"{address}/pull", {"first": "2024-05-01"}, 422)
    await post_json(admin, f"{address}/pull", {"first": "2024-05-01", "last": "2024-06-20"}, 422)
    fake.rows = [build_punch(n, "ding-li", f"2024-05-{1 + n:02d} 08:00:00") for n in range(18)]
    fake.malformed_row = {"userId": "ding-li", "userCheckTime": "?", "checkType": "OnDuty", "id": 99}
    assert (await post_json(admin, f"{address}/pull", {"first": "2024-05-01", "last": "2024-05-20"}, 202))[
        "parts"
    ] == 0
    assert await run_due_pull(attendance.context) == 1
    state = await get_json(admin, address)
    assert (state["state"], state["parts"], state["parts_done"], state["fresh"]) == ("waiting", 3, 3, 18)
    assert (state["last_error"], state["due_at"]) == ("", "2024-05-20T22:00:00Z")
    runs = (await get_json(attendance.client_as("auditor"), "/attendance/imports"))["items"]
    assert "1 条无法识别, 未导入: 第 8 条 userCheckTime 应为整数" in runs[-1]["detail"]
    clock.advance(timedelta(hours=22))
    assert await run_due_pull(attendance.context) == 1
    assert (await get_json(admin, address))["fresh"] == 0


async def test_a_failed_pull_records_the_error_retries_and_can_be_taken_over(
    attendance: ServiceUnderTest, admin: httpx.AsyncClient, fake: FakeChannelServer, clock: Clock
) -> None:
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": VILLAGE}
    await post_json(admin, "/attendance/external-accounts", account)
    channel = await post_json(admin, "/attendance/channels", CHANNEL_BODY)
    address = f"/attendance/channels/{channel['id']}"
    clock.advance(timedelta(days=1))
    assert await run_due_pull(attendance.context) == 1
    failed = await get_json(admin, address)
    assert (failed["state"], "40089" in failed["last_error"]) == ("failed", True)
    assert failed["due_at"] == "2024-05-21T01:15:00Z"
    assert await run_due_pull(attendance.context) == 0
    tag = (await admin.get(address)).headers["etag"]
    changed = await admin.patch(address, json={"app_secret": "right-enough"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["last_error"]) == (200, "")
    fake.secret = "right-enough"
    await post_json(admin, f"{address}/pull", {}, 202)
    await check_lease_takeover(attendance, admin, address, clock)
    assert await run_due_pull(attendance.context) == 1
    assert (await get_json(admin, address))["state"] == "waiting"
    await set_rule(attendance, "check_in.switches", imports=False)
    await post_json(admin, f"{address}/pull", {}, 403)


async def check_lease_takeover(
    attendance: ServiceUnderTest, admin: httpx.AsyncClient, address: str, clock: Clock
) -> None:
    """A process claims a pull and dies; another takes it over only after the lease has expired."""
    context = attendance.context
    async with context.database.write() as session:
        channel = await repository.system_claim_due_channel(session, context.clock())
        assert channel is not None
        lost_job = service._build_job(context, channel)
    assert await run_due_pull(context) == 0
    assert "正在导入" in (await post_json(admin, f"{address}/pull", {}, 409))["detail"]
    clock.advance(timedelta(minutes=6))
    assert await run_due_pull(context) == 1
    await service._record_failure(context, lost_job, "late words of a dead process")
    state: Any = await get_json(admin, address)
    assert (state["state"], state["last_error"]) == ("waiting", "")
    await post_json(admin, f"{address}/pull", {}, 202)
