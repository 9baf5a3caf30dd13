"""What every request goes through: idempotency, versions, pages, moves, refusals, limits."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from embedded.run_secrets import load_or_create_secrets
from shared.db import Database, answer, event_log, execute_core
from tests.clients import DISTRICT, VILLAGE, SystemUnderTest, TestKey
from tests.conftest import Clock, DatabaseTemplates, build_settings
from tests.shared import example_service

Client = httpx.AsyncClient


@pytest.fixture
async def tickets(
    tmp_path: Any, templates: DatabaseTemplates, clock: Clock, test_key: TestKey
) -> AsyncGenerator[SystemUnderTest]:
    url = templates.create_empty()
    app = example_service.create_app(
        build_settings("toy", tmp_path, url, load_or_create_secrets(tmp_path)), now=clock.now
    )
    database: Database = app.state.context.database
    async with database.write() as session:
        connection = await session.connection()
        await connection.run_sync(example_service.ExampleBase.metadata.create_all)

    async def only() -> dict[str, Any]:
        return {"keys": [test_key.key.as_dict(private=False)]}

    app.state.context.verifier.fetch_jwks = only
    doors = SystemUnderTest({"toy": app}, clock.now, test_key)
    yield doors
    await doors.close()
    await database.close()
    templates.release_copy(url)


@pytest.fixture
def clerk(tickets: SystemUnderTest) -> Client:
    return tickets.service("toy").client_as("village_clerk", VILLAGE)


@pytest.fixture
def town(tickets: SystemUnderTest) -> Client:
    return tickets.service("toy").client_as("bureau", DISTRICT)


def build_ticket(**changes: Any) -> dict[str, Any]:
    return {"name": "修路灯", "amount": "12.50", "region": VILLAGE, **changes}


async def create_ticket(client: Client, **changes: Any) -> Any:
    answered = await client.post("/toy", json=build_ticket(**changes))
    assert answered.status_code == 201, answered.text
    return answered.json()


async def list_rows(tickets: SystemUnderTest, table: Any) -> list[Any]:
    async with tickets.service("toy").context.database.read() as session:
        return list(await execute_core(session, table.select()))


async def test_a_repeated_post_has_one_effect_and_the_first_answer(
    tickets: SystemUnderTest, clerk: Client
) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await clerk.post("/toy", json=build_ticket(), headers=headers)
    again = await clerk.post("/toy", json=build_ticket(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len((await clerk.get("/toy")).json()["items"]) == 1


async def test_a_key_used_for_other_content_is_refused(clerk: Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    await clerk.post("/toy", json=build_ticket(), headers=headers)
    other = await clerk.post("/toy", json=build_ticket(name="别的"), headers=headers)
    assert other.status_code == 422
    assert other.json()["type"] == "/problems/invalid"


async def test_a_key_counts_per_person(clerk: Client, town: Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    mine = await clerk.post("/toy", json=build_ticket(), headers=headers)
    theirs = await town.post("/toy", json=build_ticket(), headers=headers)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_twins_at_once_leave_one_effect(tickets: SystemUnderTest, clerk: Client) -> None:
    headers = {"Idempotency-Key": "twin"}
    answers = await asyncio.gather(
        *(clerk.post("/toy", json=build_ticket(), headers=headers) for _ in range(8))
    )
    codes = sorted(one.status_code for one in answers)
    assert set(codes) <= {201, 409}
    assert all(one.headers["Retry-After"] for one in answers if one.status_code == 409)
    assert len((await clerk.get("/toy")).json()["items"]) == 1
    assert len(await list_rows(tickets, answer)) == 1


async def test_a_refused_or_failed_request_is_not_remembered(tickets: SystemUnderTest, clerk: Client) -> None:
    ticket = await create_ticket(clerk)
    headers = {"Idempotency-Key": "k1"}
    failed = await clerk.post(f"/toy/{ticket['id']}/close/late", headers=headers)
    assert failed.status_code == 500
    assert failed.json()["type"] == "/problems/internal"
    assert (await clerk.get(f"/toy/{ticket['id']}")).json()["name"] == ticket["name"]
    assert await list_rows(tickets, answer) == []


async def test_a_phone_makes_the_id_and_may_send_it_twice(clerk: Client) -> None:
    made = str(uuid4())
    first = await clerk.post("/toy", json=build_ticket(id=made))
    again = await clerk.post("/toy", json=build_ticket(id=made))
    other = await clerk.post("/toy", json=build_ticket(id=made, name="另一个"))
    assert first.json() == again.json()
    assert other.status_code == 409


async def test_an_unchanged_record_is_answered_with_304(clerk: Client) -> None:
    ticket = await create_ticket(clerk)
    first = await clerk.get(f"/toy/{ticket['id']}")
    again = await clerk.get(f"/toy/{ticket['id']}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_an_edit_names_the_version_it_starts_from(clerk: Client) -> None:
    ticket = await create_ticket(clerk)
    address = f"/toy/{ticket['id']}"
    tag = (await clerk.get(address)).headers["ETag"]
    assert (await clerk.patch(address, json={"name": "新名"})).status_code == 428
    changed = await clerk.patch(address, json={"name": "新名"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = await clerk.patch(address, json={"name": "旧名"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    after = await clerk.patch(address, json={"name": "再改"}, headers={"If-Match": changed.headers["ETag"]})
    assert after.status_code == 200


async def test_pages_show_every_row_once_in_order(clerk: Client) -> None:
    for number in range(23):
        await create_ticket(clerk, name=f"工单{number % 3}", amount=f"{number}.00")
    for sort in ("-created_at", "name", "-name", "amount"):
        seen, cursor = [], ""
        while True:
            answered = (await clerk.get("/toy", params={"limit": 5, "sort": sort, "cursor": cursor})).json()
            seen += answered["items"]
            cursor = answered["next_cursor"]
            if not cursor:
                break
        assert len({one["id"] for one in seen}) == len(seen) == 23
        if sort.endswith("name"):
            assert [one["name"] for one in seen] == sorted(
                (one["name"] for one in seen), reverse=sort[0] == "-"
            )


async def test_a_page_counts_only_when_asked(clerk: Client) -> None:
    await create_ticket(clerk)
    assert (await clerk.get("/toy")).json()["total"] is None
    assert (await clerk.get("/toy", params={"count": "exact"})).json()["total"] == 1


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "WzEsMiwzXQ", "中"])
async def test_a_strange_cursor_is_refused(clerk: Client, cursor: str) -> None:
    assert (await clerk.get("/toy", params={"cursor": cursor})).status_code == 400


async def test_an_unknown_sort_names_the_known_ones(clerk: Client) -> None:
    answered = await clerk.get("/toy", params={"sort": "secret"})
    assert answered.status_code == 400
    assert "created_at" in answered.json()["detail"]


async def test_only_the_fields_asked_for_are_sent(clerk: Client) -> None:
    ticket = await create_ticket(clerk)
    one = (await clerk.get(f"/toy/{ticket['id']}", params={"fields": "name"})).json()
    assert one == {"id": ticket["id"], "name": ticket["name"], "version": 1}
    many = (await clerk.get("/toy", params={"fields": "name"})).json()
    assert many["items"] == [one]


async def test_refusals_speak_the_readers_language_and_point_at_the_field(clerk: Client) -> None:
    chinese = await clerk.post("/toy", json={"name": "x", "amount": 5, "region": VILLAGE})
    assert chinese.headers["content-type"] == "application/problem+json"
    found = {one["pointer"]: one["detail"] for one in chinese.json()["errors"]}
    assert found["/name"] == "至少 2 个字"
    assert "元" in found["/amount"]
    english = await clerk.post("/toy", json={"region": "1"}, headers={"Accept-Language": "en"})
    assert english.json()["title"] == "Invalid content"
    assert {one["pointer"] for one in english.json()["errors"]} == {"/name", "/region"}


async def test_broken_json_unknown_addresses_and_large_bodies_are_problems_too(clerk: Client) -> None:
    broken = await clerk.post("/toy", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (400, "/problems/bad-request")
    lost = await clerk.get("/nowhere")
    assert (lost.status_code, lost.json()["title"]) == (404, "没有找到")
    wrong = await clerk.delete("/toy")
    assert (wrong.status_code, wrong.json()["status"]) == (405, 405)
    large = await clerk.post("/toy", json=build_ticket(name="大" * 70_000))
    assert (large.status_code, large.json()["type"]) == (413, "/problems/too-large")


async def test_outside_is_absent_and_inside_without_the_permission_is_forbidden(
    tickets: SystemUnderTest, clerk: Client
) -> None:
    ticket = await create_ticket(clerk)
    elsewhere = tickets.service("toy").client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/toy/{ticket['id']}")).status_code == 404
    assert (await elsewhere.get("/toy")).json()["items"] == []
    reader = tickets.service("toy").client_as("auditor", DISTRICT)
    assert (await reader.get(f"/toy/{ticket['id']}")).status_code == 200
    assert (await reader.post("/toy", json=build_ticket())).status_code == 403
    assert (await tickets.service("toy").anonymous_client().get("/toy")).status_code == 401


async def test_a_move_changes_and_tells_or_does_neither(
    tickets: SystemUnderTest, clerk: Client, town: Client
) -> None:
    poor = await create_ticket(clerk, amount="0.00")
    refused = await town.post(f"/toy/{poor['id']}/close", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-ready")
    assert refused.json()["errors"][0]["pointer"] == "/amount"
    assert await list_rows(tickets, event_log) == []
    rich = await create_ticket(clerk)
    closed = await town.post(f"/toy/{rich['id']}/close", json={"reason": "好了"})
    assert (closed.json()["state"], closed.json()["version"]) == ("closed", 2)
    (event,) = await list_rows(tickets, event_log)
    assert (event.type, event.subject, event.subject_version) == ("ticket.closed", rich["id"], 2)
    assert (event.before["state"], event.reason) == ("open", "好了")
    twice = await town.post(f"/toy/{rich['id']}/close", json={})
    assert twice.status_code == 409
    assert "已结" in twice.json()["detail"]


async def test_nobody_moves_what_they_made(clerk: Client) -> None:
    ticket = await create_ticket(clerk)
    assert (await clerk.post(f"/toy/{ticket['id']}/close", json={})).status_code == 403


async def test_a_dry_run_says_what_is_missing_and_changes_nothing(
    tickets: SystemUnderTest, clerk: Client, town: Client
) -> None:
    ticket = await create_ticket(clerk, amount="0.00")
    asked = await clerk.post(f"/toy/{ticket['id']}/close", params={"dry_run": True}, json={})
    assert asked.status_code == 200
    assert [one["code"] for one in asked.json()["missing"]] == ["four_eyes", "unpaid"]
    assert (await town.get(f"/toy/{ticket['id']}")).json()["state"] == "open"
    offered = (await town.get(f"/toy/{ticket['id']}")).json()["available_actions"]
    assert [(one["action"], one["ready"]) for one in offered] == [("close", False)]


async def test_history_is_recorded_with_its_real_time(
    tickets: SystemUnderTest, clerk: Client, clock: Clock, town: Client
) -> None:
    ticket = await create_ticket(clerk)
    early = await town.post(f"/toy/{ticket['id']}/close", json={"happened_at": "2020-01-01T00:00:00+08:00"})
    assert early.status_code == 422
    future = await town.post(f"/toy/{ticket['id']}/close", json={"happened_at": "2030-01-01T00:00:00+08:00"})
    assert future.json()["errors"][0]["code"] == "in_the_future"


async def test_every_answer_has_a_request_id_and_counts(tickets: SystemUnderTest, clerk: Client) -> None:
    answered = await clerk.get("/toy", headers={"X-Request-ID": "phone-12345678"})
    assert answered.headers["X-Request-ID"] == "phone-12345678"
    forged = await clerk.get("/toy", headers={"X-Request-ID": "bad id\n".strip()})
    assert forged.headers["X-Request-ID"] != "bad id"
    await clerk.get(f"/toy/{uuid4()}")
    metrics = (await clerk.get("http://test/metrics")).text
    assert 'route="/api/v1/toy"' in metrics
    assert 'route="/api/v1/toy/{ticket_id}"' in metrics
