"""脱贫人口小额信贷: the terms of the policy, being due and overdue, another use, and the banks' ledger."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.households.factories_households import Monitoring, build_id_card
from tests.households.test_imports import import_table
from tests.workbooks import load_workbook

LOANS = "/households/loans"
LOAN: dict[str, Any] = {
    "region": VILLAGE,
    "name": "钱样甲",
    "id_no": build_id_card(1),
    "bank": "示例农商行",
    "principal": "30000.00",
    "rate": "3.65",
    "lent_on": "2023-06-01",
    "due_on": "2024-06-10",
    "purpose": "养殖",
}


@pytest.fixture
def people(door: Callable[[str], ServiceUnderTest]) -> Monitoring:
    """The people around one household."""
    return Monitoring(door)


async def lend(people: Monitoring, **changes: Any) -> str:
    answer = await people.town.post(LOANS, json=LOAN | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        # ≤ 50,000 元, ≤ 3 years, borrower 18 to 65 years old, for production only (银保监发〔2021〕6号).
        ({"principal": "50000.01"}, "/principal"),
        ({"due_on": "2026-06-02"}, "/due_on"),
        ({"due_on": "2023-06-01"}, "/due_on"),
        ({"lent_on": "2024-05-21"}, "/lent_on"),
        ({"lent_on": "9999-12-31", "due_on": "9999-12-31"}, "/lent_on"),
        ({"lent_on": "2013-12-31"}, "/lent_on"),
        ({"id_no": "622301195001151231"}, "/id_no"),
        ({"purpose": "给儿子结婚"}, "/purpose"),
        ({"purpose": "入股分红"}, "/purpose"),
        ({"balance": "30000.01"}, "/balance"),
        ({"rate": "三点六"}, "/rate"),
        ({"region": TOWN}, "/region"),
    ],
)
async def test_a_loan_keeps_the_terms_of_the_policy(
    people: Monitoring, change: dict[str, Any], pointer: str
) -> None:
    refused = await people.town.post(LOANS, json=LOAN | change)
    assert refused.status_code == 422, refused.text
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]


async def test_the_limit_is_that_of_the_household(people: Monitoring) -> None:
    await people.enter()
    await lend(people, due_on="2026-06-01")
    wife = {"id_no": build_id_card(2), "name": "孙样乙"}
    refused = await people.town.post(LOANS, json=LOAN | wife | {"principal": "20000.01"})
    assert refused.json()["errors"][0]["pointer"] == "/principal"
    await lend(people, **wife, principal="20000.00")
    again = await people.town.post(LOANS, json=LOAN | {"principal": "1.00"})
    assert again.status_code == 409, "one loan a day, bank and person"


async def test_loans_entered_at_once_keep_the_limit_of_the_household(people: Monitoring) -> None:
    await people.enter()
    borrowers = [{"id_no": build_id_card(1)}, {"id_no": build_id_card(2), "name": "孙样乙"}] * 5
    loans = [
        LOAN | one | {"bank": f"第{number}银行", "principal": "20000.00"}
        for number, one in enumerate(borrowers)
    ]
    answers = await asyncio.gather(*(people.town.post(LOANS, json=loan) for loan in loans))
    assert sorted(one.status_code for one in answers) == [201] * 2 + [422] * 8


async def test_a_loan_is_due_then_overdue_then_settled(people: Monitoring, clock: Clock) -> None:
    loan = await lend(people)

    async def list_alerts() -> list[tuple[str, bool]]:
        await people.bureau.post("/households/alerts/sweep")
        alerts = (await people.bureau.get("/households/alerts")).json()["items"]
        assert "钱样甲" not in str(alerts)
        return sorted((one["rule"].removeprefix("households."), one["gone"]) for one in alerts)

    assert await list_alerts() == [("loan_due", False)]
    early = await people.act(people.town, loan, "compensate", LOANS, reason="县风险补偿金")
    assert early.json()["errors"][0]["code"] == "not_overdue"
    clock.advance(timedelta(days=22))
    assert ("loan_overdue", False) in await list_alerts()
    (late,) = (await people.town.get(LOANS, params={"overdue": True})).json()["items"]
    assert (late["id"], late["name_masked"]) == (loan, "钱**")
    sums = (await people.leader.get("/households/help-summary", params={"region": DISTRICT})).json()["loans"]
    assert (sums["overdue"], sums["overdue_balance"], sums["overdue_percent"]) == (1, "30000.00", "100.00")
    early = await people.act(people.town, loan, "settle", LOANS, settled_on="2023-05-01")
    assert early.json()["errors"][0]["pointer"] == "/settled_on"
    done = await people.must(people.town, loan, "settle", LOANS, settled_on="2024-06-11")
    assert (done["state"], done["balance"]) == ("settled", "0.00")
    assert not [one for one in await list_alerts() if not one[1]]


async def test_a_loan_is_extended_once_and_paid_back_in_parts(people: Monitoring) -> None:
    loan = await lend(people)
    wrong = await people.act(people.town, loan, "extend", LOANS, due_on="2024-06-01", reason="受灾")
    assert wrong.json()["errors"][0]["code"] == "bad_due_on"
    longer = await people.must(people.town, loan, "extend", LOANS, due_on="2025-06-10", reason="受灾")
    assert (longer["due_on"], longer["extensions"]) == ("2025-06-10", 1)
    await people.must(people.town, loan, "report_misuse", LOANS, reason="贷后检查: 用于装修")
    await people.must(people.town, loan, "correct_use", LOANS, reason="已购羊20只")
    again = await people.act(people.town, loan, "extend", LOANS, due_on="2026-06-10", reason="再次受灾")
    assert again.json()["errors"][0]["code"] == "no_extension"

    async def change(**body: str) -> Any:
        tag = (await people.town.get(f"{LOANS}/{loan}")).headers["ETag"]
        return await people.town.patch(f"{LOANS}/{loan}", json=body, headers={"If-Match": tag})

    assert (await change(balance="12000.00", subsidy="500.00")).json()["balance"] == "12000.00"
    assert (await change(balance="12000.01")).json()["errors"][0]["pointer"] == "/balance"
    assert (await change(subsidy="499.99")).json()["errors"][0]["pointer"] == "/subsidy"


async def test_another_use_is_an_alert_until_it_is_put_right(people: Monitoring) -> None:
    loan = await lend(people, due_on="2026-06-01")
    await people.must(people.town, loan, "report_misuse", LOANS, reason="转贷给企业")
    await people.bureau.post("/households/alerts/sweep")
    (alert,) = (await people.bureau.get("/households/alerts")).json()["items"]
    assert (alert["rule"], alert["subject"]) == ("households.loan_misused", loan)
    await people.must(people.town, loan, "correct_use", LOANS, reason="企业已退回")
    await people.bureau.post("/households/alerts/sweep")
    assert [one["gone"] for one in (await people.bureau.get("/households/alerts")).json()["items"]] == [True]


async def test_who_borrowed_is_read_with_a_purpose(people: Monitoring) -> None:
    loan = await lend(people)
    assert (await people.cadre.get(LOANS)).json()["items"] == []
    for outsider in (people.leader, people.line):
        assert (await outsider.get(LOANS)).status_code == 403
    assert (await people.clerk.post(LOANS, json=LOAN)).status_code == 403
    opened = await people.town.post(f"{LOANS}/{loan}/readings", json={"purpose": "催收"})
    assert opened.json() == {"name": "钱样甲", "id_no": build_id_card(1)}
    log = (await people.bureau.get("/households/events", params={"limit": 100})).json()["items"]
    assert [one["after"]["purpose"] for one in log if one["type"] == "small_loan.opened"] == ["催收"]
    assert not any(secret in str(log) for secret in ("钱样甲", build_id_card(1)))


async def test_the_banks_ledger_is_imported(door: Callable[[str], ServiceUnderTest]) -> None:
    service, workbook = door("households"), load_workbook("18")
    job, bureau = await import_table(service, workbook.content, kind="loans", partial=True)
    truth = [row for _, row in workbook.list_rows()]
    asked = {row["row"] for row in workbook.truth["ask"]}
    assert (job["rows"], job["imported"], job["wrong"]) == (5, 4, 1), job
    assert {(fault["row"], fault["column"]) for fault in job["faults"]} == {(5, "贷款金额(万元)")}, job
    assert "50000.00" in job["faults"][0]["message"]
    loans = (await bureau.get(LOANS, params={"limit": 50})).json()["items"]
    found = {
        (
            one["region"],
            one["principal"],
            one["lent_on"],
            one["due_on"],
            one["rate"],
            one["subsidy"],
            one["balance"],
        )
        for one in loans
    }
    assert found == {
        (
            row["place"]["codes"][0],
            f"{row['principal'] / 100:.2f}",
            row["lent_on"],
            row["due_on"],
            row["rate_percent"],
            f"{row['interest'] / 100:.2f}",
            f"{row['balance'] / 100:.2f}",
        )
        for row in truth
        if row["row"] not in asked
    }
    states = {one["lent_on"]: one["state"] for one in loans}
    assert [states[row["lent_on"]] for row in truth if row["row"] not in asked] == [
        "lent",
        "lent",
        "lent",
        "settled",
    ]
    again, _ = await import_table(
        service, workbook.content.replace(b"\t30000\t", b"\t20000\t"), kind="loans", partial=True
    )
    assert (again["already"], again["differs"]) == (4, 1)
    assert [one["column"] for one in again["differences"][0]["fields"]] == ["贷款余额(元)"]
