"""Household subsidies (一卡通): lists that add up, masked numbers, reveals with a reason, failed payouts."""

import csv
import io
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from shared.china import id_card_check_character
from shared.db import execute_core
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal

COLUMN_TITLES = ["姓名", "身份证号", "一卡通账号", "开户行", "村组", "金额(元)"]


def build_id_card(n: int) -> str:
    """ID number with a valid check digit."""
    head = f"62230119700101{n:03d}"
    return head + id_card_check_character(head)


def build_account_no(n: int) -> str:
    return f"62220212345678{n:05d}"


def build_row(n: int, amount: str = "500.00") -> list[str]:
    return [
        f"张三{chr(0x4E00 + n)}",
        build_id_card(n),
        build_account_no(n),
        "武威农商行",
        "新店村一组",
        amount,
    ]


def build_csv(*rows: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMN_TITLES, *rows])
    return text.getvalue().encode()


async def create_subsidy_payment(scenario: FundsScenario, amount: int = 1500_00, **overrides: Any) -> Any:
    allocation = overrides.pop("allocation", None) or await scenario.create_allocation(1_0000_00)
    overrides = {"payee_kind": "households", "payee_name": "脱贫户(一卡通)", "payee_account": "", **overrides}
    return await scenario.create_payment(allocation["id"], amount, purpose="养殖补贴", **overrides)


async def put_batch(scenario: FundsScenario, payment: Any, content: bytes, **params: Any) -> Any:
    path = f"/funds/payments/{payment['id']}"
    tag = (await scenario.town.get(path)).headers["etag"]
    return await scenario.town.put(f"{path}/batch", content=content, params=params, headers={"If-Match": tag})


THREE_ROWS = (build_row(1), build_row(2), build_row(3))


async def test_a_list_that_adds_up_is_kept_and_shown_masked(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    taken = expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    assert (taken["count"], taken["total"], taken["difference"]) == (3, "1500.00", "0.00")
    households = expect_ok(await scenario.auditor.get(f"/funds/payments/{payment['id']}/batch"))["items"]
    assert [row["position"] for row in households] == [1, 2, 3]
    assert households[0]["name_masked"] == "张**"
    assert households[0]["card_masked"].startswith("622301********")
    assert households[0]["account_masked"] == "6222 **** **** 0001"


async def test_no_number_stands_in_clear_in_the_database_or_the_log(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    async with scenario.door.context.database.read() as session:
        cells = [
            str((await execute_core(session, sa.text(statement))).all())
            for statement in ("SELECT * FROM beneficiary", "SELECT * FROM event_log")
        ]
    for n in (1, 2, 3):
        assert not any(
            secret in text
            for text in cells
            for secret in (build_id_card(n), build_account_no(n), build_row(n)[0])
        )


async def test_a_payment_to_households_needs_its_list_to_the_fen(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_refusal(
        await scenario.transition_payment(scenario.town, payment["id"], "submit"), 409, "households_differ"
    )
    short = await put_batch(scenario, payment, build_csv(build_row(1), build_row(2), build_row(3, "499.99")))
    assert "相差 -0.01 元" in expect_refusal(short, 422, "total")["errors"][0]["detail"]
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    path = f"/funds/payments/{payment['id']}"
    tag = (await scenario.town.get(path)).headers["etag"]
    expect_ok(await scenario.town.patch(path, json={"amount": "1600.00"}, headers={"If-Match": tag}))
    expect_refusal(
        await scenario.transition_payment(scenario.town, payment["id"], "submit"), 409, "households_differ"
    )
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS, build_row(4, "100.00"))))
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_refusal(await put_batch(scenario, payment, build_csv(*THREE_ROWS, build_row(4, "100.00"))), 409)


async def test_every_wrong_household_is_named_at_once_and_a_dry_run_keeps_nothing(
    scenario: FundsScenario,
) -> None:
    payment = await create_subsidy_payment(scenario)
    wrong_card = [*build_row(2)[:1], "622301197001010010", *build_row(2)[2:]]
    rows = (build_row(1), wrong_card, build_row(1), [*build_row(4)[:5], "-500"])
    tried = expect_ok(await put_batch(scenario, payment, build_csv(*rows), dry_run=True))
    pointers = [error["pointer"] for error in tried["errors"]]
    assert {"/rows/3/card", "/rows/4/card", "/rows/4/account", "/rows/5/amount"} <= set(pointers)
    assert tried["stored"] is False
    expect_refusal(await put_batch(scenario, payment, build_csv(*rows)), 422, "cell")
    assert expect_ok(await scenario.leader.get(f"/funds/payments/{payment['id']}/batch"))["items"] == []


async def test_a_household_that_was_paid_for_the_same_project_before_is_pointed_out(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(1_0000_00)
    first = await create_subsidy_payment(scenario, allocation=allocation)
    expect_ok(await put_batch(scenario, first, build_csv(*THREE_ROWS)))
    expect_ok(await scenario.transition_payment(scenario.town, first["id"], "submit"))
    second = await create_subsidy_payment(scenario, 1000_00, allocation=allocation)
    taken = expect_ok(await put_batch(scenario, second, build_csv(build_row(7), build_row(2)), dry_run=True))
    assert taken["repeated"] == [2]


async def test_numbers_are_opened_only_with_a_reason_and_it_is_written_down(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    path = f"/funds/payments/{payment['id']}/batch/reveal"
    ask = {"positions": [2], "reason": "核对退回账号"}
    other_town_officer = scenario.door.client_as("town_officer", person="other")
    for who in (other_town_officer, scenario.leader, scenario.bureau):
        expect_refusal(await who.post(path, json=ask), 403)
    for who in (scenario.town, scenario.auditor):
        expect_ok(await who.post(path, json=ask))
    expect_refusal(await scenario.finance.post(path, json={"positions": [2], "reason": ""}), 422)
    answer = await scenario.finance.post(path, json=ask, headers={"Idempotency-Key": "once"})
    assert expect_ok(answer) == [
        {
            "position": 2,
            "name": build_row(2)[0],
            "card": build_id_card(2),
            "account": build_account_no(2),
            "bank": "武威农商行",
            "amount": "500.00",
        }
    ]
    assert answer.headers["cache-control"] == "no-store"
    last = expect_ok(await scenario.auditor.get("/funds/events"))["items"][-1]
    assert (last["type"], last["actor"], last["reason"]) == ("beneficiaries.revealed", "chen", "核对退回账号")
    assert last["after"]["positions"] == [2]
    async with scenario.door.context.database.read() as session:
        answers = str((await execute_core(session, sa.text("SELECT * FROM answer"))).all())
    assert build_id_card(2) not in answers


async def test_the_bank_gets_a_file_in_clear_once_it_is_approved(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    path, why = f"/funds/payments/{payment['id']}/batch/bank-file", {"reason": "交农商行代发"}
    expect_refusal(await scenario.finance.post(path, json=why), 409)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
    answer = await scenario.finance.post(path, json=why)
    page = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    cells = [[str(cell.value) for cell in cells] for cells in page.iter_rows()]
    assert next(cell for cell in cells if build_id_card(3) in cell).count(build_account_no(3)) == 1
    assert (
        expect_ok(await scenario.auditor.get("/funds/events"))["items"][-1]["type"]
        == "beneficiaries.revealed"
    )


async def test_what_the_bank_could_not_pay_comes_back_to_the_allocation(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    path = f"/funds/payments/{payment['id']}/batch/failures"
    failures = {
        "voucher_no": "T-1",
        "happened_on": "2024-05-20",
        "rows": [{"position": 2, "reason": "户名不符"}],
    }
    expect_refusal(await scenario.cashier.post(path, json=failures), 409)
    voucher = {"voucher_no": "2024-9", "paid_on": "2024-05-20"}
    expect_ok(await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **voucher))
    done = expect_ok(await scenario.cashier.post(path, json=failures), 201)
    assert (done["amount"], done["count"]) == ("500.00", 1)
    expect_refusal(await scenario.cashier.post(path, json=failures), 409)
    expect_refusal(
        await scenario.cashier.post(path, json={**failures, "rows": [{"position": 9, "reason": "无"}]}), 409
    )
    totals = await scenario.get_totals()
    assert totals["paid"] == 1000_00
    states = [
        item["state"]
        for item in expect_ok(await scenario.leader.get(f"/funds/payments/{payment['id']}/batch"))["items"]
    ]
    assert states == ["listed", "failed", "listed"]
    await scenario.check_balanced()


@pytest.mark.parametrize("number", ["12", "6222x", "6222 0212 3456"])
async def test_an_account_of_a_company_is_checked(scenario: FundsScenario, number: str) -> None:
    allocation = await scenario.create_allocation(1000_00)
    body = {
        "allocation_id": allocation["id"],
        "amount": "1.00",
        "payee_name": "某公司",
        "payee_account": number,
        "purpose": "进度款",
    }
    answer = await scenario.town.post("/funds/payments", json=body)
    if number.replace(" ", "").isdigit() and len(number) > 8:
        assert expect_ok(answer, 201)["account_masked"].startswith("6222")
    else:
        assert expect_refusal(answer, 422)["errors"][0]["pointer"] == "/payee_account"


async def test_a_company_has_no_list(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 500_00)
    expect_refusal(await put_batch(scenario, payment, build_csv(build_row(1))), 409)
