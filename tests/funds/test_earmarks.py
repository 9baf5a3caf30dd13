"""Amounts that a county gives to its towns by class, before projects are known."""

from pathlib import Path
from typing import Any

from services.identity.load_regions import load_content
from shared.china import format_yuan
from tests.clients import DISTRICT, TOWN, SystemUnderTest
from tests.funds.factories_funds import FundsScenario, expect_ok, expect_refusal
from tests.funds.test_table_imports import count_rows, import_table, post_table
from tests.workbooks import JsonObject, load_workbook

REGIONS = Path(__file__).parents[2] / "services" / "identity" / "data"
CLASSES = {
    "base": "产业发展 基地",
    "workshop": "产业发展 车间",
    "reward": "产业发展 以奖代补",
    "infrastructure": "乡村建设行动 基础设施",
    "environment": "乡村建设行动 人居环境",
    "posts": "就业 公益岗位",
}


async def test_a_table_of_towns_and_classes_is_taken_but_for_what_is_to_be_asked(
    scenario: FundsScenario, doors: SystemUnderTest
) -> None:
    workbook = load_workbook("05")
    region = workbook.truth["region"]
    await load_content(
        doors.service("identity").context, (REGIONS / f"regions-{region[:6]}.csv").read_bytes()
    )
    bureau = scenario.door.client_as("bureau", region)
    params = {"region": region, "year": 2022, "title": "2022年分配表", "name": workbook.path.name}
    job = await import_table(scenario, bureau, "earmarks", workbook.content, **params)
    assert count_rows(job) == (8, 6, 0, 0, 2), job["faults"]
    faults = {(fault["row"], fault["key"]): fault["message"] for fault in job["faults"]}
    assert "合计比各栏之和多 10.00 万元" in faults[7, "total"]
    assert "王加乡" in faults[9, "unit"]
    told = [(one["row"], one["column"]) for one in job["total_checks"] if not one["agrees"]]
    assert told == [(13, "合计(万元)")]
    fix = '[{"sheet":"分配表","row":7,"key":"total","value":"311.036"},{"sheet":"分配表","row":9,"key":"unit","value":"王加乡"}]'
    again = await import_table(scenario, bureau, "earmarks", workbook.content, corrections=fix, **params)
    assert count_rows(again) == (8, 2, 6, 0, 0), again["faults"]
    items = expect_ok(await bureau.get("/funds/earmarks?limit=50"))["items"]
    found = sorted(
        (item["region"], one["category"], one["amount"]) for item in items for one in item["amounts"]
    )
    expected = sorted(
        (one["town"][0], CLASSES[one["class"]], format_yuan(one["amount"]))
        for one in workbook.truth["allocations"]
    )
    assert found == expected
    matrix = expect_ok(await bureau.get("/funds/earmarks/matrix", params={"region": region, "year": 2022}))
    assert (matrix["categories"], len(matrix["units"])) == (sorted(CLASSES.values()), 8)
    assert matrix["total"] == format_yuan(sum(one["amount"] for one in workbook.truth["allocations"]))


TABLE = "单位:万元,,,,\n乡镇,产业发展,,乡村建设,合计\n,种植,养殖,道路,\n清源镇,10,{},5.5,{}\n水务局,,,8,8\n总计,10,,13.5,\n"


async def test_an_edited_table_differs_and_plain_two_row_heads_are_read(scenario: FundsScenario) -> None:
    params = {"year": 2024, "title": "2024年切块"}
    first = await import_table(scenario, scenario.bureau, "earmarks", TABLE.format("", "15.5"), **params)
    assert count_rows(first) == (2, 2, 0, 0, 0), first["faults"]
    edited = await import_table(scenario, scenario.bureau, "earmarks", TABLE.format("2", "17.5"), **params)
    assert count_rows(edited) == (2, 0, 2, 1, 0)
    assert edited["differences"][0]["fields"] == [{"column": "养殖", "library": "", "table": "20000.00"}]
    expect_refusal(await post_table(scenario.town, "earmarks", TABLE.format("", ""), **params), 403)


async def register(scenario: FundsScenario, **changes: Any) -> JsonObject:
    body = {"region": TOWN, "year": 2024, "title": "2024年切块", "unit": "清源镇", **changes}
    body.setdefault("amounts", [{"category": "产业发展", "amount": "500.00"}])
    answer: JsonObject = expect_ok(await scenario.bureau.post("/funds/earmarks", json=body), 201)
    return answer


async def test_a_changed_amount_has_a_reason_and_stands_beside_what_became_projects(
    scenario: FundsScenario,
) -> None:
    earmark = await register(scenario)
    again = {name: earmark[name] for name in ("region", "year", "title", "unit", "amounts")}
    expect_refusal(await scenario.bureau.post("/funds/earmarks", json=again), 409)
    change = {"amounts": [{"category": "产业发展", "amount": "300.00"}], "reason": "压减"}
    path, match = f"/funds/earmarks/{earmark['id']}", {"If-Match": f'"{earmark["version"]}"'}
    expect_refusal(await scenario.town.patch(path, json=change, headers=match), 403)
    silent = {"amounts": change["amounts"]}
    expect_refusal(await scenario.bureau.patch(path, json=silent, headers=match), 422, "no_reason")
    changed = expect_ok(await scenario.bureau.patch(path, json=change, headers=match))
    assert (changed["total"], changed["version"]) == ("300.00", 2)
    expect_refusal(await scenario.bureau.patch(path, json=change, headers=match), 412)
    await scenario.create_allocation(120_00)
    matrix = expect_ok(
        await scenario.leader.get("/funds/earmarks/matrix", params={"region": DISTRICT, "year": 2024})
    )
    (unit,) = matrix["units"]
    assert (unit["total"], unit["allocated"]) == ("300.00", "120.00")
    seen = expect_ok(await scenario.town.get("/funds/earmarks", params={"region": TOWN, "year": 2024}))
    assert [one["id"] for one in seen["items"]] == [earmark["id"]]
    elsewhere = scenario.door.client_as("town_officer", "620602101000")
    expect_refusal(await elsewhere.get(path), 404)
