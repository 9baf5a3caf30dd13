"""Quantities have units of a dated list, add up where they convert, and are read from and written into tables."""

import csv
import io
from decimal import Decimal
from typing import Any

from services.projects.quantities.calculation import parse_quantities
from services.projects.quantities.rules import Dimension
from tests.clients import DISTRICT
from tests.projects.factories_projects import ProjectScenario, expect_success
from tests.projects.test_imports import post_import

ROAD = {"name": "通组路", "amount": "2.5", "unit": "公里"}
CANAL = {"name": "渠道", "amount": "2500", "unit": "米"}
TOILETS = {"name": "户厕", "amount": "120", "unit": "户"}


async def read_sums(scenario: ProjectScenario, **params: Any) -> dict[str, Any]:
    answer = await scenario.bureau.get("/projects/quantities", params={"region": DISTRICT, **params})
    sums: dict[str, Any] = expect_success(answer)["sums"]
    return sums


async def test_kilometres_and_metres_are_one_sum_that_opens_to_its_projects(
    scenario: ProjectScenario,
) -> None:
    road = await scenario.create_started(quantities=[ROAD, TOILETS])
    package = await scenario.create_draft(name="水利项目包", quantities=[CANAL])
    part = await scenario.create_draft(name="渠道衬砌", quantities=[CANAL], parent_id=package["id"])
    await scenario.create_draft(name="不相干的温室")
    metres = [{"name": "通组路", "amount": "1200", "unit": "米"}]
    expect_success(await scenario.post_progress(road, 50, quantities=metres))
    sums = await read_sums(scenario)
    length = sums["length"]
    rows = expect_success(await scenario.bureau.get(length["rows"].removeprefix("/api/v1")))["items"]

    assert [(length[name]) for name in ("unit", "planned", "done", "percent")] == ["公里", "5", "1.2", 24]
    assert (sums["household"]["planned"], sums["household"]["done"]) == ("120", "0")
    assert (sums["mass"]["planned"], sums["mass"]["rows"]) == ("0", "")
    assert {one["id"] for one in rows} == {road, part["id"]}
    assert (await read_sums(scenario, stage="admission"))["length"]["planned"] == "2.5"
    assert (await read_sums(scenario, item="渠道"))["length"]["planned"] == "2.5"
    assert (await read_sums(scenario, year=2023))["length"]["planned"] == "0"


async def test_a_changed_form_changes_the_sums(scenario: ProjectScenario) -> None:
    draft = await scenario.create_draft(quantities=[ROAD])
    expect_success(
        await scenario.clerk.patch(
            f"/projects/{draft['id']}", json={"quantities": [TOILETS]}, headers={"If-Match": '"1"'}
        )
    )
    sums = await read_sums(scenario)

    assert (sums["length"]["lines"], sums["household"]["planned"]) == (0, "120")


async def test_a_unit_that_is_not_on_the_list_is_refused(scenario: ProjectScenario) -> None:
    draft = await scenario.create_draft()
    odd = {"quantities": [ROAD, {"name": "路面", "amount": "3", "unit": "华里"}]}
    created = await scenario.clerk.post(
        "/projects",
        json={"region": scenario.village, "category": "", "name": "路面", "year": 2024, "total": "1.00"}
        | odd,
    )
    changed = await scenario.clerk.patch(f"/projects/{draft['id']}", json=odd, headers={"If-Match": '"1"'})
    for answer in (created, changed):
        assert answer.status_code == 422
        assert [(one["code"], one["pointer"]) for one in answer.json()["errors"]] == [
            ("unknown_unit", "/quantities/1/unit")
        ]


async def test_amounts_of_a_table_are_read_as_proposals_and_written_back(scenario: ProjectScenario) -> None:
    table = """乡镇,村,项目类型,项目名称,实施地点,建设内容与规模,总投资,工程量
黄羊镇,广场村,乡村建设,通组路项目,一组,硬化道路并亮化,50,道路3.2公里；路灯20盏
黄羊镇,广场村,乡村建设,巷道项目,二组,3.2公里,50,
黄羊镇,广场村,产业发展,温室项目,三组,"新建日光温室20座, 每座占地1.2亩",50,
黄羊镇,广场村,乡村建设,桥梁项目,四组,新建桥梁,50,若干
"""
    job = await post_import(scenario, table)
    imported = [expect_success(await scenario.bureau.get(f"/projects/{one}")) for one in job["project_ids"]]
    notes = expect_success(await scenario.bureau.get(job["rows_address"].removeprefix("/api/v1")))["items"]

    assert [
        [(one["name"], one["amount"], one["unit"]) for one in project["quantities"]] for project in imported
    ] == [
        [("道路", "3.2", "公里"), ("路灯", "20", "盏")],
        [("建设规模", "3.2", "公里")],
        [],
    ]
    assert imported[1]["content"] == "3.2公里"
    assert "工程量按字面识别为 建设规模3.2公里, 请核对" in notes[1]["notes"]
    assert [(fault["key"], fault["value"]) for fault in job["faults"]] == [("quantities", "若干")]
    export = await scenario.bureau.get("/projects/export", params={"format": "csv", "region": DISTRICT})
    text = export.content.decode("utf-8-sig")
    cells = {row["项目名称"]: row["工程量"] for row in csv.DictReader(io.StringIO(text))}
    assert cells["通组路项目"] == "道路3.2公里; 路灯20盏"
    again = await post_import(scenario, text)
    assert (again["already"], again["differs"], again["imported"]) == (3, 0, 0)
    edited = await post_import(scenario, text.replace("道路3.2公里", "道路3.5公里"))
    assert edited["differences"][0]["fields"][0] == {
        "column": "工程量",
        "library": "道路3.2公里; 路灯20盏",
        "table": "道路3.5公里; 路灯20盏",
    }


def test_a_part_without_amount_or_known_unit_reads_as_nothing() -> None:
    units = {"length": Dimension(label="长度", unit="公里", units={"公里": 1000, "米": 1})}

    assert parse_quantities("道路 3.20公里、渠道1200米", units) == [
        {"name": "道路", "amount": "3.20", "unit": "公里"},
        {"name": "渠道", "amount": "1200", "unit": "米"},
    ]
    for text in ("道路", "3.2", "道路3.2华里", "道路3.2公里; ", "道路3.2.1公里", "宽3.5米长4公里"):
        assert parse_quantities(text, units) is None, text
    assert Decimal("3.20") == Decimal("3.2")
