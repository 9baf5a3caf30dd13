"""Finding of a dated rule on a record: effect, message, figures, basis."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.errors import FieldError
from shared.rules import Rule, RuleValue


class Effect(LabelledEnum):
    """规则效力."""

    STOP = "stop", "禁止"
    WARN = "warn", "预警"
    REPORT = "report", "报告"


class EffectRule(RuleValue):
    """检查类规则: at least what a failed check does."""

    effect: Effect = Field(title="效力")


class RuleFinding(BaseModel):
    """一条规则的检查结果: what it says, with the figures and the lines behind it."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    title: str
    effect: Effect
    passed: bool
    message: str
    figures: dict[str, str] = {}
    lines: list[UUID] = Field([], description="ids of the lines it is about")
    basis: str = ""
    rule: str = Field("", description="key@version of the rule used")
    confirmed: bool = True

    def to_field_error(self) -> FieldError:
        """Convert the finding to a field error with the rule key as its code."""
        return FieldError(self.key, self.message, self.message, "/lines")


def build_finding(
    rule: Rule[EffectRule],
    *,
    passed: bool,
    message: str,
    figures: Mapping[str, str] | None = None,
    lines: Sequence[UUID] = (),
) -> RuleFinding:
    """Build a finding of a rule; `lines` are ids of the plan lines concerned."""
    return RuleFinding(
        key=rule.key,
        title=rule.title,
        effect=rule.value.effect,
        passed=passed,
        message=message,
        figures=dict(figures or {}),
        lines=list(lines),
        basis=rule.basis,
        rule=rule.ref,
        confirmed=rule.confirmed,
    )
