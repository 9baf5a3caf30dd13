"""What the finance system tells after the first word: adjustments, partial refunds, and rows that came too early."""

import pytest

from services.funds.exchange.settling import settle_ready
from tests.funds.desk import Desk, ok
from tests.funds.finance_system import FinanceSystem, adjustment, approved, document, pay_back, state


async def rows(finance: FinanceSystem, **given: str) -> dict[str, str]:
    """What became of the rows they sent, by their key."""
    found = ok(await finance.client.get("/funds/exchange/rows", params=given))["items"]
    return {one["external_id"]: one["state"] for one in found}


async def test_documents_are_adjusted_once_also_when_told_before_they_came(
    desk: Desk, finance: FinanceSystem
) -> None:
    moved = adjustment("1", "300.00", BGT_ID="BGT-1", ORI_BGT_ID="BGT-2")
    early = await finance.send("bgt-adjsubs", moved)
    assert (early["waiting"], early["rows"][0]["reason"]) == (1, "还没有收到指标 BGT-1")
    first = await finance.send("bgt-infos", document("1", "1000.00"))
    assert (first["settled"], await rows(finance, kind="bgt_adjsub")) == (0, {"ADJ-1": "waiting"})
    second = await finance.send("bgt-infos", document("2", "500.00"))
    assert (second["settled"], await rows(finance, kind="bgt_adjsub")) == (1, {"ADJ-1": "applied"})
    held = {
        one["BGT_ID"]: one["AMOUNT"]
        for one in ok(await finance.client.get("/funds/exchange/bgt-infos"))["items"]
    }
    assert held == {"BGT-1": "1300.00", "BGT-2": "200.00"}

    less = adjustment("2", "-100.00", BGT_ID="BGT-1")
    done = await finance.send("bgt-adjsubs", *finance.mess([moved, less]))
    assert (done["applied"], done["refused"]) == (4, 0)
    assert (await desk.figures())["received"] == 1_400_00
    other = await finance.send("bgt-adjsubs", {**less, "ADD_AMOUNT": "-99.00"})
    assert "ADD_AMOUNT -100.00 → -99.00" in other["rows"][0]["reason"]
    too_much = await finance.send("bgt-adjsubs", adjustment("3", "-9999.00", BGT_ID="BGT-1"))
    assert "可分配余额 1200.00 元" in too_much["rows"][0]["reason"]
    nothing = await finance.send("bgt-adjsubs", adjustment("4", "0.00", BGT_ID="BGT-1"))
    assert nothing["rows"][0]["reason"] == "调整金额不能为零"
    out = ok(await finance.client.get("/funds/exchange/bgt-adjsubs"))["items"]
    assert sorted((one["BGT_ID"], one["ADD_AMOUNT"]) for one in out) == [
        ("BGT-1", "-100.00"), ("BGT-1", "300.00"), ("BGT-2", "-300.00"),
    ]  # fmt: skip
    await desk.balanced()


async def test_an_adjustment_entered_by_hand_stands_for_one_row_of_theirs(
    desk: Desk, finance: FinanceSystem
) -> None:
    await finance.send("bgt-infos", document("1", "1000.00"))
    (source,) = ok(await desk.finance.get("/funds/sources"))["items"]
    body = {"kind": "addition", "amount": "50.00", "document_no": "调整2024-1", "happened_on": "2024-05-15"}
    ok(await desk.finance.post(f"/funds/sources/{source['id']}/adjustments", json=body), 201)
    same = {"BGT_ID": "BGT-1", "BAT_NUM": "调整2024-1", "ADJ_DATE": "20240515"}
    await finance.send("bgt-adjsubs", adjustment("1", "50.00", **same))
    assert (await desk.figures())["received"] == 1_050_00
    await finance.send("bgt-adjsubs", adjustment("2", "50.00", **same))
    assert (await desk.figures())["received"] == 1_100_00


async def test_part_of_a_payment_comes_back_once_also_when_told_before_it_was_paid(
    desk: Desk, finance: FinanceSystem
) -> None:
    given = await desk.allocation(10_000_00)
    payment = await approved(desk, given["id"], 1_000_00)
    back = pay_back("1", payment, "200.00")
    early = await finance.send("pay-backs", back)
    assert early["rows"][0]["reason"] == "支付申请待支付, 尚未支付, 没有可退的款项"
    (paid,) = await finance.pay()
    done = await finance.send("pay-vouchers", paid)
    assert (done["applied"], done["settled"]) == (1, 1)
    again = await finance.send(
        "pay-backs", *finance.mess([back, pay_back("2", payment, "300.00", PAY_CERT_ID="TK2")])
    )
    assert again["applied"] == 4
    figures = await desk.figures()
    assert (figures["paid"], figures["unpaid"]) == (500_00, 9_500_00)
    wrong = await finance.send("pay-backs", pay_back("3", payment, "500.01", PAY_CERT_ID="TK3"))
    assert wrong["rows"][0]["reason"] == "该笔支付只剩 500.00 元可退"
    wrong = await finance.send("pay-backs", pay_back("4", payment, "1.00"))
    assert "退款凭证 TK1 金额不符: 我方 200.00 元, 财政 1.00 元" in wrong["rows"][0]["reason"]
    out = ok(await finance.client.get("/funds/exchange/pay-backs"))["items"]
    assert {(one["PAY_CERT_ID"], one["BACK_AMT"]) for one in out} == {("TK1", "200.00"), ("TK2", "300.00")}
    table = await finance.client.get("/funds/exchange/pay-backs", params={"form": "csv"})
    sent = await finance.client.post("/funds/exchange/pay-backs/csv", content=table.content)
    assert ok(sent)["applied"] == 2, "what went out and comes back under another key is the same refund"
    assert (await desk.figures())["paid"] == 500_00
    await desk.balanced()


@pytest.mark.parametrize("unknown", [0, 3])
async def test_what_waits_takes_effect_by_itself_when_its_payment_is_approved(
    desk: Desk, finance: FinanceSystem, unknown: int
) -> None:
    context = desk.door.context
    given = await desk.allocation(10_000_00)
    payment = (await desk.draft_payment(given["id"], 1_000_00))["id"]
    voucher = {"PAY_CERT_ID": "PZ1", "XPAY_AMT": "1000.00", "CREATE_DATE": "20240520"}
    strangers = [f"01a20caa-a3e8-71c1-b41d-92126c065e5{n}" for n in range(unknown)]
    await finance.send("pay-vouchers", *({"PAY_APP_ID": one, **voucher} for one in [*strangers, payment]))
    told = len(ok(await desk.auditor.get("/funds/events", params={"limit": 200}))["items"])
    assert await settle_ready(context) == 0
    for who, action in ((desk.town, "submit"), (desk.reviewer, "review"), (desk.finance, "approve")):
        assert await settle_ready(context) == 0
        ok(await desk.pay_step(who, payment, action))
    assert await settle_ready(context) == 1
    assert await state(desk, payment) == "paid"
    assert await settle_ready(context) == 0
    kept = await rows(finance)
    assert kept == {payment: "applied", **dict.fromkeys(strangers, "waiting")}
    events = ok(await desk.auditor.get("/funds/events", params={"limit": 200}))["items"][told:]
    assert len([one for one in events if one["type"] == "exchange.row_taken"]) <= 4 + 1, (
        "waiting costs no events"
    )


async def test_what_a_client_may_not_do_does_not_wait_to_be_done_without_it(
    desk: Desk, finance: FinanceSystem
) -> None:
    narrow = desk.door.as_("machine", kind="machine", scope="fund:exchange", person="narrow")
    early = {"rows": [adjustment("1", "300.00", BGT_ID="BGT-1")]}
    answered = ok(await narrow.post("/funds/exchange/bgt-adjsubs", json=early))
    assert (answered["waiting"], answered["refused"]) == (0, 1)
    assert "登记资金来源" in answered["rows"][0]["reason"]
    await finance.send("bgt-infos", document("1", "1000.00"))
    await settle_ready(desk.door.context)
    assert (await desk.figures())["received"] == 1_000_00
