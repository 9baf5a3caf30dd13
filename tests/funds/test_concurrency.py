"""Fifty people at once on one source and on one allocation: never a 分 too much, and nobody sees a failure."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.funds.factories_funds import FundsScenario, build_line, expect_ok
from tests.funds.fake_project_library import FakeProjectLibrary

WRITER_COUNT = 50
DECISION = {"decision_no": "〔2024〕5号", "decision_on": "2024-05-20"}


async def retry_until_decided(ask: Any) -> int:
    """The status of an answer, asked again while somebody else holds the record (503 with Retry-After)."""
    for _ in range(60):
        answer: httpx.Response = await ask()
        if answer.status_code != 503:
            return answer.status_code
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.05)
    raise AssertionError("never decided")


async def test_fifty_approvals_at_once_never_exceed_a_source(
    desk: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await desk.create_source(1000_00)
    plans = [
        await desk.create_plan(build_line(library.create_project(f"项目{n}"), source["id"], 100_00))
        for n in range(WRITER_COUNT)
    ]
    for plan in plans:
        expect_ok(await desk.transition_plan(desk.bureau, plan["id"], "submit"))

    async def one(plan: dict[str, Any]) -> int:
        return await retry_until_decided(
            lambda: desk.transition_plan(desk.finance, plan["id"], "approve", **DECISION)
        )

    statuses = Counter(await asyncio.gather(*map(one, plans)))
    assert statuses == {200: 10, 409: 40}
    held = await desk.get_totals(source_id=source["id"])
    assert (held["available"], held["planned"]) == (1000_00, 1000_00)
    await desk.check_balanced()


async def test_fifty_payments_at_once_never_exceed_an_allocation(desk: FundsScenario) -> None:
    given = await desk.create_allocation(1000_00)
    payments = [await desk.create_payment(given["id"], 100_00) for _ in range(WRITER_COUNT)]

    async def one(payment: dict[str, Any]) -> int:
        return await retry_until_decided(lambda: desk.transition_payment(desk.town, payment["id"], "submit"))

    statuses = Counter(await asyncio.gather(*map(one, payments)))
    assert statuses == {200: 10, 409: 40}
    held = await desk.get_totals(project_id=given["project_id"])
    assert (held["unpaid"], held["applied"]) == (1000_00, 1000_00)
    await desk.check_balanced()


async def test_fifty_payments_at_once_never_exceed_a_contract(desk: FundsScenario) -> None:
    given = await desk.create_allocation(1_0000_00)
    contract = {
        "project_id": given["project_id"],
        "number": "HT-1",
        "title": "施工合同",
        "party": "武威市水利工程有限公司",
        "amount": "1000.00",
        "signed_on": "2024-05-10",
    }
    made = expect_ok(await desk.town.post("/funds/contracts", json=contract), 201)
    payments = [
        await desk.create_payment(given["id"], 100_00, contract_id=made["id"]) for _ in range(WRITER_COUNT)
    ]

    async def one(payment: dict[str, Any]) -> int:
        return await retry_until_decided(lambda: desk.transition_payment(desk.town, payment["id"], "submit"))

    statuses = Counter(await asyncio.gather(*map(one, payments)))
    assert statuses == {200: 10, 409: 40}
    assert (await desk.get_totals(project_id=given["project_id"]))["applied"] == 1000_00
    await desk.check_balanced()


async def test_twenty_refunds_at_once_never_exceed_the_payment(desk: FundsScenario) -> None:
    given = await desk.create_allocation(1000_00)
    payment = await desk.create_paid_payment(given["id"], 1000_00)
    body = {"amount": "100.00", "voucher_no": "T", "happened_on": "2024-05-20", "reason": "退回"}

    async def one(_: int) -> int:
        path = f"/funds/payments/{payment['id']}/refunds"
        return await retry_until_decided(lambda: desk.cashier.post(path, json=body))

    statuses = Counter(await asyncio.gather(*map(one, range(20))))
    assert statuses == {201: 10, 409: 10}
    assert (await desk.get_totals())["paid"] == 0
    await desk.check_balanced()
