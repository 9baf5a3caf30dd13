"""Contract of the projects service: events, response views and a typed client."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from datetime import date
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from shared.china import Money, PositiveMoney
from shared.errors import NotFound
from shared.events import Event

ResultT = TypeVar("ResultT")


class ProjectEvent(Event):
    """An event whose amounts are 分 in Python and 元 in JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


class ProjectMoved(ProjectEvent):
    """项目换了状态. Contains the fields that other services copy, so that they need not query the library."""

    topic: ClassVar[str] = "project.moved"
    project_id: UUID
    was: str
    now: str
    stage: str
    name: str
    code: str = Field("", description="库编号, empty before admission")
    category: str
    industry: bool = Field(description="是否计入产业")
    blocked: bool = Field(description="筛查未通过且未放行")
    physical_percent: int | None = None
    managing_unit: str = Field("", description="主管部门")


class ProjectDrafted(ProjectEvent):
    """项目已提出(草稿)."""

    topic: ClassVar[str] = "project.drafted"
    project_id: UUID
    name: str
    category: str
    year: int
    total: PositiveMoney


class ProjectChanged(ProjectEvent):
    """项目内容已修改. `before` of the row has the old values of `changed`."""

    topic: ClassVar[str] = "project.changed"
    project_id: UUID
    changed: dict[str, Any] = Field(description="field → new value; contact data only as names")


class ProjectDocumented(ProjectEvent):
    """项目附件有增减."""

    topic: ClassVar[str] = "project.documented"
    project_id: UUID
    attachment_id: UUID
    kind: str
    removed: bool = False


class ChangeMoved(ProjectEvent):
    """变更申请换了状态; `was` is empty for a new request."""

    topic: ClassVar[str] = "project.change_moved"
    change_id: UUID
    project_id: UUID
    was: str
    now: str


class ProjectRolledOver(ProjectEvent):
    """在库项目滚动纳入下一年度."""

    topic: ClassVar[str] = "project.rolled_over"
    project_id: UUID
    was_year: int
    now_year: int
    decision_no: str


class MilestoneReached(ProjectEvent):
    """项目节点已完成."""

    topic: ClassVar[str] = "project.milestone_reached"
    project_id: UUID
    milestone_id: UUID
    name: str
    done_on: date


class ProjectCommitted(ProjectEvent):
    """财政拟安排资金已登记或撤销."""

    topic: ClassVar[str] = "project.committed"
    project_id: UUID
    commitment_id: UUID
    plan_id: UUID
    amount: Money
    document_no: str
    released: bool = False


class ProjectFunded(ProjectEvent):
    """项目得到、失去或付出资金: the library's totals after an event of the funds service."""

    topic: ClassVar[str] = "project.funded"
    project_id: UUID
    allocated: Money
    paid: Money


class ProjectScreened(ProjectEvent):
    """项目重新筛查后结论有变."""

    topic: ClassVar[str] = "project.screened"
    project_id: UUID
    verdict: str
    blocked: bool
    rules_version: str


class ProjectCleared(ProjectEvent):
    """一条筛查发现被确认、申请放行、放行或不同意."""

    topic: ClassVar[str] = "project.cleared"
    project_id: UUID
    clearance_id: UUID
    rule: str
    item: str
    severity: str
    state: str
    blocked: bool


class ScreeningRulesMoved(ProjectEvent):
    """筛查规则集启用、停用或作废."""

    topic: ClassVar[str] = "screening_rules.moved"
    rule_set_id: UUID
    number: int
    digest: str
    was: str
    now: str


class ProjectEvaluated(ProjectEvent):
    """项目已自评, 复核或退回重评."""

    topic: ClassVar[str] = "project.evaluated"
    project_id: UUID
    score: str
    grade: str = ""
    state: str = Field("", description="submitted 已自评, reviewed 已复核, returned 退回重评")


class EvaluationMoved(ProjectEvent):
    """项目评价换了状态; `was` is empty when it is new."""

    topic: ClassVar[str] = "project.evaluation_moved"
    evaluation_id: UUID
    project_id: UUID
    was: str
    now: str
    score: str
    grade: str


class ProjectAlertMoved(ProjectEvent):
    """项目预警换了状态."""

    topic: ClassVar[str] = "project_alert.moved"
    alert_id: UUID
    rule: str
    project_id: UUID | None = None
    was: str
    now: str


class ProjectProgressed(ProjectEvent):
    """形象进度已上报."""

    topic: ClassVar[str] = "project.progressed"
    project_id: UUID
    physical_percent: int
    reported_on: date


class BuiltAsset(BaseModel):
    """验收时形成的一项资产, from the acceptance report."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    asset_class: str = Field(
        "",
        description="空则由资产模块按项目类型确定",
        json_schema_extra={"x-codes": "assets.register.asset_class"},
    )
    subclass: str = ""
    quantity: str = ""
    unit: str = ""
    value: Money = Field(0, description="元; 0 when the report gives no value for it alone")


class ProjectAccepted(ProjectEvent):
    """项目已通过验收: the assets service creates one draft per entry of `built`."""

    topic: ClassVar[str] = "project.accepted"
    project_id: UUID
    name: str
    code: str
    category: str
    place: str = ""
    lon: float | None = Field(None, description="WGS-84")
    lat: float | None = Field(None, description="WGS-84")
    settled: PositiveMoney = Field(description="审定结算金额")
    completed_on: date
    accepted_on: date
    unit: str = Field("", description="实施单位")
    managing_unit: str = Field("", description="主管部门")
    household: bool = Field(False, description="是否到户项目")
    built: tuple[BuiltAsset, ...] = ()


class ProjectSnapshot(BaseModel):
    """What other services know of a project: read from an answer of the library, or kept current from its events."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: UUID
    region: str
    name: str
    state: str
    version: int = 0
    code: str = Field("", validation_alias=AliasChoices("code", "library_code"))
    category: str = ""
    industry: bool = Field(False, validation_alias=AliasChoices("industry", "counts_as_industry"))
    blocked: bool = False
    physical_percent: int | None = Field(None, description="None before the first progress report")
    category_label: str = ""
    state_label: str = ""
    place: str = ""
    content: str = ""
    unit: str = Field("", validation_alias=AliasChoices("unit", "implementing_unit"))
    managing_unit: str = ""
    readiness: tuple[str, ...] = Field(
        (), description="explanations of the readiness findings of its last screening"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_answer(cls, values: Any) -> Any:  # noqa: ANN401 - an answer or a snapshot's columns
        """An answer of the library has null for what is not known yet, and findings where a snapshot has readiness."""
        if not isinstance(values, Mapping):
            return values
        known = {name: value for name, value in values.items() if value is not None}
        if "findings" in known and "readiness" not in known:
            findings = known["findings"]
            known["readiness"] = tuple(one["explanation"] for one in findings if one["family"] == "readiness")
        return known


def get_snapshot_columns(event: ProjectMoved | ProjectProgressed | ProjectAccepted) -> dict[str, Any]:
    """What an event says of the project, by the field names of `ProjectSnapshot`; region and version are the envelope's.

    The only mapping from events to what funds and assets keep of a project.
    """
    match event:
        case ProjectMoved():
            return {
                "name": event.name,
                "code": event.code,
                "category": event.category,
                "industry": event.industry,
                "blocked": event.blocked,
                "state": event.now,
                "physical_percent": event.physical_percent,
                "managing_unit": event.managing_unit,
            }
        case ProjectProgressed():
            return {"physical_percent": event.physical_percent}
        case ProjectAccepted():
            return {
                "name": event.name,
                "code": event.code,
                "category": event.category,
                "unit": event.unit,
                "managing_unit": event.managing_unit,
                "settled": event.settled,
                "accepted_on": event.accepted_on,
            }


class TextFinding(BaseModel):
    """一条筛查发现: rule reference ("halls.office@1"), basis, explanation, advice."""

    model_config = ConfigDict(extra="ignore")

    rule: str
    item: str = ""
    basis: str = ""
    severity: str = Field(description="review or block")
    explanation: str
    advice: str = ""


class TextScreening(BaseModel):
    """试筛结果: the fields of `POST /api/v1/projects/screenings` that other services use."""

    model_config = ConfigDict(extra="ignore")

    verdict: str = Field(description="clear, review or block")
    findings: list[TextFinding] = []


MAX_CONCURRENT_REQUESTS = 8
"""Maximum concurrent requests per call of the client."""
MAX_QUERY_LENGTH, MAX_SEARCH_RESULTS = 100, 100


class ProjectsClient:
    """Typed client of the projects service. Takes a `ServiceClient`: `ProjectsClient(work.service_client("projects"))`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - shared.unit_of_work.ServiceClient, which imports FastAPI
        self.client = client

    async def get_projects(self, project_ids: Iterable[UUID]) -> dict[UUID, ProjectSnapshot]:
        """Get projects by id; unknown ids are absent. Unavailable if the service is down."""
        ids = sorted(set(project_ids))
        projects = await self._gather(self._find_project(project_id) for project_id in ids)
        return {project.id: project for project in projects if project is not None}

    async def search_projects(self, region: str, terms: Iterable[str]) -> list[ProjectSnapshot]:
        """Find the projects of a region that match any of the names or codes, each once. Unavailable if the service is down."""
        results = await self._gather(self._search(region, term) for term in terms)
        return list({project.id: project for projects in results for project in projects}.values())

    async def screen_text(self, text: str, *, region: str, year: int) -> TextScreening:
        """Screen a text against the negative list in force; nothing is stored."""
        body = {"name": text, "region": region, "year": year}
        return TextScreening.model_validate(await self.client.post("/api/v1/projects/screenings", json=body))

    async def _find_project(self, project_id: UUID) -> ProjectSnapshot | None:
        try:
            return ProjectSnapshot.model_validate(await self.client.get(f"/api/v1/projects/{project_id}"))
        except NotFound:
            return None

    async def _search(self, region: str, term: str) -> list[ProjectSnapshot]:
        params = {"region": region, "q": term[:MAX_QUERY_LENGTH], "limit": MAX_SEARCH_RESULTS}
        page = await self.client.get("/api/v1/projects", params=params)
        return [ProjectSnapshot.model_validate(item) for item in page["items"]]

    @staticmethod
    async def _gather(requests: Iterable[Coroutine[Any, Any, ResultT]]) -> list[ResultT]:
        semaphore = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

        async def limit(request: Coroutine[Any, Any, ResultT]) -> ResultT:
            async with semaphore:
                return await request

        return list(await asyncio.gather(*(limit(request) for request in requests)))
