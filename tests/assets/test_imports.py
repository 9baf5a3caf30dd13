"""Ledger import: dry run, errors per cell, all rows or none."""

from typing import Any

from services.assets.ledgers.schemas import LEDGER_COLUMNS
from services.assets.register.importer import MAX_ROWS
from shared import spreadsheets
from tests.assets.factories_assets import AssetScenario
from tests.clients import VILLAGE

COLUMN_TITLES = [
    "资产名称",
    "资产类别",
    "子类",
    "坐落代码",
    "坐落",
    "原值(万元)",
    "建成时间",
    "所有权人类型",
    "所有权人",
]
VALID_ROW = [
    "新店村水窖",
    "公益性资产",
    "农田水利",
    VILLAGE,
    "三组",
    "12.345678",
    "2016-08-01",
    "村集体",
    "新店村",
]


def build_csv(*rows: list[str]) -> bytes:
    return "\n".join(",".join(row) for row in [COLUMN_TITLES, *rows]).encode("utf-8-sig")


async def post_import(client: Any, content: bytes, **params: Any) -> dict[str, Any]:
    response = await client.post(
        "/assets/imports", content=content, params=params, headers={"content-type": "text/csv"}
    )
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def test_a_ledger_is_checked_by_dry_run_then_imported(scenario: AssetScenario) -> None:
    second = ["新店村冷库", "经营性", "storage", VILLAGE, "二组", "50", "2019年5月1日", "村级", "新店村"]
    preview = await post_import(scenario.clerk, build_csv(VALID_ROW, second), dry_run=True)
    assert (preview["rows"], preview["created"], preview["faults"], preview["value"]) == (
        2,
        0,
        [],
        "623456.78",
    )
    assert (await scenario.clerk.get("/assets")).json()["items"] == []
    result = await post_import(scenario.clerk, build_csv(VALID_ROW, second), register=True)
    assert (result["created"], result["registered"]) == (2, 2)
    assets = (await scenario.clerk.get("/assets", params={"sort": "code"})).json()["items"]
    assert [(item["code"], item["original_value"], item["subclass"], item["state"]) for item in assets] == [
        ("6206022016GY00001", "123456.78", "irrigation", "registered"),
        ("6206022019JY00001", "500000.00", "storage", "registered"),
    ]
    events = [
        item["type"] for item in (await scenario.clerk.get(f"/assets/{assets[0]['id']}/history")).json()
    ]
    assert events == ["asset.entered", "asset.moved"]
    summary = (await scenario.clerk.get("/assets/summary", params={"region": VILLAGE})).json()
    assert (summary["count"], summary["value"]) == (2, "623456.78")
    assert [
        item["code"] for item in (await scenario.clerk.get("/assets", params={"q": "冷库"})).json()["items"]
    ] == ["6206022019JY00001"]
    again = await post_import(scenario.clerk, build_csv(VALID_ROW))
    assert (again["created"], "已有" in again["faults"][0]["message"]) == (0, True)


async def test_every_invalid_cell_is_named_and_nothing_is_imported(scenario: AssetScenario) -> None:
    rows = [
        VALID_ROW,
        ["", *VALID_ROW[1:]],
        [VALID_ROW[0] + "二", "别的类", *VALID_ROW[2:]],
        [VALID_ROW[0] + "三", *VALID_ROW[1:3], "620602101201", *VALID_ROW[4:]],
        [VALID_ROW[0] + "四", *VALID_ROW[1:5], "一万", *VALID_ROW[6:]],
        [VALID_ROW[0] + "五", "公益性资产", "冷库", *VALID_ROW[3:]],
        [VALID_ROW[0] + "六", *VALID_ROW[1:7], "农户", "张三"],
        [VALID_ROW[0] + "七", *VALID_ROW[1:]],
        [VALID_ROW[0] + "七", *VALID_ROW[1:]],
        [VALID_ROW[0] + "八", "别的类", VALID_ROW[2], "620602101201", *VALID_ROW[4:]],
    ]
    result = await post_import(scenario.clerk, build_csv(*rows), register=True)
    assert result["created"] == 0
    cells = {(item["row"], item["column"].split("(")[0]) for item in result["faults"]}
    assert cells == {
        (3, "资产名称"),
        (4, "资产类别"),
        (5, "坐落代码"),
        (6, "原值"),
        (7, "子类"),
        (8, "所有权人类型"),
        (9, "资产名称"),
        (10, "资产名称"),
        (11, "资产类别"),
        (11, "坐落代码"),
    }
    assert (await scenario.clerk.get("/assets")).json()["items"] == []


async def test_files_that_are_no_ledger_are_invalid(scenario: AssetScenario) -> None:
    for content in (b"", b"PK\x03\x04broken", "甲,乙\n1,2".encode()):
        response = await scenario.clerk.post(
            "/assets/imports", content=content, headers={"content-type": "application/octet-stream"}
        )
        assert response.status_code == 422, response.text
    cadre = scenario.service.client_as("cadre")
    assert (await cadre.post("/assets/imports", content=build_csv(VALID_ROW))).status_code == 403


async def test_the_template_can_be_filled_and_read(scenario: AssetScenario) -> None:
    response = await scenario.clerk.get("/assets/imports/template")
    assert response.content.startswith(b"PK")
    assert spreadsheets.read_sheet(response.content, LEDGER_COLUMNS).rows == []


async def test_a_ledger_with_too_many_rows_is_invalid(scenario: AssetScenario) -> None:
    rows = [[f"{VALID_ROW[0]}{number}", *VALID_ROW[1:]] for number in range(MAX_ROWS + 1)]
    response = await scenario.clerk.post(
        "/assets/imports", content=build_csv(*rows), headers={"content-type": "text/csv"}
    )
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "too_many_rows")
