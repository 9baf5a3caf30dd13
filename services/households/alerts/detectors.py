"""The alerts of this service: what each looks for among clues, households and loans. The rules are in rules/alerts.json.

An alert names a household or borrower by the masked name only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.households.alerts.repository import CLUES, HOUSEHOLDS, LOANS, list_rows
from services.households.clues.events import ClueAssigned, ClueMoved
from services.households.clues.lifecycle import ClueState
from services.households.households.events import HouseholdChanged, HouseholdMoved
from services.households.households.lifecycle import CURRENT, UNDER_WAY
from services.households.households.repository import faulty_condition, without_measure_condition
from services.households.households.rules import WORDS
from services.households.loans.events import SmallLoanChanged, SmallLoanMoved
from services.households.loans.lifecycle import OPEN_STATES, LoanState
from services.households.measures.events import HelpMeasureMoved
from shared.alerts.detection import (
    AlertRule,
    AlertRuleT,
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
    touched_by,
)
from shared.china import format_yuan


@dataclass(frozen=True)
class AlertSubject:
    """What an alert is about: its table and kind, the column with the masked name, the events that tell of it."""

    table: sa.Table
    kind: str
    masked: str
    topics: tuple[str, ...]
    named: str
    """The field of these events with its id."""


CLUE = AlertSubject(CLUES, "clue", "name_masked", (ClueMoved.topic, ClueAssigned.topic), "clue_id")
HOUSEHOLD = AlertSubject(
    HOUSEHOLDS,
    "household",
    "head_masked",
    (HouseholdMoved.topic, HouseholdChanged.topic, HelpMeasureMoved.topic),
    "household_id",
)
LOAN = AlertSubject(
    LOANS, "small_loan", "name_masked", (SmallLoanMoved.topic, SmallLoanChanged.topic), "loan_id"
)


def _build(
    key: str,
    shape: type[AlertRuleT],
    subject: AlertSubject,
    condition: Callable[[DetectionContext[AlertRuleT]], sa.ColumnElement[bool]],
    message: Callable[[Any], str],
) -> Detector[AlertRuleT]:
    async def detect(context: DetectionContext[AlertRuleT]) -> list[Detection]:
        rows = context.note_truncation(
            await list_rows(context.work, subject.table, context.subjects, condition(context))
        )
        return [
            Detection(
                subject.kind,
                str(row.id),
                row.region,
                f"{context.rule.title}: {getattr(row, subject.masked) or '未报姓名'}",
                message(row),
            )
            for row in rows
        ]

    return Detector(key, shape, detect, subject.topics, touched_by(subject.named))


def _past(context: DetectionContext[DaysAlertRule], column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return column < context.on - timedelta(days=context.rule.value.days)


DETECTORS: tuple[Detector[Any], ...] = (
    _build(
        "households.clue_late",
        DaysAlertRule,
        CLUE,
        lambda context: sa.and_(CLUES.c.state == ClueState.OPEN, _past(context, CLUES.c.due_on)),
        lambda row: f"{row.received_on} 收到, 应在 {row.due_on} 前入户核查",
    ),
    _build(
        "households.approval_late",
        DaysAlertRule,
        HOUSEHOLD,
        lambda context: sa.and_(HOUSEHOLDS.c.state.in_(UNDER_WAY), _past(context, HOUSEHOLDS.c.due_on)),
        lambda row: f"{row.verified_on} 入户核查, 应在 {row.due_on} 前审定",
    ),
    _build(
        "households.no_measure",
        DaysAlertRule,
        HOUSEHOLD,
        lambda context: sa.and_(without_measure_condition(), _past(context, HOUSEHOLDS.c.identified_on)),
        lambda row: f"{row.identified_on} 识别, 还没有帮扶措施",
    ),
    _build(
        "households.faulty",
        AlertRule,
        HOUSEHOLD,
        lambda _context: sa.and_(faulty_condition(), HOUSEHOLDS.c.state.in_(CURRENT)),
        lambda row: "；".join(WORDS[code] for code in row.faults),
    ),
    _build(
        "households.loan_due",
        DaysAlertRule,
        LOAN,
        lambda context: sa.and_(
            LOANS.c.state.in_(OPEN_STATES),
            LOANS.c.due_on.between(context.on, context.on + timedelta(days=context.rule.value.days)),
        ),
        lambda row: f"{row.due_on} 到期, 余额 {format_yuan(row.balance)} 元",
    ),
    _build(
        "households.loan_overdue",
        DaysAlertRule,
        LOAN,
        lambda context: sa.and_(LOANS.c.state.in_(OPEN_STATES), _past(context, LOANS.c.due_on)),
        lambda row: f"{row.due_on} 到期未还, 余额 {format_yuan(row.balance)} 元",
    ),
    _build(
        "households.loan_misused",
        AlertRule,
        LOAN,
        lambda _context: LOANS.c.state == LoanState.MISUSED,
        lambda row: f"贷款用途是{row.purpose}, 实际改作他用",
    ),
)
