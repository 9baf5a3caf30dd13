"""Rows of the finance system are applied once each, in any order, or stored with the reason."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.events.webhooks.delivery import MAX_BACKOFF, WebhookDispatcher
from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_finance_system import (
    TRANSFER_CODE,
    FakeFinanceSystem,
    build_document_row,
    create_approved_payment,
    get_payment_state,
)


async def test_a_document_is_registered_once_however_often_it_is_sent(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    rows = [build_document_row("1", "1000.00"), build_document_row("2", "2000.00")]
    first = await finance.send_rows("bgt-infos", *rows, *rows)
    assert (first["applied"], first["refused"]) == (4, 0)
    assert [row["repeated"] for row in first["rows"]] == [False, False, True, True]
    repeated = await finance.send_rows("bgt-infos", *reversed(rows))
    assert [row["subject"] for row in repeated["rows"]] == [
        first["rows"][1]["subject"],
        first["rows"][0]["subject"],
    ]
    source = expect_ok(await scenario.auditor.get(f"/funds/sources/{first['rows'][0]['subject']}"))
    assert (source["level"], source["fund"], source["amount"]) == ("central", "bridging", "1000.00")
    assert (source["region"], source["received_on"]) == (DISTRICT, "2024-05-08")
    assert (source["function_subject"], source["transfer_code"]) == ("2130505", TRANSFER_CODE)
    assert (await scenario.get_totals())["received"] == 3000_00
    await scenario.check_balanced()


async def test_what_contradicts_the_books_is_refused_kept_and_explained_by_a_person(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    await finance.send_rows("bgt-infos", build_document_row("1", "1000.00"))
    changed = await finance.send_rows("bgt-infos", build_document_row("1", "1200.00"))
    assert changed["refused"] == 1
    assert "AMOUNT 1000.00 → 1200.00" in changed["rows"][0]["reason"]
    own = expect_ok(await scenario.auditor.get("/funds/sources"))["items"][0]
    other_key = await finance.send_rows("bgt-infos", build_document_row("1", "1000.00", BGT_ID="BGT-1b"))
    assert other_key["rows"][0]["subject"] == own["id"], "the same document under another key is linked"
    wrong = await finance.send_rows("bgt-infos", build_document_row("1", "999.99", BGT_ID="BGT-1c"))
    assert "相差 -0.01 元" in wrong["rows"][0]["reason"]
    refused = expect_ok(await finance.client.get("/funds/exchange/rows?state=refused"))["items"]
    assert len(refused) == 2
    done = await scenario.finance.post(
        f"/funds/exchange/rows/{refused[0]['id']}/dismiss", json={"reason": "财政已更正"}
    )
    assert (expect_ok(done)["state"], done.json()["note"]) == ("dismissed", "财政已更正")
    repeated = await finance.send_rows("bgt-infos", build_document_row("1", "999.99", BGT_ID="BGT-1c"))
    assert repeated["rows"][0]["state"] == "dismissed"
    assert (await scenario.get_totals())["received"] == 1000_00


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"AMOUNT": "-5.00"}, "AMOUNT"),
        ({"AMOUNT": 1000}, "AMOUNT"),
        ({"AMOUNT": "1.001"}, "AMOUNT"),
        ({"DOC_DATE": "2024-13-40"}, "DOC_DATE"),
        ({"DOC_DATE": "20240601"}, "晚于今天"),
        ({"BUDGET_LEVEL_CODE": "9"}, "预算级次"),
        ({"MOF_DIV_CODE": "62"}, "MOF_DIV_CODE"),
        ({"MOF_DIV_CODE": "620623000"}, "辖区"),
        ({"EXP_FUNC_CODE": "2010101"}, "科目 2010101 不在"),
        ({"IS_DELETED": "1"}, "已删除"),
        ({"BGT_ID": ""}, "BGT_ID 至少 1 个字"),
    ],
)
async def test_one_bad_row_says_why_and_holds_up_no_other(
    scenario: FundsScenario, finance: FakeFinanceSystem, change: dict[str, Any], reason: str
) -> None:
    result = await finance.send_rows(
        "bgt-infos", build_document_row("1", "1000.00", **change), build_document_row("2", "2.00")
    )
    assert [row["state"] for row in result["rows"]] == ["refused", "applied"]
    assert reason in result["rows"][0]["reason"]
    assert (await scenario.get_totals())["received"] == 2_00


async def test_payments_go_out_and_results_come_back_repeated_and_out_of_order(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payments = [
        await create_approved_payment(scenario, allocation["id"], amount)
        for amount in (1_000_00, 2_000_00, 3_000_00)
    ]
    rows = await finance.pay_payable()
    assert {row["PAYEE_ACCT_NO"] for row in rows} == {"6222021234561234567"}
    done = await finance.send_rows("pay-vouchers", *finance.shuffle_duplicates(rows))
    assert (done["applied"], done["refused"], done["waiting"]) == (6, 0, 0)
    assert [await get_payment_state(scenario, payment) for payment in payments] == ["paid"] * 3
    assert (await scenario.get_totals())["paid"] == 6_000_00
    repeated = await finance.send_rows("pay-vouchers", *rows)
    assert all(row["repeated"] for row in repeated["rows"])
    assert (await scenario.get_totals())["paid"] == 6_000_00
    await scenario.check_balanced()
    vouchers = expect_ok(await finance.client.get("/funds/exchange/pay-vouchers"))["items"]
    assert {row["PAY_CERT_ID"] for row in vouchers} == {"PZ0001", "PZ0002", "PZ0003"}
    assert all("****" in row["PAYEE_ACCT_NO"] for row in vouchers)
    assert vouchers[0]["PRO_NAME"] == "泽库县农村牧区小口机井工程"


async def test_twins_sent_at_the_same_time_pay_once(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    await create_approved_payment(scenario, allocation["id"], 1_000_00)
    rows = await finance.pay_payable()
    results = await asyncio.gather(*(finance.send_rows("pay-vouchers", *rows) for _ in range(5)))
    assert all(result["applied"] == 1 for result in results), results
    assert (await scenario.get_totals())["paid"] == 1_000_00
    assert len(expect_ok(await finance.client.get("/funds/exchange/rows"))["items"]) == 1
    await scenario.check_balanced()


async def test_a_result_that_comes_too_early_waits_and_takes_effect_later(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = (await scenario.create_payment(allocation["id"], 1_000_00))["id"]
    row = {
        "PAY_APP_ID": payment,
        "PAY_CERT_ID": "PZ0001",
        "XPAY_AMT": "1000.00",
        "CREATE_DATE": "2024-05-20",
        "PAYEE_ACCT_NO": "6222021234561234567",
    }
    early = await finance.send_rows("pay-vouchers", row, {**row, "PAY_APP_ID": str(uuid4())})
    assert (early["waiting"], early["applied"]) == (2, 0)
    assert "尚未批准" in early["rows"][0]["reason"]
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment, action))
    assert expect_ok(await finance.client.post("/funds/exchange/rows/settle")) == {"settled": 1, "waiting": 1}
    assert await get_payment_state(scenario, payment) == "paid"
    rows = expect_ok(await finance.client.get("/funds/exchange/rows"))["items"]
    assert {row["state"] for row in rows} == {"applied", "waiting"}
    assert "6222021234561234567" not in str(rows), "account numbers are kept masked"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"XPAY_AMT": "1000.01"}, "相差 0.01 元"),
        ({"XPAY_AMT": "0.00"}, "金额不符"),
        ({"PAYEE_ACCT_NAME": "另一公司"}, "收款人不符"),
        ({"CREATE_DATE": "20240521"}, "不能晚于今天"),
        ({"CREATE_DATE": "20240501"}, "早于"),
    ],
)
async def test_a_wrong_result_pays_nothing(
    scenario: FundsScenario, finance: FakeFinanceSystem, change: dict[str, str], reason: str
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await create_approved_payment(scenario, allocation["id"], 1_000_00)
    (row,) = await finance.pay_payable()
    wrong = await finance.send_rows("pay-vouchers", {**row, **change})
    assert wrong["refused"] == 1, wrong
    assert reason in wrong["rows"][0]["reason"]
    assert await get_payment_state(scenario, payment) == "approved"
    right = await finance.send_rows("pay-vouchers", row)
    assert right["applied"] == 1
    other = await finance.send_rows("pay-vouchers", {**row, "PAY_CERT_ID": "PZ9999"})
    assert "PZ0001" in other["rows"][0]["reason"]


async def test_a_payment_that_bounced_comes_back_once_also_when_told_before_it_was_paid(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await create_approved_payment(scenario, allocation["id"], 1_000_00)
    (row,) = await finance.pay_payable()
    bounced = {**row, "IS_DELETED": "1", "USE_DES": "账号有误"}
    done = await finance.send_rows("pay-vouchers", bounced, row)
    assert (done["waiting"], done["applied"], done["settled"]) == (1, 1, 1)
    assert await get_payment_state(scenario, payment) == "reversed"
    repeated = await finance.send_rows("pay-vouchers", bounced, row)
    assert all(row["repeated"] for row in repeated["rows"])
    figures = await scenario.get_totals()
    assert (figures["paid"], figures["unpaid"]) == (0, 10_000_00)
    await scenario.check_balanced()


async def test_a_finance_system_that_is_down_for_two_days_misses_nothing(
    scenario: FundsScenario, finance: FakeFinanceSystem, clock: Clock
) -> None:
    hook = {
        "region": DISTRICT,
        "name": "财政一体化系统",
        "url": finance.receiver.url,
        "types": ["payment.moved", "payment.paid", "exchange.row_taken"],
    }
    expect_refusal(await finance.client.post("/funds/webhooks", json=hook), 403)
    expect_ok(await scenario.finance.post("/funds/webhooks", json=hook), 201)
    courier = WebhookDispatcher(scenario.door.context)
    await finance.receiver.stop()
    allocation = await scenario.create_allocation(10_000_00)
    payments = [
        await create_approved_payment(scenario, allocation["id"], amount) for amount in (1_000_00, 2_000_00)
    ]
    for _ in range(48):
        await courier.deliver_due()
        clock.advance(timedelta(hours=1))
    assert finance.received_events == {}
    await finance.receiver.start()
    clock.advance(MAX_BACKOFF)
    await courier.deliver_due()
    approvals = [
        received_event["subject"]
        for received_event in finance.received_events.values()
        if received_event["data"]["after"]["now"] == "approved"
    ]
    assert approvals == payments
    rows = await finance.pay_payable("20240522")
    done = await finance.send_rows("pay-vouchers", *finance.shuffle_duplicates(rows))
    assert done["applied"] == 4
    await courier.deliver_due()
    paid = [
        received_event["subject"]
        for received_event in finance.received_events.values()
        if received_event["type"] == "cn.xianjie.payment.paid.v1"
    ]
    assert sorted(paid) == sorted(payments)
    assert (await scenario.get_totals())["paid"] == 3_000_00


async def test_both_tables_come_and_go_as_csv(scenario: FundsScenario, finance: FakeFinanceSystem) -> None:
    rows = [
        build_document_row("1", "1000.00", BGT_DOC_TITLE='含"引号", 逗号和\n换行'),
        build_document_row("2", "2000.00"),
    ]
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    answer = await finance.client.post(
        "/funds/exchange/bgt-infos/csv",
        content=("\ufeff" + target.getvalue()).encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert expect_ok(answer)["applied"] == 2
    out = await finance.client.get("/funds/exchange/bgt-infos?form=csv&limit=1")
    assert out.headers["content-type"].startswith("text/csv")
    (first,) = list(csv.DictReader(io.StringIO(out.text)))
    assert (first["BGT_ID"], first["AMOUNT"], first["CUR_AMT"]) == ("BGT-1", "1000.00", "1000.00")
    assert first["BGT_DOC_TITLE"] == rows[0]["BGT_DOC_TITLE"]
    assert (first["MOF_DIV_CODE"], first["BUDGET_LEVEL_CODE"], first["TASK_NO"]) == ("620602000", "1", "01")
    next_page: dict[str, str | int] = {"form": "csv", "limit": 1, "cursor": out.headers["x-next-cursor"]}
    second = await finance.client.get("/funds/exchange/bgt-infos", params=next_page)
    assert "BGT-2" in second.text
    assert second.headers["x-next-cursor"] == ""
    allocation = await scenario.create_allocation(10_000_00)
    await create_approved_payment(scenario, allocation["id"], 1_000_00)
    text = (await finance.client.get("/funds/exchange/pay-vouchers?form=csv")).text
    (payment,) = list(csv.DictReader(io.StringIO(text)))
    result = {
        "PAY_APP_ID": payment["PAY_APP_ID"],
        "PAY_CERT_ID": "PZ1",
        "XPAY_AMT": "1000.00",
        "CREATE_DATE": "20240520",
    }
    content = ",".join(result) + "\r\n" + ",".join(result.values()) + "\r\n"
    done = await finance.client.post("/funds/exchange/pay-vouchers/csv", content=content.encode())
    assert expect_ok(done)["applied"] == 1
    for nonsense in (b"", b"\xff\xfe\x00", b"PAY_APP_ID"):
        bad = await finance.client.post("/funds/exchange/pay-vouchers/csv", content=nonsense)
        assert bad.status_code == 422


async def test_reading_accounts_in_clear_leaves_an_event(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await create_approved_payment(scenario, allocation["id"], 1_000_00)
    await finance.fetch_payable()
    events = expect_ok(await scenario.auditor.get("/funds/events?types=payment.account_read"))["items"]
    assert [(event["subject"], event["actor"]) for event in events] == [(payment, "machine-620602000000")]


async def test_scopes_and_regions_bound_what_a_machine_may_do(
    scenario: FundsScenario, finance: FakeFinanceSystem
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    payment = await create_approved_payment(scenario, allocation["id"], 1_000_00)
    (row,) = await finance.pay_payable()
    reader = scenario.door.client_as("machine", kind="machine", scope="fund:exchange fund:read")
    sent = expect_ok(await reader.post("/funds/exchange/pay-vouchers", json={"rows": [row]}))
    assert (sent["refused"], await get_payment_state(scenario, payment)) == (1, "approved")
    other = scenario.door.client_as("machine", "620623000000", kind="machine", person="other")
    assert expect_ok(await other.get("/funds/exchange/pay-vouchers"))["items"] == []
    assert expect_ok(await other.post("/funds/exchange/pay-vouchers", json={"rows": [row]}))["waiting"] == 1
    assert await get_payment_state(scenario, payment) == "approved"
    for role in ("bureau", "town_officer", "auditor", "village_clerk"):
        client = scenario.door.client_as(role)
        assert (await client.get("/funds/exchange/pay-vouchers")).status_code == 403
        assert (await client.post("/funds/exchange/bgt-infos", json={"rows": [{}]})).status_code == 403
