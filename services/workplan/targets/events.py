"""Events of targets and of what was reached."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class WorkTargetSet(Event):
    """任务指标已设定."""

    topic: ClassVar[str] = "work_target.set"
    target_id: UUID
    name: str
    value: str
    unit: str


class WorkActualReported(Event):
    """进度已填报或计算."""

    topic: ClassVar[str] = "work_target.reported"
    target_id: UUID
    actual_id: UUID
    value: str
    source: str


class WorkActualDecided(Event):
    """进度已核实, 或不属实."""

    topic: ClassVar[str] = "work_target.confirmed"
    target_id: UUID
    actual_id: UUID
    now: str


class WorkTargetExplained(Event):
    """说明了进度滞后的原因."""

    topic: ClassVar[str] = "work_target.explained"
    target_id: UUID
    text: str
