"""Events of work plans."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class WorkPlanEntered(Event):
    """一年的工作要点已登记."""

    topic: ClassVar[str] = "work_plan.entered"
    plan_id: UUID
    year: int
    title: str
    items: int
