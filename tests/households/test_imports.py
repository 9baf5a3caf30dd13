"""The national system's export of monitored households, imported as a job and compared with its truth."""

import io
from collections.abc import Callable
from typing import Any

import httpx
import openpyxl
import pytest

from services.households.imports.router import IMPORTS
from shared.imports.service import run_next_batch
from tests.clients import DISTRICT, ServiceUnderTest
from tests.workbooks import load_workbook

PATH = "/households/table-imports"
Change = Callable[[list[list[Any]]], None]


async def import_table(
    service: ServiceUnderTest, content: bytes, kind: str = "households", **params: Any
) -> tuple[dict[str, Any], httpx.AsyncClient]:
    """Upload a table as the bureau and run it to its end; the job, and who sent it."""
    bureau = service.client_as("bureau", person="bureau-b")
    started = await bureau.post(f"{PATH}/{kind}", content=content, params={"region": DISTRICT, **params})
    assert started.status_code == 202, started.text
    while await run_next_batch(IMPORTS, service.context):
        pass
    job: dict[str, Any] = (await bureau.get(f"{PATH}/{started.json()['id']}")).json()
    return job, bureau


def change_table(content: bytes, change: Change, rows: int = 3) -> bytes:
    """The first rows of the workbook, the heads among them, with a change."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    table = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(max_row=rows + 1)]
    change(table)
    changed = openpyxl.Workbook()
    for row in table:
        changed.worksheets[0].append(row)
    buffer = io.BytesIO()
    changed.save(buffer)
    return buffer.getvalue()


def count_rows(job: dict[str, Any]) -> tuple[int, ...]:
    return tuple(job[name] for name in ("rows", "imported", "already", "differs", "wrong"))


async def test_the_export_becomes_households_as_they_stand(door: Callable[[str], ServiceUnderTest]) -> None:
    service, workbook = door("households"), load_workbook("16")
    job, bureau = await import_table(service, workbook.content)
    assert (job["state"], count_rows(job)) == ("done", (131, 131, 0, 0, 0)), job
    households = (await bureau.get("/households", params={"limit": 200})).json()["items"]
    rows = [row for _, row in workbook.list_rows()]
    truth = {row["household_no"]: row for row in rows if row["relation"] == "户主"}
    assert len(households) == workbook.truth["households"] == len(truth)
    assert sum(one["size"] for one in households) == workbook.truth["persons"]
    expected = sorted(
        (row["place"]["codes"][0], row["household_size"], f"{row['identified']}-01", row["eliminated"])
        for row in truth.values()
    )
    found = sorted(
        (one["region"], one["size"], one["identified_on"], one["state"] == "removed") for one in households
    )
    assert found == expected
    files = [
        (await bureau.post(f"/households/{one['id']}/readings", json={"purpose": "核对导入"})).json()
        for one in households[:5]
    ]
    for file in files:
        row = truth[file["number"]]
        assert file["net"] == f"{row['net'] / 100:.2f}"
        assert abs(round(float(file["per_head"]) * 100) - row["net_per_head"]) <= 1
        assert row["id_no"] in [member["id_no"] for member in file["members"]]
    summary = (await bureau.get("/households/summary", params={"region": DISTRICT})).json()
    assert (summary["households"], summary["people"], summary["without_measure"]) == (45, 131, 0)
    assert summary["faulty"] == 45, "the export has no column 义务教育保障"


async def test_a_second_export_tells_what_differs_and_changes_nothing(
    door: Callable[[str], ServiceUnderTest],
) -> None:
    service, content = door("households"), load_workbook("16").content
    first, bureau = await import_table(service, change_table(content, lambda _: None))
    assert count_rows(first) == (3, 3, 0, 0, 0), first

    def remove_risk(table: list[list[Any]]) -> None:
        heads = table[0]
        for row in table[1:]:
            row[heads.index("风险是否已消除")] = "是"
            row[heads.index("消除监测时间")] = "202306"
            row[heads.index("风险消除方式")] = "帮扶消除"

    again, _ = await import_table(service, change_table(content, remove_risk))
    assert count_rows(again) == (3, 0, 3, 1, 0), again
    assert {field["column"] for field in again["differences"][0]["fields"]} == {
        "风险是否已消除",
        "消除监测时间",
    }
    (household,) = (await bureau.get("/households")).json()["items"]
    assert household["state"] == "monitored"


def _set(title: str, value: Any, *rows: int) -> Change:
    def change(table: list[list[Any]]) -> None:
        for row in rows:
            table[row][table[0].index(title)] = value

    return change


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        (_set("证件号码", "622301195102100074", 1), "证件号码", "校验不符"),
        (_set("证件号码", "622301195102100073", 2), "证件号码", "出现两次"),
        (_set("人数", 4, 1, 2, 3), "人数", "行数不同"),
        (_set("致贫/返贫风险1", None, 1, 2, 3), "致贫/返贫风险1", "为空"),
        (_set("工资性收入", None, 1, 2, 3), "工资性收入", "为空"),
        (_set("饮水安全保障", None, 1, 2, 3), "饮水安全保障", "为空"),
        (_set("风险是否已消除", "是", 1, 2, 3), "消除监测时间", "为空"),
        (_set("家庭纯收入", 99999, 1, 2, 3), "家庭纯收入", "不符"),
        (_set("家庭人均纯收入", 99999, 1, 2, 3), "家庭人均纯收入", "不符"),
        (_set("监测对象类别", "脱贫不稳定户", 2), "监测对象类别", "与本户第"),
        (_set("村", "没有这个村", 1, 2, 3), "村", "没有"),
    ],
)
async def test_a_household_that_breaks_a_published_rule_is_left_out_whole(
    door: Callable[[str], ServiceUnderTest], change: Change, column: str, words: str
) -> None:
    service = door("households")
    job, bureau = await import_table(service, change_table(load_workbook("16").content, change))
    assert (job["imported"], job["wrong"]) == (0, 3), job
    faults = [(one["column"], one["message"]) for one in job["faults"]]
    assert any(title == column and words in message for title, message in faults), faults
    assert not (await bureau.get("/households")).json()["items"]


async def test_the_table_is_imported_by_the_county_and_its_cells_stay_secret(
    door: Callable[[str], ServiceUnderTest],
) -> None:
    service, content = door("households"), load_workbook("16").content
    clerk = service.client_as("village_clerk")
    refused = await clerk.post(f"{PATH}/households", content=content, params={"region": DISTRICT})
    assert refused.status_code == 403
    job, bureau = await import_table(
        service, change_table(content, _set("证件号码", "622301195102100074", 1))
    )
    assert "62230119510210" not in (await bureau.get(f"{PATH}/{job['id']}")).text
