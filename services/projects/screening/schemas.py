"""Code sets and schemas of screening: subject, findings, runs, clearances."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum, Money, RegionCode
from shared.request_body import RequestBody


class ScreeningOccasion(LabelledEnum):
    """筛查时机."""

    DECLARE = "declare", "申报"
    ADMIT = "admit", "入库"
    PLAN = "plan", "纳入年度计划"
    CHANGE = "change", "变更"
    ROLL_OVER = "roll_over", "滚动入库"
    ASKED = "asked", "人工重筛"
    RESCREEN = "rescreen", "规则变动后重筛"


class RuleSetState(LabelledEnum):
    """规则集状态."""

    BUILT_IN = "built_in", "随版本内置"
    DRAFT = "draft", "草稿"
    ACTIVE = "active", "启用"
    RETIRED = "retired", "停用"
    DISCARDED = "discarded", "作废"


class ClearanceState(LabelledEnum):
    """放行状态: one person confirms a review finding, two persons waive a block."""

    ASKED = "asked", "待批准"
    GRANTED = "granted", "已放行"
    REFUSED = "refused", "不同意"


class ScreeningJobKind(LabelledEnum):
    """全库筛查."""

    TRIAL = "trial", "试算"
    RESCREEN = "rescreen", "重筛"


class ScreeningJobState(LabelledEnum):
    """全库筛查进展."""

    RUNNING = "running", "进行中"
    DONE = "done", "已完成"
    FAILED = "failed", "已中断, 请重新发起"


class Verdict(LabelledEnum):
    """Result of a screening: the highest severity of its findings."""

    CLEAR = "clear", "未发现问题"
    REVIEW = "review", "需人工确认"
    BLOCK = "block", "不得入库"


class Severity(LabelledEnum):
    """Severity of a finding: a review needs a confirmation, a block needs a waiver by a named person."""

    REVIEW = "review", "需人工确认"
    BLOCK = "block", "不得入库"


class Family(LabelledEnum):
    """Kind of check a finding comes from."""

    NEGATIVE_LIST = "negative_list", "负面清单"
    READINESS = "readiness", "条件不成熟"
    DUPLICATE = "duplicate", "疑似重复"


class Land(LabelledEnum):
    """Status of the project's land."""

    NOT_NEEDED = "not_needed", "不涉及新增用地"
    SECURED = "secured", "用地手续齐全"
    PENDING = "pending", "用地手续办理中"
    FARMLAND = "farmland", "占用永久基本农田"
    REDLINE = "redline", "涉及生态保护红线"


class PreparationStatus(LabelledEnum):
    """Status of a preparatory step (design, environmental assessment)."""

    NOT_NEEDED = "not_needed", "不需要"
    DONE = "done", "已完成"
    PENDING = "pending", "办理中"
    NONE = "none", "未开展"


class Budget(LabelledEnum):
    """Maturity of the cost estimate."""

    REVIEWED = "reviewed", "概算已评审"
    ESTIMATED = "estimated", "有投资估算"
    NONE = "none", "无投资概算"


READINESS_FIELDS = ("land", "design", "budget", "operator", "environment", "minutes", "linkage")
"""Sending any of these, even as null, also screens readiness."""

OptionalAmount = Annotated[Money | None, Field(description='元, 如 "500000.00"')]


class CostItem(RequestBody):
    """A line of the cost estimate."""

    name: str = Field(min_length=1, max_length=200)
    amount: Money


class ScreeningSubject(RequestBody):
    """A project, or a text that may become one. Only `name` is required; checks without their input are skipped."""

    name: str = Field(min_length=1, max_length=500)
    content: str = Field(default="", max_length=20_000)
    category: str | None = Field(default=None, max_length=60, description="类别代码或名称")
    amount: OptionalAmount = None
    fund_type: str | None = Field(default=None, max_length=60)
    year: int | None = Field(default=None, ge=2000, le=2100)
    region: RegionCode | None = None
    location: str = Field(default="", max_length=500)
    cost_items: list[CostItem] = Field(default_factory=list, max_length=200)
    land: Land | None = None
    design: PreparationStatus | None = None
    budget: Budget | None = None
    operator: str | None = Field(default=None, max_length=200, description="建成后的经营或管护主体")
    environment: PreparationStatus | None = None
    minutes: bool | None = Field(default=None, description="村民(代表)会议记录是否齐备")
    linkage: str | None = Field(default=None, max_length=2_000, description="联农带农机制")

    @property
    def asks_readiness(self) -> bool:
        """Whether any readiness field was sent."""
        return not self.model_fields_set.isdisjoint(READINESS_FIELDS)


class KnownProject(ScreeningSubject):
    """A project of the library that a subject is compared with."""

    id: UUID


class Match(BaseModel):
    """Position of matched words: `subject.<field>[start:end] == text`; a cost item's name is `cost_items.<n>`."""

    field: str
    text: str
    start: int
    end: int


class ScreeningFinding(BaseModel):
    """One rule's hit: rule and version, basis, matched words, explanation and advice."""

    family: Family
    rule: str
    rule_version: int
    item: str
    basis: str
    severity: Severity
    matches: list[Match]
    explanation: str
    advice: str
    other: str = Field("", description="id of the similar project")


class Screening(BaseModel):
    """Result of a screening: verdict, findings and the digest of the rules used."""

    verdict: Verdict
    findings: list[ScreeningFinding]
    rules_version: str


class ScreeningFindingRead(BaseModel):
    """筛查发现: `rule` is the rule with its version ("halls.office@1")."""

    family: Family
    rule: str
    item: str
    basis: str
    severity: Severity
    matches: list[Match]
    explanation: str
    advice: str

    @classmethod
    def from_finding(cls, finding: ScreeningFinding) -> "ScreeningFindingRead":
        """Build the response of a finding."""
        return cls.model_validate(finding.model_dump() | {"rule": f"{finding.rule}@{finding.rule_version}"})


class ScreeningAnswer(BaseModel):
    """试筛结果."""

    verdict: Verdict
    findings: list[ScreeningFindingRead]

    @classmethod
    def from_screening(cls, screening: Screening) -> "ScreeningAnswer":
        """Build the response of a trial screening."""
        return cls(
            verdict=screening.verdict,
            findings=[ScreeningFindingRead.from_finding(finding) for finding in screening.findings],
        )


MARK_PATTERN = r"^[0-9a-f]{20}$"


class ScreeningRunRead(BaseModel):
    """一次筛查."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    occasion: ScreeningOccasion
    at: datetime
    by: str
    rule_set_version: str
    verdict: Verdict
    findings: list[dict[str, Any]] = Field(description="每条带 mark, 放行时引用")
    open: int = Field(description="当时尚未确认或放行的条数")


class ClearanceCreate(RequestBody):
    """申请放行(禁止类)或确认(复核类)一条发现."""

    id: UUID | None = None
    finding: str = Field(pattern=MARK_PATTERN, description="发现的 mark")
    reason: str = Field(min_length=4, max_length=2000)
    document_no: str = Field("", max_length=100, description="依据文件文号")


class ClearanceDecision(RequestBody):
    """批准或不同意放行."""

    reason: str = Field(min_length=2, max_length=2000)


class ClearanceRead(BaseModel):
    """放行或确认."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    region: str
    version: int
    finding: str
    rule: str
    item: str
    severity: Severity
    words: str
    state: ClearanceState
    reason: str
    document_no: str
    created_at: datetime
    created_by: str
    decided_by: str
    decided_at: datetime | None
    decision: str
