"""Score sheet (rule `evaluation.sheet`): schema, and scoring of each item from records.

Points are integer hundredths (10000 = 100 分), shares are hundredths of a percent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from services.projects.attachments.schemas import DocumentKind
from services.projects.quantities.schemas import QuantityProgress
from shared.china import LabelledEnum, format_yuan
from shared.rules import RuleValue

FULL_SCORE_HUNDREDTHS = 10_000
HUNDREDTHS_PER_POINT = 100


class ScoringMethod(LabelledEnum):
    """评分方式."""

    TARGETS = "targets", "按绩效目标完成情况计算"
    TIME = "time", "按完工时间计算"
    MONEY = "money", "按资金支付比例计算"
    RECORDS = "records", "按档案齐全程度计算"
    MANUAL = "manual", "评分人给分并说明依据"


class ScoreSheetItem(RuleValue):
    """评分表的一项."""

    code: str = Field(pattern=r"^[a-z][a-z_]{1,39}$", title="代码")
    label: str = Field(min_length=2, max_length=100, title="名称")
    weight: int = Field(ge=1, le=100, title="权重")
    how: ScoringMethod = Field(title="评分方式")
    about: str = Field("", max_length=500, title="评分说明")
    days_to_zero: int = Field(90, ge=1, le=3650, title="逾期多少天不得分")
    documents: tuple[DocumentKind, ...] = Field((), max_length=20, title="应有的附件")


class Grade(RuleValue):
    """等次: scores of at least `above` points."""

    code: str = Field(pattern=r"^[a-z][a-z_]{1,19}$", title="代码")
    label: str = Field(min_length=1, max_length=20, title="名称")
    above: int = Field(ge=0, le=100, title="不低于多少分")


class ScoreSheet(RuleValue):
    """评分表: weights add up to 100; grades are in descending order and end at zero."""

    items: Annotated[tuple[ScoreSheetItem, ...], Field(min_length=1, max_length=30)] = Field(title="评分项")
    grades: Annotated[tuple[Grade, ...], Field(min_length=1, max_length=10)] = Field(title="等次")
    due_days: int = Field(ge=1, le=3650, title="验收后多少天内自评")

    @model_validator(mode="after")
    def _validate_sheet(self) -> Self:
        if (total := sum(entry.weight for entry in self.items)) != HUNDREDTHS_PER_POINT:
            message = f"权重合计 {total}, 应为 100"
            raise ValueError(message)
        codes = [entry.code for entry in self.items]
        if len(codes) != len(set(codes)):
            message = "评分项代码重复"
            raise ValueError(message)
        floors = [entry.above for entry in self.grades]
        if floors != sorted(set(floors), reverse=True) or floors[-1] != 0:
            message = "等次须由高到低, 最低一档从 0 分起"
            raise ValueError(message)
        return self

    def find_grade(self, score: int) -> Grade:
        """Return the grade of a score in hundredths."""
        return next(grade for grade in self.grades if score >= grade.above * HUNDREDTHS_PER_POINT)


@dataclass(frozen=True)
class ScoringFacts:
    """Facts of a project that items are scored from; amounts in 分."""

    project_id: str
    reached: Sequence[QuantityProgress]
    planned_end: date | None
    completed_on: date | None
    allocated: int
    paid: int
    documents: frozenset[str]
    target: tuple[str, str] | None = None
    """Id and score of the performance target evaluated in the funds service, if any."""
    funds_unavailable: bool = False


@dataclass(frozen=True)
class ScoringAnswer:
    """Result of scoring one item. `share` in hundredths of a percent; None when the records cannot answer and a person must."""

    share: int | None
    figures: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


def _score_targets(_item: ScoreSheetItem, facts: ScoringFacts) -> ScoringAnswer:
    if facts.funds_unavailable:
        return ScoringAnswer(None, {"说明": "资金服务暂不可用, 绩效目标得分未取到"})
    if facts.target is not None:
        target_id, score = facts.target
        figures = {"绩效目标自评得分": score}
        return ScoringAnswer(_parse_hundredths(score), figures, (f"/api/v1/funds/targets/{target_id}",))
    measurable = [quantity for quantity in facts.reached if quantity.planned > 0]
    if not measurable:
        return ScoringAnswer(None, {"说明": "没有可对照的建设规模"})
    shares = [
        min(FULL_SCORE_HUNDREDTHS, int(quantity.done * FULL_SCORE_HUNDREDTHS / quantity.planned))
        for quantity in measurable
    ]
    figures = {
        quantity.name: f"{quantity.done.normalize():f}/{quantity.planned.normalize():f}{quantity.unit}"
        for quantity in measurable
    }
    return ScoringAnswer(
        sum(shares) // len(shares), figures, (f"/api/v1/projects/{facts.project_id}/progress",)
    )


def _parse_hundredths(score: str) -> int:
    integer, _, decimals = score.partition(".")
    return min(FULL_SCORE_HUNDREDTHS, int(integer) * HUNDREDTHS_PER_POINT + int((decimals + "00")[:2]))


def _score_time(item: ScoreSheetItem, facts: ScoringFacts) -> ScoringAnswer:
    if facts.planned_end is None or facts.completed_on is None:
        return ScoringAnswer(None, {"说明": "没有计划完工或实际完工日期"})
    late_days = max(0, (facts.completed_on - facts.planned_end).days)
    figures = {
        "计划完工": str(facts.planned_end),
        "实际完工": str(facts.completed_on),
        "逾期天数": str(late_days),
    }
    share = max(0, FULL_SCORE_HUNDREDTHS - late_days * FULL_SCORE_HUNDREDTHS // item.days_to_zero)
    return ScoringAnswer(share, figures, (f"/api/v1/projects/{facts.project_id}/history",))


def _score_money(_item: ScoreSheetItem, facts: ScoringFacts) -> ScoringAnswer:
    if facts.allocated <= 0:
        return ScoringAnswer(None, {"说明": "没有下达资金"})
    figures = {"已下达": format_yuan(facts.allocated), "已支付": format_yuan(facts.paid)}
    share = max(0, min(FULL_SCORE_HUNDREDTHS, facts.paid * FULL_SCORE_HUNDREDTHS // facts.allocated))
    return ScoringAnswer(share, figures, (f"/api/v1/funds/payments?project_id={facts.project_id}",))


def _score_records(item: ScoreSheetItem, facts: ScoringFacts) -> ScoringAnswer:
    if not item.documents:
        return ScoringAnswer(None, {"说明": "评分表没有列出应有的附件"})
    missing = [document.label for document in item.documents if document not in facts.documents]
    present_count = len(item.documents) - len(missing)
    figures = {"应有": str(len(item.documents)), "已有": str(present_count), "缺少": "、".join(missing)}
    return ScoringAnswer(
        present_count * FULL_SCORE_HUNDREDTHS // len(item.documents),
        figures,
        (f"/api/v1/projects/{facts.project_id}/documents",),
    )


def _score_manual(_item: ScoreSheetItem, _facts: ScoringFacts) -> ScoringAnswer:
    return ScoringAnswer(None)


SCORERS: dict[ScoringMethod, Callable[[ScoreSheetItem, ScoringFacts], ScoringAnswer]] = {
    ScoringMethod.TARGETS: _score_targets,
    ScoringMethod.TIME: _score_time,
    ScoringMethod.MONEY: _score_money,
    ScoringMethod.RECORDS: _score_records,
    ScoringMethod.MANUAL: _score_manual,
}
