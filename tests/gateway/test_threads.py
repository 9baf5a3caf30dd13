"""Threads: the records of one chain of funds, loaded from any record of it."""

import importlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded.system import list_services
from services.gateway.threads import service
from services.gateway.threads.service import build_steps
from shared.clients.composition import COMPOSITION_PATH, LINK, Composition, StepSpec, ThreadPage
from tests.clients import ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.gateway.echo_services import create_gateway
from tests.projects.factories_projects import ProjectScenario, expect_success

ID_PREFIX = "01890000-0000-7000-8000-00000000000"
PROJECT_IDS = [f"{ID_PREFIX}1", f"{ID_PREFIX}2"]
MONEY_ANSWER = {
    "sources": [
        {
            "id": f"{ID_PREFIX}3",
            "document_no": "青财农字〔2023〕505号",
            "amount": "12590000.00",
            "received_on": "2023-05-30",
        }
    ],
    "plans": [{"id": f"{ID_PREFIX}4", "title": "2023年第二批", "issued_on": "2023-06-20", "state": "issued"}],
    "allocations": [
        {
            "id": f"{ID_PREFIX}5",
            "document_no": "青财农字〔2023〕505号",
            "amount": "100.00",
            "issued_on": "2023-06-20",
            "project_id": project_id,
        }
        for project_id in PROJECT_IDS
    ],
    "contracts": [],
    "payments": [
        {
            "id": f"{ID_PREFIX}6",
            "payee_name": "某公司",
            "amount": "60.00",
            "paid_on": "2023-08-01",
            "state": "paid",
        }
    ],
    "projects": PROJECT_IDS,
    "figures": {"allocated": "200.00"},
}


def build_asset_answer(project: str) -> dict[str, Any]:
    inspections = [{"id": f"{project}-i", "asset_id": f"{project}-a", "inspected_at": "2024-03-01T02:00:00Z"}]
    return {
        "project_id": project,
        "assets": [
            {"id": f"{project}-a", "code": "资1", "name": "水渠", "state_since": "2024-01-05T00:00:00Z"}
        ],
        "inspections": inspections,
        "coverage": {"project_id": project, "drafts": 0},
    }


def build_stub_service(table: dict[str, Any]) -> ASGIApp:
    """A service that answers from a table of path prefixes; a number is a status; other paths are not thread."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for path, content in table.items():
            if scope["path"].removeprefix("/api/v1").startswith(path):
                status = content if isinstance(content, int) else 200
                problem = {"type": "/problems/forbidden", "detail": "您的角色没有权限"}
                await JSONResponse(problem if isinstance(content, int) else content, status)(
                    scope, receive, send
                )
                return
        await JSONResponse({"type": "/problems/not-found", "detail": "没有"}, 404)(scope, receive, send)

    return app


def build_stub_services() -> dict[str, ASGIApp]:
    answers: dict[str, Any] = {}
    for project_id in PROJECT_IDS:
        answers[f"/projects/{project_id}/notices"] = [
            {"id": f"{project_id}-n", "starts_on": "2023-06-09", "level_label": "县级公示"}
        ]
        answers[f"/projects/{project_id}/progress"] = {
            "items": [{"id": f"{project_id}-p", "reported_on": "2023-07-01"}]
        }
        answers[f"/projects/{project_id}"] = {
            "id": project_id,
            "name": f"项目{project_id[-1]}",
            "state_since": "2023-05-01T00:00:00Z",
        }
    tables: dict[str, dict[str, Any]] = {name: {} for name in list_services() if name != "gateway"}
    tables |= {
        "projects": answers,
        "funds": {"/funds/thread": MONEY_ANSWER},
        "assets": {"/assets/thread": build_asset_answer(PROJECT_IDS[0])},
        "attendance": {"/attendance/visits": {"items": [{"id": "v", "visited_on": "2024-04-01"}]}},
    }
    return {name: build_stub_service(declare_part(name) | table) for name, table in tables.items()}


def declare_part(name: str) -> dict[str, Any]:
    """What the real service declares for composed pages."""
    part = importlib.import_module(f"services.{name}.main").SERVICE.composed_part()
    return {COMPOSITION_PATH: part.model_dump(mode="json")}


def list_step_specs() -> list[tuple[str, StepSpec]]:
    return [
        (name, step)
        for name in list_services()
        if name != "gateway"
        for step in importlib.import_module(f"services.{name}.main").SERVICE.composed_part().thread_steps
    ]


def create_gateway_clients(
    doors: SystemUnderTest, apps: dict[str, ASGIApp]
) -> Callable[[], httpx.AsyncClient]:
    """Factory of clients of a gateway in front of these services, signed in as auditor."""
    app = create_gateway(apps)
    context = app.state.context
    context.settings = context.clients.settings = context.verifier.settings = doors.apps[
        "funds"
    ].state.context.settings
    context.clock = doors.now
    context.verifier.fetch_jwks = doors.apps["funds"].state.context.verifier.fetch_jwks
    doors.apps = {**doors.apps, "gateway": app}
    return lambda: doors.service("gateway").client_as("auditor")


async def test_a_source_leads_to_every_projects_last_inspection(doors: SystemUnderTest) -> None:
    thread = expect_success(
        await create_gateway_clients(doors, build_stub_services())().get(f"/threads/source/{ID_PREFIX}3")
    )
    labels = [step["label"] for step in thread["steps"]]
    assert labels.index("指标文") < labels.index("资金下达") < labels.index("支付") < labels.index("资产")
    assert labels.index("资产") < labels.index("巡查") < labels.index("走访")
    assert thread["steps"][labels.index("指标文")]["text"] == "青财农字〔2023〕505号"
    assert thread["steps"][labels.index("指标文")]["amount"] == "12590000.00"
    assert [project["id"] for project in thread["projects"]] == PROJECT_IDS
    assert thread["figures"] == {"allocated": "200.00"}
    assert thread["missing"] == thread["withheld"] == []


async def test_an_asset_shows_itself_and_the_money_of_its_project(doors: SystemUnderTest) -> None:
    thread = expect_success(
        await create_gateway_clients(doors, build_stub_services())().get(f"/threads/asset/{ID_PREFIX}9")
    )
    assert len(thread["assets"]) == 1
    assert thread["sources"][0]["document_no"] == "青财农字〔2023〕505号"
    assert [project["id"] for project in thread["projects"]] == PROJECT_IDS[:1]


@pytest.mark.parametrize("down", ["projects", "funds", "assets", "attendance"])
async def test_an_unavailable_service_is_named_and_the_rest_is_served(
    doors: SystemUnderTest, down: str
) -> None:
    apps = build_stub_services()
    del apps[down]
    thread = expect_success(
        await create_gateway_clients(doors, apps)().get(f"/threads/project/{PROJECT_IDS[0]}")
    )
    assert [part["service"] for part in thread["missing"]] == [down]
    assert {step["service"] for step in thread["steps"]} == {"projects", "funds", "assets", "attendance"} - {
        down
    }


async def test_forbidden_parts_are_named(doors: SystemUnderTest) -> None:
    apps = build_stub_services() | {
        "attendance": build_stub_service(declare_part("attendance") | {"/attendance/visits": 403})
    }
    thread = expect_success(
        await create_gateway_clients(doors, apps)().get(f"/threads/project/{PROJECT_IDS[0]}")
    )
    assert [part["service"] for part in thread["withheld"]] == ["attendance"]
    assert thread["visits"] == []


async def test_a_plan_of_many_projects_says_how_many_more_there_are(
    doors: SystemUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_FULL_PROJECTS", 1)
    thread = expect_success(
        await create_gateway_clients(doors, build_stub_services())().get(f"/threads/plan/{ID_PREFIX}4")
    )
    assert (len(thread["projects"]), thread["more_projects"]) == (1, 1)


async def test_an_unknown_record_is_not_found(door: Callable[[str], ServiceUnderTest]) -> None:
    client = door("gateway").client_as("auditor")
    for kind in ("project", "source", "plan", "payment", "asset"):
        assert (await client.get(f"/threads/{kind}/{ID_PREFIX}1")).status_code == 404, kind
    assert (await client.get(f"/threads/person/{ID_PREFIX}1")).status_code == 422
    assert (await client.get("/threads/project/1")).status_code == 422


async def test_a_project_in_the_library_shows_its_notices(
    doors: SystemUnderTest, door: Callable[[str], ServiceUnderTest], clock: Clock
) -> None:
    project = await ProjectScenario(doors, clock).create_in_review()
    thread = expect_success(await door("gateway").client_as("leader").get(f"/threads/project/{project}"))
    assert [step["label"] for step in thread["steps"]] == ["公示", "项目"]
    elsewhere = door("gateway").client_as("town_officer", "620602101000")
    assert (await elsewhere.get(f"/threads/project/{project}")).status_code == 404


async def test_machines_and_administrators_read_no_threads(door: Callable[[str], ServiceUnderTest]) -> None:
    for role in ("admin", "machine"):
        assert (
            await door("gateway").client_as(role).get(f"/threads/project/{ID_PREFIX}1")
        ).status_code == 403


def test_every_step_takes_day_address_and_text_from_its_record() -> None:
    row = {"id": "1", "project_id": "2", "asset_id": "3"}
    specs = [step for _, step in list_step_specs()]
    full = {
        spec.list_name: [
            row | dict.fromkeys(spec.text_fields, "话") | {spec.day_fields[0]: "2024-01-02T03:04:05Z"}
        ]
        for spec in specs
    }
    steps = build_steps({"all": Composition(thread_steps=tuple(specs))}, full)
    assert len(steps) == len(specs) == 18
    assert all(step.on == "2024-01-02" and "话" in step.text for step in steps)
    assert not [step for step in steps if "{" in step.address or "//" in step.address]


def test_the_fields_used_by_steps_exist(doors: SystemUnderTest) -> None:
    schemas = {
        "sources": ("funds", "SourceRead"),
        "plans": ("funds", "PlanRead"),
        "allocations": ("funds", "AllocationRead"),
        "contracts": ("funds", "ProjectContractRead"),
        "payments": ("funds", "PaymentRead"),
        "projects": ("projects", "ProjectDetail"),
        "notices": ("projects", "NoticeRead"),
        "progress": ("projects", "ProgressRead"),
        "assets": ("assets", "AssetRead"),
        "inspections": ("assets", "InspectionRead"),
        "asset_notices": ("assets", "NoticeRead"),
        "transfers": ("assets", "TransferRead"),
        "leases": ("assets", "AssetContractRead"),
        "receipts": ("assets", "ReceiptRead"),
        "pledges": ("assets", "PledgeRead"),
        "disposals": ("assets", "DisposalRead"),
        "visits": ("attendance", "VisitRead"),
        "rectification_items": ("rectification", "RectificationItemRead"),
    }
    for service_name, spec in list_step_specs():
        name, schema = schemas[spec.list_name]
        fields = doors.apps[name].openapi()["components"]["schemas"][schema]["properties"]
        used_fields = {
            *spec.text_fields,
            *spec.day_fields,
            *([spec.amount_field] if spec.amount_field else []),
        }
        assert used_fields <= set(fields), spec.list_name
        assert name == service_name


async def test_a_service_adds_its_own_list_and_step(doors: SystemUnderTest) -> None:
    """A new service takes part by what it declares; the gateway knows nothing of it."""
    declared = Composition(
        thread_pages=(ThreadPage(address="/plots/of/{project_id}", by=LINK, lists={"plots": "items"}),),
        thread_steps=(
            StepSpec(
                rank=12,
                list_name="plots",
                label="地块",
                address="/plots/{id}",
                text_fields=("name",),
                day_fields=("on",),
            ),
        ),
    )
    rows = {"items": [{"id": "1", "name": "东坪", "on": "2024-05-01"}]}
    table = {COMPOSITION_PATH: declared.model_dump(mode="json"), "/plots/of": rows}
    apps = build_stub_services() | {"plots": build_stub_service(table)}
    thread = expect_success(
        await create_gateway_clients(doors, apps)().get(f"/threads/project/{PROJECT_IDS[0]}")
    )
    assert thread["plots"] == rows["items"]
    step = thread["steps"][-1]
    assert (step["label"], step["text"], step["service"]) == ("地块", "东坪", "plots")
