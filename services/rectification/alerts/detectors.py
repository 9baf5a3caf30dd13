"""The alerts of this service: what each looks for among the items. The rules are in rules/alerts.json."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from services.rectification.alerts import repository
from services.rectification.alerts.repository import ITEMS
from services.rectification.items.events import ItemChanged, ItemMoved, ItemProgressReported
from services.rectification.items.lifecycle import OPEN_STATES, ItemState
from shared.alerts.detection import (
    DaysAlertRule,
    Detection,
    DetectionContext,
    Detector,
    touched_by,
)
from shared.china import format_month

Context = DetectionContext[DaysAlertRule]
Condition = Callable[[Context], sa.ColumnElement[bool]]
TOPICS = (ItemMoved.topic, ItemChanged.topic, ItemProgressReported.topic)
MAX_TITLE = 60


def _build(key: str, condition: Condition, message: Callable[[Any], str]) -> Detector[DaysAlertRule]:
    async def detect(context: Context) -> list[Detection]:
        rows = context.note_truncation(
            await repository.list_items(context.work, context.subjects, condition(context))
        )
        return [
            Detection(
                "rectification_item",
                str(row.id),
                row.region,
                f"{context.rule.title}: {row.problem[:MAX_TITLE]}",
                message(row),
                figures={"责任单位": row.unit, "责任人": row.person, "整改时限": str(row.due_on or "")},
                project_id=row.project_id,
                asset_id=row.asset_id,
            )
            for row in rows
        ]

    return Detector(key, DaysAlertRule, detect, TOPICS, touched_by("item_id"))


def _since(context: Context) -> Any:  # noqa: ANN401 - an aware instant
    return context.work.at - timedelta(days=context.rule.value.days)


DETECTORS: tuple[Detector[DaysAlertRule], ...] = (
    _build(
        "rectification.unclaimed",
        lambda context: sa.and_(ITEMS.c.state == ItemState.ENTERED, ITEMS.c.state_since < _since(context)),
        lambda row: f"{row.state_since:%Y-%m-%d} 登记, 还没有认领",
    ),
    _build(
        "rectification.overdue",
        lambda context: sa.and_(
            ITEMS.c.state.in_(OPEN_STATES),
            ITEMS.c.due_on < context.on - timedelta(days=context.rule.value.days),
        ),
        lambda row: f"整改时限 {row.due_on} 已过, 还没有销号",
    ),
    _build(
        "rectification.due_soon",
        lambda context: sa.and_(
            ITEMS.c.state.in_(OPEN_STATES),
            ITEMS.c.due_on >= context.on,
            ITEMS.c.due_on <= context.on + timedelta(days=context.rule.value.days),
        ),
        lambda row: f"整改时限 {row.due_on} 临近",
    ),
    _build(
        "rectification.no_progress",
        lambda context: sa.and_(
            ITEMS.c.state == ItemState.RECTIFYING,
            ITEMS.c.state_since < _since(context),
            ITEMS.c.last_month < format_month(context.on - timedelta(days=context.rule.value.days)),
        ),
        lambda row: f"最近一次进展: {row.last_month or '从未报告'}",
    ),
    _build(
        "rectification.not_looked_back",
        lambda context: sa.and_(
            ITEMS.c.state == ItemState.CLOSED,
            ITEMS.c.closed_on < context.on - timedelta(days=context.rule.value.days),
        ),
        lambda row: f"{row.closed_on} 销号, 还没有回头看",
    ),
)
