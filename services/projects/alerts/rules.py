"""What makes a project late: rule shapes, and states, start day and further conditions per rule `warning.<name>`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from services.projects.projects.guards import FULL_PERCENT
from services.projects.projects.lifecycle import CONSTRUCTION_STATES, State
from services.projects.projects.models import Project, state_condition
from services.projects.projects.repository import PROJECT_COLUMNS
from shared.alerts.detection import DaysAlertRule
from shared.auth import Role
from shared.rules import Days, Percent


class WarningRule(DaysAlertRule):
    """项目预警规则."""

    deadline_days: Days = Field(0, title="预警后处理期限(天)")
    owner: Role = Field(title="责任角色")


class PaymentGapRule(WarningRule):
    """形象进度低于支付进度."""

    margin: Percent = Field(title="容许差(百分点)")


ExtraConditions = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class WarningSpec:
    """A warning: the states it applies to, the date column it counts from and further SQL conditions."""

    states: tuple[State, ...]
    since_column: str
    detail: str
    extra_conditions: ExtraConditions = field(default=lambda _value: [])

    def get_start_day(self, project: Project) -> date:
        """Return the day from which a matching project's delay counts."""
        start_day = getattr(project, self.since_column)
        assert isinstance(start_day, date)  # noqa: S101 - the query requires the date
        return start_day

    def build_condition(self, value: WarningRule, today: date) -> sa.ColumnElement[bool]:
        """Build the SQL condition of the warning; the states use the exact text of the partial index."""
        before = today - timedelta(days=value.days)
        return sa.and_(
            sa.literal_column(f"project.{state_condition(*self.states)}"),
            PROJECT_COLUMNS[self.since_column] < before,
            *self.extra_conditions(value),
        )

    def build_overdue_condition(self, value: WarningRule, today: date) -> sa.ColumnElement[bool]:
        """Build the SQL condition of projects whose handling deadline has passed as well."""
        before = today - timedelta(days=value.days + value.deadline_days)
        is_overdue: sa.ColumnElement[bool] = PROJECT_COLUMNS[self.since_column] < before
        return is_overdue


def _build_payment_gap_conditions(value: PaymentGapRule) -> list[Any]:
    allowed_percent = sa.func.coalesce(PROJECT_COLUMNS.physical_percent, 0) + value.margin
    return [
        PROJECT_COLUMNS.allocated > 0,
        PROJECT_COLUMNS.paid * FULL_PERCENT > PROJECT_COLUMNS.allocated * allowed_percent,
    ]


def _build_unevaluated_conditions(_value: WarningRule) -> list[Any]:
    return [PROJECT_COLUMNS.evaluated_by == ""]


# fmt: off
WARNING_SPECS: dict[str, WarningSpec] = {
    "unplanned":      WarningSpec((State.RESERVE,), "admitted_on", "入库后长期未纳入计划"),
    "not_started":    WarningSpec((State.RESERVE, State.PLANNED), "allocated_on", "资金下达后未开工"),
    "late":           WarningSpec((State.PLANNED, *CONSTRUCTION_STATES), "planned_end", "超过计划完工时间"),
    "behind_schedule": WarningSpec((State.PLANNED, *CONSTRUCTION_STATES), "schedule_due_on", "形象进度落后于计划进度"),
    "payment_behind_schedule": WarningSpec((State.PLANNED, *CONSTRUCTION_STATES), "payment_due_on", "支付落后于计划进度"),
    "silent":         WarningSpec(tuple(CONSTRUCTION_STATES), "heard_on", "长时间未报进度"),
    "behind_payment": WarningSpec(tuple(CONSTRUCTION_STATES), "paid_on", "形象进度低于支付进度", _build_payment_gap_conditions),
    "not_accepted":   WarningSpec((State.COMPLETED,), "completed_on", "完工后未验收"),
    "no_assets":      WarningSpec((State.ACCEPTED,), "accepted_on", "验收后未登记移交资产"),
    "not_evaluated":  WarningSpec((State.ACCEPTED, State.HANDED_OVER), "accepted_on", "验收后未自评", _build_unevaluated_conditions),
}
# fmt: on
"""Rule name → specification; days, owner and deadline come from the dated rule `warning.<name>`."""
