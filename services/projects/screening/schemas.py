"""What is screened and what screening answers."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.labels import Labelled
from shared.money import Money


class Verdict(Labelled):
    """The worst finding decides."""

    CLEAR = "clear", "未发现问题"
    REVIEW = "review", "需人工确认"
    BLOCK = "block", "不得入库"


class Severity(Labelled):
    """How much a finding weighs: a review asks for a confirmation, a block for a named person's waiver."""

    REVIEW = "review", "需人工确认"
    BLOCK = "block", "不得入库"


class Family(Labelled):
    """The question a finding answers."""

    NEGATIVE_LIST = "negative_list", "负面清单"
    READINESS = "readiness", "条件不成熟"
    DUPLICATE = "duplicate", "疑似重复"


class Land(Labelled):
    """Where the project stands with its land."""

    NOT_NEEDED = "not_needed", "不涉及新增用地"
    SECURED = "secured", "用地手续齐全"
    PENDING = "pending", "用地手续办理中"
    FARMLAND = "farmland", "占用永久基本农田"
    REDLINE = "redline", "涉及生态保护红线"


class Step(Labelled):
    """Where a preparatory step stands (design, environmental assessment)."""

    NOT_NEEDED = "not_needed", "不需要"
    DONE = "done", "已完成"
    PENDING = "pending", "办理中"
    NONE = "none", "未开展"


class Budget(Labelled):
    """How sure the cost is."""

    REVIEWED = "reviewed", "概算已评审"
    ESTIMATED = "estimated", "有投资估算"
    NONE = "none", "无投资概算"


READINESS_FIELDS = ("land", "design", "budget", "operator", "environment", "minutes", "linkage")
"""Giving any of these, even as null, asks the readiness question."""

Amount = Annotated[Money | None, Field(description='元, 如 "500000.00"')]


class CostItem(BaseModel):
    """A line of the cost estimate."""

    name: str = Field(min_length=1, max_length=200)
    amount: Money


class ScreeningSubject(BaseModel):
    """A project, or a text that may become one. Only `name` is needed; what is not given is not judged."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=500)
    content: str = Field(default="", max_length=20_000)
    category: str | None = Field(default=None, max_length=60, description="类别代码或名称")
    amount: Amount = None
    fund_type: str | None = Field(default=None, max_length=60)
    year: int | None = Field(default=None, ge=2000, le=2100)
    region: str | None = Field(default=None, pattern=r"^[0-9]{12}$")
    location: str = Field(default="", max_length=500)
    cost_items: list[CostItem] = Field(default_factory=list, max_length=200)
    land: Land | None = None
    design: Step | None = None
    budget: Budget | None = None
    operator: str | None = Field(default=None, max_length=200, description="建成后的经营或管护主体")
    environment: Step | None = None
    minutes: bool | None = Field(default=None, description="村民(代表)会议记录是否齐备")
    linkage: str | None = Field(default=None, max_length=2_000, description="联农带农机制")

    @property
    def asks_readiness(self) -> bool:
        """Whether any readiness field was given."""
        return not self.model_fields_set.isdisjoint(READINESS_FIELDS)


class Known(ScreeningSubject):
    """A project of the library that another is held against."""

    id: UUID


class Match(BaseModel):
    """Where the words stand: `subject.<field>[start:end] == text`; a cost item's name is `cost_items.<n>`."""

    field: str
    text: str
    start: int
    end: int


class Finding(BaseModel):
    """One rule's hit: which rule and version, on what basis, the words, why, and what to do."""

    family: Family
    rule: str
    rule_version: int
    item: str
    basis: str
    severity: Severity
    matches: list[Match]
    explanation: str
    advice: str
    other: str = Field("", description="id of the project this one is like")


class Screening(BaseModel):
    """The answer: the worst severity, the findings behind it, and the digest of the rules that were used."""

    verdict: Verdict
    findings: list[Finding]
    rules_version: str


class FindingRead(BaseModel):
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
    def of(cls, found: Finding) -> "FindingRead":
        """A finding as others see it."""
        return cls.model_validate(found.model_dump() | {"rule": f"{found.rule}@{found.rule_version}"})


class ScreeningAnswer(BaseModel):
    """试筛结果."""

    verdict: Verdict
    findings: list[FindingRead]

    @classmethod
    def of(cls, screening: Screening) -> "ScreeningAnswer":
        """The answer to a tried text."""
        return cls(
            verdict=screening.verdict, findings=[FindingRead.of(found) for found in screening.findings]
        )
