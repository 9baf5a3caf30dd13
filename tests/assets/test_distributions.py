"""The income book and distribution plans: decision, notice, payout, closing."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.assets.factories_assets import AssetScenario
from tests.clients import VILLAGE
from tests.conftest import Clock

DECISION_STEPS = ("proposed", "discussed", "reviewed", "resolved", "decision_public")
BANK_ACCOUNT_NO = "6222020000000000008"


async def create_earning_asset(
    scenario: AssetScenario, amount: str = "10000.00", **changes: Any
) -> dict[str, Any]:
    asset = await scenario.create_registered_asset(
        **{"name": "扶贫车间", "asset_class": "operating", "subclass": "workshop", **changes}
    )
    body = {"amount": amount, "received_on": "2024-05-01", "payer": "某公司", "voucher_no": "收1"}
    response = await scenario.clerk.post(f"/assets/{asset['id']}/income", json=body)
    assert response.status_code == 201, response.text
    return asset


async def get_balance(scenario: AssetScenario) -> dict[str, Any]:
    balance: dict[str, Any] = (
        await scenario.bureau.get("/assets/distributions/balance", params={"region": VILLAGE})
    ).json()
    assert balance["agrees"] is True
    return balance


def build_distribution(**changes: Any) -> dict[str, Any]:
    lines = [
        {"purpose": "reserve", "amount": "2000.00"},
        {"purpose": "welfare_post", "amount": "5000.00"},
        {"purpose": "support", "amount": "3000.00"},
    ]
    return {
        "region": VILLAGE,
        "owner_name": "新店村股份经济合作社",
        "year": 2024,
        "title": "2024年收益分配方案",
        "lines": lines,
        **changes,
    }


async def post_distribution_step(
    client: httpx.AsyncClient, plan: dict[str, Any], path: str, status: int = 200, **body: Any
) -> Any:
    response = await client.post(f"/assets/distributions/{plan['id']}/{path}", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def create_ready_distribution(scenario: AssetScenario, **changes: Any) -> dict[str, Any]:
    plan: dict[str, Any] = (
        await scenario.clerk.post("/assets/distributions", json=build_distribution(**changes))
    ).json()
    paper = await scenario.upload_photo()
    for name in DECISION_STEPS:
        await post_distribution_step(
            scenario.clerk,
            plan,
            "steps",
            step=name,
            held_on="2024-05-02",
            entitled=12,
            present=9,
            agreed=9,
            file_ids=[paper],
        )
    return plan


async def create_decided_distribution(scenario: AssetScenario, **changes: Any) -> dict[str, Any]:
    plan = await create_ready_distribution(scenario, **changes)
    await post_distribution_step(scenario.clerk, plan, "submit")
    return plan


async def create_approved_distribution(scenario: AssetScenario, **changes: Any) -> dict[str, Any]:
    plan = await create_decided_distribution(scenario, **changes)
    notice = {
        "level": "distribution",
        "places": ["公开栏"],
        "starts_on": str(scenario.today() - timedelta(days=11)),
        "photo": await scenario.upload_photo(),
    }
    posted = await scenario.town.post(f"/assets/distributions/{plan['id']}/notices", json=notice)
    assert posted.status_code == 201, posted.text
    await post_distribution_step(scenario.bureau, plan, "approve")
    return plan


async def test_a_distribution_needs_decision_steps_and_a_notice(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    assert (await get_balance(scenario))["available"] == "10000.00"
    plan = await create_decided_distribution(scenario)
    early = await post_distribution_step(scenario.bureau, plan, "approve", 409)
    assert early["errors"][0]["code"] == "notice_none"
    notice = {
        "level": "distribution",
        "places": ["公开栏"],
        "starts_on": str(scenario.today() - timedelta(days=11)),
        "photo": await scenario.upload_photo(),
    }
    posted = (await scenario.town.post(f"/assets/distributions/{plan['id']}/notices", json=notice)).json()
    assert posted["content"]["rows"][2][:2] == ["差异化帮扶困难群众", "3000.00"]
    await post_distribution_step(scenario.bureau, plan, "approve")
    book = await get_balance(scenario)
    assert (book["available"], book["planned"], book["reserved"]) == ("0.00", "8000.00", "2000.00")


async def test_payouts_are_paid_by_a_second_person_before_closing(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plan = await create_approved_distribution(scenario)
    items = [
        {"purpose": "welfare_post", "payee": "李四", "account": BANK_ACCOUNT_NO, "amount": "5000.00"},
        {"purpose": "support", "payee": "张三", "amount": "3000.00", "basis": "监测户"},
    ]
    over = await post_distribution_step(
        scenario.clerk, plan, "payouts", 422, items=[{**items[1], "amount": "3000.01"}]
    )
    assert over["errors"][0]["code"] == "above_plan"
    listed = await post_distribution_step(scenario.clerk, plan, "payouts", 201, items=items)
    assert listed[0]["account_masked"].endswith("0008")
    assert BANK_ACCOUNT_NO not in str(listed)
    wrong = listed[1]
    await post_distribution_step(scenario.clerk, plan, f"payouts/{wrong['id']}/withdraw", reason="姓名写错")
    await post_distribution_step(scenario.clerk, plan, f"payouts/{wrong['id']}/withdraw", 409, reason="再撤")
    await post_distribution_step(
        scenario.town, plan, f"payouts/{wrong['id']}/pay", 409, paid_on="2024-05-20", voucher_no="付0"
    )
    (right,) = await post_distribution_step(
        scenario.clerk, plan, "payouts", 201, items=[{**items[1], "payee": "张山"}]
    )
    listed[1] = right
    pay: dict[str, Any] = {"paid_on": "2024-05-20", "voucher_no": "付1"}
    first = f"payouts/{listed[0]['id']}/pay"
    await post_distribution_step(scenario.clerk, plan, first, 403, **pay)
    await post_distribution_step(scenario.town, plan, first, **pay)
    await post_distribution_step(scenario.town, plan, first, 409, **pay)
    await post_distribution_step(
        scenario.clerk, plan, f"payouts/{listed[0]['id']}/withdraw", 409, reason="已兑付"
    )
    came_back = await post_distribution_step(
        scenario.town, plan, f"payouts/{listed[0]['id']}/return", reason="账号有误"
    )
    assert (came_back["paid_on"], came_back["returns"]) == (None, 1)
    assert (await get_balance(scenario))["distributed"] == "0.00"
    await post_distribution_step(scenario.town, plan, first, **pay)
    assert (await post_distribution_step(scenario.clerk, plan, "close", 409))["errors"][0]["code"] == "unpaid"
    await post_distribution_step(scenario.town, plan, f"payouts/{listed[1]['id']}/pay", **pay)
    book = await get_balance(scenario)
    assert (book["received"], book["planned"], book["reserved"], book["distributed"]) == (
        "10000.00",
        "0.00",
        "2000.00",
        "8000.00",
    )
    assert (await post_distribution_step(scenario.clerk, plan, "close", 409))["errors"][0][
        "code"
    ] == "not_public"
    paper = await scenario.upload_photo()
    await post_distribution_step(
        scenario.clerk, plan, "steps", step="result_public", held_on="2024-05-20", file_ids=[paper]
    )
    assert (await post_distribution_step(scenario.clerk, plan, "close"))["state"] == "closed"


async def test_decision_steps_are_recorded_in_order_with_files(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plan = (await scenario.clerk.post("/assets/distributions", json=build_distribution())).json()
    paper = await scenario.upload_photo()
    skipped = await post_distribution_step(
        scenario.clerk, plan, "steps", 422, step="reviewed", held_on="2024-05-02", file_ids=[paper]
    )
    assert skipped["errors"][0]["code"] == "order"
    await post_distribution_step(
        scenario.clerk, plan, "steps", step="proposed", held_on="2024-05-02", file_ids=[paper]
    )
    back = await post_distribution_step(
        scenario.clerk, plan, "steps", 422, step="discussed", held_on="2024-05-01", file_ids=[paper]
    )
    assert back["errors"][0]["pointer"] == "/held_on"
    crowd = {"step": "discussed", "held_on": "2024-05-03", "present": 3, "agreed": 4, "file_ids": [paper]}
    await post_distribution_step(scenario.clerk, plan, "steps", 422, **crowd)
    await post_distribution_step(scenario.clerk, plan, "steps", 422, **{**crowd, "agreed": 3, "file_ids": []})
    missing = await post_distribution_step(scenario.clerk, plan, "submit", 409)
    assert missing["errors"][0]["code"] == "steps_missing"


async def test_a_plan_cannot_exceed_available_income(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario, "9999.99")
    plan = (await scenario.clerk.post("/assets/distributions", json=build_distribution())).json()
    assert {
        item["code"] for item in (await post_distribution_step(scenario.clerk, plan, "submit", 409))["errors"]
    } >= {"above_income"}
    assert plan["warnings"] == []
    greedy = build_distribution(lines=[{"purpose": "support", "amount": "100.00"}])
    warned = (await scenario.clerk.post("/assets/distributions", json=greedy)).json()["warnings"]
    assert len(warned) == 2


async def test_two_plans_never_share_the_same_money(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plans = [await create_ready_distribution(scenario) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(scenario.clerk.post(f"/assets/distributions/{plan['id']}/submit", json={}) for plan in plans)
    )
    assert sorted(item.status_code for item in outcomes) == [200, 409]
    refused = next(item.json() for item in outcomes if item.status_code == 409)
    assert "未分配收益只有 0.00 元" in refused["detail"]


async def test_a_plan_distributes_the_income_of_its_own_owner(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    await create_earning_asset(scenario, name="镇属冷库", owner_kind="town", owner_name="黄羊镇人民政府")
    assert (await get_balance(scenario))["available"] == "20000.00"
    greedy = await create_ready_distribution(scenario, lines=[{"purpose": "support", "amount": "10000.01"}])
    refused = await scenario.clerk.post(f"/assets/distributions/{greedy['id']}/submit", json={})
    assert refused.json()["errors"][0]["code"] == "above_income"
    assert "新店村股份经济合作社的未分配收益只有 10000.00 元" in refused.json()["detail"]
    await create_decided_distribution(scenario)
    await create_decided_distribution(scenario, owner_name="黄羊镇人民政府")
    nobody = await create_ready_distribution(scenario, owner_name="某某合作社")
    answer = await scenario.clerk.post(f"/assets/distributions/{nobody['id']}/submit", json={})
    assert answer.status_code == 409


async def test_distributed_income_cannot_be_reversed(scenario: AssetScenario) -> None:
    asset = await create_earning_asset(scenario)
    await create_approved_distribution(scenario)
    receipt = (await scenario.clerk.get("/assets/receipts")).json()["items"][0]
    refused = await scenario.town.post(f"/assets/receipts/{receipt['id']}/reverse", json={"reason": "记错"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "below_zero")
    income = (await scenario.bureau.get(f"/assets/{asset['id']}/income")).json()
    assert income["received"] == "10000.00"
    assert (await get_balance(scenario))["received"] == "10000.00"


async def test_reading_an_account_number_is_logged(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plan = await create_approved_distribution(scenario)
    items = [{"purpose": "support", "payee": "张三", "account": BANK_ACCOUNT_NO, "amount": "1.00"}]
    (payout,) = await post_distribution_step(scenario.clerk, plan, "payouts", 201, items=items)
    address = f"payouts/{payout['id']}/account"
    assert (await post_distribution_step(scenario.town, plan, address)) == {"account": BANK_ACCOUNT_NO}
    await post_distribution_step(scenario.bureau, plan, address, 403)
    events = (await scenario.bureau.get("/assets/events")).json()["items"]
    assert [item["actor"] for item in events if item["type"] == "distribution.account_revealed"] == [
        f"town_officer-{scenario.town_region}"
    ]
    assert BANK_ACCOUNT_NO not in str(events)
    elsewhere = scenario.service.client_as("town_officer", "620602101000")
    await post_distribution_step(elsewhere, plan, address, 404)
    assert (await elsewhere.get(f"/assets/distributions/{plan['id']}/payouts")).status_code == 404


async def test_changed_lines_clear_the_decision_steps(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plan = (await scenario.clerk.post("/assets/distributions", json=build_distribution())).json()
    paper = await scenario.upload_photo()
    await post_distribution_step(
        scenario.clerk, plan, "steps", step="proposed", held_on="2024-05-02", file_ids=[paper]
    )
    lines = {"lines": [{"purpose": "small_works", "amount": "10000.00"}]}
    changed = await scenario.clerk.put(f"/assets/distributions/{plan['id']}/lines", json=lines)
    assert (changed.status_code, changed.json()["total"]) == (200, "10000.00")
    assert (await scenario.clerk.get(f"/assets/distributions/{plan['id']}")).json()["steps"] == {}
    twice = {"lines": [lines["lines"][0], lines["lines"][0]]}
    assert (
        await scenario.clerk.put(f"/assets/distributions/{plan['id']}/lines", json=twice)
    ).status_code == 422


async def test_undistributed_income_raises_an_alert(scenario: AssetScenario, clock: Clock) -> None:
    await create_earning_asset(scenario)
    assert (await scenario.bureau.post("/assets/alerts/sweep")).status_code == 200
    assert (await scenario.bureau.get("/assets/alerts", params={"limit": 50})).json()["items"] == []
    clock.advance(timedelta(days=400))
    await scenario.bureau.post("/assets/alerts/sweep")
    alerts = (await scenario.bureau.get("/assets/alerts", params={"limit": 50})).json()["items"]
    (income_alert,) = [alert for alert in alerts if alert["rule"] == "risk.undistributed"]
    assert (income_alert["subject_kind"], income_alert["figures"]["未分配"]) == ("region", "10000.00")
    await create_approved_distribution(scenario)
    await scenario.bureau.post("/assets/alerts/sweep")
    assert (await scenario.bureau.get(f"/assets/alerts/{income_alert['id']}")).json()["gone"] is True


@pytest.mark.parametrize(
    ("step", "entitled", "present", "agreed", "code", "pointer"),
    [
        ("reviewed", 0, 9, 9, "entitled", "/entitled"),
        ("reviewed", 9, 10, 9, "present", "/present"),
        ("reviewed", 20, 9, 9, "quorum", "/present"),
        ("reviewed", 20, 10, 5, "majority", "/agreed"),
        ("resolved", 30, 19, 19, "quorum", "/present"),
        ("resolved", 30, 20, 10, "majority", "/agreed"),
    ],
)
async def test_a_vote_without_quorum_or_majority_decides_nothing(
    scenario: AssetScenario, step: str, entitled: int, present: int, agreed: int, code: str, pointer: str
) -> None:
    plan = (await scenario.clerk.post("/assets/distributions", json=build_distribution())).json()
    paper = await scenario.upload_photo()
    for name in DECISION_STEPS[: DECISION_STEPS.index(step)]:
        await post_distribution_step(
            scenario.clerk, plan, "steps", step=name, held_on="2024-05-02", entitled=12, present=9, agreed=9,
            file_ids=[paper],
        )  # fmt: skip
    vote: dict[str, Any] = {"step": step, "held_on": "2024-05-02", "file_ids": [paper]}
    refused = await post_distribution_step(
        scenario.clerk, plan, "steps", 422, entitled=entitled, present=present, agreed=agreed, **vote
    )
    enough = await post_distribution_step(
        scenario.clerk, plan, "steps", entitled=30, present=20, agreed=11, **vote
    )

    assert [(one["code"], one["pointer"]) for one in refused["errors"]] == [(code, pointer)]
    assert step in enough["steps"]


async def test_income_is_not_given_out_on_a_day_before_it_came(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)  # received on 1 May
    plan = await create_ready_distribution(scenario, happened_at="2024-04-01T10:00:00+08:00")
    await post_distribution_step(scenario.clerk, plan, "submit", happened_at="2024-04-10T10:00:00+08:00")
    notice = {
        "level": "distribution",
        "places": ["公开栏"],
        "starts_on": "2024-04-11",
        "photo": await scenario.upload_photo(),
    }
    posted = await scenario.town.post(f"/assets/distributions/{plan['id']}/notices", json=notice)
    assert posted.status_code == 201, posted.text

    then = await post_distribution_step(
        scenario.bureau, plan, "approve", 409, happened_at="2024-04-28T10:00:00+08:00"
    )

    assert then["errors"][0]["code"] == "below_zero_then"
    assert "2024-04-28" in then["detail"]
    assert (await get_balance(scenario))["available"] == "10000.00"
    await post_distribution_step(scenario.bureau, plan, "approve", happened_at="2024-05-03T10:00:00+08:00")
    assert (await get_balance(scenario))["available"] == "0.00"


async def test_one_account_receives_for_one_payee_unless_the_list_says_why(scenario: AssetScenario) -> None:
    await create_earning_asset(scenario)
    plan = await create_decided_distribution(scenario)
    first = {"purpose": "support", "payee": "张三", "account": BANK_ACCOUNT_NO, "amount": "1000.00"}
    other = {**first, "payee": "李四"}
    both = await post_distribution_step(scenario.clerk, plan, "payouts", 422, items=[first, other])
    error = both["errors"][0]
    assert (error["code"], error["pointer"]) == ("shared_account", "/items/1/account")
    await post_distribution_step(scenario.clerk, plan, "payouts", 201, items=[first])
    later = await post_distribution_step(scenario.clerk, plan, "payouts", 422, items=[other])
    assert "张三" in later["detail"]
    assert BANK_ACCOUNT_NO not in str(later)
    same = [{**first, "amount": "500.00"}, {**other, "basis": "同户, 由户主代领"}]
    await post_distribution_step(scenario.clerk, plan, "payouts", 201, items=same)
