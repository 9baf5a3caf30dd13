"""A line bureau acts on what its own department answers for (主管部门); it reads by place as before."""

from typing import Any

import httpx
import pytest

from shared.auth import is_same_department
from tests.assets.factories_assets import AssetScenario
from tests.clients import DISTRICT, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.funds import conftest as funds
from tests.funds.factories_funds import FundsScenario
from tests.funds.fake_project_library import FakeProjectLibrary
from tests.projects.factories_projects import APPRAISAL_STATEMENTS, ProjectScenario

PLEDGE = {
    "pledgee": "凉州区农村信用合作联社", "debtor": "新店村股份经济合作社", "amount": "100000.00",
    "starts_on": "2024-05-01", "ends_on": "2025-04-30", "reason": "扩建温室",
}  # fmt: skip
FARMING, ROADS = "凉州区农业农村局", "凉州区交通运输局"

project_library = funds.library


def line_of(service: ServiceUnderTest, department: str) -> httpx.AsyncClient:
    return service.client_as("line_bureau", DISTRICT, person=department or "nowhere", org=department)


def actions_of(record: dict[str, Any]) -> set[str]:
    return {one["action"] for one in record["available_actions"]}


async def test_another_department_reads_a_project_but_takes_no_step_of_it(
    doors: SystemUnderTest, clock: Clock
) -> None:
    scenario = ProjectScenario(doors, clock)
    project_id = await scenario.create_in_appraisal()
    address = f"/projects/{project_id}"
    roads, farming = line_of(scenario.projects, ROADS), line_of(scenario.projects, "农业农村局")

    seen = (await roads.get(address)).json()
    assert (seen["managing_unit"], "appraise" in actions_of(seen)) == (FARMING, False)
    refused = await roads.post(f"{address}/appraise", json={})
    assert (refused.status_code, refused.json()["detail"]) == (403, f"主管部门是{FARMING}, 您的单位是{ROADS}")
    notice = {"level": "town", "places": ["政务公开栏"], "starts_on": str(scenario.today())}
    assert (await roads.post(f"{address}/notices", json=notice)).status_code == 403
    paper = {"kind": "minutes", "file_id": await scenario.upload_file(roads)}
    assert (await roads.post(f"{address}/documents", json=paper)).status_code == 403
    taken_over = await roads.patch(address, json={"managing_unit": ROADS}, headers={"If-Match": "*"})
    assert taken_over.status_code == 403
    assert "appraise" in actions_of((await farming.get(address)).json())
    done = await farming.post(
        f"{address}/appraise", json={"statements": APPRAISAL_STATEMENTS, "opinion": "可行, 建议入库"}
    )
    assert done.status_code == 200, done.text


async def test_what_waits_for_a_line_bureau_is_of_its_own_department(
    doors: SystemUnderTest, clock: Clock
) -> None:
    scenario = ProjectScenario(doors, clock)
    await scenario.create_in_appraisal()

    async def count_waiting(department: str) -> tuple[int, int, int]:
        line = line_of(scenario.projects, department)
        worklist = (await line.get("http://test/internal/worklist?first=5")).json()
        inbox = (await line.get("/projects/inbox/counts")).json()
        return worklist["waiting"], len(worklist["first"]), inbox["waiting"]

    assert await count_waiting(ROADS) == (0, 0, 0)
    for own in (FARMING, "农业农村局", "凉州区 农业农村局", "武威市凉州区农业农村局", ""):
        assert await count_waiting(own) == (1, 1, 1), own


async def test_a_department_pays_only_for_its_own_projects(
    doors: SystemUnderTest, project_library: FakeProjectLibrary
) -> None:
    scenario = FundsScenario(doors.service("funds"), project_library)
    allocation = await scenario.create_allocation(10_000_00, managing_unit=FARMING)
    scenario.town = line_of(scenario.door, FARMING)
    payment = await scenario.create_payment(allocation["id"], 1_000_00)
    roads = line_of(scenario.door, ROADS)
    body = {"allocation_id": allocation["id"], "amount": "1.00", "payee_name": "某公司", "purpose": "进度款"}

    assert (await roads.get(f"/funds/payments/{payment['id']}")).status_code == 200
    assert (await roads.post("/funds/payments", json=body)).status_code == 403
    assert (await roads.post(f"/funds/payments/{payment['id']}/submit", json={})).status_code == 403


async def test_a_change_and_a_contract_are_of_the_department_of_their_project(
    doors: SystemUnderTest, clock: Clock, project_library: FakeProjectLibrary
) -> None:
    steps, money = ProjectScenario(doors, clock), FundsScenario(doors.service("funds"), project_library)
    project_id = await steps.create_in_reserve()
    wanted = {"reason": "减少一座温室", "wanted": {"content": "新建日光温室19座"}}
    asked = (await steps.town.post(f"/projects/{project_id}/changes", json=wanted)).json()
    cancel = f"/projects/changes/{asked['id']}/cancel"
    allocation = await money.create_allocation(10_000_00, managing_unit=FARMING)
    contract = {
        "project_id": allocation["project_id"], "number": "HT-1", "title": "温室施工合同", "party": "某公司",
        "amount": "1000.00", "signed_on": "2024-05-10",
    }  # fmt: skip
    roads, farming = line_of(steps.projects, ROADS), line_of(steps.projects, FARMING)
    signed = await line_of(money.door, FARMING).post("/funds/contracts", json=contract)

    assert asked["managing_unit"] == signed.json()["managing_unit"] == FARMING
    assert (await roads.post(cancel, json={"reason": "不变更了"})).status_code == 403
    assert (await farming.post(cancel, json={"reason": "不变更了"})).status_code == 200
    assert (await line_of(money.door, ROADS).post("/funds/contracts", json=contract)).status_code == 403


async def test_an_asset_is_of_the_department_that_answered_for_its_project(doors: SystemUnderTest) -> None:
    scenario = AssetScenario(doors, doors.service("assets"))
    project = await scenario.deliver_project_accepted(managing_unit=FARMING)
    (draft,) = (await scenario.clerk.get("/assets", params={"project_id": str(project)})).json()["items"]
    address = f"/assets/{draft['id']}"
    roads, farming = line_of(scenario.service, ROADS), line_of(scenario.service, FARMING)

    assert (await roads.post(f"{address}/register", json={})).status_code == 403
    assert (
        await roads.patch(address, json={"address": "别处"}, headers={"If-Match": "*"})
    ).status_code == 403
    assert "register" in actions_of((await farming.get(address)).json())
    assert "register" not in actions_of((await roads.get(address)).json())
    assert (await roads.post(f"{address}/pledges", json=PLEDGE)).status_code == 403


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("水务局", "凉州区水务局", True),
        ("凉州区 水务局", "凉州区水务局", True),
        ("凉州区交通运输局", "凉州区水务局", False),
        ("务局", "凉州区水务局", False),
        ("凉州区水务局水库管理处", "凉州区水务局", False),
    ],
)
def test_names_of_a_department(one: str, other: str, same: bool) -> None:
    assert is_same_department(one, other) is same
    assert is_same_department(other, one) is same


async def test_an_account_of_a_line_bureau_names_its_organisation(doors: SystemUnderTest) -> None:
    admin = doors.service("identity").client_as("admin", DISTRICT)
    body = {
        "id": "road_clerk", "name": "路小样", "region": DISTRICT, "password": "Liangzhou-2024-road",
        "grants": [{"role": "line_bureau", "region": DISTRICT}],
    }  # fmt: skip
    refused = await admin.post("/users", json=body)
    assert refused.status_code == 422, refused.text
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/organisation_id"]
    made = await admin.post("/organisations", json={"name": ROADS, "region": DISTRICT, "kind": "bureau"})
    opened = await admin.post("/users", json=body | {"organisation_id": made.json()["id"]})
    assert opened.status_code == 201, opened.text
