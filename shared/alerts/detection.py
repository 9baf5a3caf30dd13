"""What a rule found, and what it looks with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from shared.alerts.lifecycle import SEVERITY_ORDER, AlertSeverity
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

MAX_ROWS_PER_SCAN = 10_000
"""Rows one rule reads in one sweep, the worst first where a rule can tell."""
MAX_ROWS_PER_ALERT = 50
"""Rows kept behind one hit."""
Rows = Sequence[Any]


@dataclass(frozen=True)
class DetectionContext:
    """A rule in force, on a day, with the means to ask."""

    work: UnitOfWork
    rule: Rule
    on: date
    truncated_counts: list[int] = field(default_factory=list)
    """Not empty when there were more rows than one sweep reads: what was not seen may still be there."""

    def note_truncation(self, rows: Rows) -> Rows:
        """The rows, and a note when there may be more."""
        if len(rows) >= MAX_ROWS_PER_SCAN:
            self.truncated_counts.append(len(rows))
        return rows

    def window_start(self, name: str = "window") -> date:
        """So many days ago, as the rule says."""
        return self.on - timedelta(days=int(self.rule.value[name]))

    def severity_for(self, amount: int) -> AlertSeverity:
        """The light for so many days, by the rule's `days`."""
        steps = {AlertSeverity(name): int(least) for name, least in self.rule.value["days"].items()}
        lit = [light for light in reversed(SEVERITY_ORDER) if light in steps and amount >= steps[light]]
        return lit[0] if lit else AlertSeverity.YELLOW

    def min_days(self) -> int:
        """Days from which the rule's mildest light shows."""
        return min(int(days) for days in self.rule.value["days"].values())


@dataclass(frozen=True)
class Detection:
    """One thing that is wrong. Without a light of its own it has the rule's."""

    subject_kind: str
    subject: str
    region: str
    title: str
    message: str
    severity: AlertSeverity | None = None
    figures: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[dict[str, str]] = ()
    dedup_key: str = ""
    """Tells two hits on one subject apart."""
    project_id: UUID | None = None
    asset_id: UUID | None = None

    def related_id(self, kind: str) -> UUID | None:
        """The `project` or `asset` concerned, where one is."""
        named = self.project_id if kind == "project" else self.asset_id
        return UUID(self.subject) if named is None and self.subject_kind == kind else named


Detector = Callable[[DetectionContext], Awaitable[list[Detection]]]
