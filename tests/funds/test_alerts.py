"""Alerts are raised once, with the rows behind them, a responsible person and a deadline."""

from datetime import date, timedelta

from tests.conftest import Clock
from tests.funds.factories_alerts import list_alerts, run_alert_scan
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

DISTRICT = "620602000000"


async def test_sweeping_twice_raises_once(scenario: FundsScenario, clock: Clock) -> None:
    await scenario.create_source(10_000_00)
    clock.advance(timedelta(days=40))
    first, second = await run_alert_scan(scenario), await run_alert_scan(scenario)
    assert (first["raised"], second["raised"], second["found"]) == (1, 0, first["found"])
    assert first["rules"] >= 13


async def test_an_alert_is_answered_with_evidence_by_one_and_closed_by_another(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await scenario.create_paid_payment(allocation["id"], 1_000_00, economic_subject="30217")
    (alert,) = await list_alerts(scenario, "subject")
    address = f"/funds/alerts/{alert['id']}"
    assert alert["due_on"] == "2024-05-23"
    owned = expect_ok(
        await scenario.finance.post(f"{address}/assign", json={"owner": "ma", "due_on": "2024-05-22"})
    )
    assert (owned["owner"], owned["due_on"]) == ("ma", "2024-05-22")
    past = await scenario.finance.post(f"{address}/assign", json={"owner": "ma", "due_on": "2024-05-19"})
    expect_refusal(past, 422, "past")
    expect_refusal(
        await scenario.town.post(f"{address}/answer", json={"reason": "系填写错误"}), 409, "no_documents"
    )
    expect_refusal(
        await scenario.town.post(f"{address}/answer", json={"file_ids": [await scenario.upload_document()]}),
        409,
        "no_reason",
    )
    body = {"reason": "系填写错误, 已更正", "file_ids": [await scenario.upload_document()]}
    answered = expect_ok(await scenario.town.post(f"{address}/answer", json=body))
    assert (answered["state"], answered["answered_by"], answered["answer"]) == (
        "answered",
        "ma",
        body["reason"],
    )
    expect_refusal(await scenario.town.post(f"{address}/close", json={"reason": "同意"}), 403)
    for supervised in (scenario.bureau, scenario.auditor):
        expect_refusal(await supervised.post(f"{address}/close", json={"reason": "同意"}), 403)
    expect_ok(await scenario.finance.post(f"{address}/close", json={"reason": "核实"}))
    items = expect_ok(await scenario.auditor.get(f"{address}/history"))["items"]
    assert [item["after"]["now"] for item in items] == ["open", "open", "answered", "closed"]
    assert [item["actor"] for item in items] == ["service:funds", "chen", "ma", "chen"]
    await run_alert_scan(scenario)
    assert expect_ok(await scenario.auditor.get(address))["state"] == "closed", "closed stays closed"


async def test_a_closed_alert_comes_back_when_it_gets_worse(scenario: FundsScenario, clock: Clock) -> None:
    await scenario.create_source(10_000_00)
    clock.advance(timedelta(days=40))
    (alert,) = await list_alerts(scenario, "break_down")
    address = f"/funds/alerts/{alert['id']}"
    expect_ok(await scenario.finance.post(f"{address}/answer", json={"reason": "本周下达"}))
    expect_ok(await scenario.cashier.post(f"{address}/close", json={"reason": "同意"}))
    clock.advance(timedelta(days=5))
    assert (await list_alerts(scenario, "break_down"))[0]["state"] == "closed"
    clock.advance(timedelta(days=30))
    (reopened,) = await list_alerts(scenario, "break_down")
    assert (reopened["id"], reopened["state"], reopened["light"]) == (alert["id"], "open", "red")
    assert date.fromisoformat(reopened["due_on"]) > clock.now().date()


async def test_the_summary_counts_by_kind_and_light_and_only_the_callers_regions(
    scenario: FundsScenario, clock: Clock
) -> None:
    await scenario.create_source(10_000_00)
    await scenario.create_allocation(10_000_00)
    clock.advance(timedelta(days=70))
    await run_alert_scan(scenario)
    summary = expect_ok(await scenario.leader.get(f"/funds/alerts/summary?region={DISTRICT}"))
    rows = {(row["rule"], row["kind"], row["light"]): row["undone"] for row in summary["rows"]}
    assert rows[("alert.idle", "speed", "yellow")] == 1
    assert rows[("alert.break_down", "speed", "red")] == 1
    assert rows[("alert.slow", "speed", "red")] == 2, "both documents are far behind the schedule"
    assert summary["undone"] == sum(rows.values())
    clock.advance(timedelta(days=30))
    late = expect_ok(await scenario.leader.get(f"/funds/alerts/summary?region={DISTRICT}"))
    assert late["overdue"] == summary["undone"]
    assert (
        len(expect_ok(await scenario.leader.get("/funds/alerts?overdue=true"))["items"]) == summary["undone"]
    )
    other = scenario.door.client_as("town_officer", "620602101000", person="other")
    assert expect_ok(await other.get("/funds/alerts"))["items"] == []
    assert expect_ok(await other.get(f"/funds/alerts/summary?region={DISTRICT}"))["undone"] == 0
