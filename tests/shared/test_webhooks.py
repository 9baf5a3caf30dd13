"""Webhooks: every event arrives, signed, in order per record, whatever the receiver does; and only what may be heard."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.relay import PATIENCE
from shared.webhooks.courier import AGAIN, GIVE_UP, LONGEST_WAIT, Courier
from tests.conftest import Clock
from tests.doors import DISTRICT, TOWN, Doors
from tests.receiver import CUT, HANG, Letter, Stranger, a_stranger

ELSEWHERE = "620623000000"


@pytest.fixture
async def stranger() -> AsyncGenerator[Stranger]:
    async with a_stranger() as found:
        yield found


@pytest.fixture
def courier(doors: Doors) -> Courier:
    return Courier(doors.of("funds").context)


@pytest.fixture(autouse=True)
def _closed_network(doors: Doors) -> Any:
    context = doors.of("funds").context
    before = context.settings
    context.settings = before.model_copy(
        update={"webhook_http": True, "webhook_networks": ("127.0.0.0/8",), "webhook_timeout": 0.3}
    )
    yield
    context.settings = before


@pytest.fixture
def machine(doors: Doors) -> httpx.AsyncClient:
    return doors.of("funds").as_("machine", kind="machine")


async def subscribed(client: httpx.AsyncClient, stranger: Stranger, **given: Any) -> dict[str, Any]:
    body = {"region": DISTRICT, "name": "财政一体化系统", "url": stranger.url, **given}
    answer = await client.post("/funds/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_source(doors: Doors, region: str = DISTRICT, changes: int = 0) -> str:
    """A document with so many adjustments: events 1 … 1 + changes of one subject."""
    finance = doors.of("funds").as_("finance", region)
    number = uuid4().hex[:8]
    answer = await finance.post(
        "/funds/sources",
        json={
            "region": region,
            "document_no": f"甘财农〔2024〕{number}号",
            "title": "关于下达2024年衔接资金的通知",
            "fiscal_year": 2024,
            "level": "provincial",
            "fund": "bridging",
            "task": "consolidation",
            "origin": "transfer",
            "amount": "1000.00",
            "document_date": "2024-05-06",
            "received_on": "2024-05-08",
        },
    )
    assert answer.status_code == 201, answer.text
    source = answer.json()["id"]
    for at in range(changes):
        change = {
            "kind": "addition",
            "amount": "1.00",
            "document_no": f"追加{at}",
            "happened_on": "2024-05-09",
        }
        assert (await finance.post(f"/funds/sources/{source}/adjustments", json=change)).status_code == 201
    return str(source)


async def shown(client: httpx.AsyncClient, hook: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/funds/webhooks/{hook['id']}")).json()
    return found


async def secret_of(client: httpx.AsyncClient, hook: dict[str, Any]) -> str:
    answer = await client.get(f"/funds/webhooks/{hook['id']}/secret")
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["secret"])


TYPES = {"types": ["source.registered", "source.adjusted"]}


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


async def test_only_events_of_the_makers_regions_are_told(
    doors: Doors, stranger: Stranger, courier: Courier
) -> None:
    town = doors.of("funds").as_("finance", TOWN)
    hook = await subscribed(town, stranger, region=TOWN, **TYPES)
    assert hook["spans"] == [["620602100000", "620602100999"]]
    await a_source(doors, DISTRICT)
    await a_source(doors, ELSEWHERE)
    mine = await a_source(doors, TOWN)
    await courier.round()
    assert stranger.effects == [(mine, 1)]
    outside = await town.post(
        "/funds/webhooks", json={"region": DISTRICT, "name": "越界", "url": stranger.url}
    )
    assert outside.status_code == 404


async def test_a_machine_whose_token_may_not_read_funds_cannot_hear_of_them(
    doors: Doors, stranger: Stranger
) -> None:
    narrow = doors.of("funds").as_("machine", kind="machine", scope="fund:exchange")
    answer = await narrow.post(
        "/funds/webhooks", json={"region": DISTRICT, "name": "财政系统", "url": stranger.url}
    )
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("role", ["bureau", "town_officer", "auditor", "leader", "admin", "village_clerk"])
async def test_other_roles_have_no_webhooks(doors: Doors, role: str) -> None:
    client = doors.of("funds").as_(role)
    assert (await client.get("/funds/webhooks")).status_code == 403
    assert (await client.get(f"/funds/webhooks/{uuid4()}/secret")).status_code == 403


async def test_another_districts_webhook_is_as_if_absent(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger
) -> None:
    hook = await subscribed(machine, stranger)
    other = doors.of("funds").as_("finance", ELSEWHERE)
    for method, path in (("GET", ""), ("GET", "/secret"), ("GET", "/dead-letters"), ("DELETE", "")):
        assert (await other.request(method, f"/funds/webhooks/{hook['id']}{path}")).status_code == 404
    for verb, body in (("stop", {"reason": "停用"}), ("rotate", {}), ("replay", {}), ("start", None)):
        assert (await other.post(f"/funds/webhooks/{hook['id']}/{verb}", json=body)).status_code == 404
    assert (await other.get("/funds/webhooks")).json()["items"] == []


async def test_a_stopped_webhook_gets_nothing_and_continues_where_it_stood(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    stopped = await machine.post(f"/funds/webhooks/{hook['id']}/stop", json={"reason": "系统升级"})
    assert (stopped.json()["active"], stopped.json()["stopped_reason"]) == (False, "系统升级")
    source = await a_source(doors)
    await courier.round()
    assert stranger.got == []
    await machine.post(f"/funds/webhooks/{hook['id']}/start")
    await courier.round()
    assert stranger.effects == [(source, 1)]


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
    machine: httpx.AsyncClient, stranger: Stranger, given: dict[str, Any]
) -> None:
    body = {"region": DISTRICT, "name": "财政系统", "url": stranger.url, **given}
    answer = await machine.post("/funds/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(given))}"
    assert (await machine.get("/funds/webhooks")).json()["items"] == []


async def test_without_the_setting_our_own_machine_is_refused_also_later(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    hook = await subscribed(machine, stranger, **TYPES)
    context = doors.of("funds").context
    context.settings = context.settings.model_copy(update={"webhook_networks": ()})
    await a_source(doors)
    await courier.round()
    assert stranger.got == []
    assert "127.0.0.1" in (await shown(machine, hook))["last_error"]
    body = {"region": DISTRICT, "name": "财政系统", "url": stranger.url}
    assert (await machine.post("/funds/webhooks", json=body)).status_code == 422


async def test_the_secret_is_kept_sealed_and_reading_it_is_an_event(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger
) -> None:
    hook = await subscribed(machine, stranger)
    clear = await secret_of(machine, hook)
    assert clear.startswith("whsec_")
    answer = await machine.post(
        "/funds/webhooks",
        json={"region": DISTRICT, "name": "另一系统", "url": stranger.url},
        headers={"Idempotency-Key": "once"},
    )
    assert "whsec_" not in answer.text
    finance = doors.of("funds").as_("finance")
    events = (await finance.get("/funds/events?types=webhook.secret_read")).json()["items"]
    assert [(one["subject"], one["actor"]) for one in events] == [(hook["id"], "machine-620602000000")]
    assert clear not in str(events)


async def test_changing_needs_the_version_and_making_twice_is_making_once(
    machine: httpx.AsyncClient, stranger: Stranger, courier: Courier, doors: Doors
) -> None:
    identifier = str(uuid4())
    hook = await subscribed(machine, stranger, id=identifier)
    assert (await subscribed(machine, stranger, id=identifier))["version"] == hook["version"]
    other = {"id": identifier, "region": DISTRICT, "name": "另一个", "url": stranger.url}
    assert (await machine.post("/funds/webhooks", json=other)).status_code == 409
    address = f"/funds/webhooks/{identifier}"
    assert (await machine.patch(address, json={"name": "新名称"})).status_code == 428
    read = await machine.get(address)
    changed = await machine.patch(address, json=TYPES, headers={"If-Match": read.headers["etag"]})
    assert changed.json()["types"] == TYPES["types"]
    stale = await machine.patch(address, json={"name": "新名称"}, headers={"If-Match": read.headers["etag"]})
    assert stale.status_code == 412
    assert (await machine.delete(address)).status_code == 204
    assert (await machine.get(address)).status_code == 404
    await a_source(doors)
    assert await courier.round() == 0


async def test_from_the_beginning_brings_what_was_before(
    doors: Doors, machine: httpx.AsyncClient, stranger: Stranger, courier: Courier
) -> None:
    source = await a_source(doors, changes=1)
    await subscribed(machine, stranger, start="beginning", **TYPES)
    await courier.round()
    assert stranger.effects == [(source, 1), (source, 2)]


async def test_pages_of_webhooks_hold_each_once(machine: httpx.AsyncClient, stranger: Stranger) -> None:
    made = [(await subscribed(machine, stranger))["id"] for _ in range(5)]
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
