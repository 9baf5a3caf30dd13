"""Fund documents: taken in once, adjusted by document, never below what is distributed."""

from uuid import uuid4

import httpx
import pytest

from tests.doors import TOWN
from tests.funds.desk import DOCUMENT, Desk, ok, refused
from tests.funds.library import Library


async def test_a_registered_document_is_received_and_available(desk: Desk) -> None:
    source = await desk.source(1259_0000_00)
    found = ok(await desk.leader.get(f"/funds/sources/{source['id']}"))
    assert found["figures"]["received"] == found["figures"]["available"] == "12590000.00"
    assert found["figures"]["allocated"] == "0.00"
    await desk.balanced()


async def test_the_same_document_twice_is_a_conflict_that_names_the_first(desk: Desk) -> None:
    first = await desk.source(100, document_no=DOCUMENT)
    again = {**_body(), "document_no": DOCUMENT, "level": "central"}
    problem = refused(await desk.finance.post("/funds/sources", json=again), 409)
    assert first["id"] in problem["detail"]


async def test_the_same_id_with_the_same_content_is_the_first_success(desk: Desk) -> None:
    body = {**_body(), "id": str(uuid4())}
    first = ok(await desk.finance.post("/funds/sources", json=body), 201)
    second = ok(await desk.finance.post("/funds/sources", json=body), 201)
    assert first == second
    refused(await desk.finance.post("/funds/sources", json={**body, "amount": "2.00"}), 409)
    assert (await desk.figures())["received"] == 1_00


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("amount", "0", 422),
        ("amount", "1.001", 422),
        ("amount", 100, 422),
        ("amount", "-5", 422),
        ("amount", "99999999999999", 422),
        ("received_on", "2024-06-01", 422),
        ("received_on", "2024-05-01", 422),
        ("fund", "poverty", 422),
        ("fund", "regular", 422),
        ("function_subject", "2130999", 422),
        ("fiscal_year", 1999, 422),
        ("region", "620602", 422),
        ("region", "110101000000", 404),
        ("file_ids", [str(uuid4())], 422),
    ],
)
async def test_a_wrong_field_is_pointed_at(desk: Desk, field: str, value: object, status: int) -> None:
    answer = await desk.finance.post("/funds/sources", json={**_body(), field: value})
    problem = refused(answer, status)
    if status == 422:
        assert any(field.split("_", maxsplit=1)[0] in fault["pointer"] for fault in problem["errors"]), (
            problem
        )
    assert (await desk.figures())["received"] == 0


async def test_only_finance_registers(desk: Desk) -> None:
    for who in (desk.bureau, desk.town, desk.leader, desk.auditor):
        refused(await who.post("/funds/sources", json=_body()), 403)


async def test_another_districts_document_is_not_there(desk: Desk) -> None:
    source = await desk.source(100)
    elsewhere = desk.door.as_("finance", "632323000000")
    refused(await elsewhere.get(f"/funds/sources/{source['id']}"), 404)
    assert ok(await elsewhere.get("/funds/sources"))["items"] == []


async def test_additions_reductions_and_take_backs_are_entries_of_their_own(desk: Desk) -> None:
    source = await desk.source(1000_00)
    for kind, amount in (("addition", "500.00"), ("reduction", "300.00"), ("take_back", "200.00")):
        ok(await _adjust(desk, source["id"], kind, amount), 201)
    found = ok(await desk.leader.get(f"/funds/sources/{source['id']}"))
    assert found["figures"]["received"] == found["figures"]["available"] == "1000.00"
    assert found["amount"] == "1000.00"
    assert [row["kind"] for row in found["adjustments"]] == ["addition", "reduction", "take_back"]
    entries = ok(await desk.auditor.get("/funds/ledger/entries", params={"source_id": source["id"]}))
    assert sorted(row["kind"] for row in entries["items"]) == [
        "addition",
        "receipt",
        "reduction",
        "take_back",
    ]
    await desk.balanced()


async def test_what_is_distributed_cannot_be_reduced_away(desk: Desk, library: Library) -> None:
    given = await desk.allocation(900_00)
    more = await _adjust(desk, given["source_id"], "reduction", "0.01")
    problem = refused(more, 409, "available_left")
    assert "差 0.01 元" in problem["detail"]
    await desk.balanced()


async def test_an_adjustment_sent_twice_counts_once(desk: Desk) -> None:
    source = await desk.source(1000_00)
    twice = str(uuid4())
    for _ in range(2):
        ok(await _adjust(desk, source["id"], "addition", "1.00", id=twice), 201)
    refused(await _adjust(desk, source["id"], "addition", "2.00", id=twice), 409)
    assert (await desk.figures())["received"] == 1001_00


async def test_an_adjustment_before_the_document_is_refused(desk: Desk) -> None:
    source = await desk.source(1000_00)
    refused(await _adjust(desk, source["id"], "addition", "1.00", happened_on="2024-05-07"), 422)
    refused(await _adjust(desk, source["id"], "addition", "1.00", happened_on="2024-05-21"), 422)


async def test_a_town_sees_no_document_of_the_district(desk: Desk) -> None:
    source = await desk.source(100)
    refused(await desk.town.get(f"/funds/sources/{source['id']}"), 404)
    assert source["region"] != TOWN


def _body() -> dict[str, object]:
    return {
        "region": "620602000000",
        "document_no": "甘财农〔2024〕8号",
        "title": "提前下达衔接资金",
        "fiscal_year": 2024,
        "level": "provincial",
        "fund": "bridging",
        "amount": "1.00",
        "document_date": "2024-05-06",
        "received_on": "2024-05-08",
    }


async def _adjust(desk: Desk, source_id: str, kind: str, amount: str, **given: object) -> httpx.Response:
    body = {
        "kind": kind,
        "amount": amount,
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-05-15",
        **given,
    }
    return await desk.finance.post(f"/funds/sources/{source_id}/adjustments", json=body)
