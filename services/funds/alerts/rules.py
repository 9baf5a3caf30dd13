"""Shapes of the rules of fund alerts."""

from datetime import date
from typing import Annotated

from pydantic import Field, field_validator

from shared.alerts.detection import AlertRule, WindowAlertRule
from shared.rules import Percent, RuleValue, YuanText


class Checkpoint(RuleValue):
    """时序进度的一个时点."""

    by: Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$")] = Field(title="月-日")
    percent: Percent = Field(title="应达支出进度(%)")

    @field_validator("by")
    @classmethod
    def _check_day(cls, by: str) -> str:
        try:
            date.fromisoformat(f"2023-{by}")
        except ValueError:
            raise ValueError("须为每年都有的日期, 如 06-30") from None
        return by


class SlowSpendingRule(AlertRule):
    """支出进度低于时序."""

    schedule: Annotated[tuple[Checkpoint, ...], Field(min_length=1, max_length=12)] = Field(title="时序进度")
    red_below: Percent = Field(title="低于应达多少个百分点为红灯")


class AheadRule(AlertRule):
    """支付超前于形象进度."""

    margin: Percent = Field(title="支付占比可超出形象进度(百分点)")
    advance: Percent = Field(title="预付款占已下达的上限(%)")
    red_over: Percent = Field(title="超出多少个百分点为红灯")


class EvidenceRule(WindowAlertRule):
    """支付前没有近期现场佐证."""

    days: Annotated[int, Field(ge=1, le=3650)] = Field(title="佐证有效天数")


class SplitRule(WindowAlertRule):
    """拆分支付."""

    days: Annotated[int, Field(ge=1, le=366)] = Field(title="合计的天数")
    threshold: YuanText = Field(title="起点金额(元)")


class ForbiddenSubjectsRule(WindowAlertRule):
    """禁止科目."""

    prefixes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9]{3,7}$")], ...], Field(min_length=1, max_length=100)
    ] = Field(title="禁止的经济科目开头")
