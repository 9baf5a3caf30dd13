"""Every dated rule of this service (rules/*.json): the shape of its value, with bounds.

The rules of alerts stand beside their detectors (alerts/detectors.py), the screening rules in screening/.
"""

from typing import Annotated, Any

from pydantic import Field, field_validator

from services.projects.evaluations.rules import ScoreSheet
from services.projects.progress.rules import PROGRESS_EVIDENCE
from services.projects.projects.guards import ProcurementLimits
from services.projects.projects.lifecycle import State
from services.projects.projects.schemas import ApplicantKind, Indicator, Operator
from services.projects.quantities.rules import QUANTITY_UNITS
from shared.notices.rules import NOTICE_RULES
from shared.notices.schemas import NoticeLevel
from shared.person_requests.rules import PERSON_REQUEST_DAYS
from shared.records.kinds import StateLimits
from shared.records.table_imports import declare_heads
from shared.rules import Label, Labels, RuleKey, RuleValue

CategoryCode = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2}){0,3}$")]
TemplateCode = Annotated[str, Field(pattern=r"^([0-9]{1,2}(\.[0-9]{1,2}){0,3})?$")]
Levels = Annotated[tuple[NoticeLevel, ...], Field(max_length=10)]


class Statements(RuleValue):
    """审核论证须逐项明确的内容: code → label."""

    endorse: Labels = Field(title="乡镇审核")
    appraise: Labels = Field(title="部门论证")


ADMISSION_STATEMENTS = RuleKey[Statements]("admission.statements", Statements)
ADMISSION_READINESS = RuleKey[dict[str, str]](
    "admission.readiness",
    Annotated[
        dict[Annotated[str, Field(pattern=r"^(land|design|budget|environment)$")], Label],
        Field(title="论证前须填明的前期条件", max_length=4),
    ],
)
ADMISSION_NOTICES = RuleKey[dict[ApplicantKind, dict[State, tuple[NoticeLevel, ...]]]](
    "admission.notices",
    Annotated[
        dict[ApplicantKind, Annotated[dict[State, Levels], Field(max_length=10)]],
        Field(title="各申报主体在各环节须有的公示", min_length=3, max_length=3),
    ],
)
LINKAGE_CATEGORIES = RuleKey[tuple[str, ...]](
    "linkage.categories",
    Annotated[tuple[CategoryCode, ...], Field(title="须有联农带农机制的项目类型", max_length=50)],
)


PROCUREMENT_LIMITS = RuleKey[ProcurementLimits]("procurement.limits", ProcurementLimits)


class Category(RuleValue):
    """一个项目类型."""

    name: Label = Field(title="名称")
    industry: bool = Field(title="计入产业")


CATEGORY_TREE = RuleKey[dict[str, Category]](
    "category.tree",
    Annotated[dict[CategoryCode, Category], Field(title="项目类型", min_length=1, max_length=500)],
)
REPUBLISH_WORKDAYS = RuleKey[int](
    "change.republish_workdays", Annotated[int, Field(title="变更后重新公示的工作日", ge=1, le=60)]
)
EVALUATION_SHEET = RuleKey[ScoreSheet]("evaluation.sheet", ScoreSheet)
IMPORT_CATEGORIES = RuleKey[tuple[tuple[str, str], ...]](
    "import.categories",
    Annotated[
        tuple[tuple[Annotated[str, Field(min_length=1, max_length=50)], CategoryCode], ...],
        Field(title="字面与项目类型的对照, 先列的先用", max_length=500),
    ],
)


IMPORT_HEADS = declare_heads("projects")


class InboxLimits(StateLimits):
    """各环节办理时限, by state of a project."""

    @field_validator("days")
    @classmethod
    def _check_states(cls, days: dict[str, int]) -> dict[str, int]:
        if unknown := sorted(set(days) - set(State)):
            message = f"没有项目状态 {'、'.join(unknown)}"
            raise ValueError(message)
        return days


INBOX_LIMITS = RuleKey[StateLimits]("inbox.limits", InboxLimits)


class TargetTemplateValue(RuleValue):
    """绩效目标模板的一条."""

    kind: Indicator = Field(title="指标类别")
    name: Annotated[str, Field(min_length=2, max_length=200)] = Field(title="指标名称")
    operator: Operator = Field(title="比较")
    value: Annotated[str, Field(max_length=100)] = Field("", title="指标值")
    unit: Annotated[str, Field(max_length=40)] = Field("", title="单位")
    core: bool = Field(False, title="核心指标")


TARGET_TEMPLATES = RuleKey[dict[str, tuple[TargetTemplateValue, ...]]](
    "targets.templates",
    Annotated[
        dict[TemplateCode, Annotated[tuple[TargetTemplateValue, ...], Field(min_length=1, max_length=50)]],
        Field(title="项目类型(空为通用)的绩效目标模板", min_length=1, max_length=100),
    ],
)

RULES: tuple[RuleKey[Any], ...] = (
    *NOTICE_RULES,
    ADMISSION_STATEMENTS,
    ADMISSION_READINESS,
    ADMISSION_NOTICES,
    LINKAGE_CATEGORIES,
    PROCUREMENT_LIMITS,
    CATEGORY_TREE,
    REPUBLISH_WORKDAYS,
    EVALUATION_SHEET,
    IMPORT_CATEGORIES,
    IMPORT_HEADS,
    INBOX_LIMITS,
    PROGRESS_EVIDENCE,
    QUANTITY_UNITS,
    TARGET_TEMPLATES,
    PERSON_REQUEST_DAYS,
)
"""The registry of the rules above."""
