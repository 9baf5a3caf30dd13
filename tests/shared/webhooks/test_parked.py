"""What a receiver refuses is kept, shown and sent again."""

from datetime import timedelta

import httpx

from shared.relay import PATIENCE
from shared.webhooks.courier import AGAIN, LONGEST_WAIT, Courier
from tests.conftest import Clock
from tests.doors import Doors
from tests.receiver import Stranger
from tests.shared.webhooks.world import TYPES, a_source, shown, subscribed


async def test_a_refused_event_is_parked_others_pass_and_it_is_tried_again_by_itself(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    bad = await a_source(doors, changes=1)
    good = await a_source(doors, changes=1)
    stranger.answer = lambda letter: 500 if letter.event["subject"] == bad else 200
    for _ in range(PATIENCE + 1):
        await courier.round()
        clock.advance(LONGEST_WAIT)
    assert stranger.effects == [(good, 1), (good, 2)]
    state = await shown(machine, hook)
    assert (state["parked"], state["active"]) == (2, True)
    letters = (await machine.get(f"/funds/webhooks/{hook['id']}/dead-letters")).json()["items"]
    assert [(one["subject"], one["type"]) for one in letters] == [
        (bad, "source.registered"),
        (bad, "source.adjusted"),
    ]
    assert "500" in letters[0]["error"]
    stranger.answer = lambda _: 200
    await courier.round()
    assert (bad, 1) not in stranger.effects, "only after a while"
    clock.advance(AGAIN)
    await courier.round()
    assert [mark for mark in stranger.effects if mark[0] == bad] == [(bad, 1), (bad, 2)]
    assert (await shown(machine, hook))["parked"] == 0


async def test_after_days_a_parked_event_waits_for_a_person_who_can_send_it_again(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    bad = await a_source(doors, changes=1)
    stranger.answer = lambda _: 422
    for _ in range(40):
        await courier.round()
        clock.advance(timedelta(hours=3))
    tried = len(stranger.got)
    assert PATIENCE + 8 < tried < PATIENCE + 20
    clock.advance(timedelta(days=2))
    await courier.round()
    assert len(stranger.got) == tried, "no longer by itself"
    stranger.answer = lambda _: 200
    address = f"/funds/webhooks/{hook['id']}/dead-letters/retry"
    assert (await machine.post(address, json={"subject": bad})).json() == {"asked": 2}
    await courier.round()
    assert stranger.effects == [(bad, 1), (bad, 2)]
    assert (await machine.post(address, json={})).status_code == 404


async def test_a_replay_starts_where_it_is_told_and_brings_parked_events_in_their_order(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, clock: Clock
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    source = await a_source(doors, changes=3)
    stranger.answer = lambda letter: 400 if letter.event["subjectversion"] == 2 else 200
    for _ in range(PATIENCE + 1):
        await courier.round()
        clock.advance(LONGEST_WAIT)
    assert stranger.effects == [(source, 1)]
    place = stranger.taken[0].event["sequence"]
    stranger.answer = lambda _: 200
    again = await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={"after": place})
    assert again.status_code == 200
    await courier.round()
    assert [letter.mark for letter in stranger.taken] == [(source, version) for version in (1, 2, 3, 4)]
    assert (await shown(machine, hook))["parked"] == 0
    await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={})
    await courier.round()
    assert [letter.mark for letter in stranger.taken[4:]] == [(source, version) for version in (1, 2, 3, 4)]
    bad = await machine.post(f"/funds/webhooks/{hook['id']}/replay", json={"after": "nonsense"})
    assert bad.status_code == 422


async def test_from_the_beginning_brings_what_was_before(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    source = await a_source(doors, changes=1)
    await subscribed(machine, stranger, start="beginning", **TYPES)
    await courier.round()
    assert stranger.effects == [(source, 1), (source, 2)]
