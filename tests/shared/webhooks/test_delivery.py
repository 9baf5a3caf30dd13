"""Every event arrives, signed, in order per record, whatever the receiver does."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.events.webhooks.delivery import MAX_BACKOFF, MAX_FAILING_TIME, WebhookDispatcher
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.shared.webhooks.factories_webhooks import (
    TYPES_BODY,
    create_source,
    create_webhook,
    get_secret,
    get_webhook,
)
from tests.webhook_receiver import (
    CONNECTION_CUT,
    NO_ANSWER,
    ReceivedRequest,
    WebhookReceiver,
    run_webhook_receiver,
)


async def test_events_arrive_as_cloudevents_in_order_and_the_library_accepts_their_signature(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    clock.set(datetime.now(UTC))
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors, changes=3)
    assert await courier.deliver_due() == 4
    assert stranger.effects == [(source, version) for version in (1, 2, 3, 4)]
    key = Webhook(await get_secret(machine, hook))
    for letter in stranger.requests:
        event = key.verify(letter.body, letter.headers)
        assert event["id"] == letter.headers["webhook-id"]
        assert event["specversion"] == "1.0"
    assert stranger.requests[0].event["type"] == "cn.xianjie.source.registered.v1"
    assert stranger.requests[0].event["data"]["after"]["amount"] == "1000.00"
    with pytest.raises(WebhookVerificationError):
        key.verify(stranger.requests[0].body.replace("1000.00", "9000.00"), stranger.requests[0].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "QUJD" * 8).verify(stranger.requests[0].body, stranger.requests[0].headers)
    assert await courier.deliver_due() == 0
    assert (await get_webhook(machine, hook))["waiting"] == 0


async def test_a_receiver_down_for_two_days_gets_everything_afterwards(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    first = await create_source(doors, changes=2)
    await stranger.stop()
    up_again = clock.now() + timedelta(days=2)
    tries = 0
    while clock.now() < up_again:
        await courier.deliver_due()
        state = await get_webhook(machine, hook)
        assert state["active"]
        assert state["waiting"] >= 3
        assert "连接失败" in state["last_error"]
        clock.set(max(datetime.fromisoformat(state["due_at"]), clock.now() + timedelta(seconds=1)))
        tries += 1
        if tries == 20:
            second = await create_source(doors, changes=1)
    assert 40 < tries < 80
    await stranger.start()
    await courier.deliver_due()
    assert stranger.effects == [(first, 1), (first, 2), (first, 3), (second, 1), (second, 2)]
    state = await get_webhook(machine, hook)
    assert (state["waiting"], state["failures"], state["failing_since"], state["parked"]) == (0, 0, None, 0)


async def test_waits_grow_to_an_hour_and_no_longer(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    await create_source(doors)
    stranger.answer = lambda _: 503
    waits = []
    for _ in range(14):
        await courier.deliver_due()
        due = datetime.fromisoformat((await get_webhook(machine, hook))["due_at"])
        waits.append(due - clock.now())
        clock.set(due - timedelta(seconds=1))
        before = len(stranger.requests)
        await courier.deliver_due()
        assert len(stranger.requests) == before, "tried too early"
        clock.set(due)
    assert waits[:4] == [timedelta(seconds=s) for s in (5, 10, 20, 40)]
    assert waits[-1] == MAX_BACKOFF


@pytest.mark.parametrize("answer", [NO_ANSWER, CONNECTION_CUT, 503, 429, 404, 302])
async def test_a_receiver_that_is_not_itself_loses_nothing(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
    answer: int,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors, changes=2)
    stranger.answer = lambda letter: answer if len(stranger.requests) in {1, 2, 4} else 200
    for _ in range(12):
        await courier.deliver_due()
        clock.advance(MAX_BACKOFF)
    assert stranger.effects == [(source, version) for version in (1, 2, 3)]
    assert (await get_webhook(machine, hook))["parked"] == 0


async def test_an_answer_that_was_lost_makes_a_duplicate_with_the_same_id(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    await create_webhook(machine, stranger, **TYPES_BODY)
    await create_source(doors)

    def take_and_cut(letter: ReceivedRequest) -> int:
        stranger.accepted_requests.append(letter)
        return CONNECTION_CUT if len(stranger.requests) == 1 else 200

    stranger.answer = take_and_cut
    await courier.deliver_due()
    clock.advance(MAX_BACKOFF)
    await courier.deliver_due()
    assert len(stranger.requests) == 2
    assert len({letter.headers["webhook-id"] for letter in stranger.requests}) == 1
    assert len(stranger.effects) == 1


async def test_during_a_rotation_either_secret_verifies_every_event_and_later_only_the_new_one(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    clock.set(datetime.now(UTC))
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    old = Webhook(await get_secret(machine, hook))
    await create_source(doors)
    await courier.deliver_due()
    answer = await machine.post(f"/funds/webhooks/{hook['id']}/rotate", json={"overlap_hours": 2})
    assert answer.status_code == 200
    assert "secret" not in answer.json()
    new = Webhook(await get_secret(machine, hook))
    await create_source(doors, changes=1)
    await courier.deliver_due()
    assert len(stranger.requests) == 3
    for letter in stranger.requests:
        old.verify(letter.body, letter.headers)
    for letter in stranger.requests[1:]:
        new.verify(letter.body, letter.headers)
    with pytest.raises(WebhookVerificationError):
        new.verify(stranger.requests[0].body, stranger.requests[0].headers)
    clock.advance(timedelta(hours=2))
    await create_source(doors)
    await courier.deliver_due()
    last = stranger.requests[-1]
    assert len(last.headers["webhook-signature"].split()) == 1
    assert last.headers["webhook-signature"] == new.sign(last.headers["webhook-id"], clock.now(), last.body)


async def test_a_receiver_silent_for_days_is_stopped_and_nothing_is_lost(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    clock: Clock,
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors)
    stranger.answer = lambda _: 502
    begun = clock.now()
    while (await get_webhook(machine, hook))["active"]:
        await courier.deliver_due()
        clock.advance(MAX_BACKOFF)
    assert MAX_FAILING_TIME <= clock.now() - begun <= MAX_FAILING_TIME + 3 * MAX_BACKOFF
    assert "5 天" in (await get_webhook(machine, hook))["stopped_reason"]
    stranger.answer = lambda _: 200
    await machine.post(f"/funds/webhooks/{hook['id']}/start")
    await courier.deliver_due()
    assert stranger.effects == [(source, 1)]


async def test_a_receiver_that_says_it_is_gone_is_stopped_at_once(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    hook = await create_webhook(machine, stranger, **TYPES_BODY)
    await create_source(doors)
    stranger.answer = lambda _: 410
    await courier.deliver_due()
    state = await get_webhook(machine, hook)
    assert (state["active"], len(stranger.requests)) == (False, 1)
    assert "410" in state["stopped_reason"]


async def test_a_slow_receiver_still_gets_on(
    doors: SystemUnderTest,
    machine: httpx.AsyncClient,
    stranger: WebhookReceiver,
    courier: WebhookDispatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await create_webhook(machine, stranger, **TYPES_BODY)
    source = await create_source(doors, changes=5)
    monkeypatch.setattr("shared.events.webhooks.delivery.BATCH_BUDGET_S", 0.0)
    assert await courier.deliver_due() == 6
    assert [letter.subject_version for letter in stranger.accepted_requests] == [
        (source, version) for version in range(1, 7)
    ]


async def test_one_bad_receiver_does_not_hold_up_another(
    doors: SystemUnderTest, machine: httpx.AsyncClient, stranger: WebhookReceiver, courier: WebhookDispatcher
) -> None:
    async with run_webhook_receiver() as slow:
        slow.answer = lambda _: NO_ANSWER
        await create_webhook(machine, slow, **TYPES_BODY)
        await create_webhook(machine, stranger, **TYPES_BODY)
        source = await create_source(doors)
        task = asyncio.create_task(courier.run())
        for _ in range(100):
            if stranger.effects:
                break
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert stranger.effects == [(source, 1)]
