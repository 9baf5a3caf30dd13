"""Trial of an alert rule: what another value would find among the records as they are, and nothing is stored."""

from datetime import timedelta
from typing import Any

from tests.conftest import Clock
from tests.funds.factories_alerts import list_alerts
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

DISTRICT = "620602000000"


def _idle(**days: int) -> dict[str, Any]:
    return {
        "key": "alert.idle",
        "title": "资金闲置",
        "value": {"kind": "speed", "answer_workdays": 10, "days": days},
        "effective_from": "2030-01-01",
        "region": DISTRICT,
        "basis": "凉财发〔2029〕12号",
        "confirmed": True,
    }


async def _try(scenario: FundsScenario, entry: dict[str, Any]) -> Any:
    return expect_ok(await scenario.finance.post("/funds/alerts/trial", json=entry))


async def test_a_stricter_and_a_milder_value_tell_what_they_would_change(
    scenario: FundsScenario, clock: Clock
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    clock.advance(timedelta(days=70))
    (standing,) = await list_alerts(scenario, "idle")
    sooner = await _try(scenario, _idle(yellow=60, orange=65))
    later = await _try(scenario, _idle(yellow=71))
    same = await _try(scenario, _idle(yellow=60, orange=90, red=180))

    assert (standing["light"], sooner["found_now"], sooner["found_then"]) == ("yellow", 1, 1)
    assert [(one["subject"], one["light"]) for one in sooner["raised"]] == [(allocation["id"], "orange")]
    assert [(one["subject"], one["light"]) for one in sooner["gone"]] == [(allocation["id"], "yellow")]
    assert (later["raised_count"], later["gone_count"], later["found_then"]) == (0, 1, 0)
    assert later["gone"][0]["title"] == standing["title"]
    assert (same["raised_count"], same["gone_count"], same["is_complete"]) == (0, 0, True)
    assert [one["version"] for one in await list_alerts(scenario, "idle")] == [standing["version"]]


async def test_a_trial_is_for_those_who_may_set_the_rule_and_for_rules_that_raise_alerts(
    scenario: FundsScenario,
) -> None:
    shape = expect_ok(await scenario.auditor.get("/funds/rules/alert.idle/shape"))
    plain = expect_ok(await scenario.auditor.get("/funds/rules/plan.break_down_days/shape"))
    entry = _idle(yellow=30)

    assert (shape["trial"], plain["trial"]) == ("/api/v1/funds/alerts/trial", "")
    expect_refusal(await scenario.auditor.post("/funds/alerts/trial", json=entry), 403)
    elsewhere = {**entry, "region": "632323000000"}
    expect_refusal(await scenario.finance.post("/funds/alerts/trial", json=elsewhere), 404)
    other = {**entry, "key": "plan.break_down_days", "value": {"effect": "report", "days": 20}}
    expect_refusal(await scenario.finance.post("/funds/alerts/trial", json=other), 404)
    refused = await scenario.finance.post("/funds/alerts/trial", json=_idle(yellow=-1))
    problem = expect_refusal(refused, 422)
    assert [one["pointer"] for one in problem["errors"]] == ["/value/days/yellow"]
