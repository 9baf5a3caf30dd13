"""The district's keys are sealed, and the daily pull runs by itself, says how far it is and what went wrong."""

from datetime import timedelta
from typing import Any

import httpx

from services.attendance.channels import pulling, repository
from services.attendance.channels.pulling import pull_due
from tests.at_rest import traces
from tests.attendance.fake_channels import Fake, a_punch
from tests.attendance.world import a_post, read, sent, set_rule
from tests.conftest import Clock
from tests.doors import DISTRICT, TOWN, VILLAGE, Door

SECRET = "right-secret-of-ding"
CHANNEL = {"channel": "dingtalk", "region": DISTRICT, "app_key": "ding-key", "app_secret": SECRET}


async def test_a_pull_runs_in_the_background_and_tells_how_it_went(
    attendance: Door, bureau: httpx.AsyncClient, town: httpx.AsyncClient, fake: Fake, clock: Clock
) -> None:
    fake.secret = SECRET
    await a_post(town, "li")
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": DISTRICT}
    await sent(bureau, "/attendance/external-accounts", account)
    await sent(town, "/attendance/channels", CHANNEL | {"region": TOWN}, 403)
    await sent(bureau, "/attendance/channels", CHANNEL | {"hour": 24, "app_secret": "short"}, 422)
    made = await sent(bureau, "/attendance/channels", CHANNEL, headers={"Idempotency-Key": "the-channel"})
    assert (made["secret_masked"], made["due_at"]) == ("******ng", "2024-05-20T22:00:00Z")
    await sent(bureau, "/attendance/channels", CHANNEL, 409)
    assert SECRET not in str(await read(bureau, "/attendance/channels"))
    assert await traces(attendance.context, SECRET) == []
    assert await pull_due(attendance.context) == 0
    address = f"/attendance/channels/{made['id']}"
    await sent(bureau, f"{address}/pull", {"first": "2024-05-01"}, 422)
    await sent(bureau, f"{address}/pull", {"first": "2024-05-01", "last": "2024-06-20"}, 422)
    fake.rows = [a_punch(n, "ding-li", f"2024-05-{1 + n:02d} 08:00:00") for n in range(18)]
    fake.broken = {"userId": "ding-li", "userCheckTime": "?", "checkType": "OnDuty", "id": 99}
    assert (await sent(bureau, f"{address}/pull", {"first": "2024-05-01", "last": "2024-05-20"}, 202))[
        "parts"
    ] == 0
    assert await pull_due(attendance.context) == 1
    now = await read(bureau, address)
    assert (now["state"], now["parts"], now["parts_done"], now["fresh"]) == ("waiting", 3, 3, 18)
    assert (now["last_error"], now["due_at"]) == ("", "2024-05-20T22:00:00Z")
    runs = (await read(attendance.as_("auditor"), "/attendance/imports"))["items"]
    assert "1 条无法识别: userCheckTime 应为整数" in runs[-1]["detail"]
    clock.advance(timedelta(hours=22))
    assert await pull_due(attendance.context) == 1
    assert (await read(bureau, address))["fresh"] == 0


async def test_a_pull_that_fails_says_why_tries_again_and_gives_way(
    attendance: Door, bureau: httpx.AsyncClient, fake: Fake, clock: Clock
) -> None:
    account = {"channel": "dingtalk", "external": "ding-li", "person": "li", "region": VILLAGE}
    await sent(bureau, "/attendance/external-accounts", account)
    made = await sent(bureau, "/attendance/channels", CHANNEL)
    address = f"/attendance/channels/{made['id']}"
    clock.advance(timedelta(days=1))
    assert await pull_due(attendance.context) == 1
    failed = await read(bureau, address)
    assert (failed["state"], "40089" in failed["last_error"]) == ("failed", True)
    assert failed["due_at"] == "2024-05-21T01:15:00Z"
    assert await pull_due(attendance.context) == 0
    tag = (await bureau.get(address)).headers["etag"]
    changed = await bureau.patch(address, json={"app_secret": "right-enough"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["last_error"]) == (200, "")
    fake.secret = "right-enough"
    await sent(bureau, f"{address}/pull", {}, 202)
    await taken_over(attendance, bureau, address, clock)
    assert await pull_due(attendance.context) == 1
    assert (await read(bureau, address))["state"] == "waiting"
    await set_rule(attendance, "check_in.switches", imports=False)
    await sent(bureau, f"{address}/pull", {}, 403)


async def taken_over(attendance: Door, bureau: httpx.AsyncClient, address: str, clock: Clock) -> None:
    """A process claims the pull and dies; while its lease lasts nobody else is at it, afterwards another is."""
    context = attendance.context
    async with context.database.write() as session:
        row = await repository.system_claim(session, context.clock())
        assert row is not None
        lost = pulling._job(context, row)
    assert await pull_due(context) == 0
    assert "正在导入" in (await sent(bureau, f"{address}/pull", {}, 409))["detail"]
    clock.advance(timedelta(minutes=6))
    assert await pull_due(context) == 1
    await pulling._failed(context, lost, "late words of a dead process")
    state: Any = await read(bureau, address)
    assert (state["state"], state["last_error"]) == ("waiting", "")
    await sent(bureau, f"{address}/pull", {}, 202)
