"""Leaves with their approval chain, errands, and make-ups with their witness."""

from typing import Any

import httpx
import pytest

from services.attendance.leaves.lifecycle import LEAVE, LeaveAction, LeaveState
from shared.errors import Conflict
from tests.attendance.factories_attendance import (
    create_account,
    create_post,
    get_json,
    post_json,
    set_rule,
)
from tests.clients import ServiceUnderTest
from tests.conftest import Clock

ROLE_BY_LEVEL = {"town": "town_officer", "county": "bureau"}
LEAVE_BODY = {"kind": "personal", "starts_on": "2024-05-21", "ends_on": "2024-05-23", "why": "家中有事"}
LEGAL_TRANSITIONS = {
    (LeaveState.REQUESTED, LeaveAction.ENDORSE): LeaveState.REQUESTED,
    (LeaveState.REQUESTED, LeaveAction.APPROVE): LeaveState.APPROVED,
    (LeaveState.REQUESTED, LeaveAction.REFUSE): LeaveState.REFUSED,
    (LeaveState.REQUESTED, LeaveAction.WITHDRAW): LeaveState.WITHDRAWN,
    (LeaveState.APPROVED, LeaveAction.WITHDRAW): LeaveState.WITHDRAWN,
    (LeaveState.APPROVED, LeaveAction.RETURN): LeaveState.RETURNED,
}


@pytest.mark.parametrize("state", list(LeaveState))
@pytest.mark.parametrize("action", list(LeaveAction))
def test_every_pair_of_state_and_action(state: LeaveState, action: LeaveAction) -> None:
    if target := LEGAL_TRANSITIONS.get((state, action)):
        assert LEAVE.get_transition(state, action).target == target
    else:
        with pytest.raises(Conflict):
            LEAVE.get_transition(state, action)


async def transition_leave(
    client: httpx.AsyncClient, leave: Any, action: str, status: int = 200, **body: Any
) -> Any:
    return await post_json(client, f"/attendance/leaves/{leave['id']}/{action}", body, status)


@pytest.mark.parametrize(
    ("region", "last", "chain"),
    [
        # 乐都: 5天以内乡镇, 超过5天再报县委组织部
        ("630202100201", "2024-05-25", ["town"]),
        ("630202100201", "2024-05-26", ["town", "county"]),
        # 广西某县: 3天以内乡镇, 3天以上县委组织部
        ("450123100201", "2024-05-23", ["town"]),
        ("450123100201", "2024-05-24", ["county"]),
        # 白河、黔西与通用: 3天以内乡镇, 以上加县
        ("610929100201", "2024-05-24", ["town", "county"]),
        ("520522100201", "2024-05-23", ["town"]),
        ("620602100201", "2024-05-24", ["town", "county"]),
    ],
)
async def test_each_districts_rule_decides_the_approval_chain(
    attendance: ServiceUnderTest, region: str, last: str, chain: list[str]
) -> None:
    district, town = region[:6] + "000000", region[:9] + "000"
    await create_post(attendance.client_as("town_officer", town), "li", region=region)
    cadre = attendance.client_as("cadre", region, person="li")
    leave = await post_json(cadre, "/attendance/leaves", LEAVE_BODY | {"ends_on": last})
    assert leave["chain"] == chain
    for index, step in enumerate(chain):
        approver = attendance.client_as(ROLE_BY_LEVEL[step], town if step == "town" else district)
        action = "approve" if index == len(chain) - 1 else "endorse"
        wrong = "endorse" if action == "approve" else "approve"
        problem = await transition_leave(approver, leave, wrong, 409)
        assert problem["errors"][0]["code"] in {"last_step", "more_steps"}
        leave = await transition_leave(approver, leave, action)
    assert leave["state"] == "approved"
    assert [step["step"] for step in leave["steps"]] == chain


async def test_nobody_takes_a_step_that_is_not_theirs(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    town: httpx.AsyncClient,
    bureau: httpx.AsyncClient,
    post: Any,
) -> None:
    leave = await post_json(cadre, "/attendance/leaves", LEAVE_BODY | {"ends_on": "2024-05-30"})
    problem = await transition_leave(bureau, leave, "endorse", 409)
    assert problem["errors"][0]["code"] == "not_your_turn"
    await transition_leave(cadre, leave, "approve", 403)
    await transition_leave(attendance.client_as("town_officer", "620602101000"), leave, "endorse", 404)
    await transition_leave(town, leave, "endorse")
    problem = await transition_leave(town, leave, "approve", 403)
    assert "本人" in problem["detail"]
    other = attendance.client_as("town_officer", person="second")
    assert (await transition_leave(other, leave, "approve", 409))["errors"][0]["code"] == "not_your_turn"
    assert (await transition_leave(bureau, leave, "approve"))["state"] == "approved"


async def test_a_deputy_approves_within_the_period_of_the_delegation(
    attendance: ServiceUnderTest,
    cadre: httpx.AsyncClient,
    town: httpx.AsyncClient,
    bureau: httpx.AsyncClient,
    post: Any,
    clock: Clock,
) -> None:
    leave = await post_json(cadre, "/attendance/leaves", LEAVE_BODY | {"ends_on": "2024-05-30"})
    await transition_leave(town, leave, "endorse")
    deputy = attendance.client_as("town_officer", person="deputy")
    await transition_leave(deputy, leave, "approve", 409)
    body = {
        "deputy": "deputy",
        "step": "county",
        "region": "620602000000",
        "starts_on": "2024-05-20",
        "ends_on": "2024-05-21",
    }
    await post_json(town, "/attendance/delegations", body | {"region": "620602100000"}, 403)
    await create_account(attendance.system, "deputy", "town_officer", "620602100000")
    await post_json(bureau, "/attendance/delegations", body)
    assert (await transition_leave(deputy, leave, "approve"))["steps"][-1]["by"] == "deputy"


async def test_a_leave_is_withdrawn_before_its_start_and_ended_by_a_return_after_it(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    leave = await post_json(cadre, "/attendance/leaves", LEAVE_BODY)
    await post_json(
        cadre, "/attendance/leaves", LEAVE_BODY | {"starts_on": "2024-05-23", "ends_on": "2024-05-24"}, 409
    )
    await transition_leave(town, leave, "approve")
    clock.set(clock.now().replace(day=25))
    assert (await transition_leave(cadre, leave, "withdraw", 409))["errors"][0]["code"] == "begun"
    assert (await transition_leave(cadre, leave, "return", 409))["errors"][0]["pointer"] == "/returned_on"
    detail = await get_json(cadre, f"/attendance/leaves/{leave['id']}")
    assert "尚未销假" in " ".join(detail["warnings"])
    assert [leave["id"] for leave in (await get_json(town, "/attendance/leaves", overdue=True))["items"]] == [
        leave["id"]
    ]
    returned = await transition_leave(cadre, leave, "return", returned_on="2024-05-24")
    assert (returned["state"], returned["returned_on"]) == ("returned", "2024-05-24")


async def test_leave_above_the_yearly_limit_gives_a_warning(attendance: ServiceUnderTest) -> None:
    town = attendance.client_as("town_officer", "610929100000")
    await create_post(town, "li", region="610929100201")
    cadre = attendance.client_as("cadre", "610929100201", person="li")
    await post_json(
        cadre, "/attendance/leaves", LEAVE_BODY | {"starts_on": "2024-06-01", "ends_on": "2024-06-30"}
    )
    leave = await post_json(
        cadre, "/attendance/leaves", LEAVE_BODY | {"starts_on": "2024-07-01", "ends_on": "2024-07-01"}
    )
    assert "超过 30 天" in " ".join((await get_json(cadre, f"/attendance/leaves/{leave['id']}"))["warnings"])


async def test_an_errand_is_reported_and_acknowledged(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    body = {
        "kind": "training",
        "starts_on": "2024-05-21",
        "ends_on": "2024-05-22",
        "place": "武威市",
        "why": "业务培训",
    }
    errand = await post_json(cadre, "/attendance/errands", body)
    address = f"/attendance/errands/{errand['id']}"
    await post_json(cadre, f"{address}/acknowledge", {}, 403)
    assert (await post_json(town, f"{address}/acknowledge", {}, 200))["acknowledged_by"].startswith(
        "town_officer"
    )
    await post_json(cadre, f"{address}/return", {"returned_on": "2024-05-22"}, 409)
    assert [action["action"] for action in (await get_json(cadre, address))["available_actions"]] == [
        "withdraw",
        "return",
    ]


async def test_a_make_up_needs_its_witness_and_the_town(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    body = {"on": "2024-05-17", "why": "手机没电", "witness": "zhang"}
    await post_json(cadre, "/attendance/make-ups", body | {"witness": "li"}, 422)
    await post_json(cadre, "/attendance/make-ups", body | {"on": "2024-05-21"}, 422)
    make_up = await post_json(cadre, "/attendance/make-ups", body)
    address = f"/attendance/make-ups/{make_up['id']}"
    await post_json(town, f"{address}/approve", {}, 409)
    other = attendance.client_as("cadre", person="wang")
    await post_json(other, f"{address}/witness", {}, 404)
    assert (await post_json(town, f"{address}/witness", {}, 409))["errors"][0]["code"] == "not_the_witness"
    witness = attendance.client_as("cadre", person="zhang")
    assert (await post_json(witness, f"{address}/witness", {}, 200))["state"] == "witnessed"
    assert (await post_json(town, f"{address}/approve", {}, 200))["state"] == "approved"


async def test_make_ups_are_limited_per_month(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any
) -> None:
    await set_rule(attendance, "presence.rules", make_ups_a_month=1)
    body = {"on": "2024-05-17", "why": "手机没电", "witness": "zhang"}
    await post_json(cadre, "/attendance/make-ups", body)
    assert (
        "最多补卡 1 次"
        in (await post_json(cadre, "/attendance/make-ups", body | {"on": "2024-05-16"}, 409))["detail"]
    )


async def test_a_leader_takes_the_step_of_the_region_they_lead(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, post: Any
) -> None:
    leave = await post_json(cadre, "/attendance/leaves", LEAVE_BODY | {"ends_on": "2024-05-30"})
    of_town = attendance.client_as("leader", leave["region"][:9] + "000")
    of_county = attendance.client_as("leader", leave["region"][:6] + "000000")
    problem = await transition_leave(of_county, leave, "endorse", 409)
    assert problem["errors"][0]["code"] == "not_your_turn"
    leave = await transition_leave(of_town, leave, "endorse")
    second = attendance.client_as("leader", leave["region"][:9] + "000", person="another")
    problem = await transition_leave(second, leave, "approve", 409)
    assert problem["errors"][0]["code"] == "not_your_turn"
    assert (await transition_leave(of_county, leave, "approve"))["state"] == "approved"
