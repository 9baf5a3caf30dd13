"""No balance is negative on any day of the past, and figures between two days."""

import re
from typing import Any

from services.funds.ledger.schemas import LedgerFigures
from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal

DECISION = {"decision_no": "区乡村振兴领导小组〔2024〕5号", "decision_on": "2024-03-04"}


async def _adjust(scenario: FundsScenario, source_id: str, **body: Any) -> Any:
    return await scenario.finance.post(
        f"/funds/sources/{source_id}/adjustments", json={"document_no": "青财农〔2024〕9号", **body}
    )


async def _get_day(scenario: FundsScenario, source_id: str, day: str) -> dict[str, str]:
    params = {"source_id": source_id, "as_of": day}
    total: dict[str, str] = expect_ok(await scenario.auditor.get("/funds/ledger", params=params))["total"]
    return total


async def test_money_is_not_taken_back_before_it_came(scenario: FundsScenario) -> None:
    dates = {"document_date": "2024-03-01", "received_on": "2024-03-02"}
    source = await scenario.create_source(1000_00, **dates)
    for kind, amount, day in (("addition", "500.00", "2024-04-01"), ("reduction", "200.00", "2024-04-02")):
        expect_ok(await _adjust(scenario, source["id"], kind=kind, amount=amount, happened_on=day), 201)

    early = await _adjust(
        scenario, source["id"], kind="take_back", amount="1200.00", happened_on="2024-03-05"
    )

    problem = expect_refusal(early, 409)
    assert problem["errors"][0]["pointer"] == "/happened_on"
    assert "1000.00" in problem["detail"]
    assert "200.00" in problem["detail"]
    for day in ("2024-03-02", "2024-03-31", "2024-04-01", "2024-05-20"):
        assert float((await _get_day(scenario, source["id"], day))["available"]) >= 0
    later = await _adjust(
        scenario, source["id"], kind="take_back", amount="1200.00", happened_on="2024-04-02"
    )
    expect_ok(later, 201)
    assert (await _get_day(scenario, source["id"], "2024-04-02"))["available"] == "100.00"


async def test_a_take_back_between_two_uses_leaves_enough_for_the_later_one(scenario: FundsScenario) -> None:
    dates = {"document_date": "2024-03-01", "received_on": "2024-03-02"}
    source = await scenario.create_source(1000_00, **dates)
    expect_ok(
        await _adjust(scenario, source["id"], kind="reduction", amount="900.00", happened_on="2024-04-10"),
        201,
    )
    expect_ok(
        await _adjust(scenario, source["id"], kind="addition", amount="900.00", happened_on="2024-05-02"), 201
    )

    between = await _adjust(
        scenario, source["id"], kind="take_back", amount="100.01", happened_on="2024-03-20"
    )

    problem = expect_refusal(between, 409)
    assert "2024-04-10" in problem["detail"], "the lowest day is named, not the day of the entry"
    expect_ok(
        await _adjust(scenario, source["id"], kind="take_back", amount="100.00", happened_on="2024-03-20"),
        201,
    )


async def test_a_plan_is_not_decided_on_a_day_before_its_money_came(scenario: FundsScenario) -> None:
    source = await scenario.create_source(100000_00, document_date="2024-03-01", received_on="2024-03-02")
    expect_ok(
        await _adjust(scenario, source["id"], kind="addition", amount="100000.00", happened_on="2024-05-10"),
        201,
    )
    project = scenario.library.create_project()
    plan = await scenario.create_plan(
        build_line(project, source["id"], 200000_00), happened_at="2024-03-03T09:00:00+08:00"
    )
    happened = {"happened_at": "2024-03-04T10:00:00+08:00"}
    expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit", **happened))

    early = await scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION, **happened)

    problem = expect_refusal(early, 409)
    assert "100000.00" in problem["detail"]
    day = await _get_day(scenario, source["id"], "2024-03-31")
    assert (day["available"], day["planned"]) == ("100000.00", "0.00")


async def test_the_trial_balance_names_no_negative_account(scenario: FundsScenario) -> None:
    await scenario.create_source(1000_00)

    trial = expect_ok(await scenario.auditor.get("/funds/ledger/trial?as_of=2024-05-20"))

    assert (trial["balanced"], trial["negative_accounts"]) == (True, [])


async def test_figures_between_two_days_are_what_moved_then(scenario: FundsScenario) -> None:
    dates = {"document_date": "2023-03-01", "received_on": "2023-03-02", "fiscal_year": 2023}
    source = await scenario.create_source(1000_00, **dates)
    expect_ok(
        await _adjust(scenario, source["id"], kind="addition", amount="70.00", happened_on="2024-02-01"), 201
    )
    params = {"from": "2024-01-01", "as_of": "2024-12-31"}

    positions = expect_ok(await scenario.auditor.get("/funds/ledger", params=params))
    entries = expect_ok(await scenario.auditor.get("/funds/ledger/entries", params=params))
    summary = expect_ok(
        await scenario.auditor.get("/funds/summary", params={"region": DISTRICT, "year": 2024, **params})
    )
    trial = expect_ok(await scenario.auditor.get("/funds/ledger/trial", params=params))

    assert (positions["since"], positions["total"]["received"]) == ("2024-01-01", "70.00")
    assert [entry["kind"] for entry in entries["items"]] == ["addition"]
    assert (summary["figures"]["received"], summary["flow"]["received"]) == ("0.00", "70.00")
    assert trial["debits"] == trial["credits"] == "70.00"
    refused = await scenario.auditor.get("/funds/ledger?from=2024-05-01&as_of=2024-04-01")
    expect_refusal(refused, 422, "period")


async def test_sums_have_more_digits_than_their_amounts(scenario: FundsScenario) -> None:
    for _ in range(2):
        await scenario.create_source(999_999_999_999_999)

    answer = await scenario.auditor.get("/funds/ledger")
    summary = await scenario.auditor.get(f"/funds/summary?region={DISTRICT}&year=2024")

    assert expect_ok(answer)["total"]["received"] == "19999999999999.98"
    assert expect_ok(summary)["figures"]["received"] == "19999999999999.98"
    figures = LedgerFigures.model_json_schema()["properties"]
    assert re.fullmatch(figures["received"]["pattern"], "19999999999999.98")
