"""What helps a household: jobs, and the one page with loans, jobs, visits, assets and measures of every service."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors import Unavailable
from tests.assets.factories_assets import AssetScenario
from tests.attendance.factories_attendance import create_post, post_json
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.households.factories_households import CADRE, HOUSEHOLDS, Monitoring, build_id_card
from tests.households.test_loans import lend
from tests.projects.factories_projects import ProjectScenario

JOBS = "/households/jobs"
JOB: dict[str, Any] = {
    "region": VILLAGE,
    "kind": "welfare_post",
    "name": "孙样乙",
    "id_no": build_id_card(2),
    "post": "护林员",
    "employer": "新店村村委会",
    "starts_on": "2024-01-01",
    "ends_on": "2024-12-31",
    "pay": "500.00",
}


@pytest.fixture
def people(door: Callable[[str], ServiceUnderTest]) -> Monitoring:
    """The people around one household."""
    return Monitoring(door)


async def employ(people: Monitoring, **changes: Any) -> str:
    answer = await people.town.post(JOBS, json=JOB | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_month_is_paid_once_and_within_the_job(people: Monitoring) -> None:
    job = await employ(people)
    paid = await people.must(people.town, job, "payments", JOBS, months=["2024-02", "2024-01"])
    assert paid["months"] == [
        {"month": "2024-01", "amount": "500.00"},
        {"month": "2024-02", "amount": "500.00"},
    ]
    assert paid["paid_total"] == "1000.00"
    for months, code in (
        (["2024-03", "2024-02"], "paid_before"),
        (["2023-12"], "outside"),
        (["2024-06"], "outside"),
    ):
        refused = await people.act(people.town, job, "payments", JOBS, months=months)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code), refused.text
    twice = await people.act(people.town, job, "payments", JOBS, months=["2024-03", "2024-03"])
    assert twice.json()["errors"][0]["pointer"] == "/months"
    early = await people.act(people.town, job, "leave", JOBS, left_on="2024-01-15")
    assert early.json()["errors"][0]["pointer"] == "/left_on", "February is paid"
    left = await people.must(people.town, job, "leave", JOBS, left_on="2024-04-30")
    assert left["state"] == "left"
    refused = await people.act(people.town, job, "payments", JOBS, months=["2024-05"])
    assert refused.json()["errors"][0]["code"] == "outside"
    sums = (await people.leader.get("/households/help-summary", params={"region": DISTRICT})).json()
    assert sums["jobs"] == [{"kind": "welfare_post", "held": 0, "jobs": 1, "paid": "1000.00"}]


async def test_a_person_holds_one_welfare_post(people: Monitoring) -> None:
    job = await employ(people)
    refused = await people.town.post(JOBS, json=JOB | {"post": "保洁员"})
    assert refused.status_code == 409
    await employ(people, kind="workshop", post="缝纫工", employer="新店村帮扶车间", pay="2400.00")
    await people.must(people.town, job, "leave", JOBS, left_on="2024-04-30")
    await employ(people, post="保洁员", starts_on="2024-05-01")
    assert (await people.clerk.post(JOBS, json=JOB)).status_code == 403
    wrong = await people.town.post(JOBS, json=JOB | {"ends_on": "2023-12-31"})
    assert wrong.json()["errors"][0]["pointer"] == "/ends_on"
    opened = await people.town.post(f"{JOBS}/{job}/readings", json={"purpose": "核对发放"})
    assert opened.json()["name"] == "孙样乙"
    log = (await people.bureau.get("/households/events", params={"limit": 100})).json()["items"]
    assert "孙样乙" not in str(log)


async def test_posts_entered_at_once_are_one(people: Monitoring) -> None:
    answers = await asyncio.gather(
        *(people.town.post(JOBS, json=JOB | {"post": f"岗{one}"}) for one in range(6))
    )
    assert sorted(one.status_code for one in answers) == [201] + [409] * 5


async def test_one_page_shows_all_help_of_a_household(
    people: Monitoring, doors: SystemUnderTest, clock: Clock
) -> None:
    household = await people.enter()
    await people.identify(household, clock)
    loan, job = await lend(people), await employ(people)
    other = {"name": "李样", "id_no": build_id_card(9)}
    await lend(people, **other)
    await employ(people, **other)
    project = await ProjectScenario(doors, clock).create_draft(household=True, category="1.1.1")
    await people.plan_measure(household, kind="industry", text="养羊", project_id=project["id"])
    assets = AssetScenario(doors, doors.service("assets"))
    sheep: dict[str, Any] = {"asset_class": "household", "subclass": "biological", "owner_kind": "household"}
    own = await assets.create_asset(name="基础母羊", owner_name="孙样乙", **sheep)
    await assets.create_asset(name="别家母羊", owner_name="李样", **sheep)
    attendance = doors.service("attendance")
    await create_post(attendance.client_as("town_officer"), CADRE)
    visit = {"visited_on": "2024-05-25", "kind": "household", "purpose": "monitoring"}
    visitor = attendance.client_as("cadre", person=CADRE)
    for name in ("钱样甲", "李样"):
        await post_json(
            visitor, "/attendance/visits", visit | {"household": name, "findings": f"{name}家中无人"}
        )

    page = await people.cadre.get(f"{HOUSEHOLDS}/{household}/help")
    found = page.json()
    assert page.status_code == 200, page.text
    assert [one["id"] for one in found["loans"]] == [loan]
    assert [one["id"] for one in found["jobs"]] == [job]
    assert [(one["text"], one["project_name"]) for one in found["measures"]] == [("养羊", project["name"])]
    assert [one["findings"] for one in found["visits"]] == ["钱样甲家中无人"]
    assert [one["id"] for one in found["assets"]] == [own["id"]]
    assert (found["missing"], found["withheld"]) == ([], [])
    assert (await people.neighbour.get(f"{HOUSEHOLDS}/{household}/help")).status_code == 404
    assert (await people.leader.get(f"{HOUSEHOLDS}/{household}/help")).status_code == 403
    village = (await people.clerk.get(f"{HOUSEHOLDS}/{household}/help")).json()
    assert (village["visits"], village["withheld"]) == ([], ["attendance"])


async def test_a_service_that_is_down_is_named_and_the_rest_is_shown(
    people: Monitoring, doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    household = await people.enter()
    loan = await lend(people)
    clients = doors.service("households").context.clients
    send = clients.send

    async def refuse(service: str, *arguments: Any, **options: Any) -> Any:
        if service in {"attendance", "assets"}:
            raise Unavailable(f"{service}暂时联系不上", f"{service} does not answer")
        return await send(service, *arguments, **options)

    monkeypatch.setattr(clients, "send", refuse)
    found = (await people.town.get(f"{HOUSEHOLDS}/{household}/help")).json()
    assert sorted(found["missing"]) == ["assets", "attendance"]
    assert [one["id"] for one in found["loans"]] == [loan]
