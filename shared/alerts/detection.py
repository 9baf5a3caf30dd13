"""Types of alert detection: the detector's context and its results."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from shared.alerts.lifecycle import SEVERITY_ORDER, AlertSeverity
from shared.rules import Rule
from shared.unit_of_work import UnitOfWork

MAX_ROWS_PER_SCAN = 10_000
"""Rows a detector reads in one scan, the most severe first where it can sort them."""
MAX_ROWS_PER_ALERT = 50
"""Rows stored with one detection."""
Rows = Sequence[Any]


@dataclass(frozen=True)
class DetectionContext:
    """What a detector works with: unit of work, rule in force, day."""

    work: UnitOfWork
    rule: Rule
    on: date
    truncated_counts: list[int] = field(default_factory=list)
    """Not empty when a query was truncated; then alerts without a detection are not marked as gone."""

    def note_truncation(self, rows: Rows) -> Rows:
        """Return the rows, after noting whether they reach the limit of one scan."""
        if len(rows) >= MAX_ROWS_PER_SCAN:
            self.truncated_counts.append(len(rows))
        return rows

    def window_start(self, name: str = "window") -> date:
        """The day that lies the rule's number of days (`value[name]`) before `on`."""
        return self.on - timedelta(days=int(self.rule.value[name]))

    def severity_for(self, days: int) -> AlertSeverity:
        """The highest severity whose minimum in the rule's `days` is reached; yellow if none is."""
        minimums = {AlertSeverity(name): int(minimum) for name, minimum in self.rule.value["days"].items()}
        reached = (
            severity
            for severity in reversed(SEVERITY_ORDER)
            if severity in minimums and days >= minimums[severity]
        )
        return next(reached, AlertSeverity.YELLOW)

    def min_days(self) -> int:
        """The smallest number of days in the rule's `days`: below it there is no alert."""
        return min(int(days) for days in self.rule.value["days"].values())


@dataclass(frozen=True)
class Detection:
    """One problem a detector found; without `severity` it has the severity of the rule."""

    subject_kind: str
    subject: str
    region: str
    title: str
    message: str
    severity: AlertSeverity | None = None
    figures: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[dict[str, str]] = ()
    dedup_key: str = ""
    """Distinguishes several detections of one rule about one subject."""
    project_id: UUID | None = None
    asset_id: UUID | None = None

    def related_id(self, kind: str) -> UUID | None:
        """The id of the related `project` or `asset`, or None."""
        explicit_id = self.project_id if kind == "project" else self.asset_id
        return UUID(self.subject) if explicit_id is None and self.subject_kind == kind else explicit_id


Detector = Callable[[DetectionContext], Awaitable[list[Detection]]]
