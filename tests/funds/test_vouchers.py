"""A voucher, a refund and a document count once, however their numbers are written."""

import asyncio
from typing import Any

import pytest

from tests.clients import DISTRICT
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

REFUND = {"amount": "10.00", "voucher_no": "TKP-1", "happened_on": "2024-05-20", "reason": "多付"}


async def _approve(scenario: FundsScenario, allocation_id: str, amount: int, **columns: Any) -> str:
    payment = await scenario.create_payment(allocation_id, amount, **columns)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
    return str(payment["id"])


async def _pay(scenario: FundsScenario, payment_id: str, number: str) -> Any:
    voucher = {"voucher_no": number, "paid_on": "2024-05-20"}
    return await scenario.transition_payment(scenario.cashier, payment_id, "pay", **voucher)


async def test_a_full_refund_ends_in_reversed_and_cannot_be_reversed_again(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 10_00)
    path = f"/funds/payments/{payment['id']}"

    expect_ok(await scenario.cashier.post(f"{path}/refunds", json=REFUND), 201)

    done = expect_ok(await scenario.cashier.get(path))
    assert (done["state"], done["refunded"], done["available_actions"]) == ("reversed", "10.00", [])
    for dry_run in ("false", "true"):
        again = await scenario.cashier.post(f"{path}/reverse?dry_run={dry_run}", json={"reason": "全退"})
        expect_refusal(again, 409)
    totals = await scenario.get_totals()
    assert (totals["paid"], totals["unpaid"]) == (0, 1000_00)
    await scenario.check_balanced()


async def test_the_library_learns_of_a_reversal_as_of_a_refund(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 10_00)

    expect_ok(
        await scenario.transition_payment(scenario.cashier, payment["id"], "reverse", reason="账号有误")
    )

    events = expect_ok(await scenario.auditor.get(f"/funds/events?subject={payment['id']}"))["items"]
    refunds = [event["after"]["amount"] for event in events if event["type"] == "payment.refunded"]
    assert refunds == ["10.00"]


async def test_a_refund_sent_twice_counts_once(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1000_00)
    path = f"/funds/payments/{payment['id']}/refunds"
    first = expect_ok(await scenario.cashier.post(path, json=REFUND), 201)

    for number in ("TKP-1", "ＴＫＰ-1", "tkp － 1"):
        again = await scenario.cashier.post(path, json={**REFUND, "voucher_no": number})
        assert first["id"] in expect_refusal(again, 409, "voucher_used")["detail"]

    assert expect_ok(await scenario.cashier.get(f"/funds/payments/{payment['id']}"))["refunded"] == "10.00"
    expect_ok(await scenario.cashier.post(path, json={**REFUND, "voucher_no": "TKP-2"}), 201)


async def test_one_voucher_pays_one_payee(scenario: FundsScenario) -> None:
    first, second = [await scenario.create_allocation(1000_00) for _ in range(2)]
    one = await _approve(scenario, first["id"], 270_00)
    other = await _approve(scenario, second["id"], 1_00, payee_name="甲公司")
    expect_ok(await _pay(scenario, one, "PZ-1"))

    for number in ("PZ-1", "ｐｚ－1", " PZ-1 "):
        problem = expect_refusal(await _pay(scenario, other, number), 409, "voucher_used")
        assert "武威市水利工程有限公司" in problem["detail"]

    preview = await scenario.cashier.post(
        f"/funds/payments/{other}/pay?dry_run=true", json={"voucher_no": "PZ-1", "paid_on": "2024-05-20"}
    )
    assert [missing["code"] for missing in expect_ok(preview)["missing"]] == ["voucher_used"]
    expect_ok(await _pay(scenario, other, "PZ-2"))


async def test_one_voucher_pays_a_payee_out_of_two_allocations_but_not_twice_out_of_one(
    scenario: FundsScenario,
) -> None:
    first, second = [await scenario.create_allocation(1000_00) for _ in range(2)]
    payments = [await _approve(scenario, allocation["id"], 270_00) for allocation in (first, second, first)]

    answers = [await _pay(scenario, payment, "PZ-1") for payment in payments]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    expect_refusal(answers[2], 409, "voucher_used")


async def test_of_two_payees_at_once_one_gets_the_voucher(scenario: FundsScenario) -> None:
    first, second = [await scenario.create_allocation(1000_00) for _ in range(2)]
    one = await _approve(scenario, first["id"], 270_00)
    other = await _approve(scenario, second["id"], 1_00, payee_name="甲公司")

    answers = await asyncio.gather(_pay(scenario, one, "PZ-1"), _pay(scenario, other, "PZ-1"))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await scenario.check_balanced()


@pytest.mark.parametrize(
    "spelling",
    ["青财农字(2024) 505号", "青财农字（2024）505号", "青财农字[2024]505号", "青财农字〔2024〕５０５号"],
)
async def test_a_document_is_one_however_its_number_is_written(
    scenario: FundsScenario, spelling: str
) -> None:
    source = await scenario.create_source(1000_00, document_no="青财农字〔2024〕505号")
    body = {
        "region": DISTRICT,
        "document_no": spelling,
        "title": "同一文件",
        "fiscal_year": 2024,
        "level": "central",
        "fund": "bridging",
        "amount": "1000.00",
        "document_date": "2024-05-06",
        "received_on": "2024-05-08",
    }

    again = await scenario.finance.post("/funds/sources", json=body)

    assert source["id"] in expect_refusal(again, 409)["detail"]
    found = expect_ok(await scenario.auditor.get("/funds/sources", params={"document_no": spelling}))
    assert [row["id"] for row in found["items"]] == [source["id"]]
    thread = expect_ok(await scenario.auditor.get("/funds/thread", params={"document_no": spelling}))
    assert [row["id"] for row in thread["sources"]] == [source["id"]]
