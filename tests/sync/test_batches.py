"""Batches of recorded requests: one verdict each, nothing lost, nothing doubled."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.sync.items.service import replay_due_items
from shared.app.batch_routes import SEGMENTS_OUTSIDE_BATCHES
from shared.http.door_rules import MAX_BODY_BYTES
from tests.access.sample_values import SAMPLE_ID
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sync.factories_sync import (
    PREFIX,
    build_check_in_item,
    build_deed,
    build_item,
    change_grants,
    create_account,
    list_verdicts,
    send_batch,
)

pytestmark = pytest.mark.usefixtures("post")


async def list_deeds(cadre: httpx.AsyncClient) -> list[str]:
    return sorted(
        row["content"].removeprefix(PREFIX) for row in (await get_json(cadre, "/attendance/deeds"))["items"]
    )


async def test_each_item_is_answered_as_if_sent_alone(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    answer = await send_batch(phone, clock, build_deed(clock, "修路"), build_check_in_item(clock))

    deed, check_in = answer["results"]
    assert (deed["verdict"], deed["status"], deed["body"]["content"]) == ("applied", 201, f"{PREFIX}修路")
    assert deed["body"]["person"] == "li"
    assert (check_in["verdict"], check_in["body"]["result"]) == ("applied", "applied")
    assert await list_deeds(cadre) == ["修路"]


async def test_a_batch_sent_again_doubles_nothing_and_gets_the_first_answers(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    items = [build_deed(clock, f"第{n}件") for n in range(3)] + [build_check_in_item(clock)]
    first = await send_batch(phone, clock, *items)
    again = await send_batch(phone, clock, *items)

    assert list_verdicts(first) == ["applied"] * 4
    assert list_verdicts(again) == ["duplicate"] * 4
    assert again["batch_id"] == first["batch_id"]
    assert [one["body"] for one in again["results"]] == [one["body"] for one in first["results"]]
    assert len(await list_deeds(cadre)) == 3


async def test_one_bad_item_stops_no_neighbour(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    wrong = build_deed(clock, "错")
    wrong["body"]["amount"] = "十元"
    shapeless: dict[str, Any] = {**build_deed(clock), "recorded_at": "昨天", "id": "x"}
    answer = await send_batch(
        phone, clock, build_deed(clock, "一"), wrong, shapeless, 7, build_deed(clock, "二")
    )

    assert list_verdicts(answer) == ["applied", "refused", "refused", "refused", "applied"]
    assert answer["results"][1]["problem"]["errors"][0]["pointer"] == "/amount"
    pointers = {one["pointer"] for one in answer["results"][2]["problem"]["errors"]}
    assert pointers == {"/id", "/recorded_at"}
    assert await list_deeds(cadre) == ["一", "二"]


def list_creations(doors: SystemUnderTest) -> list[str]:
    """Addresses at which a JSON body makes a record under an id, without those that are asked directly."""
    found = []
    for document in (app.openapi() for name, app in doors.apps.items() if name != "gateway"):
        for path, operations in document["paths"].items():
            made = operations.get("post", {})
            content = made.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(name, {}).get("properties", {})
            is_creation = "201" in made.get("responses", {}) and "id" in fields
            direct = SEGMENTS_OUTSIDE_BATCHES & set(path.split("/"))
            if is_creation and not direct and made["x-permission"] != ["public"]:
                if made.get("x-body-limit", 0) <= MAX_BODY_BYTES:
                    found.append(re.sub(r"\{[^}]+\}", str(SAMPLE_ID), path.removeprefix("/api/v1")))
    return found


async def test_a_creation_without_the_phones_own_id_is_refused_at_every_address(
    doors: SystemUnderTest, phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    addresses = list_creations(doors)
    assert len(addresses) > 60
    nameless = build_deed(clock, "没有编号")
    del nameless["body"]["id"]
    items = [build_item(clock, "POST", one, {"id": None}) for one in addresses]
    answer = await send_batch(phone, clock, *items, nameless)

    assert list_verdicts(answer) == ["refused"] * (len(addresses) + 1)
    errors = [one["problem"]["errors"][0] for one in answer["results"]]
    assert {(one["pointer"], one["code"]) for one in errors} == {("/id", "id_required")}
    assert await list_deeds(cadre) == []


@pytest.mark.parametrize("text", ["看不见\u200b的字", "电话13812345678", "a\u0000b", "半个\ud800字"])
async def test_an_item_with_a_text_that_is_refused_stops_no_neighbour(
    phone: httpx.AsyncClient, clock: Clock, text: str
) -> None:
    answer = await send_batch(phone, clock, build_deed(clock, "一"), build_deed(clock, text))

    assert list_verdicts(answer) == ["applied", "refused"]
    assert answer["results"][1]["problem"]["errors"][0]["pointer"] == "/content"


@pytest.mark.parametrize("member", ["path", "if_match", "recorded_by", "a\ud800", "a\u0000"])
async def test_an_item_with_half_a_character_outside_its_body_stops_no_neighbour(
    phone: httpx.AsyncClient, clock: Clock, member: str
) -> None:
    broken = {**build_deed(clock, "二"), member: "/api/v1/a\ud800\u0000"}
    answer = await send_batch(phone, clock, broken, build_deed(clock, "一"))

    assert list_verdicts(answer) == ["refused", "applied"]


async def test_only_items_that_name_a_failed_one_wait(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    wrong = build_deed(clock, "错")
    wrong["body"]["amount"] = "十元"
    waiting = build_deed(clock, "其后", after=[wrong["id"]])
    further = build_deed(clock, "再后", after=[waiting["id"]])
    answer = await send_batch(phone, clock, wrong, waiting, further, build_deed(clock, "无关"))

    assert list_verdicts(answer) == ["refused", "held", "held", "applied"]
    assert answer["results"][1]["waits_for"] == [wrong["id"]]
    wrong["body"]["amount"] = "10.00"
    mended = await send_batch(phone, clock, wrong)
    assert list_verdicts(mended) == ["applied"]
    results = (await get_json(phone, f"/sync/batches/{answer['batch_id']}"))["results"]
    assert [one["verdict"] for one in results] == ["applied"] * 4
    assert await list_deeds(cadre) == ["其后", "再后", "无关", "错"]


async def test_an_item_is_played_after_a_later_one_that_it_names(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    visit_id = str(uuid4())
    second = build_deed(clock, "先写后办")
    visit = {"id": visit_id, "visited_on": "2024-05-18", "kind": "household", "purpose": "monitoring"}
    first = build_item(clock, "POST", "/attendance/visits", {**visit, "household": "马秀英"})
    second["after"] = [first["id"]]
    answer = await send_batch(phone, clock, second, first)

    assert list_verdicts(answer) == ["applied", "applied"]


async def test_a_ring_is_refused_and_what_names_it_waits(phone: httpx.AsyncClient, clock: Clock) -> None:
    one, two, outside = build_deed(clock), build_deed(clock), build_deed(clock)
    one["after"], two["after"], outside["after"] = [two["id"]], [one["id"]], [one["id"]]
    answer = await send_batch(phone, clock, one, two, outside, build_deed(clock))

    assert list_verdicts(answer) == ["refused", "refused", "held", "applied"]
    assert answer["results"][0]["problem"]["errors"][0]["pointer"] == "/after"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/token"),
        ("POST", "/auth/devices"),
        ("POST", "/users"),
        ("POST", "/attendance/files"),
        ("POST", "/attendance/imports"),
        ("POST", "/attendance/rules"),
        ("POST", "/projects/export"),
        ("POST", "/sync/batch"),
        ("POST", "/nowhere/at-all"),
        ("DELETE", "/attendance/deeds"),
    ],
)
async def test_an_address_outside_batches_is_refused_at_its_item(
    phone: httpx.AsyncClient, clock: Clock, method: str, path: str
) -> None:
    answer = await send_batch(phone, clock, build_item(clock, method, path, {}), build_deed(clock))

    assert list_verdicts(answer) == ["refused", "applied"]
    assert answer["results"][0]["problem"]["errors"][0]["pointer"] == "/path"


@pytest.mark.parametrize("path", ["/attendance/deeds?dry_run=true", "/attendance/../funds/payments", "x"])
async def test_an_address_with_a_query_or_dots_is_refused(
    phone: httpx.AsyncClient, clock: Clock, path: str
) -> None:
    answer = await send_batch(phone, clock, build_item(clock, "POST", path, {}))

    assert list_verdicts(answer) == ["refused"]


@pytest.mark.parametrize("items", [{}, "x", [], None, 501])
async def test_a_batch_that_is_no_list_of_at_most_500_is_refused(
    phone: httpx.AsyncClient, clock: Clock, items: Any
) -> None:
    sent = [build_deed(clock)] * 501 if items == 501 else items
    body = {"sent_at": clock.now().isoformat(), "items": sent}
    answer = await phone.post("/sync/batch", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/items"


async def test_an_old_version_is_a_conflict_with_what_stands_field_by_field(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    deed = (await send_batch(phone, clock, build_deed(clock, "初")))["results"][0]["body"]
    address = f"/attendance/deeds/{deed['id']}"
    etag = (await cadre.get(address)).headers["etag"]
    changed = await cadre.patch(address, json={"content": "单位改的"}, headers={"If-Match": etag})
    assert changed.status_code == 200, changed.text
    item = build_item(clock, "PATCH", address, {"content": "手机改的"}, if_match=etag)
    result = (await send_batch(phone, clock, item))["results"][0]

    assert (result["verdict"], result["status"]) == ("conflict", 412)
    assert result["current"]["content"] == "单位改的"
    assert result["differences"] == [{"pointer": "/content", "sent": "手机改的", "stands": "单位改的"}]


async def test_the_same_id_with_another_content_is_refused(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    item = build_deed(clock, "一")
    await send_batch(phone, clock, item)
    item["body"] = {**item["body"], "content": "另一件不同的事"}
    answer = await send_batch(phone, clock, item)

    assert list_verdicts(answer) == ["refused"]
    assert answer["results"][0]["problem"]["errors"][0]["code"] == "id_taken"
    assert await list_deeds(cadre) == ["一"]


async def test_an_item_without_the_grant_is_held_named_and_played_when_the_grant_is_back(
    doors: SystemUnderTest,
    sync: ServiceUnderTest,
    phone: httpx.AsyncClient,
    cadre: httpx.AsyncClient,
    clock: Clock,
) -> None:
    await create_account(doors, "li")
    clock.advance(timedelta(hours=1))
    await change_grants(doors, "li", ("village_clerk", VILLAGE))
    lost = sync.client_as("village_clerk", person="li")
    item = build_deed(clock, "留着")
    answer = await send_batch(lost, clock, item)

    assert list_verdicts(answer) == ["held"]
    assert (answer["results"][0]["reason"], answer["results"][0]["status"]) == ("grant", 403)
    (row,) = (await get_json(lost, "/sync/items", verdict="held"))["items"]
    assert (row["id"], row["reason"]) == (item["id"], "grant")
    assert await list_deeds(cadre) == []
    assert list_verdicts(await send_batch(phone, clock, item)) == ["applied"]
    assert await list_deeds(cadre) == ["留着"]


async def test_a_held_item_is_given_up_after_five_days_and_its_sender_is_told(
    doors: SystemUnderTest, sync: ServiceUnderTest, clock: Clock
) -> None:
    await create_account(doors, "li")
    clock.advance(timedelta(hours=1))
    await change_grants(doors, "li", ("village_clerk", VILLAGE))
    lost = sync.client_as("village_clerk", person="li")
    item = build_deed(clock, "五天")
    answer = await send_batch(lost, clock, item)
    clock.advance(timedelta(days=5, seconds=1))
    await replay_due_items(sync.context)

    result = (await get_json(lost, f"/sync/batches/{answer['batch_id']}"))["results"][0]
    assert (result["verdict"], result["reason"]) == ("refused", "expired")
    assert "5 天" in result["problem"]["detail"]
    key = "sync.items.given_up"
    (row,) = (await get_json(lost, f"/sync/worklist/{key}"))["items"]
    assert row["id"] == item["id"]
    await post_json(lost, f"/sync/items/{item['id']}/acknowledge", {}, 200)
    assert (await get_json(lost, f"/sync/worklist/{key}"))["items"] == []


async def test_results_of_another_person_are_not_found(
    sync: ServiceUnderTest, phone: httpx.AsyncClient, clock: Clock
) -> None:
    item = build_deed(clock)
    batch = (await send_batch(phone, clock, item))["batch_id"]
    other = sync.client_as("cadre", person="wang")

    await get_json(other, f"/sync/batches/{batch}", 404)
    await get_json(other, f"/sync/items/{item['id']}", 404)
    assert (await get_json(other, "/sync/items"))["items"] == []


async def test_an_item_of_an_absent_person_waits_and_is_never_booked_to_the_sender(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    forged = build_deed(clock, recorded_by="wang", signature="e30.e30.AAAA")
    answer = await send_batch(phone, clock, build_deed(clock, recorded_by="wang"), forged)

    assert list_verdicts(answer) == ["held", "held"]
    assert {one["reason"] for one in answer["results"]} <= {"signature", "account"}
    assert await list_deeds(cadre) == []


async def test_more_items_than_the_budget_are_told_to_come_later(
    sync: ServiceUnderTest, phone: httpx.AsyncClient, clock: Clock
) -> None:
    from services.sync.batches.service import BUDGET_KEY
    from shared.http.rate_limits import RateLimiter

    sync.context.memory[BUDGET_KEY] = RateLimiter({"sync_items": "3/10 minutes"}, clock.now)
    items = [build_deed(clock, f"{n}") for n in range(3)]
    await send_batch(phone, clock, *items)
    assert list_verdicts(await send_batch(phone, clock, *items)) == ["duplicate"] * 3
    refusal = await phone.post(
        "/sync/batch", json={"sent_at": clock.now().isoformat(), "items": [build_deed(clock)]}
    )
    assert refusal.status_code == 429
    assert int(refusal.headers["retry-after"]) <= 601
    clock.advance(timedelta(minutes=11))
    assert list_verdicts(await send_batch(phone, clock, build_deed(clock))) == ["applied"]


async def test_a_service_that_is_away_is_waited_for(
    sync: ServiceUnderTest, phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await send_batch(phone, clock, build_deed(clock, "先"))
    clients = sync.context.clients
    monkeypatch.setattr(clients, "is_not_deployed", lambda service: service == "attendance")
    item = build_deed(clock, "后")
    answer = await send_batch(phone, clock, item, build_check_in_item(clock))
    assert list_verdicts(answer) == ["held", "held"]
    assert {one["reason"] for one in answer["results"]} == {"unavailable"}
    monkeypatch.undo()
    assert list_verdicts(await send_batch(phone, clock, item)) == ["applied"]
    assert await list_deeds(cadre) == ["先", "后"]


async def test_an_outsider_cannot_pass_for_the_batch_player(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    """The header that says when an item was recorded means nothing from a person's own request."""
    body = {**build_deed(clock)["body"], "content": "今天"}
    early = {"X-Recorded-At": (clock.now() - timedelta(days=30)).isoformat()}
    deed = await post_json(cadre, "/attendance/deeds", body, headers=early)
    events = (await get_json(attendance.client_as("bureau"), "/attendance/events", subject=deed["id"]))[
        "items"
    ]
    assert events[0]["recorded_at"][:10] == clock.now().date().isoformat()
    assert deed["region"] == VILLAGE
