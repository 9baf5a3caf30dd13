"""Scenario of a project over HTTP: each step is done by the role that may do it, and the clock is advanced where days must pass."""

from datetime import date, timedelta
from typing import Any

import httpx

from shared.unit_of_work import CHINA_TIME_ZONE
from tests.clients import DISTRICT, VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sample_files import build_pdf, build_picture

ENDORSEMENT_STATEMENTS = [
    "authentic",
    "necessary",
    "scientific",
    "complete",
    "feasible",
    "cost",
    "money",
    "linkage",
    "targets",
]
APPRAISAL_STATEMENTS = ["compliant", "cost", "money", "land", "feasible"]


SELF_EVALUATION_BODY = {
    "text": "温室20座全部建成, 带动120户",
    "items": [
        {"code": "quality", "points": "14", "reason": "验收报告: 工程合格"},
        {"code": "benefit", "points": "13.5", "reason": "回访30户, 户均增收1800元"},
    ],
}
"""Points for the items that records cannot score."""


def build_project(**changes: Any) -> dict[str, Any]:
    """Build the body of a project that is complete except for the minutes."""
    return {
        "region": VILLAGE,
        "name": "黄羊镇新店村高标准日光温室建设项目",
        "content": "新建日光温室20座, 每座占地1.2亩, 配套水电管网1200米",
        "category": "1.1.1",
        "year": 2024,
        "place": "黄羊镇新店村三组",
        "places": [
            {"region": VILLAGE, "address": "三组", "point": {"lon": 102.9, "lat": 37.6, "datum": "wgs84"}}
        ],
        "planned_start": "2024-08-01",
        "planned_end": "2024-12-20",
        "managing_unit": "凉州区农业农村局",
        "implementing_unit": "黄羊镇人民政府",
        "leader_name": "王建国",
        "leader_phone": "13812341234",
        "quantities": [{"name": "日光温室", "amount": "20", "unit": "座"}],
        "total": "1200000.00",
        "money": [
            {"kind": "central", "amount": "1000000.00"},
            {"kind": "self_raised", "amount": "200000.00"},
        ],
        "households": 120,
        "people": 430,
        "poor_households": 35,
        "poor_people": 128,
        "goal": "建成20座温室, 带动120户增收",
        "targets": [
            {"kind": "quantity", "name": "新建温室数量", "value": "20", "unit": "座", "core": True},
            {"kind": "satisfaction", "name": "受益户满意度", "value": "95", "unit": "%"},
        ],
        "participation": "村民代表会议讨论通过",
        "linkage": "温室由村集体统一经营, 收益的60%按户分配, 优先吸纳脱贫户务工",
        "operator": "新店村股份经济合作社",
        "land": "not_needed",
        "design": "done",
        "environment": "not_needed",
        "budget": "reviewed",
        **changes,
    }


def expect_success(answer: httpx.Response) -> Any:
    """Assert that the response succeeded and return its JSON."""
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json()


class ProjectScenario:
    """Steps of a project's life, with one client per role."""

    def __init__(self, doors: SystemUnderTest, clock: Clock, village: str = VILLAGE) -> None:
        self.doors = doors
        self.clock = clock
        self.village = village
        self.projects: ServiceUnderTest = doors.service("projects")
        town = village[:9] + "000"
        self.clerk = self.projects.client_as("village_clerk", village)
        self.town = self.projects.client_as("town_officer", town)
        self.line = self.projects.client_as("line_bureau", DISTRICT)
        self.bureau = self.projects.client_as("bureau", DISTRICT)
        self.finance = self.projects.client_as("finance", DISTRICT)
        self.leader = self.projects.client_as("leader", DISTRICT)

    @property
    def funds_client(self) -> httpx.AsyncClient:
        """Client of the funds service with its service token."""
        token = self.doors.service_token("funds", "projects")
        client = self.doors.client_with_claims("projects", None)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def today(self) -> date:
        """Return the current day in China time."""
        return self.clock.now().astimezone(CHINA_TIME_ZONE).date()

    async def create_draft(self, **changes: Any) -> Any:
        """Create a draft as the village clerk."""
        body = build_project(**{"region": self.village, "places": [], **changes})
        return expect_success(await self.clerk.post("/projects", json=body))

    async def upload_file(self, client: httpx.AsyncClient | None = None, name: str = "会议记录.pdf") -> str:
        """Upload a file and return its id."""
        kind = "image/jpeg" if name.endswith("jpg") else "application/pdf"
        answer = await (client or self.clerk).post(
            "/projects/files",
            params={"name": name},
            content=build_picture() if name.endswith("jpg") else build_pdf(),
            headers={"content-type": kind},
        )
        return str(expect_success(answer)["id"])

    async def attach_document(
        self, project_id: str, kind: str, client: httpx.AsyncClient | None = None
    ) -> Any:
        """Upload a file and attach it as a document of this kind."""
        file_id = await self.upload_file(client)
        body = {"kind": kind, "file_id": file_id}
        return expect_success(
            await (client or self.clerk).post(f"/projects/{project_id}/documents", json=body)
        )

    async def transition_project(
        self, client: httpx.AsyncClient, project_id: str, action: str, **body: Any
    ) -> Any:
        """Perform a transition that must succeed."""
        return expect_success(await client.post(f"/projects/{project_id}/{action}", json=body))

    async def post_notice(
        self, client: httpx.AsyncClient, project_id: str, level: str, *, wait: bool = True
    ) -> Any:
        """Post a notice from today on; with `wait`, advance the clock past its period."""
        body = {"level": level, "places": ["村务公开栏"], "starts_on": str(self.today())}
        notice = expect_success(await client.post(f"/projects/{project_id}/notices", json=body))
        if wait:
            self.clock.advance(timedelta(days=10))
        return notice

    async def create_declared(self, **changes: Any) -> str:
        """Create a project in VILLAGE_NOTICE."""
        project = await self.create_draft(**changes)
        await self.attach_document(project["id"], "minutes")
        await self.transition_project(self.clerk, project["id"], "declare")
        return str(project["id"])

    async def create_in_review(self, **changes: Any) -> str:
        """Create a project in TOWN_REVIEW."""
        project_id = await self.create_declared(**changes)
        await self.post_notice(self.clerk, project_id, "village")
        await self.transition_project(self.clerk, project_id, "forward")
        return project_id

    async def create_in_appraisal(self, **changes: Any) -> str:
        """Create a project in APPRAISAL."""
        project_id = await self.create_in_review(**changes)
        await self.transition_project(self.town, project_id, "endorse", statements=ENDORSEMENT_STATEMENTS)
        await self.post_notice(self.town, project_id, "town")
        await self.transition_project(self.town, project_id, "forward")
        return project_id

    async def create_in_approval(self, **changes: Any) -> str:
        """Create a project in APPROVAL."""
        project_id = await self.create_in_appraisal(**changes)
        await self.transition_project(
            self.line, project_id, "appraise", statements=APPRAISAL_STATEMENTS, opinion="可行, 建议入库"
        )
        return project_id

    async def create_in_district_notice(self, **changes: Any) -> str:
        """Create a project in DISTRICT_NOTICE."""
        project_id = await self.create_in_approval(**changes)
        await self.approve_project(project_id)
        return project_id

    async def approve_project(self, project_id: str) -> None:
        """Approve a project with a decision document of today."""
        await self.transition_project(
            self.bureau,
            project_id,
            "approve",
            decision_no="凉区农领发〔2024〕8号",
            decision_on=str(self.today()),
        )

    async def create_in_reserve(self, **changes: Any) -> str:
        """Create a project in RESERVE."""
        project_id = await self.create_in_district_notice(**changes)
        await self.post_notice(self.bureau, project_id, "district")
        await self.confirm_findings(project_id)
        await self.transition_project(self.bureau, project_id, "admit")
        return project_id

    async def confirm_findings(self, project_id: str) -> None:
        """Confirm review findings as the line bureau; projects of a test are similar, so duplicates are reported."""
        preview = await self.bureau.post(f"/projects/{project_id}/admit?dry_run=true", json={})
        if expect_success(preview)["allowed"]:
            return
        project = expect_success(await self.line.post(f"/projects/{project_id}/screenings"))
        for finding in project["findings"]:
            body = {"finding": finding["mark"], "reason": "已核对, 不是重复申报"}
            expect_success(await self.line.post(f"/projects/{project_id}/clearances", json=body))

    async def deliver_money_event(
        self, project_id: str, amount: str = "1000000.00", topic: str = "allocation.issued"
    ) -> None:
        """Deliver a money event of the funds service to the projects service."""
        from tests.projects.neighbour_events import deliver_event

        await deliver_event(self.doors, self.clock, topic, project_id=project_id, amount=amount)

    async def create_started(self, **changes: Any) -> str:
        """Create a project in STARTED, with money."""
        project_id = await self.create_in_reserve(**changes)
        await self.deliver_money_event(project_id)
        await self.start_project(project_id)
        return project_id

    async def start_project(self, project_id: str) -> None:
        """Start a project that has money."""
        for kind in ("implementation_plan", "procurement"):
            await self.attach_document(project_id, kind, self.town)
        await self.transition_project(self.town, project_id, "start", procurement="small_works")

    async def post_progress(
        self, project_id: str, percent: int, *, by: httpx.AsyncClient | None = None, **changes: Any
    ) -> httpx.Response:
        """Post a progress report with a photo and its location, as the town unless told."""
        client = by or self.town
        photo = await self.upload_file(client, "现场.jpg")
        fix = {"lon": 102.9, "lat": 37.6, "datum": "wgs84", "accuracy_m": 12, "provider": "gps"}
        body = {"physical_percent": percent, "photos": [{"file_id": photo, "fix": fix}], **changes}
        return await client.post(f"/projects/{project_id}/progress", json=body)

    async def finish_project(self, project_id: str) -> None:
        """Report 100 % and complete the project."""
        expect_success(await self.post_progress(project_id, 100))
        await self.transition_project(self.town, project_id, "complete")

    async def create_completed(self, **changes: Any) -> str:
        """Create a project in COMPLETED."""
        project_id = await self.create_started(**changes)
        await self.finish_project(project_id)
        return project_id

    async def accept_project(self, project_id: str, settled: str) -> None:
        """Accept a completed project after its completion notice."""
        await self.attach_document(project_id, "acceptance", self.bureau)
        await self.post_notice(self.town, project_id, "completion")
        await self.transition_project(self.bureau, project_id, "accept", settled=settled)

    async def create_accepted(self, settled: str = "980000.00", **changes: Any) -> str:
        """Create a project in ACCEPTED."""
        project_id = await self.create_completed(**changes)
        await self.accept_project(project_id, settled)
        return project_id
