"""The alerts of this service: what each looks for among clues and households. The rules are in rules/alerts.json.

An alert names a household by its masked head only.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.households.alerts.repository import CLUES, HOUSEHOLDS, list_rows
from services.households.clues.events import ClueAssigned, ClueMoved
from services.households.clues.lifecycle import ClueState
from services.households.households.events import HouseholdChanged, HouseholdMoved
from services.households.households.lifecycle import CURRENT, UNDER_WAY
from services.households.households.repository import faulty_condition, without_measure_condition
from services.households.households.rules import WORDS
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

CLUE_TOPICS = (ClueMoved.topic, ClueAssigned.topic)
HOUSEHOLD_TOPICS = (HouseholdMoved.topic, HouseholdChanged.topic, HelpMeasureMoved.topic)


def _build(
    key: str,
    shape: type[AlertRuleT],
    table: sa.Table,
    condition: Callable[[DetectionContext[AlertRuleT]], sa.ColumnElement[bool]],
    message: Callable[[Any], str],
) -> Detector[AlertRuleT]:
    is_clue = table is CLUES

    async def detect(context: DetectionContext[AlertRuleT]) -> list[Detection]:
        rows = context.note_truncation(
            await list_rows(context.work, table, context.subjects, condition(context))
        )
        return [
            Detection(
                "clue" if is_clue else "household",
                str(row.id),
                row.region,
                f"{context.rule.title}: {(row.name_masked if is_clue else row.head_masked) or '未报姓名'}",
                message(row),
            )
            for row in rows
        ]

    topics = CLUE_TOPICS if is_clue else HOUSEHOLD_TOPICS
    return Detector(key, shape, detect, topics, touched_by("clue_id" if is_clue else "household_id"))


def _past(context: DetectionContext[DaysAlertRule], column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return column < context.on - timedelta(days=context.rule.value.days)


DETECTORS: tuple[Detector[Any], ...] = (
    _build(
        "households.clue_late",
        DaysAlertRule,
        CLUES,
        lambda context: sa.and_(CLUES.c.state == ClueState.OPEN, _past(context, CLUES.c.due_on)),
        lambda row: f"{row.received_on} 收到, 应在 {row.due_on} 前入户核查",
    ),
    _build(
        "households.approval_late",
        DaysAlertRule,
        HOUSEHOLDS,
        lambda context: sa.and_(HOUSEHOLDS.c.state.in_(UNDER_WAY), _past(context, HOUSEHOLDS.c.due_on)),
        lambda row: f"{row.verified_on} 入户核查, 应在 {row.due_on} 前审定",
    ),
    _build(
        "households.no_measure",
        DaysAlertRule,
        HOUSEHOLDS,
        lambda context: sa.and_(without_measure_condition(), _past(context, HOUSEHOLDS.c.identified_on)),
        lambda row: f"{row.identified_on} 识别, 还没有帮扶措施",
    ),
    _build(
        "households.faulty",
        AlertRule,
        HOUSEHOLDS,
        lambda _context: sa.and_(faulty_condition(), HOUSEHOLDS.c.state.in_(CURRENT)),
        lambda row: "；".join(WORDS[code] for code in row.faults),
    ),
)
