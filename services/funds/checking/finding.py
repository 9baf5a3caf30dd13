"""One finding: a dated rule's word on a record, and the exact arithmetic of shares behind it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Fault
from shared.labels import Labelled
from shared.rules import Rule


class Effect(Labelled):
    """规则效力."""

    STOP = "stop", "禁止"
    WARN = "warn", "预警"
    REPORT = "report", "报告"


class Finding(BaseModel):
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

    def fault(self) -> Fault:
        """The finding as something missing."""
        return Fault(self.key, self.message, self.message, "/lines")


def percent(part: int, whole: int) -> str:
    """A share with two decimals, "0.00" of nothing; rounded half up, in integers."""
    hundredths = (part * 20000 + whole) // (2 * whole) if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def over(part: int, whole: int, limit: str) -> bool:
    """Whether part/whole exceeds a limit given in percent with at most two decimals ("1", "1.50")."""
    left, _, right = limit.partition(".")
    return part * 10000 > whole * int(left + right.ljust(2, "0")[:2])


def finding(
    rule: Rule,
    *,
    passed: bool,
    message: str,
    figures: Mapping[str, str] | None = None,
    lines: Sequence[UUID] = (),
) -> Finding:
    return Finding(
        key=rule.key,
        title=rule.title,
        effect=Effect(rule.value["effect"]),
        passed=passed,
        message=message,
        figures=dict(figures or {}),
        lines=list(lines),
        basis=rule.basis,
        rule=rule.ref,
        confirmed=rule.confirmed,
    )
