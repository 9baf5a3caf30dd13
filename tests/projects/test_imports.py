"""Import of county tables: every row becomes a draft or gets its errors."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from services.projects.imports.service import run_next_batch
from services.projects.projects import service
from tests.clients import DISTRICT, SystemUnderTest
from tests.projects.factories_projects import ProjectScenario, expect_success

PUBLISHED_FILE = Path(__file__).parent.parent.parent / "benchmarks" / "data" / "published_projects.csv"
TABLE_CSV = """序号,乡镇,村,项目类型,二级项目类型,项目子类型,项目名称,建设性质,实施地点,建设内容与规模,总投资,中央,自筹
1,黄羊镇,广场村,产业发展,生产项目,种植业基地,温室建设项目,新建,三组,新建温室20座,120,100,20
2,黄羊镇,没有村,产业发展,生产项目,种植业基地,果园项目,新建,,,50,,
3,黄羊镇,广场村,产业发展,生产项目,种植业基地,合计不符项目,新建,,,50,40,
4,,,产业发展,,,金额有误项目,新建,,,五十,,
"""


async def post_import(
    scenario: ProjectScenario, content: str, by: httpx.AsyncClient | None = None, **params: Any
) -> dict[str, Any]:
    answer = await (by or scenario.bureau).post(
        "/projects/imports", content=content.encode(), params={"region": DISTRICT, "year": 2024, **params}
    )
    job: dict[str, Any] = expect_success(answer)
    return job


async def test_valid_rows_become_drafts_and_the_others_report_errors(scenario: ProjectScenario) -> None:
    job = await post_import(scenario, TABLE_CSV)
    assert (job["rows"], job["imported"], job["wrong"]) == (4, 1, 3), job["faults"]
    assert {fault["row"] for fault in job["faults"]} == {3, 4, 5}
    project = expect_success(await scenario.bureau.get(f"/projects/{job['project_ids'][0]}"))
    assert (project["state"], project["category"], project["total"]) == ("draft", "1.1.1", "1200000.00")
    assert project["region"][:9] == scenario.village[:9]


async def test_a_cell_of_words_with_a_number_of_a_person_is_asked_about(scenario: ProjectScenario) -> None:
    head, row = TABLE_CSV.splitlines()[:2]
    table = (
        f"{head},联系电话\n{row.replace('新建温室20座', '为622301197802139998等户新建温室')},13812345678\n"
    )
    job = await post_import(scenario, table)

    assert (job["imported"], job["wrong"]) == (0, 1)
    assert "身份证号 622301************" in str(job["faults"])
    assert "622301197802139998" not in str(job)
    masked = await post_import(scenario, table.replace("197802139998", "************"))
    assert masked["imported"] == 1, masked["faults"]


async def test_a_dry_run_creates_no_project_and_a_repeated_import_no_duplicate(
    scenario: ProjectScenario,
) -> None:
    tried = await post_import(scenario, TABLE_CSV, dry_run=True)
    assert (tried["imported"], tried["state"]) == (1, "done")
    assert expect_success(await scenario.bureau.get("/projects"))["items"] == []
    await post_import(scenario, TABLE_CSV)
    again = await post_import(scenario, TABLE_CSV)
    assert (again["imported"], again["already"]) == (0, 1)
    colleague = scenario.projects.client_as("line_bureau")
    by_another = await post_import(scenario, TABLE_CSV, by=colleague)
    assert (by_another["imported"], by_another["already"], by_another["wrong"]) == (0, 1, 3)
    changed = await post_import(scenario, TABLE_CSV.replace("新建,三组", "扩建,三组"))
    assert "内容现有不同" in str(changed["faults"])
    assert len(expect_success(await scenario.bureau.get("/projects"))["items"]) == 1


async def test_the_annotated_workbook_shows_errors_and_can_be_imported_again(
    scenario: ProjectScenario,
) -> None:
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    answer = await scenario.bureau.post("/projects/imports/check", content=TABLE_CSV.encode(), params=params)
    assert answer.status_code == 200, answer.text
    again = expect_success(
        await scenario.bureau.post("/projects/imports", content=answer.content, params=params)
    )
    assert (again["rows"], again["imported"], again["wrong"]) == (4, 1, 3)
    copy = await scenario.bureau.get(again["workbook"].removeprefix("/api/v1"), params={"only_wrong": True})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(copy.content)).get_sheet_by_index(0).to_python()
    assert [bool(row[-1]) for row in rows[1:]] == [True] * 3
    assert (await scenario.clerk.get(again["address"].removeprefix("/api/v1"))).status_code == 404


async def test_a_row_imports_targets_and_keeps_past_claims_in_the_remark(
    scenario: ProjectScenario,
) -> None:
    head = "乡镇,村,项目子类型,项目名称,总投资,数量指标,满意度指标,入库时间,审批文号,备注,联系电话"
    good_row = "黄羊镇,广场村,种植业基地,温室项目,120,新建日光温室≥20座,95,2022-03-01,凉区〔2022〕1号,老项目,138****1234"
    bad_row = "黄羊镇,广场村,种植业基地,果园项目,50,很多,95,,,,12345"
    job = await post_import(
        scenario, f"{head}\n{good_row}\n{bad_row}\n", happened_at="2024-01-05T00:00:00+08:00"
    )
    assert {fault["message"][:2] for fault in job["faults"]} == {"“很"}, job["faults"]
    project = expect_success(await scenario.bureau.get(f"/projects/{job['project_ids'][0]}"))
    targets = [
        (target["name"], target["operator"], target["value"], target["unit"]) for target in project["targets"]
    ]
    assert targets == [("新建日光温室", ">=", "20", "座"), ("受益户满意度", ">=", "95", "%")]
    assert project["remark"] == "老项目; 原表所载: 入库时间 2022-03-01, 审批文号 凉区〔2022〕1号"
    assert project["state_since"].startswith("2024-01-0")
    phone = await post_import(scenario, f"{head}\n{bad_row.replace('很多', '5亩')}\n")
    assert [fault["message"] for fault in phone["faults"]] == ["格式不符"]


async def test_importing_an_exported_table_creates_no_duplicate(scenario: ProjectScenario) -> None:
    await scenario.create_in_reserve()
    table = (await scenario.bureau.get("/projects/export", params={"format": "csv"})).text
    back = await post_import(scenario, table)
    assert (back["imported"], back["already"], back["wrong"]) == (0, 1, 0), back["faults"]


class ProcessKilled(BaseException):
    """Simulates the end of the process."""


async def test_a_long_import_continues_after_a_kill_and_counts_each_row_once(
    scenario: ProjectScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = scenario.projects.context
    lines = [
        f"{n},黄羊镇,广场村,,,种植业基地,第{n}号温室,新建,{n}组,新建温室{n}座,{n + 9},,"
        for n in range(1, 261)
    ]
    wrong_lines = ["261,黄羊镇,没有村,,,种植业基地,错的,新建,,,50,,", lines[0]]
    started = await post_import(scenario, "\n".join([TABLE_CSV.splitlines()[0], *lines, *wrong_lines]))
    assert (started["state"], started["rows"], started["done"]) == ("running", 262, 0)
    address = started["address"].removeprefix("/api/v1")
    assert await run_next_batch(context)
    create_project, calls = service.create_project, 0

    async def create_until_killed(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise ProcessKilled
        return await create_project(*args)

    with monkeypatch.context() as patched:
        patched.setattr(service, "create_project", create_until_killed)
        with pytest.raises(ProcessKilled):
            await run_next_batch(context)
    context.memory.clear()
    halfway = expect_success(await scenario.bureau.get(address))
    assert (halfway["done"], halfway["imported"], halfway["already"]) == (50, 50, 0)
    assert len(expect_success(await scenario.bureau.get("/projects?limit=200"))["items"]) == 50
    while await run_next_batch(context):
        pass
    job = expect_success(await scenario.bureau.get(address))
    assert (job["state"], job["done"], job["imported"], job["already"]) == ("done", 262, 260, 0)
    assert [fault["row"] for fault in job["faults"]] == [262, 263]
    assert "与第 2 行相同" in job["faults"][1]["message"]
    assert expect_success(await scenario.bureau.get("/projects?count=exact"))["total"] == 260
    valid_rows = expect_success(await scenario.bureau.get(f"{address}/rows?wrong=false&limit=200"))["items"]
    assert len({item["project_id"] for item in valid_rows}) == 200
    project = expect_success(await scenario.bureau.get(f"/projects/{valid_rows[0]['project_id']}"))
    assert project["created_by"] == "bureau-620602000000"
    assert len(expect_success(await scenario.bureau.get("/projects/imports"))["items"]) == 1


@pytest.mark.parametrize(
    ("county", "code"),
    [("北塔区", "430511000000"), ("达州市达川区", "511703000000"), ("泽库县", "632323000000")],
)
async def test_rows_published_by_counties_are_imported_or_report_errors(
    doors: SystemUnderTest, county: str, code: str
) -> None:
    with PUBLISHED_FILE.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["county"] == county]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    bureau = doors.service("projects").client_as("bureau", code)
    answer = await bureau.post("/projects/imports", content=text.getvalue().encode(), params={"region": code})
    job = expect_success(answer)
    assert job["rows"] == len(rows)
    assert job["imported"] + job["wrong"] == len(rows)
    assert job["imported"] >= len(rows) * 0.8, job["faults"]
    assert all(fault["message"] for fault in job["faults"])


async def test_cells_corrected_on_the_screen_are_written_into_the_table(scenario: ProjectScenario) -> None:
    tried = await post_import(scenario, TABLE_CSV, dry_run=True)
    fault = next(one for one in tried["faults"] if one["value"] == "没有村")
    assert (fault["key"], fault["row"]) == ("village", 3)
    corrections = [
        {"sheet": fault["sheet"], "row": 3, "key": "village", "value": "广场村"},
        {"sheet": fault["sheet"], "row": 3, "key": "content", "value": "栽植果树50亩"},
    ]
    job = await post_import(scenario, TABLE_CSV, corrections=json.dumps(corrections))
    assert 3 not in {one["row"] for one in job["faults"]}, job["faults"]
    assert job["imported"] == 2
    book = expect_success_bytes(await scenario.bureau.get(f"/projects/imports/{job['id']}/workbook"))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert "广场村" in rows[2]
    assert "没有村" not in rows[2]


async def test_a_workbook_keeps_everything_else_when_a_cell_is_corrected(scenario: ProjectScenario) -> None:
    template = await scenario.bureau.get("/projects/template")
    book = openpyxl.load_workbook(io.BytesIO(template.content))
    page = book["项目库"]
    head = next(row for row in page.iter_rows() if "项目名称" in [cell.value for cell in row])
    places = {str(cell.value): cell.column for cell in head}
    number = head[0].row + 1
    for title, value in (
        ("乡镇", "黄羊镇"),
        ("村", "广场村"),
        ("项目类型", "产业发展"),
        ("二级项目类型", "生产项目"),
        ("项目子类型", "种植业基地"),
        ("项目名称", "温室建设项目"),
        ("建设性质", "新建"),
        ("建设内容与规模", "新建温室20座"),
        ("总投资", "八十万"),
    ):
        place = next(column for name, column in places.items() if title in name)
        page.cell(number, place, value)
    target = io.BytesIO()
    book.save(target)
    path = "/projects/imports"
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024, "dry_run": "true"}
    first = expect_success(await scenario.bureau.post(path, content=target.getvalue(), params=params))
    fault = next(one for one in first["faults"] if one["value"] == "八十万")
    correction = {name: fault[name] for name in ("sheet", "row", "key")} | {"value": "80"}
    second = expect_success(
        await scenario.bureau.post(
            path, content=target.getvalue(), params=params | {"corrections": json.dumps([correction])}
        )
    )
    assert not [one for one in second["faults"] if one["key"] == fault["key"]], second["faults"]


async def test_heads_of_a_table_are_told_before_all_of_them_are_known(scenario: ProjectScenario) -> None:
    content = TABLE_CSV.replace("总投资", "投资盘子").encode()
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    assert (
        await scenario.bureau.post("/projects/imports", content=content, params=params)
    ).status_code == 422
    report = expect_success(
        await scenario.bureau.post("/projects/imports/heads", content=content, params=params)
    )
    heads = {one["title"]: one for one in report["mapping"]}
    assert (heads["投资盘子"]["key"], heads["投资盘子"]["proposal"]) == ("", "total")
    assert heads["项目名称"]["key"] == "name"
    assert "total" in {one["key"] for one in report["choices"]}
    assert "缺少列" in report["sheets"][0]["reason"]
    mapped: dict[str, str | int] = params | {"mapping": json.dumps({"投资盘子": "total"})}
    report = expect_success(
        await scenario.bureau.post("/projects/imports/heads", content=content, params=mapped)
    )
    assert report["sheets"][0]["is_read"]


@pytest.mark.parametrize(
    ("corrections", "pointer"),
    [
        ("[", "/query/corrections"),
        ('[{"row": 0, "key": "name", "value": ""}]', "/query/corrections"),
        ('[{"sheet": "没有", "row": 3, "key": "name", "value": "甲"}]', "/query/corrections/0"),
        ('[{"sheet": "%s", "row": 99, "key": "name", "value": "甲"}]', "/query/corrections/0"),
        ('[{"sheet": "%s", "row": 3, "key": "unknown", "value": "甲"}]', "/query/corrections/0"),
    ],
)
async def test_a_correction_of_no_cell_is_refused(
    scenario: ProjectScenario, corrections: str, pointer: str
) -> None:
    tried = await post_import(scenario, TABLE_CSV, dry_run=True)
    answer = await scenario.bureau.post(
        "/projects/imports",
        content=TABLE_CSV.encode(),
        params={"region": DISTRICT, "corrections": corrections.replace("%s", tried["sheets"][0]["name"])},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def expect_success_bytes(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    return answer.content
