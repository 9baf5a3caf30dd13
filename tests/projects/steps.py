"""A project taken along its life over HTTP, each step by the role that does it, the clock moved where days must pass."""

from datetime import date, timedelta
from typing import Any

import httpx

from shared.auth import service_token
from shared.work import CHINA
from tests.conftest import Clock
from tests.doors import DISTRICT, VILLAGE, Door, Doors

ENDORSED = [
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
APPRAISED = ["compliant", "cost", "money", "land", "feasible"]


SELF_EVALUATED = {
    "text": "温室20座全部建成, 带动120户",
    "items": [
        {"code": "quality", "points": "14", "reason": "验收报告: 工程合格"},
        {"code": "benefit", "points": "13.5", "reason": "回访30户, 户均增收1800元"},
    ],
}
"""What the implementing side says where the records say nothing."""


def a_project(**changes: Any) -> dict[str, Any]:
    """What a village clerk writes down: everything a declaration needs but the minutes."""
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


def good(answer: httpx.Response) -> Any:
    """The JSON of an answer that must be a success."""
    assert answer.is_success, f"{answer.status_code} {answer.text}"
    return answer.json()


class Steps:
    """The steps, each by its role."""

    def __init__(self, doors: Doors, clock: Clock, village: str = VILLAGE) -> None:
        self.doors = doors
        self.clock = clock
        self.village = village
        self.projects: Door = doors.of("projects")
        town = village[:9] + "000"
        self.clerk = self.projects.as_("village_clerk", village)
        self.town = self.projects.as_("town_officer", town)
        self.line = self.projects.as_("line_bureau", DISTRICT)
        self.bureau = self.projects.as_("bureau", DISTRICT)
        self.finance = self.projects.as_("finance", DISTRICT)
        self.leader = self.projects.as_("leader", DISTRICT)

    @property
    def service(self) -> httpx.AsyncClient:
        """The funds service, as it asks the library."""
        context = self.projects.context
        token = service_token(context.settings, "funds", context.itself(), self.clock.now())
        client = self.doors.client("projects", None)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def today(self) -> date:
        """The day it is in Beijing."""
        return self.clock.now().astimezone(CHINA).date()

    async def draft(self, **changes: Any) -> Any:
        """A draft by the village clerk."""
        body = a_project(**{"region": self.village, "places": [], **changes})
        return good(await self.clerk.post("/projects", json=body))

    async def upload(self, client: httpx.AsyncClient | None = None, name: str = "会议记录.pdf") -> str:
        """A file's id."""
        kind = "image/jpeg" if name.endswith("jpg") else "application/pdf"
        answer = await (client or self.clerk).post(
            "/projects/files",
            params={"name": name},
            content=b"%PDF-1.7 minutes",
            headers={"content-type": kind},
        )
        return str(good(answer)["id"])

    async def attach(self, project_id: str, kind: str, client: httpx.AsyncClient | None = None) -> Any:
        """A document of a kind."""
        file_id = await self.upload(client)
        body = {"kind": kind, "file_id": file_id}
        return good(await (client or self.clerk).post(f"/projects/{project_id}/documents", json=body))

    async def act(self, client: httpx.AsyncClient, project_id: str, action: str, **body: Any) -> Any:
        """A move that must succeed."""
        return good(await client.post(f"/projects/{project_id}/{action}", json=body))

    async def notice(
        self, client: httpx.AsyncClient, project_id: str, level: str, *, wait: bool = True
    ) -> Any:
        """A notice from today on, and its days passed."""
        body = {"level": level, "places": ["村务公开栏"], "starts_on": str(self.today())}
        found = good(await client.post(f"/projects/{project_id}/notices", json=body))
        if wait:
            self.clock.advance(timedelta(days=10))
        return found

    async def declared(self, **changes: Any) -> str:
        """A project in village notice."""
        project = await self.draft(**changes)
        await self.attach(project["id"], "minutes")
        await self.act(self.clerk, project["id"], "declare")
        return str(project["id"])

    async def in_review(self, **changes: Any) -> str:
        """A project before the town's reviewer."""
        project_id = await self.declared(**changes)
        await self.notice(self.clerk, project_id, "village")
        await self.act(self.clerk, project_id, "forward")
        return project_id

    async def in_appraisal(self, **changes: Any) -> str:
        """A project before the line bureau."""
        project_id = await self.in_review(**changes)
        await self.act(self.town, project_id, "endorse", statements=ENDORSED)
        await self.notice(self.town, project_id, "town")
        await self.act(self.town, project_id, "forward")
        return project_id

    async def in_approval(self, **changes: Any) -> str:
        """A project before the bureau."""
        project_id = await self.in_appraisal(**changes)
        await self.act(self.line, project_id, "appraise", statements=APPRAISED, opinion="可行, 建议入库")
        return project_id

    async def in_district_notice(self, **changes: Any) -> str:
        """A project in the last notice before the library."""
        project_id = await self.in_approval(**changes)
        await self.approve(project_id)
        return project_id

    async def approve(self, project_id: str) -> None:
        """The bureau's decision."""
        await self.act(
            self.bureau,
            project_id,
            "approve",
            decision_no="凉区农领发〔2024〕8号",
            decision_on=str(self.today()),
        )

    async def in_reserve(self, **changes: Any) -> str:
        """A project in the library."""
        project_id = await self.in_district_notice(**changes)
        await self.notice(self.bureau, project_id, "district")
        await self.confirm(project_id)
        await self.act(self.bureau, project_id, "admit")
        return project_id

    async def confirm(self, project_id: str) -> None:
        """The line bureau confirms what screening asks a person to look at (projects of a test are much alike)."""
        refused = await self.bureau.post(f"/projects/{project_id}/admit?dry_run=true", json={})
        if good(refused)["allowed"]:
            return
        project = good(await self.line.post(f"/projects/{project_id}/screenings"))
        for found in project["findings"]:
            body = {"finding": found["mark"], "reason": "已核对, 不是重复申报"}
            good(await self.line.post(f"/projects/{project_id}/clearances", json=body))

    async def money(
        self, project_id: str, amount: str = "1000000.00", topic: str = "allocation.issued"
    ) -> None:
        """What the funds service tells."""
        from tests.projects.told import tell

        await tell(self.doors, self.clock, topic, project_id=project_id, amount=amount)

    async def started(self, **changes: Any) -> str:
        """A project with money that was begun."""
        project_id = await self.in_reserve(**changes)
        await self.money(project_id)
        await self.begin(project_id)
        return project_id

    async def begin(self, project_id: str) -> None:
        """The start of a project that has money."""
        for kind in ("implementation_plan", "procurement"):
            await self.attach(project_id, kind, self.town)
        await self.act(self.town, project_id, "start", procurement="small_works")

    async def report(self, project_id: str, percent: int, **changes: Any) -> httpx.Response:
        """A progress report with a photo and a place."""
        photo = await self.upload(self.town, "现场.jpg")
        fix = {"lon": 102.9, "lat": 37.6, "datum": "wgs84", "accuracy_m": 12, "provider": "gps"}
        body = {"physical_percent": percent, "photos": [{"file_id": photo, "fix": fix}], **changes}
        return await self.town.post(f"/projects/{project_id}/progress", json=body)

    async def finish(self, project_id: str) -> None:
        """Built in full."""
        good(await self.report(project_id, 100))
        await self.act(self.town, project_id, "complete")

    async def completed(self, **changes: Any) -> str:
        """A project built in full."""
        project_id = await self.started(**changes)
        await self.finish(project_id)
        return project_id

    async def accept(self, project_id: str, settled: str) -> None:
        """Accepted by the bureau."""
        await self.attach(project_id, "acceptance", self.bureau)
        await self.notice(self.town, project_id, "completion")
        await self.act(self.bureau, project_id, "accept", settled=settled)

    async def accepted(self, settled: str = "980000.00", **changes: Any) -> str:
        """A project that was accepted."""
        project_id = await self.completed(**changes)
        await self.accept(project_id, settled)
        return project_id
