"""A county's ledger of problems (workbook 15), compared with its truth."""

from pathlib import Path
from typing import Any

from services.rectification.imports.router import IMPORTS
from shared.imports.service import run_next_batch
from tests.clients import SystemUnderTest
from tests.workbooks import load_workbook

DATA_FOLDER = Path(__file__).parents[2] / "services" / "identity" / "data"
PATH = "/rectification/table-imports"
ZEKU = "632323000000"
TERMS = {"immediate": "at_once", "ongoing": "ongoing"}


async def test_a_ledger_becomes_problems_with_their_measures(doors: SystemUnderTest) -> None:
    service, workbook = doors.service("rectification"), load_workbook("15")
    regions = (DATA_FOLDER / "regions-632323.csv").read_bytes()
    admin = doors.service("identity").client_as("admin", "000000000000")
    await admin.post("/regions/imports", content=regions, headers={"Content-Type": "text/csv"})
    bureau = service.client_as("bureau", ZEKU)
    document = {
        "region": ZEKU,
        "source": "state_evaluation",
        "document_no": "国乡振函〔2023〕1号",
        "found_on": "2023-03-01",
    }

    async def run(**params: str) -> dict[str, Any]:
        started = await bureau.post(f"{PATH}/items", content=workbook.content, params=document | params)
        assert started.status_code == 202, started.text
        while await run_next_batch(IMPORTS, service.context):
            pass
        job: dict[str, Any] = (await bureau.get(f"{PATH}/{started.json()['id']}")).json()
        return job

    job = await run()
    # 完成 is no share of a whole: asked. 立行立改 and 长期坚持 are terms of a measure, nothing to ask.
    assert (job["rows"], job["imported"], job["wrong"]) == (7, 6, 1), job["faults"]
    (fault,) = job["faults"]
    assert (fault["row"], fault["column"]) == (10, "完成比例")

    items = (await bureau.get("/rectification/items", params={"limit": 50})).json()["items"]
    found = {
        (one["number"], one["category"], one["problem"], one["region"], measure["no"]): (
            measure["due_on"] or measure["term"],
            measure["percent"],
            "已销号" in measure["result"],
        )
        for one in items
        for measure in one["measures"]
    }
    labels = {"资金使用": "funds", "资产管理": "assets", "监测帮扶": "monitoring"}
    expected: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    first: dict[str, Any] = {}
    position = 0
    for _, row in workbook.list_rows()[:6]:
        first, position = (row, 1) if "seq" in row else (first, position + 1)
        codes = first["place"]["codes"]
        key = (
            str(first["seq"]),
            labels[first["type"]],
            first["problem"],
            codes[0] if len(codes) == 1 else ZEKU,
            position,
        )
        due = TERMS.get(row["due"], row["due"])
        expected[key] = (due, int(row["percent"] or 0), row["closed"])
    assert found == expected
    assert {one["due_on"] for one in items} == {"2023-06-30", "2023-12-31", "2023-05-15"}
    assert {one["state"] for one in items} == {"entered"}, "closing needs a visit and another person"

    again = await run()
    assert (again["already"], again["differs"]) == (6, 3), again
    assert (await run(found_on="2099-01-01"))["imported"] == 0
    clerk = service.client_as("village_clerk")
    refused = await clerk.post(f"{PATH}/items", content=workbook.content, params=document)
    assert refused.status_code == 403
