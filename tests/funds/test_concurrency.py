"""Fifty concurrent requests on one source or allocation never exceed it by a 分, and nobody sees a server error."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.funds.factories_funds import FundsScenario, build_line, expect_ok
from tests.funds.fake_project_library import FakeProjectLibrary

WRITER_COUNT = 50
DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


async def retry_until_decided(ask: Any) -> int:
    """Repeat a request while the record is locked (503 with Retry-After); return the final status."""
    for _ in range(60):
        answer: httpx.Response = await ask()
        if answer.status_code != 503:
            return answer.status_code
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.05)
    raise AssertionError("never decided")


async def test_fifty_approvals_at_once_never_exceed_a_source(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(1000_00)
    plans = [
        await scenario.create_plan(build_line(library.create_project(f"项目{n}"), source["id"], 100_00))
        for n in range(WRITER_COUNT)
    ]
    for plan in plans:
        expect_ok(await scenario.transition_plan(scenario.bureau, plan["id"], "submit"))

    async def approve(plan: dict[str, Any]) -> int:
        return await retry_until_decided(
            lambda: scenario.transition_plan(scenario.finance, plan["id"], "approve", **DECISION)
        )

    statuses = Counter(await asyncio.gather(*map(approve, plans)))
    assert statuses == {200: 10, 409: 40}
    totals = await scenario.get_totals(source_id=source["id"])
    assert (totals["available"], totals["planned"]) == (1000_00, 1000_00)
    await scenario.check_balanced()


async def test_fifty_payments_at_once_never_exceed_an_allocation(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payments = [await scenario.create_payment(allocation["id"], 100_00) for _ in range(WRITER_COUNT)]

    async def submit(payment: dict[str, Any]) -> int:
        return await retry_until_decided(
            lambda: scenario.transition_payment(scenario.town, payment["id"], "submit")
        )

    statuses = Counter(await asyncio.gather(*map(submit, payments)))
    assert statuses == {200: 10, 409: 40}
    totals = await scenario.get_totals(project_id=allocation["project_id"])
    assert (totals["unpaid"], totals["applied"]) == (1000_00, 1000_00)
    await scenario.check_balanced()


async def test_fifty_payments_at_once_never_exceed_a_contract(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1_0000_00)
    contract = {
        "project_id": allocation["project_id"],
        "number": "HT-1",
        "title": "施工合同",
        "party": "武威市水利工程有限公司",
        "amount": "1000.00",
        "signed_on": "2024-05-10",
    }
    registered = expect_ok(await scenario.town.post("/funds/contracts", json=contract), 201)
    payments = [
        await scenario.create_payment(allocation["id"], 100_00, contract_id=registered["id"])
        for _ in range(WRITER_COUNT)
    ]

    async def submit(payment: dict[str, Any]) -> int:
        return await retry_until_decided(
            lambda: scenario.transition_payment(scenario.town, payment["id"], "submit")
        )

    statuses = Counter(await asyncio.gather(*map(submit, payments)))
    assert statuses == {200: 10, 409: 40}
    assert (await scenario.get_totals(project_id=allocation["project_id"]))["applied"] == 1000_00
    await scenario.check_balanced()


async def test_twenty_refunds_at_once_never_exceed_the_payment(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1000_00)
    body = {"amount": "100.00", "voucher_no": "T", "happened_on": "2024-05-20", "reason": "退回"}

    async def refund(number: int) -> int:
        path = f"/funds/payments/{payment['id']}/refunds"
        voucher = {**body, "voucher_no": f"T-{number}"}
        return await retry_until_decided(lambda: scenario.cashier.post(path, json=voucher))

    statuses = Counter(await asyncio.gather(*map(refund, range(20))))
    assert statuses == {201: 10, 409: 10}
    assert (await scenario.get_totals())["paid"] == 0
    await scenario.check_balanced()
