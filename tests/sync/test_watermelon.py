"""WatermelonDB's protocol as its documentation states it; the library itself plays in web/e2e/watermelon.test.mjs."""

import json
from typing import Any

import httpx
import pytest

from shared.db import new_id
from tests.attendance.factories_attendance import get_json, post_json
from tests.attendance.test_visits import VISIT_BODY
from tests.clients import ServiceUnderTest
from tests.conftest import Clock
from tests.sync.factories_sync import DEED, JSON_BODY
from tests.sync.test_changes import begin_new_epoch

pytestmark = pytest.mark.usefixtures("post")
PULL = "/sync/watermelon"
TABLES = "deed,visit,follow_up"


def build_raw(clock: Clock, **columns: Any) -> dict[str, Any]:
    """A deed as WatermelonDB pushes it after its creation."""
    made_at = round(clock.now().timestamp() * 1000)
    own = {"id": str(new_id()), "_status": "created", "_changed": "", "created_at": made_at}
    day = clock.now().date().isoformat()
    return {**own, **DEED, "content": "帮助销售洋葱两车", "happened_on": day, "photos": "[]", **columns}


async def pull(phone: httpx.AsyncClient, since: object = "null", status: int = 200, **query: str) -> Any:
    answer = await phone.get(PULL, params={"last_pulled_at": str(since), "tables": TABLES, **query})
    assert answer.status_code == status, answer.text
    return answer.json()


async def push(phone: httpx.AsyncClient, since: int, status: int = 200, **changes: Any) -> Any:
    body = json.dumps({"last_pulled_at": since, "changes": changes})
    answer = await phone.post(PULL, content=body, headers=JSON_BODY)
    assert answer.status_code == status, answer.text
    return answer.json()


def change(row: dict[str, Any], **columns: Any) -> dict[str, Any]:
    """A pulled record after somebody changed it on the phone."""
    return {**row, **columns, "_status": "updated", "_changed": ",".join(columns)}


async def test_the_first_pull_replaces_tables_and_the_next_one_of_nothing_keeps_its_number(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient
) -> None:
    deed = await post_json(cadre, "/attendance/deeds", {**DEED, "happened_on": "2024-05-18", "photos": []})
    first = await pull(phone)

    assert set(first["changes"]) == set(TABLES.split(","))
    assert set(first["experimentalStrategy"]["override"]) == set(TABLES.split(","))
    assert first["changes"]["deed"]["created"] == []
    (row,) = first["changes"]["deed"]["updated"]
    assert (row["id"], row["version"], row["photos"], row["done"]) == (deed["id"], 1, "[]", deed["done"])
    assert isinstance(row["created_at"], int)
    assert not {"_status", "_changed"} & set(row)
    again = await pull(phone, first["timestamp"])
    assert again["timestamp"] == first["timestamp"]
    assert again["experimentalStrategy"] == {"default": "incremental", "override": {}}
    assert again["changes"] == {
        name: {"created": [], "updated": [], "deleted": []} for name in TABLES.split(",")
    }


async def test_a_created_record_is_stored_once_with_the_id_of_the_phone(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    since = (await pull(phone))["timestamp"]
    raw = build_raw(clock)
    for verdict in ("applied", "duplicate"):
        pushed = await push(phone, since, deed={"created": [raw], "updated": [], "deleted": []})
        assert pushed["experimentalRejectedIds"] == {}
        assert [one["result"]["verdict"] for one in pushed["results"]] == [verdict]
    assert (await get_json(cadre, f"/attendance/deeds/{raw['id']}"))["content"] == raw["content"]
    assert len((await get_json(cadre, "/attendance/deeds"))["items"]) == 1

    back = await pull(phone, since)
    assert [one["id"] for one in back["changes"]["deed"]["updated"]] == [raw["id"]]
    assert back["timestamp"] > since
    # The phone was killed before it knew: the row is still `created` there, with the version that the pull brought.
    known = {**back["changes"]["deed"]["updated"][0], "_status": "created", "_changed": ""}
    pushed = await push(phone, back["timestamp"], deed={"created": [known]})
    assert pushed == {"experimentalRejectedIds": {}, "results": []}
    changed = {**known, "content": "改后再推送的内容", "_changed": "content"}
    pushed = await push(phone, back["timestamp"], deed={"created": [changed]})
    assert [one["result"]["verdict"] for one in pushed["results"]] == ["applied"]
    assert (await get_json(cadre, f"/attendance/deeds/{raw['id']}"))["content"] == "改后再推送的内容"


async def test_only_changed_columns_are_written_and_not_over_another_change(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    since = (await pull(phone))["timestamp"]
    await push(phone, since, deed={"created": [build_raw(clock)]})
    page = await pull(phone, since)
    (row,) = page["changes"]["deed"]["updated"]
    address = f"/attendance/deeds/{row['id']}"
    etag = (await cadre.get(address)).headers["etag"]
    await cadre.patch(address, json={"content": "别人先改的内容"}, headers={"If-Match": etag})

    stale = change(row, beneficiaries=13)
    pushed = await push(phone, page["timestamp"], deed={"updated": [stale]})
    assert pushed["experimentalRejectedIds"] == {"deed": [row["id"]]}
    assert pushed["results"][0]["result"]["verdict"] == "conflict"
    assert pushed["results"][0]["result"]["current"]["content"] == "别人先改的内容"

    page = await pull(phone, page["timestamp"])
    merged = change(page["changes"]["deed"]["updated"][0], beneficiaries=13)
    pushed = await push(phone, page["timestamp"], deed={"updated": [merged]})
    assert pushed["experimentalRejectedIds"] == {}
    now = await get_json(cadre, address)
    assert (now["content"], now["beneficiaries"]) == ("别人先改的内容", 13)


async def test_a_deleted_row_comes_back(phone: httpx.AsyncClient, clock: Clock) -> None:
    since = (await pull(phone))["timestamp"]
    raw = build_raw(clock)
    await push(phone, since, deed={"created": [raw]})
    since = (await pull(phone, since))["timestamp"]
    pushed = await push(phone, since, deed={"deleted": [raw["id"]]})
    assert pushed["experimentalRejectedIds"] == {}
    assert pushed["results"][0]["result"]["problem"]["errors"][0]["pointer"] == "/changes/deed/deleted/0"

    back = await pull(phone, since)
    assert back["experimentalStrategy"]["override"] == {"deed": "replacement"}
    assert [one["id"] for one in back["changes"]["deed"]["updated"]] == [raw["id"]]
    assert (await pull(phone, back["timestamp"]))["changes"]["deed"]["updated"] == []


async def test_what_cannot_be_done_is_rejected_alone_and_points_at_its_column(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    await post_json(cadre, "/attendance/visits", VISIT_BODY)
    page = await pull(phone)
    (follow_up,) = page["changes"]["follow_up"]["updated"]
    good, own_id, bad = (
        build_raw(clock),
        build_raw(clock, id="a1B2c3D4e5F6g7H8"),
        build_raw(clock, amount="很多"),
    )
    late = {**build_raw(clock), "_status": "updated", "_changed": "content"}
    pushed = await push(
        phone,
        page["timestamp"],
        deed={"created": [own_id, good, bad], "updated": [late]},
        follow_up={"updated": [change(follow_up, result="办了")]},
        local_notes={"created": [{"id": "1"}]},
    )
    found = {one["id"]: one["result"] for one in pushed["results"]}
    assert found[good["id"]]["verdict"] == "applied"
    assert pushed["experimentalRejectedIds"] == {
        "deed": [own_id["id"], bad["id"], late["id"]],
        "local_notes": ["1"],
        "follow_up": [follow_up["id"]],
    }
    pointers = {id_: one["problem"]["errors"][0]["pointer"] for id_, one in found.items() if one["problem"]}
    assert pointers == {
        own_id["id"]: "/changes/deed/created/0/id",
        bad["id"]: "/amount",
        late["id"]: "/changes/deed/updated/0/version",
        follow_up["id"]: "/changes/follow_up/updated/0/result",
        "1": "/changes/local_notes",
    }


async def test_a_record_waits_for_the_one_it_names(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock
) -> None:
    since = (await pull(phone))["timestamp"]
    visit: dict[str, Any] = {"id": str(new_id()), "_status": "created", "_changed": "", **VISIT_BODY}
    visit |= {"follow_ups": json.dumps(VISIT_BODY["follow_ups"]), "fix": None}
    deed = build_raw(clock, visit_id=visit["id"])
    pushed = await push(phone, since, deed={"created": [deed]}, visit={"created": [visit]})
    assert {one["table"]: one["result"]["verdict"] for one in pushed["results"]} == {
        "deed": "applied",
        "visit": "applied",
    }
    assert (await get_json(cadre, f"/attendance/deeds/{deed['id']}"))["visit_id"] == visit["id"]
    broken = {**visit, "id": str(new_id()), "kind": "household", "household": ""}
    other = build_raw(clock, visit_id=broken["id"])
    pushed = await push(phone, since, deed={"created": [other]}, visit={"created": [broken]})
    assert {one["table"]: one["result"]["verdict"] for one in pushed["results"]} == {
        "deed": "held",
        "visit": "refused",
    }


async def test_a_database_of_another_account_is_refused_and_an_unknown_number_begins_again(
    phone: httpx.AsyncClient, sync: ServiceUnderTest, clock: Clock
) -> None:
    since = (await pull(phone))["timestamp"]
    other = sync.client_as("cadre", person="wang")
    await pull(other, since, status=403)
    await push(other, since, status=409, deed={"created": [build_raw(clock)]})
    again = await pull(phone, 7)
    assert set(again["experimentalStrategy"]["override"]) == set(TABLES.split(","))


async def test_a_restored_database_and_a_new_schema_send_whole_tables(
    phone: httpx.AsyncClient, attendance: ServiceUnderTest, clock: Clock
) -> None:
    since = (await pull(phone))["timestamp"]
    await push(phone, since, deed={"created": [build_raw(clock)]})
    since = (await pull(phone, since))["timestamp"]
    migration = json.dumps({"from": 1, "tables": [], "columns": [{"table": "deed", "columns": ["amount"]}]})
    page = await pull(phone, since, migration=migration)
    assert page["experimentalStrategy"]["override"] == {"deed": "replacement"}
    assert len(page["changes"]["deed"]["updated"]) == 1
    await begin_new_epoch(attendance.context)
    page = await pull(phone, since)
    assert "deed" in page["experimentalStrategy"]["override"]
    assert len(page["changes"]["deed"]["updated"]) == 1


async def test_bad_queries_are_refused(phone: httpx.AsyncClient) -> None:
    for query in ({"tables": "deed,nothing"}, {"migration": "[1]"}, {"last_pulled_at": "-1"}):
        answer = await phone.get(PULL, params=query)
        assert answer.status_code == 422, query


async def test_the_schema_can_be_given_to_the_library(phone: httpx.AsyncClient) -> None:
    tables = {one["name"]: one for one in (await get_json(phone, f"{PULL}/schema"))["tables"]}
    columns = {one["name"]: one for one in tables["deed"]["columns"]}
    assert columns["created_at"] == {"name": "created_at", "type": "number", "isOptional": False}
    assert columns["done"]["type"] == "boolean"
    assert columns["photos"]["type"] == "string"
    assert "id" not in columns
    assert tables["deed"]["creates"]
    assert "content" in tables["deed"]["changes"]
    assert not tables["day"]["creates"]


@pytest.mark.parametrize("mark", ["\u200b", "\u0000", "\ud800"])
async def test_a_record_with_a_character_that_nobody_sees_is_refused_alone(
    phone: httpx.AsyncClient, cadre: httpx.AsyncClient, clock: Clock, mark: str
) -> None:
    since = (await pull(phone))["timestamp"]
    good, bad = build_raw(clock), build_raw(clock, content=f"看不见{mark}的字")
    pushed = await push(phone, since, deed={"created": [bad, good]})

    assert pushed["experimentalRejectedIds"] == {"deed": [bad["id"]]}
    assert [one["result"]["verdict"] for one in pushed["results"]] == ["refused", "applied"]
    error = pushed["results"][0]["result"]["problem"]["errors"][0]
    assert (error["pointer"], error["code"]) == ("/changes/deed/created/0/content", "invisible_character")
    assert [one["id"] for one in (await get_json(cadre, "/attendance/deeds"))["items"]] == [good["id"]]
    await push(phone, since, 422, deed={"deleted": [f"a{mark}"]})
    await push(phone, since, 422, **{f"deed{mark}": {"created": [good]}})
