"""A year of the work plan as its units live it: a target, a household, what went wrong with it, and the figure at the end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from tests.clients import DISTRICT, ServiceUnderTest
from tests.conftest import Clock
from tests.households.factories_households import HOUSEHOLDS, Monitoring
from tests.sample_files import build_picture

ITEMS, TARGETS = "/rectification/items", "/workplan/targets"
PLAN = {
    "region": DISTRICT,
    "year": 2024,
    "title": "2024年全区巩固拓展脱贫攻坚成果工作要点",
    "issued_on": "2024-01-10",
    "items": [
        {
            "number": 3,
            "section": "守牢底线",
            "title": "防返贫监测",
            "text": "应纳尽纳, 风险消除达到百分之五十",
            "units": ["区乡村振兴局"],
        }
    ],
}
TARGET = {
    "name": "风险消除比例",
    "unit": "percent",
    "value": "50",
    "due_on": "2024-12-31",
    "source": "computed",
    "computation": {
        "service": "households",
        "address": "/households/summary",
        "params": {"region": "{region}", "year": "{year}"},
        "path": ["removed_percent"],
    },
}
DEADLINE = {
    "category": "monitoring",
    "leader": "副区长",
    "unit": "新店镇",
    "person": "孙样乙",
    "due_on": "2024-08-31",
    "measures": [{"no": 1, "text": "落实一户一策", "due_on": "2024-07-31"}],
}
IMPROVED = {"income": {"wages": "45000.00"}}


async def act(who: httpx.AsyncClient, path: str, action: str, **body: Any) -> dict[str, Any]:
    """Take an action on a record as it stands."""
    tag = (await who.get(path)).headers["ETag"]
    answer = await who.post(f"{path}/{action}", json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def upload(who: httpx.AsyncClient) -> str:
    """Upload another picture to the ledger."""
    answer = await who.post(
        "/rectification/files",
        params={"name": "现场.jpg"},
        headers={"Content-Type": "image/jpeg"},
        content=build_picture(),
    )
    return str(answer.json()["id"])


async def test_a_household_without_help_is_found_put_right_and_counted(
    door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    people, plan, ledger = Monitoring(door), door("workplan"), door("rectification")
    office = plan.client_as("bureau", person="bureau-a")
    made = await office.post("/workplan/plans", json=PLAN)
    item = made.json()["items"][0]["id"]
    target = (await office.post(TARGETS, json=TARGET | {"item_id": item})).json()["id"]

    household = await people.enter()
    await people.identify(household, clock)
    clock.advance(timedelta(days=31))
    await people.bureau.post("/households/alerts/sweep")
    (alert,) = (await people.bureau.get("/households/alerts")).json()["items"]
    assert alert["rule"] == "households.no_measure"
    first = await office.post(f"{TARGETS}/{target}/compute")
    assert (first.status_code, float(first.json()["value"])) == (201, 0.0), first.text

    bureau, second = (ledger.client_as("bureau", person=f"bureau-{name}") for name in "ab")
    town, checker = (ledger.client_as("town_officer", person=f"town-{name}") for name in "ab")
    line = ledger.client_as("line_bureau", person="line-a")
    wish = DEADLINE | {"service": "households", "alert_id": alert["id"]}
    found = await bureau.post(f"{ITEMS}/from-alert", json=wish)
    assert found.status_code == 201, found.text
    problem = f"{ITEMS}/{found.json()['id']}"
    assert "钱样甲" not in found.text
    await act(town, problem, "claim")

    measure = await people.plan_measure(household)
    await people.must(
        people.cadre, measure, "finish", "/households/measures", result="救助到位", done_on="2024-06-20"
    )
    report = {
        "month": "2024-06",
        "text": "已落实",
        "measures": [{"no": 1, "result": "已落实", "percent": 100}],
        "file_ids": [await upload(town)],
    }
    assert (await town.post(f"{problem}/progress", json=report)).status_code == 201
    await act(town, problem, "request", mechanism="识别当月定措施")
    await act(checker, problem, "town_check")
    await act(line, problem, "check")
    visit = {"visited_on": "2024-06-26", "visitors": "王样", "file_ids": [await upload(bureau)]}
    closed = await act(second, problem, "close", closing_no="凉整改〔2024〕2号", **visit)
    assert closed["state"] == "closed"

    tag = (await people.cadre.get(f"{HOUSEHOLDS}/{household}")).headers["ETag"]
    await people.cadre.patch(f"{HOUSEHOLDS}/{household}", json=IMPROVED, headers={"If-Match": tag})
    await people.must(people.cadre, household, "propose", way="help")
    await people.must(people.clerk, household, "appraise_removal", met_on="2024-06-26", attended=9, agreed=9)
    await people.notice(household, "removal", "2024-06-26")
    clock.advance(timedelta(days=6))
    await people.must(people.town, household, "review_removal")
    await people.must(people.bureau, household, "remove")

    last = await office.post(f"{TARGETS}/{target}/compute")
    assert float(last.json()["value"]) == 100.0
    shown = (await office.get(f"{TARGETS}/{target}")).json()
    assert (shown["light"], float(shown["percent"])) == ("green", 200.0)
