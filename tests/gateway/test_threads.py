"""The whole chain around a record, from whichever end it is pulled."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.threads import service
from services.gateway.threads.kinds import TELLINGS
from services.gateway.threads.steps import steps as told
from tests.conftest import Clock
from tests.doors import Door, Doors
from tests.gateway.world import gateway
from tests.projects.steps import Steps, good

ID = "01890000-0000-7000-8000-00000000000"
PROJECTS = [f"{ID}1", f"{ID}2"]
MONEY = {
    "sources": [
        {
            "id": f"{ID}3",
            "document_no": "青财农字〔2023〕505号",
            "amount": "12590000.00",
            "received_on": "2023-05-30",
        }
    ],
    "plans": [{"id": f"{ID}4", "title": "2023年第二批", "issued_on": "2023-06-20", "state": "issued"}],
    "allocations": [
        {
            "id": f"{ID}5",
            "document_no": "青财农字〔2023〕505号",
            "amount": "100.00",
            "issued_on": "2023-06-20",
            "project_id": one,
        }
        for one in PROJECTS
    ],
    "contracts": [],
    "payments": [
        {"id": f"{ID}6", "payee_name": "某公司", "amount": "60.00", "paid_on": "2023-08-01", "state": "paid"}
    ],
    "projects": PROJECTS,
    "figures": {"allocated": "200.00"},
}


def asset_of(project: str) -> dict[str, Any]:
    inspections = [{"id": f"{project}-i", "asset_id": f"{project}-a", "inspected_at": "2024-03-01T02:00:00Z"}]
    return {
        "project_id": project,
        "assets": [
            {"id": f"{project}-a", "code": "资1", "name": "水渠", "state_since": "2024-01-05T00:00:00Z"}
        ],
        "inspections": inspections,
        "coverage": {"project_id": project, "drafts": 0},
    }


def answers(table: dict[str, Any]) -> ASGIApp:
    """A service that answers from a table of path prefixes; the rest is not found."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for path, content in table.items():
            if scope["path"].startswith(f"/api/v1{path}"):
                status = content if isinstance(content, int) else 200
                problem = {"type": "/problems/forbidden", "detail": "您的角色没有权限"}
                await JSONResponse(problem if isinstance(content, int) else content, status)(
                    scope, receive, send
                )
                return
        await JSONResponse({"type": "/problems/not-found", "detail": "没有"}, 404)(scope, receive, send)

    return app


def stubs() -> dict[str, ASGIApp]:
    library: dict[str, Any] = {}
    for one in PROJECTS:
        library[f"/projects/{one}/notices"] = [
            {"id": f"{one}-n", "starts_on": "2023-06-09", "level_label": "县级公示"}
        ]
        library[f"/projects/{one}/progress"] = {"items": [{"id": f"{one}-p", "reported_on": "2023-07-01"}]}
        library[f"/projects/{one}"] = {
            "id": one,
            "name": f"项目{one[-1]}",
            "state_since": "2023-05-01T00:00:00Z",
        }
    return {
        "projects": answers(library),
        "funds": answers({"/funds/thread": MONEY}),
        "assets": answers({"/assets/thread": asset_of(PROJECTS[0])}),
        "attendance": answers({"/attendance/visits": {"items": [{"id": "v", "visited_on": "2024-04-01"}]}}),
    }


def pulled(doors: Doors, apps: dict[str, ASGIApp]) -> Callable[[], httpx.AsyncClient]:
    """Clients of a gateway before these services, signed in as an auditor."""
    app = gateway(apps)
    context = app.state.context
    context.settings = context.wire.settings = context.verifier.settings = doors.apps[
        "funds"
    ].state.context.settings
    context.clock = doors.now
    context.verifier.fetch_jwks = doors.apps["funds"].state.context.verifier.fetch_jwks
    doors.apps = {**doors.apps, "gateway": app}
    return lambda: doors.of("gateway").as_("auditor")


async def test_a_source_leads_to_every_projects_last_inspection(doors: Doors) -> None:
    found = good(await pulled(doors, stubs())().get(f"/threads/source/{ID}3"))
    labels = [step["label"] for step in found["steps"]]
    assert labels.index("指标文") < labels.index("资金下达") < labels.index("支付") < labels.index("资产")
    assert labels.index("资产") < labels.index("巡查") < labels.index("走访")
    assert found["steps"][labels.index("指标文")]["text"] == "青财农字〔2023〕505号"
    assert found["steps"][labels.index("指标文")]["amount"] == "12590000.00"
    assert [one["id"] for one in found["projects"]] == PROJECTS
    assert found["figures"] == {"allocated": "200.00"}
    assert found["missing"] == found["withheld"] == []


async def test_an_asset_shows_itself_and_the_money_of_its_project(doors: Doors) -> None:
    found = good(await pulled(doors, stubs())().get(f"/threads/asset/{ID}9"))
    assert len(found["assets"]) == 1
    assert found["sources"][0]["document_no"] == "青财农字〔2023〕505号"
    assert [one["id"] for one in found["projects"]] == PROJECTS[:1]


@pytest.mark.parametrize("down", ["projects", "funds", "assets", "attendance"])
async def test_a_service_that_is_down_is_named_and_the_chain_goes_on(doors: Doors, down: str) -> None:
    apps = stubs()
    del apps[down]
    found = good(await pulled(doors, apps)().get(f"/threads/project/{PROJECTS[0]}"))
    assert [one["service"] for one in found["missing"]] == [down]
    assert {one["service"] for one in found["steps"]} == {"projects", "funds", "assets", "attendance"} - {
        down
    }


async def test_what_the_role_may_not_see_is_named(doors: Doors) -> None:
    apps = stubs() | {"attendance": answers({"/attendance/visits": 403})}
    found = good(await pulled(doors, apps)().get(f"/threads/project/{PROJECTS[0]}"))
    assert [one["service"] for one in found["withheld"]] == ["attendance"]
    assert found["visits"] == []


async def test_a_plan_of_many_projects_says_how_many_more_there_are(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "UNFOLDED", 1)
    found = good(await pulled(doors, stubs())().get(f"/threads/plan/{ID}4"))
    assert (len(found["projects"]), found["more_projects"]) == (1, 1)


async def test_a_record_nobody_knows_is_not_found(door: Callable[[str], Door]) -> None:
    client = door("gateway").as_("auditor")
    for kind in ("project", "source", "plan", "payment", "asset"):
        assert (await client.get(f"/threads/{kind}/{ID}1")).status_code == 404, kind
    assert (await client.get(f"/threads/person/{ID}1")).status_code == 422
    assert (await client.get("/threads/project/1")).status_code == 422


async def test_a_project_in_the_library_shows_its_notices(
    doors: Doors, door: Callable[[str], Door], clock: Clock
) -> None:
    project = await Steps(doors, clock).in_review()
    found = good(await door("gateway").as_("leader").get(f"/threads/project/{project}"))
    assert [step["label"] for step in found["steps"]] == ["公示", "项目"]
    elsewhere = door("gateway").as_("town_officer", "620602101000")
    assert (await elsewhere.get(f"/threads/project/{project}")).status_code == 404


async def test_machines_and_administrators_pull_no_threads(door: Callable[[str], Door]) -> None:
    for role in ("admin", "machine"):
        assert (await door("gateway").as_(role).get(f"/threads/project/{ID}1")).status_code == 403


def test_every_step_has_a_day_an_address_and_words_when_its_record_has() -> None:
    row = {"id": "1", "project_id": "2", "asset_id": "3"}
    full = {
        one.part: [row | dict.fromkeys(one.words.split(), "话") | {one.day: "2024-01-02T03:04:05Z"}]
        for one in TELLINGS
    }
    found = told(full)
    assert len(found) == len(TELLINGS)
    assert all(step.on == "2024-01-02" and "话" in step.text for step in found)
    assert not [step for step in found if "{" in step.address or "//" in step.address]


def test_the_fields_that_steps_are_told_from_exist(doors: Doors) -> None:
    shapes = {
        "sources": ("funds", "SourceRead"),
        "plans": ("funds", "PlanRead"),
        "allocations": ("funds", "AllocationRead"),
        "contracts": ("funds", "ContractRead"),
        "payments": ("funds", "PaymentRead"),
        "projects": ("projects", "ProjectDetail"),
        "notices": ("projects", "NoticeRead"),
        "progress": ("projects", "ProgressRead"),
        "assets": ("assets", "AssetRead"),
        "inspections": ("assets", "InspectionRead"),
        "visits": ("attendance", "VisitRead"),
    }
    for one in TELLINGS:
        name, shape = shapes[one.part]
        fields = doors.apps[name].openapi()["components"]["schemas"][shape]["properties"]
        wanted = {*one.words.split(), *one.day.split(), *([one.amount] if one.amount else [])}
        assert wanted <= set(fields), one.part
