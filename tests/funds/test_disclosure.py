"""Announcements equal the published tables in every form, and the ledger."""

import io
import re
from typing import Any
from uuid import UUID

import docx
import pytest

from tests.funds.factories_funds import FundsScenario, build_line, expect_ok, expect_refusal
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.funds.published_batches import BEITA, ZEKU, PublishedBatch, get_batch
from tests.funds.test_imports import (
    build_csv,
    build_rows,
    create_reserve_projects,
    create_sources,
    post_import,
)
from tests.funds.test_targets import create_approved_target
from tests.papers import find_unprinted_characters, read_paper

FILE_FORMATS = ("html", "docx", "pdf")


async def create_published_plan(
    scenario: FundsScenario, library: FakeProjectLibrary, published: PublishedBatch
) -> str:
    """Approve the plan of a published batch."""
    create_reserve_projects(library, published)
    sources = await create_sources(scenario, published)
    plan_fields = {"year": published.year, "title": published.name}
    taken = expect_ok(
        await post_import(scenario, build_csv(build_rows(published)), sources, published.total, **plan_fields)
    )
    plan: str = taken["plan_id"]
    await scenario.approve_plan(plan)
    return plan


def build_published_table(published: PublishedBatch) -> list[list[str]]:
    """Cells of each line as printed on the county's page."""
    return [
        [
            row["project_name"],
            row["location"],
            row["amount_wan_yuan"],
            row["fund_source"],
            row["project_type"],
            row["responsible_unit"],
        ]
        for row in published.rows
    ]


async def download_announcement(scenario: FundsScenario, plan: str, form: str, **params: Any) -> bytes:
    answer = await scenario.leader.get(f"/funds/plans/{plan}/announcement.{form}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.content


def extract_text(form: str, content: bytes) -> str:
    """Text of a file without white space."""
    if form == "html":
        text = re.sub(r"<style>.*?</style>|<[^>]+>", "", content.decode())
    elif form == "docx":
        document = docx.Document(io.BytesIO(content))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        text = "".join([*(paragraph.text for paragraph in document.paragraphs), *cells])
    else:
        text = read_paper(content)
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("county", [ZEKU, BEITA])
async def test_the_table_equals_what_the_county_published(
    scenario: FundsScenario, library: FakeProjectLibrary, county: str
) -> None:
    published = get_batch(county)
    plan = await create_published_plan(scenario, library, published)
    content = expect_ok(await scenario.leader.get(f"/funds/plans/{plan}/announcement"))["content"]
    names = ("name", "place", "amount_wan", "fund", "project_type", "unit")
    table = [[line[name] for name in names] for line in content["lines"]]
    published_table = build_published_table(published)
    for row, theirs in zip(table, published_table, strict=True):
        # Cells that the county left empty are filled from the project library; printed cells are kept.
        assert all(item == other for item, other in zip(row, theirs, strict=True) if other)
    assert content["total_wan"] == str(published.total // 1_000_000)
    assert content["count"] == len(published.rows)
    if published.document_no and county == ZEKU:
        assert content["sources"][0]["document_no"] == "青财农字〔2023〕505号"
    notice = {"level": "allocation", "places": ["网站"], "starts_on": "2024-05-09"}
    notice["photo"] = await scenario.upload_document()
    posted = expect_ok(await scenario.bureau.post(f"/funds/plans/{plan}/notices", json=notice), 201)
    assert posted["content"] == content
    totals = await scenario.get_totals()
    assert totals["planned"] == published.total


@pytest.mark.parametrize("form", FILE_FORMATS)
@pytest.mark.parametrize("county", [ZEKU, BEITA])
async def test_every_form_says_the_same(
    scenario: FundsScenario, library: FakeProjectLibrary, form: str, county: str
) -> None:
    published = get_batch(county)
    plan = await create_published_plan(scenario, library, published)
    await scenario.post_plan_notice(plan)
    content = await download_announcement(scenario, plan, form)
    text = extract_text(form, content)
    for row in build_published_table(published):
        assert all(re.sub(r"\s", "", cell) in text for cell in row)
    if form == "pdf":
        assert find_unprinted_characters(content) == set()
    for word in (published.name, str(published.total // 1_000_000), "12317", "2024-05-09至2024-05-18"):
        assert re.sub(r"\s", "", word) in text, word


async def test_the_word_files_table_is_the_published_table(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    published = get_batch(ZEKU)
    plan = await create_published_plan(scenario, library, published)
    (table,) = docx.Document(io.BytesIO(await download_announcement(scenario, plan, "docx"))).tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0][:2] == ["序号", "项目名称"]
    column_indexes = [
        rows[0].index(name)
        for name in ("项目名称", "实施地点", "资金(万元)", "资金名称", "项目类型", "责任单位")
    ]
    assert [[row[item] for item in column_indexes] for row in rows[1:-1]] == build_published_table(published)
    assert (rows[-1][1], rows[-1][column_indexes[2]]) == ("合计", "1259")


async def test_targets_are_announced_with_the_money(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(100_0000_00)
    plan = await scenario.create_plan(
        build_line(library.create_project("机井"), source["id"], 100_0000_00, target="新建机井3眼")
    )
    answer = expect_ok(
        await scenario.leader.get(f"/funds/plans/{plan['id']}/announcement", params={"subject": "target"})
    )
    assert [(line["name"], line["amount_wan"], line["target"]) for line in answer["content"]["lines"]] == [
        ("机井", "100", "新建机井3眼")
    ]
    for form in FILE_FORMATS:
        assert "新建机井3眼" in extract_text(
            form, await download_announcement(scenario, plan["id"], form, subject="target")
        )


async def test_completion_is_what_the_ledger_and_the_library_say(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(100_0000_00)
    well, road = library.create_project("机井"), library.create_project("道路")
    plan = await scenario.create_plan(
        build_line(well, source["id"], 60_0000_00), build_line(road, source["id"], 40_0000_00)
    )
    path, params = f"/funds/plans/{plan['id']}/announcement", {"subject": "completion"}
    expect_refusal(await scenario.leader.get(path, params=params), 409)
    allocations = await scenario.issue_plan(plan["id"])
    library.update_project(well, state="under_construction", physical_percent=50)
    allocation = next(allocation for allocation in allocations if UUID(allocation["project_id"]) == well)
    await scenario.create_paid_payment(allocation["id"], 25_0000_00)
    content = expect_ok(await scenario.leader.get(path, params=params))["content"]
    rows = {
        line["name"]: (line["allocated_wan"], line["paid_wan"], line["paid_percent"])
        for line in content["lines"]
    }
    assert rows == {"机井": ("60", "25", "41.67%"), "道路": ("40", "0", "0.00%")}
    assert content["totals"] == {"allocated_wan": "100", "paid_wan": "25"}
    for form in FILE_FORMATS:
        assert "41.67%" in extract_text(
            form, await download_announcement(scenario, plan["id"], form, **params)
        )


async def test_what_people_write_never_becomes_markup(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    source = await scenario.create_source(100_00)
    name = "<script>alert(1)</script> & <b>井</b>"
    plan = await scenario.create_plan(
        build_line(library.create_project(name), source["id"], 100_00), title="<i>方案</i>"
    )
    page = (await download_announcement(scenario, plan["id"], "html")).decode()
    assert "<script" not in page
    for form in ("docx", "pdf"):
        assert "<script>alert(1)</script>" in extract_text(
            form, await download_announcement(scenario, plan["id"], form)
        )


async def test_another_district_reads_no_announcement_and_other_forms_do_not_exist(
    scenario: FundsScenario, library: FakeProjectLibrary
) -> None:
    plan = await scenario.create_plan()
    elsewhere = scenario.door.client_as("leader", "632323000000")
    expect_refusal(await elsewhere.get(f"/funds/plans/{plan['id']}/announcement.pdf"), 404)
    expect_refusal(await scenario.leader.get(f"/funds/plans/{plan['id']}/announcement.exe"), 422)


async def test_decided_targets_are_announced_with_their_indicators(scenario: FundsScenario) -> None:
    plan, _, _ = await create_approved_target(scenario)
    path, params = f"/funds/plans/{plan}/announcement", {"subject": "target"}
    (row,) = expect_ok(await scenario.leader.get(path, params=params))["content"]["lines"]
    assert "新建机井≥20座" in row["target"]
    assert "单井造价≤5.5万元" in row["target"]
    assert "新建机井≥20座" in extract_text(
        "docx", await download_announcement(scenario, plan, "docx", **params)
    )
