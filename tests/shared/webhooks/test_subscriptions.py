"""Who may be told what, and where."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.events.webhooks.delivery import WebhookDispatcher
from tests.clients import DISTRICT, TOWN, SystemUnderTest
from tests.shared.webhooks.factories_webhooks import (
    TYPES_BODY,
    create_source,
    create_webhook,
    get_secret,
    get_webhook,
)
from tests.webhook_receiver import WebhookReceiver

OTHER_DISTRICT = "620623000000"


async def test_only_events_of_the_makers_regions_are_told(
    doors: SystemUnderTest, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    town = doors.service("funds").client_as("finance", TOWN)
    hook = await create_webhook(town, stranger, region=TOWN, **TYPES_BODY)
    assert hook["spans"] == [["620602100000", "620602100999"]]
    await create_source(doors, DISTRICT)
    await create_source(doors, OTHER_DISTRICT)
    mine = await create_source(doors, TOWN)
    await courier.deliver_due()
    assert stranger.effects == [(mine, 1)]
    outside = await town.post(
        "/funds/webhooks", json={"region": DISTRICT, "name": "越界", "url": stranger.url}
    )
    assert outside.status_code == 404


async def test_a_machine_whose_token_may_not_read_funds_cannot_hear_of_them(
    doors: SystemUnderTest, stranger: WebhookReceiver
) -> None:
    narrow = doors.service("funds").client_as("machine", kind="machine", scope="fund:exchange")
    answer = await narrow.post(
        "/funds/webhooks", json={"region": DISTRICT, "name": "财政系统", "url": stranger.url}
    )
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("role", ["bureau", "town_officer", "auditor", "leader", "admin", "village_clerk"])
async def test_other_roles_have_no_webhooks(doors: SystemUnderTest, role: str) -> None:
    client = doors.service("funds").client_as(role)
    assert (await client.get("/funds/webhooks")).status_code == 403
    assert (await client.get(f"/funds/webhooks/{uuid4()}/secret")).status_code == 403


async def test_another_districts_webhook_is_as_if_absent(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver
) -> None:
    hook = await create_webhook(machine, stranger)
    other = doors.service("funds").client_as("finance", OTHER_DISTRICT)
    for method, path in (("GET", ""), ("GET", "/secret"), ("GET", "/dead-letters"), ("DELETE", "")):
        assert (await other.request(method, f"/funds/webhooks/{hook['id']}{path}")).status_code == 404
    for verb, body in (("stop", {"reason": "停用"}), ("rotate", {}), ("replay", {}), ("start", None)):
        assert (await other.post(f"/funds/webhooks/{hook['id']}/{verb}", json=body)).status_code == 404
    assert (await other.get("/funds/webhooks")).json()["items"] == []


async def test_a_stopped_webhook_gets_nothing_and_continues_where_it_stood(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    stopped = await machine.post(f"/funds/webhooks/{hook['id']}/stop", json={"reason": "系统升级"})
    assert (stopped.json()["active"], stopped.json()["stopped_reason"]) == (False, "系统升级")
    source = await create_source(doors)
    await courier.deliver_due()
    assert stranger.requests == []
    await machine.post(f"/funds/webhooks/{hook['id']}/start")
    await courier.deliver_due()
    assert stranger.effects == [(source, 1)]


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://169.254.169.254/latest/meta-data"},
        {"url": "https://10.1.2.3/in"},
        {"url": "https://[fd00::1]/in"},
        {"url": "ftp://example.com/in"},
        {"url": "https://user:pass@example.com/in"},
        {"types": ["source.registered", "no.such"]},
    ],
)
async def test_a_wrong_webhook_is_refused_at_the_field(
    machine: httpx.AsyncClient, stranger: WebhookReceiver, given: dict[str, Any]
) -> None:
    body = {"region": DISTRICT, "name": "财政系统", "url": stranger.url, **given}
    answer = await machine.post("/funds/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(given))}"
    assert (await machine.get("/funds/webhooks")).json()["items"] == []


async def test_without_the_setting_our_own_machine_is_refused_also_later(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    context = doors.service("funds").context
    context.settings = context.settings.model_copy(update={"webhook_networks": ()})
    await create_source(doors)
    await courier.deliver_due()
    assert stranger.requests == []
    assert "127.0.0.1" in (await get_webhook(machine, hook))["last_error"]
    body = {"region": DISTRICT, "name": "财政系统", "url": stranger.url}
    assert (await machine.post("/funds/webhooks", json=body)).status_code == 422


async def test_the_secret_is_kept_sealed_and_reading_it_is_an_event(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver
) -> None:
    hook = await create_webhook(machine, stranger)
    clear = await get_secret(machine, hook)
    assert clear.startswith("whsec_")
    answer = await machine.post(
        "/funds/webhooks",
        json={"region": DISTRICT, "name": "另一系统", "url": stranger.url},
        headers={"Idempotency-Key": "once"},
    )
    assert "whsec_" not in answer.text
    finance = doors.service("funds").client_as("finance")
    events = (await finance.get("/funds/events?types=webhook.secret_read")).json()["items"]
    assert [(one["subject"], one["actor"]) for one in events] == [(hook["id"], "finance-620602000000")]
    assert clear not in str(events)


async def test_a_secret_is_shown_once_and_the_next_one_again(
    machine: httpx.AsyncClient, stranger: WebhookReceiver
) -> None:
    hook = await create_webhook(machine, stranger)
    first = await get_secret(machine, hook)
    again = await machine.get(f"/funds/webhooks/{hook['id']}/secret")
    assert again.status_code == 410
    assert "更换密钥" in again.json()["detail"]
    await machine.post(f"/funds/webhooks/{hook['id']}/rotate", json={"overlap_hours": 0})
    assert await get_secret(machine, hook) != first


async def test_changing_needs_the_version_and_making_twice_is_making_once(
    machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher, doors: SystemUnderTest
) -> None:
    identifier = str(uuid4())
    hook = await create_webhook(machine, stranger, id=identifier)
    assert (await create_webhook(machine, stranger, id=identifier))["version"] == hook["version"]
    other = {"id": identifier, "region": DISTRICT, "name": "另一个", "url": stranger.url}
    assert (await machine.post("/funds/webhooks", json=other)).status_code == 409
    address = f"/funds/webhooks/{identifier}"
    assert (await machine.patch(address, json={"name": "新名称"})).status_code == 428
    read = await machine.get(address)
    changed = await machine.patch(address, json=TYPES_BODY, headers={"If-Match": read.headers["etag"]})
    assert changed.json()["types"] == TYPES_BODY["types"]
    stale = await machine.patch(address, json={"name": "新名称"}, headers={"If-Match": read.headers["etag"]})
    assert stale.status_code == 412
    assert (await machine.delete(address)).status_code == 204
    assert (await machine.get(address)).status_code == 404
    await create_source(doors)
    assert await courier.deliver_due() == 0


async def test_pages_of_webhooks_hold_each_once(
    machine: httpx.AsyncClient, stranger: WebhookReceiver
) -> None:
    made = [(await create_webhook(machine, stranger))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await machine.get("/funds/webhooks", params={"limit": 2, "cursor": cursor})).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made
    assert (await machine.get("/funds/webhooks?cursor=x")).status_code == 400
