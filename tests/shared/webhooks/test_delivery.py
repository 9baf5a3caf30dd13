"""Every event arrives, signed, in order per record, whatever the receiver does."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.webhooks.courier import GIVE_UP, LONGEST_WAIT, Courier
from tests.conftest import Clock
from tests.doors import Doors
from tests.receiver import CUT, HANG, Letter, Stranger, a_stranger
from tests.shared.webhooks.world import TYPES, a_source, secret_of, shown, subscribed


async def test_events_arrive_as_cloudevents_in_order_and_the_library_accepts_their_signature(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    clock.set(datetime.now(UTC))
    hook = await subscribed(machine, stranger, **TYPES)
    source = await a_source(doors, changes=3)
    assert await courier.round() == 4
    assert stranger.effects == [(source, version) for version in (1, 2, 3, 4)]
    key = Webhook(await secret_of(machine, hook))
    for letter in stranger.got:
        event = key.verify(letter.body, letter.headers)
        assert event["id"] == letter.headers["webhook-id"]
        assert event["specversion"] == "1.0"
    assert stranger.got[0].event["type"] == "cn.xianjie.source.registered.v1"
    assert stranger.got[0].event["data"]["after"]["amount"] == "1000.00"
    with pytest.raises(WebhookVerificationError):
        key.verify(stranger.got[0].body.replace("1000.00", "9000.00"), stranger.got[0].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "QUJD" * 8).verify(stranger.got[0].body, stranger.got[0].headers)
    assert await courier.round() == 0
    assert (await shown(machine, hook))["waiting"] == 0


async def test_a_receiver_down_for_two_days_gets_everything_afterwards(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    first = await a_source(doors, changes=2)
    await stranger.fall()
    up_again = clock.now() + timedelta(days=2)
    tries = 0
    while clock.now() < up_again:
        await courier.round()
        state = await shown(machine, hook)
        assert state["active"]
        assert state["waiting"] >= 3
        assert "连接失败" in state["last_error"]
        clock.set(max(datetime.fromisoformat(state["due_at"]), clock.now() + timedelta(seconds=1)))
        tries += 1
        if tries == 20:
            second = await a_source(doors, changes=1)
    assert 40 < tries < 80
    await stranger.rise()
    await courier.round()
    assert stranger.effects == [(first, 1), (first, 2), (first, 3), (second, 1), (second, 2)]
    state = await shown(machine, hook)
    assert (state["waiting"], state["failures"], state["failing_since"], state["parked"]) == (0, 0, None, 0)


async def test_waits_grow_to_an_hour_and_no_longer(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    await a_source(doors)
    stranger.answer = lambda _: 503
    waits = []
    for _ in range(14):
        await courier.round()
        due = datetime.fromisoformat((await shown(machine, hook))["due_at"])
        waits.append(due - clock.now())
        clock.set(due - timedelta(seconds=1))
        before = len(stranger.got)
        await courier.round()
        assert len(stranger.got) == before, "tried too early"
        clock.set(due)
    assert waits[:4] == [timedelta(seconds=s) for s in (5, 10, 20, 40)]
    assert waits[-1] == LONGEST_WAIT


@pytest.mark.parametrize("answer", [HANG, CUT, 503, 429, 404, 302])
async def test_a_receiver_that_is_not_itself_loses_nothing(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock, answer: int
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    source = await a_source(doors, changes=2)
    stranger.answer = lambda letter: answer if len(stranger.got) in {1, 2, 4} else 200
    for _ in range(12):
        await courier.round()
        clock.advance(LONGEST_WAIT)
    assert stranger.effects == [(source, version) for version in (1, 2, 3)]
    assert (await shown(machine, hook))["parked"] == 0


async def test_an_answer_that_was_lost_makes_a_duplicate_with_the_same_id(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    await subscribed(machine, stranger, **TYPES)
    await a_source(doors)

    def take_and_cut(letter: Letter) -> int:
        stranger.taken.append(letter)
        return CUT if len(stranger.got) == 1 else 200

    stranger.answer = take_and_cut
    await courier.round()
    clock.advance(LONGEST_WAIT)
    await courier.round()
    assert len(stranger.got) == 2
    assert len({letter.headers["webhook-id"] for letter in stranger.got}) == 1
    assert len(stranger.effects) == 1


async def test_during_a_rotation_either_secret_verifies_every_event_and_later_only_the_new_one(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    clock.set(datetime.now(UTC))
    hook = await subscribed(machine, stranger, **TYPES)
    old = Webhook(await secret_of(machine, hook))
    await a_source(doors)
    await courier.round()
    answer = await machine.post(f"/funds/webhooks/{hook['id']}/rotate", json={"overlap_hours": 2})
    assert answer.status_code == 200
    assert "secret" not in answer.json()
    new = Webhook(await secret_of(machine, hook))
    await a_source(doors, changes=1)
    await courier.round()
    assert len(stranger.got) == 3
    for letter in stranger.got:
        old.verify(letter.body, letter.headers)
    for letter in stranger.got[1:]:
        new.verify(letter.body, letter.headers)
    with pytest.raises(WebhookVerificationError):
        new.verify(stranger.got[0].body, stranger.got[0].headers)
    clock.advance(timedelta(hours=2))
    await a_source(doors)
    await courier.round()
    last = stranger.got[-1]
    assert len(last.headers["webhook-signature"].split()) == 1
    assert last.headers["webhook-signature"] == new.sign(last.headers["webhook-id"], clock.now(), last.body)


async def test_a_receiver_silent_for_days_is_stopped_and_nothing_is_lost(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    source = await a_source(doors)
    stranger.answer = lambda _: 502
    begun = clock.now()
    while (await shown(machine, hook))["active"]:
        await courier.round()
        clock.advance(LONGEST_WAIT)
    assert GIVE_UP <= clock.now() - begun <= GIVE_UP + 3 * LONGEST_WAIT
    assert "5 天" in (await shown(machine, hook))["stopped_reason"]
    stranger.answer = lambda _: 200
    await machine.post(f"/funds/webhooks/{hook['id']}/start")
    await courier.round()
    assert stranger.effects == [(source, 1)]


async def test_a_receiver_that_says_it_is_gone_is_stopped_at_once(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    await a_source(doors)
    stranger.answer = lambda _: 410
    await courier.round()
    state = await shown(machine, hook)
    assert (state["active"], len(stranger.got)) == (False, 1)
    assert "410" in state["stopped_reason"]


async def test_a_slow_receiver_still_gets_on(
    doors: Doors,
    machine: httpx.AsyncClient,
    stranger: Stranger,
    courier: Courier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await subscribed(machine, stranger, **TYPES)
    source = await a_source(doors, changes=5)
    monkeypatch.setattr("shared.webhooks.courier.BUDGET", 0.0)
    assert await courier.round() == 6
    assert [letter.mark for letter in stranger.taken] == [(source, version) for version in range(1, 7)]


async def test_one_bad_receiver_does_not_hold_up_another(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    async with a_stranger() as slow:
        slow.answer = lambda _: HANG
        await subscribed(machine, slow, **TYPES)
        await subscribed(machine, stranger, **TYPES)
        source = await a_source(doors)
        task = asyncio.create_task(courier.run())
        for _ in range(100):
            if stranger.effects:
                break
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert stranger.effects == [(source, 1)]
