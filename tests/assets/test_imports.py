"""Ledger files: tried first, every wrong cell named, taken whole or not at all."""

from typing import Any

from services.assets.register.importer import LEDGER_COLUMNS, MAX_ROWS
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
    answered = await client.post(
        "/assets/imports", content=content, params=params, headers={"content-type": "text/csv"}
    )
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def test_a_ledger_is_tried_then_taken(world: AssetScenario) -> None:
    second = ["新店村冷库", "经营性", "storage", VILLAGE, "二组", "50", "2019年5月1日", "村级", "新店村"]
    tried = await post_import(world.clerk, build_csv(VALID_ROW, second), dry_run=True)
    assert (tried["rows"], tried["created"], tried["faults"], tried["value"]) == (2, 0, [], "623456.78")
    assert (await world.clerk.get("/assets")).json()["items"] == []
    taken = await post_import(world.clerk, build_csv(VALID_ROW, second), register=True)
    assert (taken["created"], taken["registered"]) == (2, 2)
    assets = (await world.clerk.get("/assets", params={"sort": "code"})).json()["items"]
    assert [(one["code"], one["original_value"], one["subclass"], one["state"]) for one in assets] == [
        ("6206022016GY00001", "123456.78", "irrigation", "registered"),
        ("6206022019JY00001", "500000.00", "storage", "registered"),
    ]
    told = [one["type"] for one in (await world.clerk.get(f"/assets/{assets[0]['id']}/history")).json()]
    assert told == ["asset.entered", "asset.moved"]
    known = (await world.clerk.get("/assets/summary", params={"region": VILLAGE})).json()
    assert (known["count"], known["value"]) == (2, "623456.78")
    assert [
        one["code"] for one in (await world.clerk.get("/assets", params={"q": "冷库"})).json()["items"]
    ] == ["6206022019JY00001"]
    again = await post_import(world.clerk, build_csv(VALID_ROW))
    assert (again["created"], "已有" in again["faults"][0]["message"]) == (0, True)


async def test_every_wrong_cell_is_named_and_nothing_is_taken(world: AssetScenario) -> None:
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
    answer = await post_import(world.clerk, build_csv(*rows), register=True)
    assert answer["created"] == 0
    where = {(one["row"], one["column"].split("(")[0]) for one in answer["faults"]}
    assert where == {
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
    assert (await world.clerk.get("/assets")).json()["items"] == []


async def test_what_is_no_ledger_is_refused(world: AssetScenario) -> None:
    for content in (b"", b"PK\x03\x04broken", "甲,乙\n1,2".encode()):
        answered = await world.clerk.post(
            "/assets/imports", content=content, headers={"content-type": "application/octet-stream"}
        )
        assert answered.status_code == 422, answered.text
    cadre = world.door.client_as("cadre")
    assert (await cadre.post("/assets/imports", content=build_csv(VALID_ROW))).status_code == 403


async def test_the_template_can_be_filled_and_read(world: AssetScenario) -> None:
    answered = await world.clerk.get("/assets/imports/template")
    assert answered.content.startswith(b"PK")
    assert spreadsheets.read_sheet(answered.content, LEDGER_COLUMNS).rows == []


async def test_a_file_that_would_keep_everybody_waiting_is_to_be_divided(world: AssetScenario) -> None:
    rows = [[f"{VALID_ROW[0]}{number}", *VALID_ROW[1:]] for number in range(MAX_ROWS + 1)]
    answered = await world.clerk.post(
        "/assets/imports", content=build_csv(*rows), headers={"content-type": "text/csv"}
    )
    assert (answered.status_code, answered.json()["errors"][0]["code"]) == (422, "too_many_rows")
