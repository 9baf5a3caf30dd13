"""Fund documents: registered once, adjusted by document, never below what is distributed."""

from uuid import uuid4

import httpx
import pytest

from tests.clients import TOWN
from tests.funds.factories_funds import DOCUMENT_NO, FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary


async def test_a_registered_document_is_received_and_available(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1259_0000_00)
    detail = expect_ok(await scenario.leader.get(f"/funds/sources/{source['id']}"))
    assert detail["figures"]["received"] == detail["figures"]["available"] == "12590000.00"
    assert detail["figures"]["allocated"] == "0.00"
    await scenario.check_balanced()


async def test_the_same_document_twice_is_a_conflict_that_names_the_first(scenario: FundsScenario) -> None:
    first = await scenario.create_source(100, document_no=DOCUMENT_NO)
    body = {**_build_source(), "document_no": DOCUMENT_NO, "level": "central"}
    problem = expect_refusal(await scenario.finance.post("/funds/sources", json=body), 409)
    assert first["id"] in problem["detail"]


async def test_the_same_id_with_the_same_content_is_the_first_success(scenario: FundsScenario) -> None:
    body = {**_build_source(), "id": str(uuid4())}
    first = expect_ok(await scenario.finance.post("/funds/sources", json=body), 201)
    second = expect_ok(await scenario.finance.post("/funds/sources", json=body), 201)
    assert first == second
    expect_refusal(await scenario.finance.post("/funds/sources", json={**body, "amount": "2.00"}), 409)
    assert (await scenario.get_totals())["received"] == 1_00


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
async def test_a_wrong_field_is_pointed_at(
    scenario: FundsScenario, field: str, value: object, status: int
) -> None:
    answer = await scenario.finance.post("/funds/sources", json={**_build_source(), field: value})
    problem = expect_refusal(answer, status)
    if status == 422:
        assert any(field.split("_", maxsplit=1)[0] in fault["pointer"] for fault in problem["errors"]), (
            problem
        )
    assert (await scenario.get_totals())["received"] == 0


async def test_only_finance_registers(scenario: FundsScenario) -> None:
    for who in (scenario.bureau, scenario.town, scenario.leader, scenario.auditor):
        expect_refusal(await who.post("/funds/sources", json=_build_source()), 403)


async def test_another_districts_document_is_not_there(scenario: FundsScenario) -> None:
    source = await scenario.create_source(100)
    elsewhere = scenario.door.client_as("finance", "632323000000")
    expect_refusal(await elsewhere.get(f"/funds/sources/{source['id']}"), 404)
    assert expect_ok(await elsewhere.get("/funds/sources"))["items"] == []


async def test_additions_reductions_and_take_backs_are_entries_of_their_own(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1000_00)
    for kind, amount in (("addition", "500.00"), ("reduction", "300.00"), ("take_back", "200.00")):
        expect_ok(await _post_adjustment(scenario, source["id"], kind, amount), 201)
    detail = expect_ok(await scenario.leader.get(f"/funds/sources/{source['id']}"))
    assert detail["figures"]["received"] == detail["figures"]["available"] == "1000.00"
    assert detail["amount"] == "1000.00"
    assert [row["kind"] for row in detail["adjustments"]] == ["addition", "reduction", "take_back"]
    entries = expect_ok(
        await scenario.auditor.get("/funds/ledger/entries", params={"source_id": source["id"]})
    )
    assert sorted(row["kind"] for row in entries["items"]) == [
        "addition",
        "receipt",
        "reduction",
        "take_back",
    ]
    await scenario.check_balanced()


async def test_what_is_distributed_cannot_be_reduced_away(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(900_00)
    answer = await _post_adjustment(scenario, allocation["source_id"], "reduction", "0.01")
    problem = expect_refusal(answer, 409, "available_left")
    assert "差 0.01 元" in problem["detail"]
    await scenario.check_balanced()


async def test_an_adjustment_sent_twice_counts_once(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1000_00)
    twice = str(uuid4())
    for _ in range(2):
        expect_ok(await _post_adjustment(scenario, source["id"], "addition", "1.00", id=twice), 201)
    expect_refusal(await _post_adjustment(scenario, source["id"], "addition", "2.00", id=twice), 409)
    assert (await scenario.get_totals())["received"] == 1001_00


async def test_an_adjustment_before_the_document_is_refused(scenario: FundsScenario) -> None:
    source = await scenario.create_source(1000_00)
    expect_refusal(
        await _post_adjustment(scenario, source["id"], "addition", "1.00", happened_on="2024-05-07"), 422
    )
    expect_refusal(
        await _post_adjustment(scenario, source["id"], "addition", "1.00", happened_on="2024-05-21"), 422
    )


async def test_a_town_sees_no_document_of_the_district(scenario: FundsScenario) -> None:
    source = await scenario.create_source(100)
    expect_refusal(await scenario.town.get(f"/funds/sources/{source['id']}"), 404)
    assert source["region"] != TOWN


def _build_source() -> dict[str, object]:
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


async def _post_adjustment(
    scenario: FundsScenario, source_id: str, kind: str, amount: str, **overrides: object
) -> httpx.Response:
    body = {
        "kind": kind,
        "amount": amount,
        "document_no": "甘财农〔2024〕18号",
        "happened_on": "2024-05-15",
        **overrides,
    }
    return await scenario.finance.post(f"/funds/sources/{source_id}/adjustments", json=body)
