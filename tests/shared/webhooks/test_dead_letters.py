"""What a receiver refuses is kept, shown and sent again."""

from datetime import timedelta
from typing import Any

import httpx

from shared.events import MAX_REFUSALS
from shared.events.webhooks.delivery import MAX_BACKOFF, PARKED_RETRY_INTERVAL, WebhookDispatcher
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.shared.webhooks.factories_webhooks import TYPES_BODY, create_source, create_webhook, get_webhook
from tests.webhook_receiver import WebhookReceiver


async def test_a_refused_event_is_parked_others_pass_and_it_is_tried_again_by_itself(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    bad = await create_source(doors, changes=1)
    good = await create_source(doors, changes=1)
    stranger.answer = lambda letter: 500 if letter.event["subject"] == bad else 200
    for _ in range(MAX_REFUSALS + 1):
        await courier.deliver_due()
        clock.advance(MAX_BACKOFF)
    assert stranger.effects == [(good, 1), (good, 2)]
    state = await get_webhook(machine, hook)
    assert (state["parked"], state["active"]) == (2, True)
    letters = (await machine.get(f"/funds/webhooks/{hook['id']}/dead-letters")).json()["items"]
    assert [(one["subject"], one["type"]) for one in letters] == [
        (bad, "source.registered"),
        (bad, "source.adjusted"),
    ]
    assert "500" in letters[0]["error"]
    stranger.answer = lambda _: 200
    await courier.deliver_due()
    assert (bad, 1) not in stranger.effects, "only after a while"
    clock.advance(PARKED_RETRY_INTERVAL)
    await courier.deliver_due()
    assert [mark for mark in stranger.effects if mark[0] == bad] == [(bad, 1), (bad, 2)]
    assert (await get_webhook(machine, hook))["parked"] == 0


async def test_after_days_a_parked_event_waits_for_a_person_who_can_send_it_again(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    bad = await create_source(doors, changes=1)
    stranger.answer = lambda _: 422
    for _ in range(40):
        await courier.deliver_due()
        clock.advance(timedelta(hours=3))
    tried = len(stranger.requests)
    assert MAX_REFUSALS + 8 < tried < MAX_REFUSALS + 20
    clock.advance(timedelta(days=2))
    await courier.deliver_due()
    assert len(stranger.requests) == tried, "no longer by itself"
    stranger.answer = lambda _: 200
    address = f"/funds/webhooks/{hook['id']}/dead-letters/retry"
    assert (await machine.post(address, json={"subject": bad})).json() == {"asked": 2}
    await courier.deliver_due()
    assert stranger.effects == [(bad, 1), (bad, 2)]
    assert (await machine.post(address, json={})).status_code == 404


async def test_each_delivery_is_listed_with_what_became_of_it(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    await create_source(doors)
    clock.advance(timedelta(seconds=1))
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    bad, good = await create_source(doors, changes=1), await create_source(doors)
    await create_source(doors, region="620623000000")
    stranger.answer = lambda letter: 500 if letter.event["subject"] == bad else 200
    for _ in range(MAX_REFUSALS + 1):
        await courier.deliver_due()
        clock.advance(MAX_BACKOFF)
    later = await create_source(doors)

    async def list_deliveries(**query: int) -> list[dict[str, Any]]:
        answer = await machine.get(f"/funds/webhooks/{hook['id']}/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["items"]
        return rows

    rows = await list_deliveries()
    assert [(row["subject"], row["type"], row["state"]) for row in rows] == [
        (later, "source.registered", "waiting"),
        (good, "source.registered", "delivered"),
        (bad, "source.adjusted", "parked"),
        (bad, "source.registered", "parked"),
    ]
    assert [row["error"] for row in rows] == ["", "", "", "答复 500"]
    assert [row["subject"] for row in await list_deliveries(limit=1)] == [later]
    again = await machine.post(f"/funds/webhooks/{hook['id']}/dead-letters/retry", json={"subject": bad})
    assert again.status_code == 202
    assert [row["state"] for row in await list_deliveries()][2:] == ["retrying", "retrying"]
    stranger.answer = lambda _: 200
    await courier.deliver_due()
    assert {row["state"] for row in await list_deliveries()} == {"delivered"}


async def test_a_person_need_not_wait_for_the_next_try(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors)
    stranger.answer = lambda _: 503
    await courier.deliver_due()
    stranger.answer = lambda _: 200
    assert await courier.deliver_due() == 0, "it waits before the next try"
    again = await machine.post(f"/funds/webhooks/{hook['id']}/start", json={})
    assert (again.status_code, again.json()["version"]) == (200, hook["version"])
    await courier.deliver_due()
    assert stranger.effects == [(source, 1)]


async def test_a_replay_starts_where_it_is_told_and_brings_parked_events_in_their_order(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors, changes=3)
    stranger.answer = lambda letter: 400 if letter.event["subjectversion"] == 2 else 200
    for _ in range(MAX_REFUSALS + 1):
        await courier.deliver_due()
        clock.advance(MAX_BACKOFF)
    assert stranger.effects == [(source, 1)]
    place = stranger.accepted_requests[0].event["sequence"]
    stranger.answer = lambda _: 200
    again = await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={"after": place})
    assert again.status_code == 200
    await courier.deliver_due()
    assert [letter.subject_version for letter in stranger.accepted_requests] == [
        (source, version) for version in (1, 2, 3, 4)
    ]
    assert (await get_webhook(machine, hook))["parked"] == 0
    await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={})
    await courier.deliver_due()
    assert [letter.subject_version for letter in stranger.accepted_requests[4:]] == [
        (source, version) for version in (1, 2, 3, 4)
    ]
    bad = await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={"after": "nonsense"})
    assert bad.status_code == 422


async def test_from_the_beginning_brings_what_was_before(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    source = await create_source(doors, changes=1)
    await create_webhook(machine, stranger, start="beginning", **TYPES_BODY)
    await courier.deliver_due()
    assert stranger.effects == [(source, 1), (source, 2)]
