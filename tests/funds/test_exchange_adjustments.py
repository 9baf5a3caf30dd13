"""Adjustments, partial refunds and rows that arrive before their document or payment."""

import pytest

from services.funds.exchange.service import retry_ready_rows
from tests.funds.factories_funds import FundsScenario, expect_ok
from tests.funds.fake_finance_system import (
    FakeFinanceSystem,
    build_adjustment_row,
    build_document_row,
    build_refund_row,
    create_approved_payment,
    get_payment_state,
)


async def get_row_states(finance: FakeFinanceSystem, **filters: str) -> dict[str, str]:
    """State of each received row by its key."""
    rows = expect_ok(await finance.client.get("/funds/exchange/rows", params=filters))["items"]
    return {item["external_id"]: item["state"] for item in rows}


async def test_documents_are_adjusted_once_also_when_told_before_they_came(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    moved = build_adjustment_row("1", "300.00", BGT_ID="BGT-1", ORI_BGT_ID="BGT-2")
    early = await finance.send_rows("bgt-adjsubs", moved)
    assert (early["waiting"], early["rows"][0]["reason"]) == (1, "还没有收到指标 BGT-1")
    first = await finance.send_rows("bgt-infos", build_document_row("1", "1000.00"))
    assert (first["settled"], await get_row_states(finance, kind="bgt_adjsub")) == (0, {"ADJ-1": "waiting"})
    second = await finance.send_rows("bgt-infos", build_document_row("2", "500.00"))
    assert (second["settled"], await get_row_states(finance, kind="bgt_adjsub")) == (1, {"ADJ-1": "applied"})
    figures = {
        item["BGT_ID"]: item["AMOUNT"]
        for item in expect_ok(await finance.client.get("/funds/exchange/bgt-infos"))["items"]
    }
    assert figures == {"BGT-1": "1300.00", "BGT-2": "200.00"}

    less = build_adjustment_row("2", "-100.00", BGT_ID="BGT-1")
    done = await finance.send_rows("bgt-adjsubs", *finance.shuffle_duplicates([moved, less]))
    assert (done["applied"], done["refused"]) == (4, 0)
    assert (await scenario.get_totals())["received"] == 1_400_00
    other = await finance.send_rows("bgt-adjsubs", {**less, "ADD_AMOUNT": "-99.00"})
    assert "ADD_AMOUNT -100.00 → -99.00" in other["rows"][0]["reason"]
    too_much = await finance.send_rows("bgt-adjsubs", build_adjustment_row("3", "-9999.00", BGT_ID="BGT-1"))
    assert "可分配余额 1200.00 元" in too_much["rows"][0]["reason"]
    nothing = await finance.send_rows("bgt-adjsubs", build_adjustment_row("4", "0.00", BGT_ID="BGT-1"))
    assert nothing["rows"][0]["reason"] == "调整金额不能为零"
    out = expect_ok(await finance.client.get("/funds/exchange/bgt-adjsubs"))["items"]
    assert sorted((item["BGT_ID"], item["ADD_AMOUNT"]) for item in out) == [
        ("BGT-1", "-100.00"), ("BGT-1", "300.00"), ("BGT-2", "-300.00"),
    ]  # fmt: skip
    await scenario.check_balanced()


async def test_an_adjustment_entered_by_hand_stands_for_one_row_of_theirs(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    await finance.send_rows("bgt-infos", build_document_row("1", "1000.00"))
    (source,) = expect_ok(await scenario.finance.get("/funds/sources"))["items"]
    body = {"kind": "addition", "amount": "50.00", "document_no": "调整2024-1", "happened_on": "2024-05-15"}
    expect_ok(await scenario.finance.post(f"/funds/sources/{source['id']}/adjustments", json=body), 201)
    same = {"BGT_ID": "BGT-1", "BAT_NUM": "调整2024-1", "ADJ_DATE": "20240515"}
    await finance.send_rows("bgt-adjsubs", build_adjustment_row("1", "50.00", **same))
    assert (await scenario.get_totals())["received"] == 1_050_00
    await finance.send_rows("bgt-adjsubs", build_adjustment_row("2", "50.00", **same))
    assert (await scenario.get_totals())["received"] == 1_100_00


async def test_part_of_a_payment_comes_back_once_also_when_told_before_it_was_paid(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await create_approved_payment(scenario, allocation["id"], 1_000_00)
    refund = build_refund_row("1", payment, "200.00")
    early = await finance.send_rows("pay-backs", refund)
    assert early["rows"][0]["reason"] == "支付申请待支付, 尚未支付, 没有可退的款项"
    (paid,) = await finance.pay_payable()
    done = await finance.send_rows("pay-vouchers", paid)
    assert (done["applied"], done["settled"]) == (1, 1)
    repeated = await finance.send_rows(
        "pay-backs",
        *finance.shuffle_duplicates([refund, build_refund_row("2", payment, "300.00", PAY_CERT_ID="TK2")]),
    )
    assert repeated["applied"] == 4
    figures = await scenario.get_totals()
    assert (figures["paid"], figures["unpaid"]) == (500_00, 9_500_00)
    wrong = await finance.send_rows("pay-backs", build_refund_row("3", payment, "500.01", PAY_CERT_ID="TK3"))
    assert wrong["rows"][0]["reason"] == "该笔支付只剩 500.00 元可退"
    wrong = await finance.send_rows("pay-backs", build_refund_row("4", payment, "1.00"))
    assert "退款凭证 TK1 金额不符: 我方 200.00 元, 财政 1.00 元" in wrong["rows"][0]["reason"]
    out = expect_ok(await finance.client.get("/funds/exchange/pay-backs"))["items"]
    assert {(item["PAY_CERT_ID"], item["BACK_AMT"]) for item in out} == {("TK1", "200.00"), ("TK2", "300.00")}
    table = await finance.client.get("/funds/exchange/pay-backs", params={"form": "csv"})
    sent = await finance.client.post("/funds/exchange/pay-backs/csv", content=table.content)
    assert expect_ok(sent)["applied"] == 2, (
        "what went out and comes back under another key is the same refund"
    )
    assert (await scenario.get_totals())["paid"] == 500_00
    await scenario.check_balanced()


@pytest.mark.parametrize("unknown", [0, 3])
async def test_what_waits_takes_effect_by_itself_when_its_payment_is_approved(
    scenario: FundsScenario, finance: FakeFinanceSystem, unknown: int
) -> None:
    context = scenario.door.context
    allocation = await scenario.create_allocation(10_000_00)
    payment = (await scenario.create_payment(allocation["id"], 1_000_00))["id"]
    voucher = {"PAY_CERT_ID": "PZ1", "XPAY_AMT": "1000.00", "CREATE_DATE": "20240520"}
    strangers = [f"01a20caa-a3e8-71c1-b41d-92126c065e5{n}" for n in range(unknown)]
    await finance.send_rows(
        "pay-vouchers", *({"PAY_APP_ID": item, **voucher} for item in [*strangers, payment])
    )
    event_count = len(expect_ok(await scenario.auditor.get("/funds/events", params={"limit": 200}))["items"])
    assert await retry_ready_rows(context) == 0
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        assert await retry_ready_rows(context) == 0
        expect_ok(await scenario.transition_payment(who, payment, action))
    assert await retry_ready_rows(context) == 1
    assert await get_payment_state(scenario, payment) == "paid"
    assert await retry_ready_rows(context) == 0
    states = await get_row_states(finance)
    assert states == {payment: "applied", **dict.fromkeys(strangers, "waiting")}
    events = expect_ok(await scenario.auditor.get("/funds/events", params={"limit": 200}))["items"][
        event_count:
    ]
    assert len([event for event in events if event["type"] == "exchange.row_taken"]) <= 4 + 1, (
        "waiting costs no events"
    )


async def test_what_a_client_may_not_do_does_not_wait_to_be_done_without_it(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    narrow = scenario.door.client_as("machine", kind="machine", scope="fund:exchange", person="narrow")
    early = {"rows": [build_adjustment_row("1", "300.00", BGT_ID="BGT-1")]}
    answered = expect_ok(await narrow.post("/funds/exchange/bgt-adjsubs", json=early))
    assert (answered["waiting"], answered["refused"]) == (0, 1)
    assert "登记资金来源" in answered["rows"][0]["reason"]
    await finance.send_rows("bgt-infos", build_document_row("1", "1000.00"))
    await retry_ready_rows(scenario.door.context)
    assert (await scenario.get_totals())["received"] == 1_000_00
