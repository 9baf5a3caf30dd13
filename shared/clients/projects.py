"""Contract of the projects service: events, response views and a typed client."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money, PositiveMoney
from shared.events import Event


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
    asset_class: str = Field(description="public, operating or household; see assets' codes")
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
    household: bool = Field(False, description="是否到户项目")
    built: tuple[BuiltAsset, ...] = ()


class ProjectView(BaseModel):
    """项目: the fields of `GET /api/v1/projects/{id}` that other services use."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    region: str
    name: str
    state: str
    stage: str
    category: str
    category_label: str
    library_code: str = ""
    place: str = Field("", description="实施地点")
    content: str = ""
    implementing_unit: str = ""
    counts_as_industry: bool
    blocked: bool = False
    physical_percent: int | None = None
    settled: Money = 0
    version: int


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


class ProjectsClient:
    """Typed client of the projects service: `ProjectsClient(work.service_client("projects"))`."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a ServiceClient; contracts import no web framework
        self.client = client

    async def get_project(self, project_id: UUID) -> ProjectView:
        """One project; NotFound when there is none."""
        return ProjectView.model_validate(await self.client.get(f"/api/v1/projects/{project_id}"))

    async def screen_text(self, text: str, *, region: str, year: int) -> TextScreening:
        """Screen a text by the rules in force; nothing is stored."""
        body = {"name": text, "region": region, "year": year}
        return TextScreening.model_validate(await self.client.post("/api/v1/projects/screenings", json=body))
