"""A payment from application to voucher, every control, and refunds."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.clients import DISTRICT, TOWN
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary

VOUCHER_BODY = {"voucher_no": "2024-000123", "paid_on": "2024-05-20"}


async def test_a_payment_goes_from_application_to_voucher_and_the_books_follow(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 400_00)
    assert (await scenario.get_totals())["applied"] == 0
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    totals = await scenario.get_totals()
    assert (totals["unpaid"], totals["applied"], totals["paid"]) == (1000_00, 400_00, 0)
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
    done = expect_ok(
        await scenario.transition_payment(
            scenario.cashier, payment["id"], "pay", **VOUCHER_BODY, bank_result="成功"
        )
    )
    assert (done["state"], done["voucher_no"], done["bank_result"]) == ("paid", "2024-000123", "成功")
    totals = await scenario.get_totals(project_id=allocation["project_id"])
    assert (totals["allocated"], totals["unpaid"], totals["applied"], totals["paid"]) == (
        1000_00,
        600_00,
        0,
        400_00,
    )
    by_payee = expect_ok(await scenario.auditor.get("/funds/ledger", params={"by": "payee"}))["rows"]
    paid = {row["payee"]: row["figures"]["paid"] for row in by_payee}
    assert paid["武威市水利工程有限公司"] == "400.00"
    await scenario.check_balanced()


async def test_a_yuan_above_the_allocation_is_refused_with_the_excess(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 700_00)
    payment = await scenario.create_payment(allocation["id"], 300_01)
    problem = expect_refusal(
        await scenario.transition_payment(scenario.town, payment["id"], "submit"), 409, "over_allocation"
    )
    assert "超出 0.01 元" in problem["detail"]
    await scenario.check_balanced()


async def test_two_applications_never_share_a_yuan(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    first, second = [await scenario.create_payment(allocation["id"], 600_00) for _ in range(2)]
    expect_ok(await scenario.transition_payment(scenario.town, first["id"], "submit"))
    expect_refusal(
        await scenario.transition_payment(scenario.town, second["id"], "submit"), 409, "over_allocation"
    )
    expect_ok(await scenario.transition_payment(scenario.reviewer, first["id"], "reject", reason="材料不齐"))
    expect_ok(await scenario.transition_payment(scenario.town, second["id"], "submit"))
    await scenario.check_balanced()


async def test_a_returned_application_is_changed_and_submitted_again(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 600_00)
    path = f"/funds/payments/{payment['id']}"
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    tag = (await scenario.town.get(path)).headers["etag"]
    expect_refusal(await scenario.town.patch(path, json={"amount": "500.00"}, headers={"If-Match": tag}), 409)
    expect_refusal(
        await scenario.transition_payment(scenario.reviewer, payment["id"], "return"), 409, "no_reason"
    )
    expect_ok(
        await scenario.transition_payment(scenario.reviewer, payment["id"], "return", reason="金额有误")
    )
    assert (await scenario.get_totals())["applied"] == 0
    tag = (await scenario.town.get(path)).headers["etag"]
    body = {"amount": "500.00"}
    changed = expect_ok(await scenario.town.patch(path, json=body, headers={"If-Match": tag}))
    assert (changed["amount"], changed["purpose"]) == ("500.00", "机井工程进度款")
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    assert (await scenario.get_totals())["applied"] == 500_00
    await scenario.check_balanced()


async def test_nobody_reviews_approves_or_pays_what_they_submitted_or_reviewed(
    scenario: FundsScenario,
) -> None:
    grants = [["bureau", DISTRICT], ["finance", DISTRICT], ["town_officer", TOWN]]
    all_roles = scenario.door.system.client_with_claims(
        "funds", {"sub": "ma", "name": "ma", "grants": grants}
    )
    allocation = await scenario.create_allocation(1000_00)
    payment = (await scenario.create_payment(allocation["id"], 100_00))["id"]
    expect_ok(await scenario.transition_payment(scenario.town, payment, "submit"))
    expect_refusal(await scenario.transition_payment(all_roles, payment, "review"), 403)
    both = scenario.door.system.client_with_claims("funds", {"sub": "zhao", "name": "zhao", "grants": grants})
    expect_ok(await scenario.transition_payment(both, payment, "review"))
    expect_refusal(await scenario.transition_payment(all_roles, payment, "approve"), 403)
    expect_refusal(await scenario.transition_payment(both, payment, "approve"), 403)
    expect_ok(await scenario.transition_payment(scenario.finance, payment, "approve"))
    expect_refusal(await scenario.transition_payment(all_roles, payment, "pay", **VOUCHER_BODY), 403)
    expect_refusal(await scenario.transition_payment(scenario.town, payment, "pay", **VOUCHER_BODY), 403)
    expect_ok(await scenario.transition_payment(scenario.cashier, payment, "pay", **VOUCHER_BODY))
    expect_refusal(await scenario.transition_payment(all_roles, payment, "reverse", reason="退"), 403)


async def test_another_account_of_the_same_person_is_nobody_else(scenario: FundsScenario) -> None:
    grants = [["town_officer", TOWN], ["bureau", DISTRICT]]
    claims = {
        "sub": "zhang_a",
        "name": "张三",
        "person": "zhang_a",
        "accounts": ["zhang_b"],
        "grants": grants,
    }
    one = scenario.door.system.client_with_claims("funds", claims)
    claims = {**claims, "sub": "zhang_b", "accounts": ["zhang_a"]}
    other = scenario.door.system.client_with_claims("funds", claims)
    allocation = await scenario.create_allocation(1000_00)
    payment = (await scenario.create_payment(allocation["id"], 100_00))["id"]

    submitted = expect_ok(await scenario.transition_payment(one, payment, "submit"))

    assert submitted["submitted_by"] == "zhang_a", "records name accounts"
    refused = await scenario.transition_payment(other, payment, "review")
    expect_refusal(refused, 403)
    offered = (await other.get(f"/funds/payments/{payment}")).json()["available_actions"]
    assert {one["action"]: one["ready"] for one in offered}["review"] is False
    events = (await other.get("/funds/events", params={"subject": payment})).json()["items"]
    assert (events[-1]["actor"], events[-1]["person"]) == ("zhang_a", "zhang_a")


@pytest.mark.parametrize("state", ["reserve", "suspended", "terminated", "closed"])
async def test_a_project_in_the_wrong_state_is_paid_nothing(
    scenario: FundsScenario, library: FakeProjectLibrary, state: str
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    library.update_project(UUID(allocation["project_id"]), state=state)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    expect_refusal(
        await scenario.transition_payment(scenario.town, payment["id"], "submit"), 409, "payment.project"
    )


async def test_a_project_that_is_blocked_after_submission_is_not_approved(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    library.update_project(UUID(allocation["project_id"]), blocked=True)
    expect_refusal(
        await scenario.transition_payment(scenario.finance, payment["id"], "approve"), 409, "payment.project"
    )


async def test_a_payment_without_documents_is_not_submitted(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00, file_ids=[])
    expect_refusal(
        await scenario.transition_payment(scenario.town, payment["id"], "submit"), 409, "no_documents"
    )


async def test_paying_ahead_of_the_works_is_warned_of(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    library.update_project(UUID(allocation["project_id"]), physical_percent=20)
    payment = await scenario.create_payment(allocation["id"], 310_00)
    finding = _find_finding(await _get_checks(scenario, payment["id"]), "payment.progress")
    assert (finding["passed"], finding["effect"], finding["figures"]["允许%"]) == (False, "warn", "30")
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))


async def test_the_same_payee_on_the_same_day_is_warned_of(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 100_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    finding = _find_finding(await _get_checks(scenario, payment["id"]), "payment.same_day")
    assert (finding["passed"], finding["message"]) == (False, "同一收款人当日有同额支付, 请核对是否重复")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"voucher_no": "", "paid_on": "2024-05-20"}, "no_voucher"),
        ({"voucher_no": "1"}, "no_voucher"),
        ({"voucher_no": "1", "paid_on": "2024-05-21"}, "in_the_future"),
        ({"voucher_no": "1", "paid_on": "2024-05-19"}, "before_application"),
    ],
)
async def test_a_payment_is_settled_by_a_voucher_and_a_possible_day(
    scenario: FundsScenario, change: dict[str, str], code: str
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = (await scenario.create_payment(allocation["id"], 100_00))["id"]
    expect_ok(await scenario.transition_payment(scenario.town, payment, "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment, "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment, "approve"))
    expect_refusal(await scenario.transition_payment(scenario.cashier, payment, "pay", **change), 409, code)
    assert (await scenario.get_totals())["paid"] == 0


async def test_part_of_a_payment_comes_back_and_can_be_paid_again(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1000_00)
    path, refund_id = f"/funds/payments/{payment['id']}/refunds", str(uuid4())
    body = {
        "id": refund_id,
        "amount": "250.00",
        "voucher_no": "T-1",
        "happened_on": "2024-05-20",
        "reason": "户名不符",
    }
    for _ in range(2):
        expect_ok(await scenario.cashier.post(path, json=body), 201)
    expect_refusal(await scenario.cashier.post(path, json={**body, "amount": "1.00"}), 409)
    expect_refusal(
        await scenario.cashier.post(path, json={**body, "id": str(uuid4()), "amount": "750.01"}), 409
    )
    expect_refusal(await scenario.town.post(path, json=body), 403)
    totals = await scenario.get_totals()
    assert (totals["paid"], totals["unpaid"]) == (750_00, 250_00)
    await scenario.create_paid_payment(allocation["id"], 250_00)
    await scenario.check_balanced()


async def test_a_reversed_payment_gives_everything_that_was_left_of_it_back(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 1000_00)
    body = {"amount": "250.00", "voucher_no": "T-1", "happened_on": "2024-05-20", "reason": "户名不符"}
    expect_ok(await scenario.cashier.post(f"/funds/payments/{payment['id']}/refunds", json=body), 201)
    expect_refusal(
        await scenario.transition_payment(scenario.cashier, payment["id"], "reverse"), 409, "no_reason"
    )
    done = expect_ok(
        await scenario.transition_payment(
            scenario.cashier, payment["id"], "reverse", reason="账号有误, 全额退回"
        )
    )
    assert (done["state"], done["refunded"]) == ("reversed", "1000.00")
    totals = await scenario.get_totals()
    assert (totals["paid"], totals["unpaid"]) == (0, 1000_00)
    expect_refusal(
        await scenario.transition_payment(scenario.cashier, payment["id"], "reverse", reason="再退"), 409
    )
    await scenario.check_balanced()


async def test_the_bank_account_is_never_shown_whole(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    assert payment["account_masked"] == "6222 **** **** 4567"
    pages = [
        (await scenario.auditor.get(f"/funds/payments/{payment['id']}")).text,
        (await scenario.auditor.get("/funds/payments")).text,
        (await scenario.auditor.get("/funds/events")).text,
        (await scenario.auditor.get("/funds/thread", params={"payment_id": payment["id"]})).text,
    ]
    assert all("6222021234561234567" not in page for page in pages)
    assert "6222 **** **** 4567" in pages[0]


async def test_a_village_of_another_town_sees_no_payment(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_payment(allocation["id"], 100_00)
    elsewhere = scenario.door.client_as("town_officer", "620602101000")
    expect_refusal(await elsewhere.get(f"/funds/payments/{payment['id']}"), 404)
    expect_refusal(await scenario.transition_payment(elsewhere, payment["id"], "submit"), 404)
    assert expect_ok(await elsewhere.get("/funds/payments"))["items"] == []


async def test_every_step_of_a_payment_is_an_event(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 100_00)
    events = expect_ok(await scenario.auditor.get("/funds/events"))["items"]
    types = [event["type"] for event in events if event["type"].startswith("payment.")]
    assert types == ["payment.drafted", *["payment.moved"] * 3, "payment.paid"]


async def _get_checks(scenario: FundsScenario, payment_id: str) -> dict[str, Any]:
    checks: dict[str, Any] = expect_ok(await scenario.leader.get(f"/funds/payments/{payment_id}/checks"))
    return checks


def _find_finding(checks: dict[str, Any], key: str) -> dict[str, Any]:
    finding: dict[str, Any] = next(finding for finding in checks["findings"] if finding["key"] == key)
    return finding


async def test_who_approved_a_payment_neither_pays_nor_reverses_it(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(100_00)
    payment = await scenario.create_payment(allocation["id"], 50_00)
    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "review"))
    expect_ok(await scenario.transition_payment(scenario.finance, payment["id"], "approve"))
    expect_refusal(
        await scenario.transition_payment(scenario.finance, payment["id"], "pay", **VOUCHER_BODY), 403
    )
    expect_ok(await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **VOUCHER_BODY))
    reason = {"reason": "账号有误, 全额退回"}
    expect_refusal(
        await scenario.transition_payment(scenario.finance, payment["id"], "reverse", **reason), 403
    )


async def test_a_payment_that_was_drafted_in_the_future_is_marked_at_its_field(
    scenario: FundsScenario,
) -> None:
    allocation = await scenario.create_allocation(10_000_00)
    body = {
        "allocation_id": allocation["id"], "amount": "1.00", "payee_name": "武威市水利工程有限公司",
        "purpose": "进度款", "happened_at": "2024-05-21T09:00:00+08:00",
    }  # fmt: skip
    problem = expect_refusal(await scenario.town.post("/funds/payments", json=body), 422)
    assert [one["pointer"] for one in problem["errors"]] == ["/happened_at"]
