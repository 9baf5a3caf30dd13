"""How alerts are found: a detector is a rule key, the shape of its rule, and a query that answers detections."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, model_validator

from shared.alerts.lifecycle import SEVERITY_ORDER, AlertKind, AlertSeverity
from shared.china import add_workdays
from shared.rules import Days, Rule, RuleKey, RuleValue
from shared.unit_of_work import UnitOfWork

MAX_ROWS_PER_SCAN = 10_000
"""Rows that one detector reads in one scan, the worst first where it can tell."""
MAX_ROWS_PER_ALERT = 50
"""Rows kept behind one detection."""
MAX_SUBJECTS_PER_LOOK = 500
"""More subjects than this are not asked for by name: the detector looks at everything."""
SUBJECT_WIDTH = 64
"""Longest subject of an alert; one of this length may be cut off, and is not asked for by name."""
Rows = Sequence[Any]
Subjects = Collection[str] | None
"""The values of `Detection.subject` that a look is bounded to; None: it looks at everything."""


class AlertRule(RuleValue):
    """预警规则: what the rule of every alert says. It has either `answer_days` or `answer_workdays`."""

    kind: AlertKind = Field(title="类别")
    light: AlertSeverity = Field(AlertSeverity.YELLOW, title="预警灯")
    enabled: bool = Field(True, title="启用")
    answer_days: Annotated[int, Field(ge=1, le=365)] | None = Field(None, title="反馈期限(天)")
    answer_workdays: Annotated[int, Field(ge=1, le=250)] | None = Field(None, title="反馈期限(工作日)")
    files: bool = Field(False, title="反馈须附佐证材料")

    @model_validator(mode="after")
    def _check_answer_time(self) -> Self:
        if (self.answer_days is None) == (self.answer_workdays is None):
            raise ValueError("反馈期限须写明天数或工作日, 只写一种")
        return self

    def get_due_date(self, today: date) -> date:
        """The last day to answer an alert that is raised today."""
        if self.answer_workdays is not None:
            return add_workdays(today, self.answer_workdays)
        return today + timedelta(days=self.answer_days or 0)


class DaysAlertRule(AlertRule):
    """一定天数后预警."""

    days: Days = Field(title="天数")


class WindowAlertRule(AlertRule):
    """只看最近一段时间的预警."""

    window: Annotated[int, Field(ge=1, le=3650)] = Field(title="回看天数")

    def get_window_start(self, on: date) -> date:
        """The first day that the rule looks back to."""
        return on - timedelta(days=self.window)


class SteppedAlertRule(AlertRule):
    """天数越多灯越重的预警."""

    days: Annotated[dict[AlertSeverity, Days], Field(min_length=1, max_length=3)] = Field(
        title="各灯的起始天数"
    )

    def get_severity(self, days: int) -> AlertSeverity:
        """The worst light whose days are reached."""
        lit = [light for light in reversed(SEVERITY_ORDER) if light in self.days and days >= self.days[light]]
        return lit[0] if lit else AlertSeverity.YELLOW

    def get_min_days(self) -> int:
        """Days from which the mildest light shows."""
        return min(self.days.values())


AlertRuleT = TypeVar("AlertRuleT", bound=AlertRule)


@dataclass(frozen=True)
class DetectionContext(Generic[AlertRuleT]):
    """A rule in force, on a day, with the means to ask."""

    work: UnitOfWork
    rule: Rule[AlertRuleT]
    on: date
    subjects: Subjects = None
    """After an event, what the event touched: the query asks for nothing else. None in the scheduled scan."""
    truncated_counts: list[int] = field(default_factory=list)
    """Not empty when there were more rows than one scan reads: what was not seen may still be there."""

    def note_truncation(self, rows: Rows) -> Rows:
        """The rows, and a note when there may be more."""
        if len(rows) >= MAX_ROWS_PER_SCAN:
            self.truncated_counts.append(len(rows))
        return rows


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
    """Tells two detections on one subject apart."""
    project_id: UUID | None = None
    asset_id: UUID | None = None

    def related_id(self, kind: str) -> UUID | None:
        """The `project` or `asset` concerned, where one is."""
        named = self.project_id if kind == "project" else self.asset_id
        return UUID(self.subject) if named is None and self.subject_kind == kind else named


class LogRow(Protocol):
    """What a detector's declaration reads of an event: its topic, its record, and what it tells."""

    @property
    def type(self) -> str:
        """Topic."""

    @property
    def subject(self) -> str:
        """The record that the event is about."""

    @property
    def region(self) -> str:
        """The region of that record."""

    @property
    def before(self) -> Mapping[str, Any]:
        """Old values of changed columns."""

    @property
    def after(self) -> Mapping[str, Any]:
        """The fields of the event."""


FindSubjects = Callable[[UnitOfWork, Sequence[LogRow]], Awaitable[Subjects]]
DetectFunction = Callable[[DetectionContext[AlertRuleT]], Awaitable[list[Detection]]]


def is_among(column: sa.ColumnElement[Any], subjects: Subjects) -> sa.ColumnElement[bool]:
    """Condition: a row is one of the subjects of a bounded look; every row of an unbounded one."""
    if subjects is None:
        return sa.true()
    values = map(UUID, subjects) if isinstance(column.type, sa.Uuid) else subjects
    return column.in_(sorted(values))


def can_name(subjects: Subjects) -> bool:
    """Whether a look can be bounded to these subjects: not too many, none of them possibly cut off."""
    if subjects is None or len(subjects) > MAX_SUBJECTS_PER_LOOK:
        return False
    return all(len(subject) < SUBJECT_WIDTH for subject in subjects)


def collect_ids(rows: Iterable[LogRow], *fields: str) -> frozenset[str]:
    """The ids that events hold in these fields, each an id or a list of ids; old values are included."""
    found: set[str] = set()
    for row in rows:
        for values in (row.before, row.after):
            for name in fields:
                value = values.get(name) or ()
                found |= {value} if isinstance(value, str) else set(value)
    return frozenset(found)


def touched_by(*fields: str) -> FindSubjects:
    """The subjects are the ids that the events hold in these fields; everything, where an event has none of the fields."""

    async def find_subjects(_work: UnitOfWork, rows: Sequence[LogRow]) -> Subjects:
        if any(row.after.keys().isdisjoint(fields) for row in rows):
            return None
        return collect_ids(rows, *fields)

    return find_subjects


async def look_at_everything(_work: UnitOfWork, _rows: Sequence[LogRow]) -> Subjects:
    """For a detector that cannot be bounded, because what it compares is not of single records."""
    return None


@dataclass(frozen=True, eq=False)
class DetectorKey(RuleKey[AlertRuleT]):
    """The rule of a detector: what another value of it would find can be tried."""

    trial_path: ClassVar[str] = "alerts/trial"
    detect: DetectFunction[AlertRuleT] | None = None


class Detector(Generic[AlertRuleT]):
    """One alert of a service: the key of its rule, the shape of that rule, and what looks for it.

    `topics` are the events of the service's own log after which it looks again within seconds; what only time brings about
    is found by the scheduled scan. `find_subjects` tells what such events touched, as values of `Detection.subject`: the look
    is bounded to that. `look_at_everything` declares that it cannot be; such a detector waits minutes between its looks.
    """

    def __init__(
        self,
        key: str,
        shape: type[AlertRuleT],
        detect: DetectFunction[AlertRuleT],
        topics: Collection[str],
        find_subjects: FindSubjects,
    ) -> None:
        self.rule = DetectorKey[AlertRuleT](key, shape, detect=detect)
        self.detect = detect
        self.topics = frozenset(topics)
        self.find_subjects = find_subjects


def list_detector_rules(detectors: Iterable[Detector[Any]]) -> tuple[RuleKey[Any], ...]:
    """The rule keys of these detectors, for `Service(rules=…)`."""
    return tuple(one.rule for one in detectors)


def build_notice_detections(
    context: DetectionContext[WindowAlertRule], rows: Sequence[sa.Row[Any]], path: str
) -> list[Detection]:
    """Detections of public notices that were entered after their first day; `path` is the address of the service."""
    return [
        Detection(
            "notice",
            str(row.id),
            row.region,
            f"{context.rule.title}: {row.title}",
            f"公示自 {row.starts_on} 起, {row.posted_at:%Y-%m-%d} 才录入, 请核对公示栏照片",
            figures={"公示首日": str(row.starts_on), "录入": f"{row.posted_at:%Y-%m-%d}"},
            rows=[{"label": row.title, "address": f"{path}/notices/{row.id}"}],
        )
        for row in context.note_truncation(rows)
    ]
