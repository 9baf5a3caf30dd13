"""A county's table read in: every row is a draft or says why not."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.doors import DISTRICT, Doors
from tests.projects.steps import Steps, good

PUBLISHED = Path(__file__).parent.parent.parent / "benchmarks" / "data" / "published_projects.csv"
TABLE = """序号,乡镇,村,项目类型,二级项目类型,项目子类型,项目名称,建设性质,实施地点,建设内容与规模,总投资,中央,自筹
1,黄羊镇,广场村,产业发展,生产项目,种植业基地,温室建设项目,新建,三组,新建温室20座,120,100,20
2,黄羊镇,没有村,产业发展,生产项目,种植业基地,果园项目,新建,,,50,,
3,黄羊镇,广场村,产业发展,生产项目,种植业基地,合计不符项目,新建,,,50,40,
4,,,产业发展,,,金额有误项目,新建,,,五十,,
"""


async def send(steps: Steps, content: str, **params: Any) -> dict[str, Any]:
    answer = await steps.bureau.post(
        "/projects/imports", content=content.encode(), params={"region": DISTRICT, "year": 2024, **params}
    )
    found: dict[str, Any] = good(answer)
    return found


async def test_sound_rows_become_drafts_and_the_others_say_why_not(steps: Steps) -> None:
    told = await send(steps, TABLE)
    assert (told["rows"], told["imported"], told["wrong"]) == (4, 1, 3), told["faults"]
    assert {one["row"] for one in told["faults"]} == {3, 4, 5}
    project = good(await steps.bureau.get(f"/projects/{told['project_ids'][0]}"))
    assert (project["state"], project["category"], project["total"]) == ("draft", "1.1.1", "1200000.00")
    assert project["region"][:9] == steps.village[:9]


async def test_a_dry_run_keeps_nothing_and_a_repeat_doubles_nothing(steps: Steps) -> None:
    tried = await send(steps, TABLE, dry_run=True)
    assert tried["imported"] == 1
    assert good(await steps.bureau.get("/projects"))["items"] == []
    await send(steps, TABLE)
    again = await send(steps, TABLE)
    assert (again["imported"], again["already"]) == (0, 1)
    assert len(good(await steps.bureau.get("/projects"))["items"]) == 1


async def test_the_copy_of_the_workbook_says_what_is_wrong_and_reads_again(steps: Steps) -> None:
    params: dict[str, str | int] = {"region": DISTRICT, "year": 2024}
    answer = await steps.bureau.post("/projects/imports/check", content=TABLE.encode(), params=params)
    assert answer.status_code == 200, answer.text
    again = good(await steps.bureau.post("/projects/imports", content=answer.content, params=params))
    assert (again["rows"], again["imported"], again["wrong"]) == (4, 1, 3)


@pytest.mark.parametrize(
    ("county", "code"),
    [("北塔区", "430511000000"), ("达州市达川区", "511703000000"), ("泽库县", "632323000000")],
)
async def test_every_published_row_of_a_known_county_is_imported_or_says_why_not(
    doors: Doors, county: str, code: str
) -> None:
    with PUBLISHED.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["county"] == county]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    bureau = doors.of("projects").as_("bureau", code)
    answer = await bureau.post("/projects/imports", content=text.getvalue().encode(), params={"region": code})
    told = good(answer)
    assert told["rows"] == len(rows)
    assert told["imported"] + told["wrong"] == len(rows)
    assert told["imported"] >= len(rows) * 0.8, told["faults"]
    assert all(one["message"] for one in told["faults"])
