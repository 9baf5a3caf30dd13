"""Exports contain the same figures in every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from python_calamine import CalamineWorkbook

from services.projects.imports.exporter import OC4IDS_STATUS_CODES
from services.projects.projects.lifecycle import State
from shared.spreadsheets import XLSX_MEDIA_TYPE
from tests.projects.factories_projects import ProjectScenario, expect_success

DATA_FOLDER = Path(__file__).parent / "data"


def load_package_schema() -> Any:
    """Load the published package schema with its reference resolved to the local file."""
    package = json.loads((DATA_FOLDER / "oc4ids-project-package-schema.json").read_text("utf-8"))
    project = json.loads((DATA_FOLDER / "oc4ids-project-schema.json").read_text("utf-8"))
    package["definitions"] = project.pop("definitions")
    package["definitions"]["Project"] = project
    package["properties"]["projects"]["items"] = {"$ref": "#/definitions/Project"}
    for schema in (package, project):
        schema.pop("id", None)
    return jsonschema_rs.Draft4Validator(package, validate_formats=True)


def read_xlsx(content: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


async def test_the_county_table_is_in_wan_with_title_note_and_chinese_headers(
    scenario: ProjectScenario,
) -> None:
    await scenario.create_in_reserve()
    answer = await scenario.bureau.get("/projects/export", params={"format": "xlsx", "year": 2024})
    assert answer.headers["content-type"] == XLSX_MEDIA_TYPE
    title, note, header, row = read_xlsx(answer.content)
    assert title[0] == "凉州区2024年度巩固拓展脱贫攻坚成果和乡村振兴项目库"
    assert "万元" in note[0]
    cells = dict(zip(header, row, strict=True))
    assert cells["序号"] == 1
    assert (cells["县(区)"], cells["乡镇"], cells["村"]) == ("凉州区", "黄羊镇", "广场村委会")
    assert (cells["项目类型"], cells["二级项目类型"], cells["项目子类型"]) == (
        "产业发展",
        "生产项目",
        "种植业基地",
    )
    assert cells["项目预算总投资(万元)"] == 120
    assert cells["其中: 中央衔接资金(万元)"] == 100
    assert cells["自筹资金(万元)"] == 20
    assert cells["库编号"] == "620602-2024-00001"
    assert cells["状态"] == "已入库"
    assert "13812341234" not in answer.text


async def test_csv_contains_the_same_figures_and_no_formulas(scenario: ProjectScenario) -> None:
    await scenario.create_declared(name="=HYPERLINK(1)大棚项目")
    answer = await scenario.bureau.get("/projects/export", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["项目预算总投资(万元)"] for row in rows] == ["120.0000"]
    assert rows[0]["项目名称"].startswith("'=")


async def test_geojson_has_every_project_and_its_place(scenario: ProjectScenario) -> None:
    place = {"region": scenario.village, "point": {"lon": 102.9, "lat": 37.6, "datum": "wgs84"}}
    await scenario.create_declared(places=[place])
    await scenario.create_declared(name="没有坐标的项目", content="新建蓄水池3座")
    answer = await scenario.bureau.get("/projects/export", params={"format": "geojson"})
    features = answer.json()["features"]
    assert [feature["geometry"] and feature["geometry"]["coordinates"] for feature in features] == [
        [102.9, 37.6],
        None,
    ]
    assert features[0]["properties"]["total"] == "1200000.00"


async def test_oc4ids_is_valid_against_its_published_schema(scenario: ProjectScenario) -> None:
    await scenario.create_in_reserve()
    await scenario.create_draft(
        content="", goal="", managing_unit="", implementing_unit="", planned_start=None, planned_end=None
    )
    answer = await scenario.bureau.get("/projects/export", params={"format": "oc4ids"})
    package = answer.json()
    assert [str(error.message) for error in load_package_schema().iter_errors(package)] == []
    assert package["version"] == "0.9"
    assert [project["status"] for project in package["projects"]] == ["preparation", "identification"]
    assert package["projects"][0]["budget"]["amount"] == {"amount": 1200000.0, "currency": "CNY"}


async def test_the_oc4ids_schema_rejects_an_invalid_package() -> None:
    broken = {
        "uri": "urn:a:b",
        "publishedDate": "2024-01-01T00:00:00Z",
        "version": "0.9",
        "publisher": {"name": "x"},
    }
    assert not load_package_schema().is_valid({**broken, "projects": [{"id": "1", "status": "reserve"}]})
    assert not load_package_schema().is_valid({**broken, "projects": []})
    assert set(OC4IDS_STATUS_CODES) == set(State)


async def test_an_empty_package_is_refused_and_access_scope_applies(scenario: ProjectScenario) -> None:
    await scenario.create_declared()
    stranger = scenario.projects.client_as("village_clerk", "620602101201")
    refused = await stranger.get("/projects/export", params={"format": "oc4ids"})
    assert refused.status_code == 404
    empty = await stranger.get("/projects/export", params={"format": "geojson"})
    assert empty.json()["features"] == []
    assert (await scenario.bureau.get("/projects/export", params={"format": "pdf"})).status_code == 422


async def test_the_template_has_the_columns_and_lists_of_towns_and_categories(
    scenario: ProjectScenario,
) -> None:
    answer = await scenario.clerk.get("/projects/template")
    assert answer.headers["content-type"] == XLSX_MEDIA_TYPE
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert "项目名称" in [cell for row in read_xlsx(answer.content)[:4] for cell in row]
    lists = {cell for row in book.get_sheet_by_name("选项").to_python() for cell in row}
    assert {"黄羊镇", "种植业基地"} <= lists


async def test_an_export_contains_the_projects_of_the_list(scenario: ProjectScenario) -> None:
    await scenario.create_declared()
    await scenario.create_declared(name="另一项目", content="新建泵房一座")
    listed = expect_success(await scenario.bureau.get("/projects", params={"q": "泵房"}))["items"]
    answer = await scenario.bureau.get("/projects/export", params={"format": "geojson", "q": "泵房"})
    assert [feature["id"] for feature in answer.json()["features"]] == [project["id"] for project in listed]
