"""The year's work plan over HTTP: the document of 2022, targets from three sources, lights, papers."""

import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from operations.work_plan import DATA_FILE, load_plan
from services.workplan.targets.calculation import convert, find_due_milestone, find_light
from services.workplan.targets.schemas import Direction, Light, MeasureUnit
from shared.db import new_id
from tests.clients import DISTRICT, TOWN, VILLAGE, ServiceUnderTest
from tests.conftest import Clock
from tests.projects.factories_projects import build_project
from tests.sample_files import build_pdf

DOCUMENT: dict[str, Any] = json.loads(DATA_FILE.read_text("utf-8"))
U = MeasureUnit


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        ("2500", U.METRE, U.KILOMETRE, "2.5"),
        ("2.5", U.KILOMETRE, U.METRE, "2500"),
        ("10800", U.PERSON, U.WAN_PERSON, "1.08"),
        ("3", U.PLACE, U.PLACE, "3"),
        ("3", U.PLACE, U.HOUSEHOLD, None),
        ("1", U.MU, U.METRE, None),
    ],
)
def test_units_of_one_kind_are_converted(value: str, unit: U, target: U, expected: str | None) -> None:
    assert convert(Decimal(value), unit, target) == (Decimal(expected) if expected else None)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2022-03-31", "0"),
        ("2022-04-01", "10"),
        ("2022-12-31", "70"),
        ("2023-01-01", "100"),
        ("2021-12-31", "0"),
    ],
)
def test_what_should_stand_is_the_milestone_of_the_last_quarter_that_is_over(
    today: str, expected: str
) -> None:
    milestones = [Decimal(one) for one in (10, 40, 70, 100)]
    day = date.fromisoformat(today)
    found = find_due_milestone(milestones, Decimal(100), 2022, date(2022, 12, 31), day)
    assert found == Decimal(expected)
    assert find_due_milestone([], Decimal(100), 2022, date(2022, 12, 31), date(2022, 7, 1)) == Decimal(50)


@pytest.mark.parametrize(
    ("direction", "reached", "light"),
    [
        (Direction.AT_LEAST, "50", Light.GREEN),
        (Direction.AT_LEAST, "49.9999", Light.YELLOW),
        (Direction.AT_LEAST, "39.9999", Light.RED),
        (Direction.AT_LEAST, None, Light.RED),
        (Direction.AT_MOST, "50", Light.GREEN),
        (Direction.AT_MOST, "50.0001", Light.RED),
    ],
)
def test_lights(direction: Direction, reached: str | None, light: Light) -> None:
    value = None if reached is None else Decimal(reached)
    assert find_light(direction, value, Decimal(50), 80) is light


class Office:
    """Who keeps the plan, reports and confirms."""

    def __init__(self, door: Callable[[str], ServiceUnderTest]) -> None:
        service = door("workplan")
        self.bureau = service.client_as("bureau", person="bureau-a")
        self.second = service.client_as("bureau", person="bureau-b")
        self.line = service.client_as("line_bureau", person="line-a")
        self.town = service.client_as("town_officer", person="town-a")

    async def enter(self) -> dict[str, Any]:
        """Enter the plan of 2022."""
        answer = await self.bureau.post("/workplan/plans", json=DOCUMENT["plan"])
        assert answer.status_code == 201, answer.text
        plan: dict[str, Any] = answer.json()
        return plan

    async def set(self, **changes: Any) -> dict[str, Any]:
        """Set a target of item 19 of the plan: a thousand kilometres of roads by the end of 2024."""
        plan = await self.enter()
        item = next(one for one in plan["items"] if one["number"] == 19)
        body = {
            "item_id": item["id"],
            "name": "建设四好农村路",
            "unit": "kilometre",
            "value": "1000",
            "due_on": "2024-12-31",
        }
        answer = await self.bureau.post("/workplan/targets", json=body | changes)
        assert answer.status_code == 201, answer.text
        target: dict[str, Any] = answer.json()
        return target

    async def report(self, target: dict[str, Any], **changes: Any) -> httpx.Response:
        """Report 260 km up to today, with a document."""
        file = await self.line.post(
            "/workplan/files",
            params={"name": "验收单.pdf"},
            headers={"Content-Type": "application/pdf"},
            content=build_pdf(str(new_id())),
        )
        body = {"on": "2024-05-20", "value": "260", "file_ids": [file.json()["id"]]}
        return await self.line.post(f"/workplan/targets/{target['id']}/actuals", json=body | changes)


@pytest.fixture
def office(door: Callable[[str], ServiceUnderTest]) -> Office:
    """The people of the plan."""
    return Office(door)


async def test_the_whole_document_loads_by_one_command_and_once(office: Office) -> None:
    async def post(path: str, body: Any) -> Any:
        answer = await office.bureau.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    for _ in range(2):
        await load_plan(post, DOCUMENT)
    plans = (await office.town.get("/workplan/plans")).json()["items"]
    assert [plan["year"] for plan in plans] == [2022], "a town reads its district's plan, entered once"
    detail = (await office.town.get(f"/workplan/plans/{plans[0]['id']}")).json()
    assert [item["number"] for item in detail["items"]] == list(range(1, 29))
    assert detail["items"][9]["units"][0] == "区财政局"
    targets = (await office.bureau.get("/workplan/targets", params={"limit": 200})).json()["items"]
    assert len(targets) == len(DOCUMENT["targets"]) == 34
    summary = (await office.bureau.get("/workplan/summary", params={"region": DISTRICT, "year": 2022})).json()
    assert (summary["count"], summary["behind"]) == (34, 33), (
        "over and nothing reported; of a limit of 0 nothing is known"
    )


async def test_what_is_reported_counts_once_another_person_confirmed_it(office: Office) -> None:
    target = await office.set()
    actual = await office.report(target)
    assert actual.status_code == 201, actual.text
    path = f"/workplan/targets/{target['id']}"
    assert (await office.bureau.get(path)).json()["reached"] is None
    waiting = {
        person: [
            line["count"] for line in (await person.get("http://test/internal/worklist")).json()["items"]
        ]
        for person in (office.bureau, office.line, office.town)
    }
    assert list(waiting.values()) == [[1], [], []], (
        "it waits for whoever may confirm it and did not report it"
    )
    listed = await office.bureau.get("/workplan/targets", params={"unconfirmed": True})
    assert [one["id"] for one in listed.json()["items"]] == [target["id"]]
    decision = f"{path}/actuals/{actual.json()['id']}/decision"
    own = await office.line.post(decision, json={"confirmed": True})
    assert own.status_code == 403
    refused = await office.bureau.post(decision, json={"confirmed": False})
    assert refused.json()["errors"][0]["pointer"] == "/reason"
    await office.bureau.post(decision, json={"confirmed": True})
    found = (await office.bureau.get(path)).json()
    assert (found["reached"], found["percent"], found["light"]) == ("260", "26.00", "green")
    again = await office.bureau.post(decision, json={"confirmed": True})
    assert again.status_code == 409


async def test_metres_and_kilometres_add_to_one_target(office: Office) -> None:
    target = await office.set()
    actual = await office.report(target, value="260000", unit="metre")
    assert actual.json()["value"] == "260"
    other = await office.report(target, unit="household")
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/unit")


async def test_an_older_report_does_not_replace_a_newer_one(office: Office) -> None:
    target = await office.set()
    for on, value in (("2024-05-20", "260"), ("2024-04-30", "200")):
        actual = (await office.report(target, on=on, value=value)).json()
        path = f"/workplan/targets/{target['id']}/actuals/{actual['id']}/decision"
        await office.bureau.post(path, json={"confirmed": True})
    assert (await office.bureau.get(f"/workplan/targets/{target['id']}")).json()["reached"] == "260"


async def test_a_target_that_is_behind_is_explained_and_one_on_schedule_is_not(office: Office) -> None:
    target = await office.set()
    path = f"/workplan/targets/{target['id']}"
    explained = await office.line.post(f"{path}/explanation", json={"text": "开工晚, 六月底补齐"})
    assert explained.json()["explanation"] == "开工晚, 六月底补齐"
    actual = (await office.report(target)).json()
    await office.bureau.post(f"{path}/actuals/{actual['id']}/decision", json={"confirmed": True})
    assert (await office.bureau.get(path)).json()["explanation"] == ""
    refused = await office.line.post(f"{path}/explanation", json={"text": "没有滞后也说明"})
    assert refused.status_code == 409


async def test_the_industry_share_is_asked_from_funds_and_opens_to_its_rows(office: Office) -> None:
    computed = next(one for one in DOCUMENT["targets"] if one["item"] == 10)
    wish = {key: computed[key] for key in ("name", "unit", "direction", "value", "source", "computation")}
    target = await office.set(**wish)
    actual = await office.line.post(f"/workplan/targets/{target['id']}/compute")
    assert actual.status_code == 201, actual.text
    assert (actual.json()["source"], actual.json()["state"]) == ("computed", "confirmed")
    assert actual.json()["rows"] == f"/api/v1/funds/summary?region={DISTRICT}&year=2024"
    refused = await office.report(target)
    assert refused.status_code == 409, "nobody types what the system computes"


async def test_kilometres_are_computed_from_the_quantities_of_projects(
    office: Office, door: Callable[[str], ServiceUnderTest]
) -> None:
    quantities = [
        {"name": "通组路", "amount": amount, "unit": unit} for amount, unit in (("2", "公里"), ("500", "米"))
    ]
    road = build_project(places=[], year=2024, category="3.1.2", quantities=quantities)
    created = await door("projects").client_as("village_clerk", VILLAGE).post("/projects", json=road)
    assert created.status_code == 201, created.text
    computation = {
        "service": "projects",
        "address": "/projects/quantities",
        "params": {"region": "{region}", "year": "{year}", "category": "3.1.2"},
        "path": ["sums", "length", "planned"],
        "unit": "kilometre",
    }
    target = await office.set(source="computed", computation=computation)
    actual = await office.line.post(f"/workplan/targets/{target['id']}/compute")
    assert actual.status_code == 201, actual.text
    assert actual.json()["value"] == "2.5"
    assert actual.json()["rows"] == f"/api/v1/projects/quantities?category=3.1.2&region={DISTRICT}&year=2024"


async def test_a_figure_that_is_not_there_is_told(office: Office) -> None:
    computation = {"service": "funds", "address": "/funds/summary", "path": ["nothing"]}
    params = {"region": "{region}", "year": "{year}"}
    target = await office.set(source="computed", computation=computation | {"params": params})
    refused = await office.line.post(f"/workplan/targets/{target['id']}/compute")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/computation/path")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shares": [{"region": TOWN, "value": "999"}]}, "相差 -1"),
        ({"shares": [{"region": "620102000000", "value": "1000"}]}, "不在本辖区"),
        ({"direction": "not_below_base"}, "去年的数"),
        ({"milestones": ["1", "2"]}, "四个数"),
        ({"source": "computed"}, "取数地址"),
        ({"value": "-1"}, "0"),
    ],
)
async def test_bad_targets_are_refused_in_words(office: Office, changes: dict[str, Any], words: str) -> None:
    plan = await office.enter()
    body = {
        "item_id": plan["items"][18]["id"],
        "name": "四好农村路",
        "unit": "kilometre",
        "value": "1000",
        "due_on": "2024-12-31",
    }
    refused = await office.bureau.post("/workplan/targets", json=body | changes)
    assert refused.status_code == 422
    assert words in refused.text


async def test_the_papers_show_breakdown_and_progress(office: Office) -> None:
    target = await office.set(shares=[{"region": TOWN, "value": "1000"}])
    answer = await office.town.get(f"/workplan/plans/{target['plan_id']}/export")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["任务分解表", "进度表"]
    (row,) = [row for row in book.get_sheet_by_name("任务分解表").to_python() if "建设四好农村路" in row]
    assert "1000" in row
    assert any("填表人" in str(cell) for row in book.get_sheet_by_name("进度表").to_python() for cell in row)


async def test_a_target_behind_or_unreported_raises_an_alert(office: Office, clock: Clock) -> None:
    target = await office.set()

    async def sweep() -> list[tuple[str, str]]:
        await office.bureau.post("/workplan/alerts/sweep")
        alerts = (await office.bureau.get("/workplan/alerts")).json()["items"]
        return sorted((one["rule"], one["light"]) for one in alerts if not one["gone"])

    assert await sweep() == [("workplan.behind", "red")], "entered today, so no report is late"
    actual = (await office.report(target)).json()
    path = f"/workplan/targets/{target['id']}/actuals/{actual['id']}/decision"
    await office.bureau.post(path, json={"confirmed": True})
    assert await sweep() == []
    clock.advance(timedelta(days=60))
    assert await sweep() == [("workplan.behind", "red"), ("workplan.unreported", "yellow")]
    late = (await office.report(target, on="2024-06-30", value="520")).json()
    await office.bureau.post(path.replace(actual["id"], late["id"]), json={"confirmed": True})
    assert await sweep() == []
