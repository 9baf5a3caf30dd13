"""A subsidy for monitored households is checked against the monitoring service itself, which tells who is in none and no more."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import Unavailable
from tests.clients import ServiceUnderTest, set_rule_version
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.test_batches import build_csv, build_id_card, build_row, create_subsidy_payment, put_batch
from tests.households.factories_households import Monitoring

RULE = "payment.monitored"


async def get_finding(scenario: FundsScenario, payment: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    checks = expect_ok(await scenario.town.get(f"/funds/payments/{payment['id']}/checks"))
    found = [one for one in checks["findings"] if one["key"] == RULE]
    return (found or [{}])[0], checks["missing"]


async def identify(people: Monitoring, clock: Clock, *numbers: int) -> str:
    """A monitored household of these persons."""
    members = [
        {"name": f"成员{n}", "id_no": build_id_card(n), "relation": "head" if n == numbers[0] else "spouse"}
        for n in numbers
    ]
    household = await people.enter(members=members)
    await people.identify(household, clock, reason="人口少, 支出骤增")
    return household


async def test_payees_outside_of_monitored_households_are_found(
    scenario: FundsScenario, door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    await identify(Monitoring(door), clock, 1, 2)
    purpose = "监测户养殖补贴"
    payment = await create_subsidy_payment(scenario)
    rows = (build_row(1), build_row(2), build_row(3))
    expect_ok(await put_batch(scenario, payment, build_csv(*rows)))
    assert await get_finding(scenario, payment) == ({}, []), (
        "the purpose says nothing of monitored households"
    )
    path = f"/funds/payments/{payment['id']}"
    tag = (await scenario.town.get(path)).headers["etag"]
    expect_ok(await scenario.town.patch(path, json={"purpose": purpose}, headers={"If-Match": tag}))
    finding, _ = await get_finding(scenario, payment)
    assert (finding["passed"], finding["effect"]) == (False, "warn")
    assert finding["message"] == "名单中第 3 户不是监测户成员, 请核对"
    assert finding["figures"] == {"名单人数": "3", "不是监测户": "1"}
    assert not any(word in str(finding) for word in ("marginal", "边缘", "因病", build_id_card(1)))
    expect_ok(await put_batch(scenario, payment, build_csv(build_row(1, "700.00"), build_row(2, "800.00"))))
    assert (await get_finding(scenario, payment))[0]["passed"] is True


async def test_while_monitoring_is_down_a_stopping_rule_costs_time_only(
    scenario: FundsScenario,
    door: Callable[[str], ServiceUnderTest],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await identify(Monitoring(door), clock, 1)
    stop = {"effect": "stop", "words": ["防返贫"]}
    rule = {
        "key": RULE,
        "title": "只发给监测户的补助",
        "region": "620602000000",
        "value": stop,
        "confirmed": True,
    }
    await set_rule_version(scenario.door, rule | {"effective_from": "2024-01-01"}, role="finance")
    payment = await create_subsidy_payment(scenario, 500_00)
    expect_ok(await put_batch(scenario, payment, build_csv(build_row(1))))
    path = f"/funds/payments/{payment['id']}"
    tag = (await scenario.town.get(path)).headers["etag"]
    expect_ok(await scenario.town.patch(path, json={"purpose": "防返贫救助"}, headers={"If-Match": tag}))

    clients = scenario.door.context.clients
    send = clients.send

    async def refuse(service: str, *arguments: Any, **options: Any) -> Any:
        if service == "households":
            raise Unavailable("防返贫监测暂时联系不上", "households does not answer")
        return await send(service, *arguments, **options)

    with monkeypatch.context() as down:
        down.setattr(clients, "send", refuse)
        finding, missing = await get_finding(scenario, payment)
        assert (finding["passed"], missing) == (False, ["households"])
        refused = await scenario.transition_payment(scenario.town, payment["id"], "submit")
        expect_refusal(refused, 409, RULE)
    clock.advance(timedelta(minutes=1))
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
