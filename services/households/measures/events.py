"""Events of measures of help."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class HelpMeasureMoved(Event):
    """帮扶措施换了状态; `was` is empty for a new measure, and equals `now` when another cadre takes it over."""

    topic: ClassVar[str] = "help_measure.moved"
    measure_id: UUID
    household_id: UUID
    project_id: UUID | None = None
    asset_id: UUID | None = None
    was: str
    now: str
