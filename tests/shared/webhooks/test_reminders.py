"""Reminders before deadlines: one message a day and district in Chinese, to a robot of DingTalk or WeCom or another system."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.funds.main import SERVICE
from shared.db import new_id
from shared.events.event import Envelope
from shared.events.webhooks.delivery import WebhookDispatcher
from shared.events.webhooks.robots import build_robot_request
from shared.reminders.scan import remind_due
from tests.alerts.cases import BUILDERS
from tests.clients import DISTRICT, SystemUnderTest, set_rule_version
from tests.conftest import MORNING, Clock
from tests.webhook_receiver import WebhookReceiver


@pytest.fixture
def bureau(doors: SystemUnderTest) -> httpx.AsyncClient:
    return doors.service("funds").client_as("bureau")


@pytest.fixture
async def alert(doors: SystemUnderTest, clock: Clock) -> dict[str, Any]:
    """An alert of 凉州区 that is due in two days."""
    case = await BUILDERS["funds"](doors, clock)
    await case.cause()
    await case.scan()
    (found,) = await case.list_alerts()
    while str((clock.now() + timedelta(days=2)).date()) < found["due_on"]:
        clock.advance(timedelta(days=1))
    return found


async def add(bureau: httpx.AsyncClient, stranger: WebhookReceiver, **given: Any) -> httpx.Response:
    body = {"region": DISTRICT, "name": "工作群", "form": "wecom", "url": stranger.url, **given}
    return await bureau.post("/funds/reminders", json=body)


async def remind(doors: SystemUnderTest, courier: WebhookDispatcher) -> int:
    written = await remind_due(doors.service("funds").context, SERVICE.kinds)
    await courier.deliver_due()
    return written


@pytest.mark.parametrize("form", ["dingtalk", "wecom"])
async def test_a_robot_gets_one_message_a_day_about_what_is_due_soon(
    bureau: httpx.AsyncClient,
    doors: SystemUnderTest,
    alert: dict[str, Any],
    courier: WebhookDispatcher,
    stranger: WebhookReceiver,
    form: str,
) -> None:
    assert (await add(bureau, stranger, form=form)).status_code == 201
    written = [await remind(doors, courier) for _ in range(2)]
    (message,) = [json.loads(one.body) for one in stranger.requests]

    assert written == [1, 0]
    assert message["msgtype"] == "text"
    assert "3 天内到期 1 件" in message["text"]["content"]
    assert alert["title"][:20] in message["text"]["content"]
    assert f"还有 2 天({alert['due_on']})" in message["text"]["content"]
    assert "webhook-signature" not in stranger.requests[0].headers


async def test_another_system_gets_the_message_as_a_signed_event(
    bureau: httpx.AsyncClient,
    doors: SystemUnderTest,
    alert: dict[str, Any],
    courier: WebhookDispatcher,
    stranger: WebhookReceiver,
) -> None:
    await add(bureau, stranger, form="webhook")
    await remind(doors, courier)

    assert [one.event["type"] for one in stranger.requests] == ["cn.xianjie.reminder.due.v1"]
    assert alert["title"][:20] in stranger.requests[0].event["data"]["after"]["text"]
    assert "webhook-signature" in stranger.requests[0].headers


async def test_a_district_sets_how_many_days_before_or_none(
    bureau: httpx.AsyncClient,
    doors: SystemUnderTest,
    alert: dict[str, Any],
    courier: WebhookDispatcher,
    stranger: WebhookReceiver,
    clock: Clock,
) -> None:
    await add(bureau, stranger)
    (version,) = (await bureau.get("/funds/rules/reminder.days")).json()
    entry = {name: version[name] for name in ("key", "title", "confirmed")}
    entry |= {"region": DISTRICT, "effective_from": "2024-01-01"}
    changed = entry | {"value": version["value"] | {"days": 1}}
    await set_rule_version(doors.service("funds"), changed, "finance")
    early = await remind(doors, courier)
    clock.advance(timedelta(days=1))
    late = await remind(doors, courier)

    assert alert
    assert (early, late) == (0, 1)


async def test_an_address_inside_our_network_is_refused_and_the_address_is_not_shown_again(
    bureau: httpx.AsyncClient, stranger: WebhookReceiver
) -> None:
    refused = await add(bureau, stranger, url="https://10.0.0.1/robot")
    made = (await add(bureau, stranger)).json()
    listed = (await bureau.get("/funds/reminders")).json()
    removed = await bureau.delete(f"/funds/reminders/{made['id']}", headers={"If-Match": '"1"'})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/url"
    assert [one["name"] for one in listed] == ["工作群"]
    assert stranger.url not in json.dumps(listed)
    assert removed.status_code == 204
    assert (await bureau.get("/funds/reminders")).json() == []


async def test_only_who_chases_deadlines_names_a_robot(
    doors: SystemUnderTest, stranger: WebhookReceiver
) -> None:
    for role in ("town_officer", "leader", "auditor", "admin", "village_clerk"):
        assert (await add(doors.service("funds").client_as(role), stranger)).status_code == 403
    elsewhere = doors.service("funds").client_as("bureau", "632323000000")
    assert (await add(elsewhere, stranger)).status_code == 404


def build_envelope(text: str) -> Envelope:
    return Envelope(
        id=new_id(),
        cursor="a.1.1",
        service="funds",
        type="reminder.due",
        subject="reminder",
        subject_version=1,
        region=DISTRICT,
        actor="service:funds",
        recorded_at=MORNING,
        ingested_at=MORNING,
        after={"text": text},
    )


def test_dingtalk_is_signed_in_the_address() -> None:
    envelope = build_envelope("到期")
    url, body, _ = build_robot_request(
        "dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=x", "SECabc", envelope, MORNING
    )
    query = parse_qs(urlsplit(url).query)
    stamp = query["timestamp"][0]
    expected = hmac.new(b"SECabc", f"{stamp}\nSECabc".encode(), hashlib.sha256).digest()

    assert stamp == str(int(MORNING.timestamp() * 1000))
    assert base64.b64decode(query["sign"][0]) == expected
    assert json.loads(body) == {"msgtype": "text", "text": {"content": "到期"}}
