"""Retention money of a contract: due after the defects liability period, released once with evidence, paid not before."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.unit_of_work import CHINA_TIME_ZONE
from tests.conftest import Clock
from tests.funds.factories_alerts import list_alerts
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.test_commitments import build_envelope, build_project_moved, deliver_events
from tests.funds.test_contracts import build_contract, create_contract

ACCEPTED_ON, DUE_ON = date(2024, 5, 20), date(2025, 5, 20)


def advance_to(clock: Clock, day: date) -> None:
    clock.set(datetime(day.year, day.month, day.day, 12, tzinfo=CHINA_TIME_ZONE).astimezone(UTC))


async def create_accepted_contract(scenario: FundsScenario) -> tuple[dict[str, Any], dict[str, Any]]:
    """A contract of 1,000 元 with 3 % retention whose project is accepted; return the allocation and the contract."""
    allocation = await scenario.create_allocation(1000_00, managing_unit="凉州区水务局")
    period = {"starts_on": "2024-05-11", "ends_on": "2024-08-08"}
    contract = await create_contract(
        scenario, allocation, retention_percent="3", award_price="1000.00", **period
    )
    moved = build_project_moved(allocation["project_id"]) | {"now": "accepted"}
    await deliver_events(scenario, [build_envelope("project.moved", allocation, 20, moved)])
    scenario.library.update_project(next(iter(scenario.library.projects)), state="accepted")
    return allocation, expect_ok(await scenario.leader.get(f"/funds/contracts/{contract['id']}"))


async def list_due(scenario: FundsScenario) -> list[str]:
    return [one["subject"] for one in await list_alerts(scenario, "retention_due") if not one["gone"]]


async def test_retention_is_due_a_year_after_acceptance_and_released_by_another_person(
    scenario: FundsScenario, clock: Clock
) -> None:
    allocation, contract = await create_accepted_contract(scenario)
    path = f"/funds/contracts/{contract['id']}/release"
    await scenario.create_paid_payment(allocation["id"], 970_00, contract_id=contract["id"])
    rest = await scenario.create_payment(allocation["id"], 30_00, contract_id=contract["id"])
    body = {
        "released_on": str(ACCEPTED_ON),
        "amount": "30.00",
        "file_ids": [await scenario.upload_document()],
    }
    early = expect_refusal(await scenario.bureau.post(path, json=body), 409)
    expect_refusal(
        await scenario.transition_payment(scenario.town, rest["id"], "submit"), 409, "payment.retention"
    )
    advance_to(clock, DUE_ON)
    on_the_day = await list_due(scenario)
    advance_to(clock, DUE_ON + timedelta(days=1))
    after = await list_due(scenario)
    body["released_on"] = str(DUE_ON)
    expect_refusal(await scenario.town.post(path, json=body), 403)
    part = expect_refusal(await scenario.bureau.post(path, json=body | {"amount": "20.00"}), 422)
    more = expect_refusal(await scenario.bureau.post(path, json=body | {"amount": "30.01"}), 422)
    bare = expect_refusal(await scenario.bureau.post(path, json=body | {"file_ids": []}), 422)
    released = expect_ok(await scenario.bureau.post(path, json=body))
    expect_ok(await scenario.bureau.post(path, json=body))
    expect_refusal(
        await scenario.bureau.post(path, json=body | {"amount": "29.00", "reason": "修复渗漏"}), 409
    )

    assert (contract["retention"], contract["retention_due_on"], contract["duration_days"]) == (
        "30.00", str(DUE_ON), 90,
    )  # fmt: skip
    assert contract["managing_unit"] == "凉州区水务局"
    assert str(DUE_ON) in early["detail"]
    assert (on_the_day, after) == ([], [contract["id"]])
    assert [one["errors"][0]["pointer"] for one in (part, more, bare)] == ["/reason", "/amount", "/file_ids"]
    assert released["retention_status"] == "质保金 30.00 元, 2025-05-20 返还"
    assert await list_due(scenario) == []
    expect_ok(await scenario.transition_payment(scenario.town, rest["id"], "submit"))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"award_price": "999.99"}, "/amount"),
        ({"starts_on": "2024-06-01", "ends_on": "2024-05-31"}, "/ends_on"),
        ({"defects_months": 25}, "/defects_months"),
        ({"accepted_on": "2024-05-09"}, "/accepted_on"),
        ({"accepted_on": "2024-05-21"}, "/accepted_on"),
    ],
)
async def test_terms_that_contradict_the_award_or_the_rule_are_refused(
    scenario: FundsScenario, change: dict[str, Any], pointer: str
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    answer = await scenario.town.post("/funds/contracts", json=build_contract(allocation) | change)

    assert [one["pointer"] for one in expect_refusal(answer, 422)["errors"]] == [pointer]


async def test_a_contract_of_an_accepted_project_says_the_day(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    terms: dict[str, Any] = {
        "retention_percent": "3",
        "accepted_on": "2024-05-15",
        "defects_months": 24,
    }
    contract = await create_contract(scenario, allocation, **terms)

    assert contract["retention_due_on"] == "2026-05-15"
    assert contract["retention_status"] == "质保金 30.00 元, 2026-05-15 到期"
