"""Warning conditions: states, start date column and further SQL conditions per rule `warning.<name>`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.projects.projects.lifecycle import CONSTRUCTION_STATES, State
from services.projects.projects.models import Project, state_condition
from services.projects.projects.repository import PROJECT_TABLE

PROJECT_COLUMNS = PROJECT_TABLE.c
ExtraConditions = Callable[[Mapping[str, Any]], list[Any]]
FULL_PERCENT = 100


@dataclass(frozen=True)
class WarningSpec:
    """One warning: the states it looks at, the column of the day it counts from, and what else must hold."""

    states: tuple[State, ...]
    since_column: str
    detail: str
    extra_conditions: ExtraConditions = field(default=lambda _value: [])

    def get_start_day(self, project: Project) -> date:
        """The day it counts from, of a row the query found."""
        found = getattr(project, self.since_column)
        assert isinstance(found, date)  # noqa: S101 - the query found it so
        return found

    def build_condition(self, value: Mapping[str, Any], today: date) -> sa.ColumnElement[bool]:
        """True of a project this warns of; the states are said as the index says them."""
        before = today - timedelta(days=int(value["days"]))
        return sa.and_(
            sa.literal_column(f"project.{state_condition(*self.states)}"),
            PROJECT_COLUMNS[self.since_column] < before,
            *self.extra_conditions(value),
        )

    def build_overdue_condition(self, value: Mapping[str, Any], today: date) -> sa.ColumnElement[bool]:
        """True of one whose deadline has passed too."""
        before = today - timedelta(days=int(value["days"]) + int(value["deadline_days"]))
        passed: sa.ColumnElement[bool] = PROJECT_COLUMNS[self.since_column] < before
        return passed


def _build_payment_gap_conditions(value: Mapping[str, Any]) -> list[Any]:
    reached = sa.func.coalesce(PROJECT_COLUMNS.physical_percent, 0) + int(value["margin"])
    return [
        PROJECT_COLUMNS.allocated > 0,
        PROJECT_COLUMNS.paid * FULL_PERCENT > PROJECT_COLUMNS.allocated * reached,
    ]


def _build_unevaluated_conditions(_value: Mapping[str, Any]) -> list[Any]:
    return [PROJECT_COLUMNS.evaluated_by == ""]


# fmt: off
WARNING_SPECS: dict[str, WarningSpec] = {
    "unplanned":      WarningSpec((State.RESERVE,), "admitted_on", "入库后长期未纳入计划"),
    "not_started":    WarningSpec((State.RESERVE, State.PLANNED), "allocated_on", "资金下达后未开工"),
    "late":           WarningSpec((State.PLANNED, *CONSTRUCTION_STATES), "planned_end", "超过计划完工时间"),
    "silent":         WarningSpec(tuple(CONSTRUCTION_STATES), "heard_on", "长时间未报进度"),
    "behind_payment": WarningSpec(tuple(CONSTRUCTION_STATES), "paid_on", "形象进度低于支付进度", _build_payment_gap_conditions),
    "not_accepted":   WarningSpec((State.COMPLETED,), "completed_on", "完工后未验收"),
    "no_assets":      WarningSpec((State.ACCEPTED,), "accepted_on", "验收后未登记移交资产"),
    "not_evaluated":  WarningSpec((State.ACCEPTED, State.HANDED_OVER), "accepted_on", "验收后未自评", _build_unevaluated_conditions),
}
# fmt: on
"""Rule name → how it is seen; days, owner and deadline are the dated rule `warning.<name>`."""
