"""Which days a leave takes, what adjoins it, what is left of it, and who may decide for another."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.attendance.days.consumers import project_next_batch, refresh_provisional_days
from tests.attendance.factories_attendance import (
    build_check_in,
    create_account,
    create_post,
    get_json,
    post_json,
    set_rule,
    submit_check_in,
)
from tests.clients import DISTRICT, TOWN, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock

LEAVES = "/attendance/leaves"
BODY = {"kind": "personal", "starts_on": "2024-05-21", "ends_on": "2024-05-23", "why": "家中有事"}


async def ask(client: httpx.AsyncClient, status: int = 201, **changes: Any) -> Any:
    return await post_json(client, LEAVES, BODY | changes, status)


async def read_days(client: httpx.AsyncClient, first: str, last: str) -> dict[str, Any]:
    items = (await get_json(client, f"/attendance/days?limit=100&from={first}&to={last}"))["items"]
    return {day["work_date"]: day for day in items}


@pytest.mark.parametrize(
    ("kind", "first", "last", "halves", "chain"),
    [
        # 2024: 端午 8-10 June is one block with the weekend; annual leave skips it, sick leave does not
        ("annual", "2024-06-07", "2024-06-11", 4, ["town"]),
        ("sick", "2024-06-07", "2024-06-11", 10, ["town", "county"]),
        ("annual", "2024-05-24", "2024-05-27", 4, ["town"]),
    ],
)
async def test_annual_leave_takes_working_days_only(
    cadre: httpx.AsyncClient, post: Any, kind: str, first: str, last: str, halves: int, chain: list[str]
) -> None:
    leave = await ask(cadre, kind=kind, starts_on=first, ends_on=last)
    assert (leave["halves"], leave["chain"]) == (halves, chain)


async def test_a_rest_day_within_annual_leave_is_a_rest_day(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    for kind, first, last in (
        ("annual", "2024-05-24", "2024-05-27"),
        ("personal", "2024-06-01", "2024-06-02"),
    ):
        leave = await ask(cadre, kind=kind, starts_on=first, ends_on=last)
        await post_json(town, f"{LEAVES}/{leave['id']}/approve", {}, 200)
    clock.advance(timedelta(days=15))
    while await project_next_batch(attendance.context):
        pass
    await refresh_provisional_days(attendance.context)
    results = {on: day["result"] for on, day in (await read_days(cadre, "2024-05-24", "2024-06-02")).items()}
    assert [results[f"2024-05-{day}"] for day in (24, 25, 26, 27)] == ["leave", "rest", "rest", "leave"]
    assert [results[f"2024-06-0{day}"] for day in (1, 2)] == ["leave", "leave"], (
        "personal leave by calendar days"
    )


async def test_leave_on_rest_days_only_is_none(cadre: httpx.AsyncClient, post: Any) -> None:
    problem = await ask(cadre, 422, kind="annual", starts_on="2024-05-25", ends_on="2024-05-26")
    assert problem["errors"][0]["code"] == "no_working_day"


async def test_leaves_that_adjoin_go_up_the_chain_as_one(cadre: httpx.AsyncClient, post: Any) -> None:
    first = await ask(cadre, starts_on="2024-05-21", ends_on="2024-05-23")
    assert first["chain"] == ["town"]
    second = await ask(cadre, starts_on="2024-05-24", ends_on="2024-05-24")
    assert second["chain"] == ["town", "county"], "four days in a row"
    assert "合计 4 天" in " ".join(second["warnings"])
    over_weekend = await ask(cadre, starts_on="2024-05-27", ends_on="2024-05-27")
    assert over_weekend["chain"] == ["town", "county"], "a weekend does not part them"
    apart = await ask(cadre, starts_on="2024-05-29", ends_on="2024-05-29")
    assert apart["chain"] == ["town"], "a working day does"


async def test_a_leave_before_one_that_was_asked_for_adjoins_it_too(
    cadre: httpx.AsyncClient, post: Any
) -> None:
    await ask(cadre, starts_on="2024-05-23", ends_on="2024-05-24")
    assert (await ask(cadre, starts_on="2024-05-21", ends_on="2024-05-22"))["chain"] == ["town", "county"]


async def test_two_half_days_are_one_day_and_no_half_is_taken_twice(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    day: Any = {"starts_on": "2024-05-20", "ends_on": "2024-05-20"}
    for part in ("morning", "evening"):
        leave = await ask(cadre, part=part, **day)
        await post_json(town, f"{LEAVES}/{leave['id']}/approve", {}, 200)
        await ask(cadre, 409, part=part, **day)
    await ask(cadre, 409, **day)
    while await project_next_batch(attendance.context):
        pass
    stored = (await read_days(cadre, "2024-05-20", "2024-05-20"))["2024-05-20"]
    assert (stored["result"], stored["leave_halves"]) == ("leave", 2)


async def test_leave_and_errand_do_not_cover_the_same_days(
    cadre: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await ask(cadre, starts_on="2024-05-21", ends_on="2024-05-23")
    errand = {"kind": "meeting", "place": "县城", "why": "开会"}
    days = {"starts_on": "2024-05-23", "ends_on": "2024-05-24"}
    assert "已请假" in (await post_json(cadre, "/attendance/errands", errand | days, 409))["detail"]
    days = {"starts_on": "2024-05-27", "ends_on": "2024-05-29"}
    reported = await post_json(cadre, "/attendance/errands", errand | days)
    assert "已报备公出" in (await ask(cadre, 409, starts_on="2024-05-29", ends_on="2024-05-30"))["detail"]
    clock.advance(timedelta(days=7))
    address = f"/attendance/errands/{reported['id']}/return"
    await post_json(cadre, address, {"returned_on": "2024-05-27"}, 200)
    await ask(cadre, starts_on="2024-05-29", ends_on="2024-05-30")


async def test_leave_is_asked_for_in_time_and_not_for_years(cadre: httpx.AsyncClient, post: Any) -> None:
    problem = await ask(cadre, 422, starts_on="2024-04-19", ends_on="2024-04-19")
    assert problem["errors"][0]["pointer"] == "/starts_on"
    await ask(cadre, starts_on="2024-05-02", ends_on="2024-05-02")
    problem = await ask(cadre, 422, starts_on="2024-06-03", ends_on="2025-06-10")
    assert problem["errors"][0]["pointer"] == "/ends_on"


async def test_a_balance_is_the_persons_own_entitlement_or_the_rules_quota(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    await set_rule(attendance, "presence.rules", leave_quotas=[{"kind": "annual", "days": 5}])
    annual: Any = {"kind": "annual", "starts_on": "2024-05-21", "ends_on": "2024-05-24"}
    leave = await ask(cadre, **annual)
    await post_json(town, f"{LEAVES}/{leave['id']}/endorse", {}, 200)
    problem = await ask(cadre, 409, kind="annual", starts_on="2024-05-28", ends_on="2024-05-29")
    assert "还可请 1 天, 申请 2 天" in problem["detail"]
    entitlement = {"person": "li", "person_name": "李明", "year": 2024, "kind": "annual", "days": 10}
    entitlement |= {"basis": "工龄满10年不满20年"}
    await post_json(cadre, "/attendance/leave-entitlements", entitlement, 403)
    await post_json(town, "/attendance/leave-entitlements", entitlement)
    await post_json(town, "/attendance/leave-entitlements", entitlement | {"days": 15}, 409)
    await ask(cadre, kind="annual", starts_on="2024-05-28", ends_on="2024-05-29")
    (balance,) = (await get_json(cadre, "/attendance/leave-balances", year=2024))["items"]
    assert (balance["entitled"], balance["taken"], balance["pending"], balance["left"]) == (10, 0, 6, 4)
    await get_json(
        attendance.client_as("cadre", person="wang"),
        "/attendance/leave-balances",
        404,
        year=2024,
        person="li",
    )


async def test_a_deputy_exists_and_may_approve(
    doors: SystemUnderTest, attendance: ServiceUnderTest, town: httpx.AsyncClient, post: Any
) -> None:
    body = {"step": "town", "region": TOWN, "starts_on": "2024-05-20", "ends_on": "2024-05-31"}

    async def delegate(deputy: str, status: int) -> str:
        answer = await post_json(town, "/attendance/delegations", body | {"deputy": deputy}, status)
        return str(answer.get("detail", ""))

    assert "没有账号 nobody" in await delegate("nobody", 422)
    await create_account(doors, "money", "finance", DISTRICT)
    assert "没有这个地区的请假审批权限" in await delegate("money", 422)
    await create_account(doors, "leaves.soon", "town_officer", TOWN, valid_to="2024-05-25")
    assert "没有这个地区的请假审批权限" in await delegate("leaves.soon", 422)
    await create_account(doors, "elsewhere", "town_officer", "620602101000")
    await delegate("elsewhere", 422)
    await create_account(doors, "deputy", "town_officer", TOWN)
    await delegate("deputy", 201)


async def test_a_duty_is_for_those_who_are_stationed_and_not_on_leave(
    cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    await ask(cadre, starts_on="2024-05-22", ends_on="2024-05-22")

    def build_rota(person: str, day: int) -> dict[str, Any]:
        shift = {"person": person, "person_name": "李明", "kind": "night"}
        shift |= {
            "starts_at": f"2024-05-{day}T21:00:00+08:00",
            "ends_at": f"2024-05-{day + 1}T06:00:00+08:00",
        }
        return {"post_id": post["id"], "shifts": [shift]}

    problem = await post_json(town, "/attendance/duties", build_rota("leader", 21), 422)
    assert "没有派驻" in problem["detail"]
    assert "审批中" in (await post_json(town, "/attendance/duties", build_rota("li", 22), 422))["detail"]
    await post_json(town, "/attendance/duties", build_rota("li", 21))


async def test_a_cycle_of_shifts_goes_round_and_leaves_out_who_is_away(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any
) -> None:
    body = {"person": "wang", "person_name": "王同志", "starts_on": "2024-05-22"}
    await post_json(town, f"/attendance/posts/{post['id']}/assignments", body)
    await ask(cadre, starts_on="2024-05-25", ends_on="2024-05-25")
    cycle: dict[str, Any] = {
        "post_id": post["id"],
        "starts_on": "2024-05-21",
        "ends_on": "2024-05-26",
        "shifts": {
            "白": {"kind": "day", "starts_at": "08:00", "ends_at": "18:00"},
            "夜": {"kind": "night", "starts_at": "21:00", "ends_at": "06:00"},
        },
        "cycle": ["白", "夜", "休", "休"],
        "persons": [{"person": one, "person_name": f"{one}同志"} for one in ("li", "wang")],
    }
    tried = await post_json(town, "/attendance/duties/cycle", {**cycle, "dry_run": True}, 200)
    assert (await get_json(town, "/attendance/duties"))["items"] == []
    answer = await post_json(town, "/attendance/duties/cycle", cycle, 200)
    assert answer == tried
    shifts = [(one["person"], one["starts_at"][5:16], one["ends_at"][5:16]) for one in answer["shifts"]]
    assert shifts == [
        ("li", "05-21T08:00", "05-21T18:00"),
        ("li", "05-22T21:00", "05-23T06:00"),
        ("wang", "05-22T08:00", "05-22T18:00"),
        ("wang", "05-23T21:00", "05-24T06:00"),
        ("li", "05-26T21:00", "05-27T06:00"),
        ("wang", "05-26T08:00", "05-26T18:00"),
    ]
    assert [(one["person"], one["on"]) for one in answer["left_out"]] == [("li", "2024-05-25")]
    assert "审批中" in answer["left_out"][0]["why"]
    assert len((await get_json(town, "/attendance/duties"))["items"]) == len(shifts)
    assert "已有班次" in (await post_json(town, "/attendance/duties/cycle", cycle, 409))["detail"]
    await post_json(cadre, "/attendance/duties/cycle", cycle, 403)
    await post_json(town, "/attendance/duties/cycle", {**cycle, "cycle": ["休"]}, 422)


async def test_the_end_of_a_night_watch_belongs_to_the_watch(
    attendance: ServiceUnderTest, cadre: httpx.AsyncClient, town: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    shift = {"person": "li", "person_name": "李明", "kind": "night"}
    shift |= {"starts_at": "2024-05-25T21:00:00+08:00", "ends_at": "2024-05-26T06:00:00+08:00"}
    await post_json(town, "/attendance/duties", {"post_id": post["id"], "shifts": [shift]})
    clock.advance(timedelta(days=6, hours=3))
    while await project_next_batch(attendance.context):
        pass
    saturday = (await read_days(cadre, "2024-05-25", "2024-05-25"))["2024-05-25"]
    assert saturday["result"] == "unexplained"
    sunday_morning = clock.now().replace(day=25, hour=21, minute=30)  # 05:30 on the 26th in Beijing
    await submit_check_in(cadre, build_check_in(clock, at=sunday_morning))
    while await project_next_batch(attendance.context):
        pass
    saturday = (await read_days(cadre, "2024-05-25", "2024-05-25"))["2024-05-25"]
    assert (saturday["result"], saturday["halves"]) == ("present", 2)
    assert "未见记录" not in saturday["words"]


async def test_who_drew_a_spot_check_does_not_alone_find_an_absence(
    attendance: ServiceUnderTest, bureau: httpx.AsyncClient, post: Any, clock: Clock
) -> None:
    await create_post(attendance.client_as("town_officer"), "wang", name="另一个点", since="2024-05-01")
    draw = {"region": DISTRICT, "size": 2, "seed": "甲"}
    first = await post_json(bureau, "/attendance/spot-checks", draw)
    await post_json(bureau, "/attendance/spot-checks", draw, 409)
    drawn = (await get_json(bureau, "/attendance/spot-checks/drawn"))["items"][0]
    assert drawn["spot_check_id"] == first["id"]
    clock.advance(timedelta(hours=3))
    decision = {"outcome": "absent", "how": "call_back", "remark": "电话未接"}
    address = f"/attendance/spot-checks/drawn/{drawn['id']}/decide"
    await post_json(bureau, address, decision, 403)
    await post_json(attendance.client_as("bureau", person="second"), address, decision, 200)
