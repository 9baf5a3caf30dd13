"""个人信息请求 of payees: lists that were never paid are erased, those of vouchers stay for thirty years."""

from datetime import timedelta
from typing import Any

import pytest

from shared.events.fsck import check_service
from tests.clients import DISTRICT
from tests.conftest import Clock
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.test_batches import (
    THREE_ROWS,
    build_account_no,
    build_csv,
    build_id_card,
    build_row,
    create_subsidy_payment,
    put_batch,
)
from tests.stored_text_search import find_clear_text

REQUESTS = "/funds/person-requests"
BODY = {
    "kind": "erasure",
    "basis": "purpose_over",
    "region": DISTRICT,
    "name": build_row(2)[0],
    "id_no": build_id_card(2),
    "document": "甘凉信申〔2026〕8号",
}


async def register(scenario: FundsScenario) -> tuple[str, list[dict[str, Any]]]:
    """A request to erase the second payee, and what is held about them."""
    request = expect_ok(await scenario.finance.post(REQUESTS, json=BODY), 201)["id"]
    read = await scenario.finance.post(f"{REQUESTS}/{request}/readings", json={"purpose": "答复申请人"})
    return request, expect_ok(read)["rows"]


async def erase(scenario: FundsScenario, request: str, **params: Any) -> Any:
    return await scenario.cashier.post(f"{REQUESTS}/{request}/erase", json={}, params=params)


async def test_a_payee_of_a_list_that_was_refused_is_erased(scenario: FundsScenario) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    path = f"/funds/payments/{payment['id']}/batch"
    request, rows = await register(scenario)
    assert (rows[0]["values"]["card"], rows[0]["values"]["account"]) == (
        build_id_card(2),
        build_account_no(2),
    )
    assert "还在办理" in expect_refusal(await erase(scenario, request), 409, "nothing_to_erase")["detail"]

    expect_ok(await scenario.transition_payment(scenario.town, payment["id"], "submit"))
    expect_ok(await scenario.transition_payment(scenario.reviewer, payment["id"], "reject", reason="重复"))
    before = expect_ok(await scenario.auditor.get(path))["items"]
    expect_ok(await erase(scenario, request))

    after = expect_ok(await scenario.auditor.get(path))["items"]
    assert (after[0], after[2]) == (before[0], before[2])
    assert [after[1][name] for name in ("name_masked", "card_masked", "account_masked")] == ["已删除"] * 3
    context = scenario.door.context
    assert await find_clear_text(context, *build_row(2)[:3]) == []
    app = scenario.door.system.apps["funds"]
    assert (await check_service("funds", context.database, app.state.fsck)).differences == []


async def test_a_payee_of_a_voucher_stays_for_thirty_years(scenario: FundsScenario, clock: Clock) -> None:
    payment = await create_subsidy_payment(scenario)
    expect_ok(await put_batch(scenario, payment, build_csv(*THREE_ROWS)))
    for who, action in (
        (scenario.town, "submit"),
        (scenario.reviewer, "review"),
        (scenario.finance, "approve"),
    ):
        expect_ok(await scenario.transition_payment(who, payment["id"], action))
    voucher = {"voucher_no": "2024-9", "paid_on": "2024-05-20"}
    expect_ok(await scenario.transition_payment(scenario.cashier, payment["id"], "pay", **voucher))
    request, rows = await register(scenario)
    assert "会计档案管理办法" in rows[0]["kept"]
    clock.advance(timedelta(days=365 * 30))
    assert "会计凭证" in expect_refusal(await erase(scenario, request), 409, "nothing_to_erase")["detail"]
    clock.advance(timedelta(days=240))  # 2055: thirty years after the end of 2024
    assert expect_ok(await erase(scenario, request, dry_run=True))["allowed"] is True


@pytest.mark.parametrize("role", ["bureau", "town_officer", "auditor"])
async def test_only_finance_answers_for_payees(scenario: FundsScenario, role: str) -> None:
    expect_refusal(await scenario.door.client_as(role).post(REQUESTS, json=BODY), 403)
