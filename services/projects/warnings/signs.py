"""How each warning is seen in the records: the states it looks at, the day it counts from, and what else must hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.projects.library.models import Project, within
from services.projects.library.repository import PROJECT
from services.projects.library.states import BUILDING, State

P = PROJECT.c
Extra = Callable[[Mapping[str, Any]], list[Any]]
HUNDRED = 100


@dataclass(frozen=True)
class Sign:
    """One warning: the states it looks at, the column of the day it counts from, and what else must hold."""

    states: tuple[State, ...]
    since: str
    detail: str
    also: Extra = field(default=lambda _value: [])

    def day(self, project: Project) -> date:
        """The day it counts from, of a row the query found."""
        found = getattr(project, self.since)
        assert isinstance(found, date)  # noqa: S101 - the query found it so
        return found

    def condition(self, value: Mapping[str, Any], today: date) -> sa.ColumnElement[bool]:
        """True of a project this warns of; the states are said as the index says them."""
        before = today - timedelta(days=int(value["days"]))
        return sa.and_(
            sa.literal_column(f"project.{within(*self.states)}"), P[self.since] < before, *self.also(value)
        )

    def past(self, value: Mapping[str, Any], today: date) -> sa.ColumnElement[bool]:
        """True of one whose deadline has passed too."""
        before = today - timedelta(days=int(value["days"]) + int(value["deadline_days"]))
        passed: sa.ColumnElement[bool] = P[self.since] < before
        return passed


def _behind_payment(value: Mapping[str, Any]) -> list[Any]:
    reached = sa.func.coalesce(P.physical_percent, 0) + int(value["margin"])
    return [P.allocated > 0, P.paid * HUNDRED > P.allocated * reached]


def _not_evaluated(_value: Mapping[str, Any]) -> list[Any]:
    return [P.evaluated_by == ""]


# fmt: off
SIGNS: dict[str, Sign] = {
    "unplanned":      Sign((State.RESERVE,), "admitted_on", "入库后长期未纳入计划"),
    "not_started":    Sign((State.RESERVE, State.PLANNED), "allocated_on", "资金下达后未开工"),
    "late":           Sign((State.PLANNED, *BUILDING), "planned_end", "超过计划完工时间"),
    "silent":         Sign(tuple(BUILDING), "heard_on", "长时间未报进度"),
    "behind_payment": Sign(tuple(BUILDING), "paid_on", "形象进度低于支付进度", _behind_payment),
    "not_accepted":   Sign((State.COMPLETED,), "completed_on", "完工后未验收"),
    "no_assets":      Sign((State.ACCEPTED,), "accepted_on", "验收后未登记移交资产"),
    "not_evaluated":  Sign((State.ACCEPTED, State.HANDED_OVER), "accepted_on", "验收后未自评", _not_evaluated),
}
# fmt: on
"""Rule name → how it is seen; days, owner and deadline are the dated rule `warning.<name>`."""
