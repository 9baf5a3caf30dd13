"""Events of monitored households; none holds what is personal."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events import Event


class HouseholdMoved(Event):
    """监测户换了状态; `was` is empty for a new household."""

    topic: ClassVar[str] = "household.moved"
    household_id: UUID
    was: str
    now: str


class HouseholdChanged(Event):
    """重新核查或换了帮扶责任人."""

    topic: ClassVar[str] = "household.changed"
    household_id: UUID
    fields: list[str] = Field(description="names of the changed fields")


class HouseholdOpened(Event):
    """查阅了监测户档案."""

    topic: ClassVar[str] = "household.opened"
    household_id: UUID
    purpose: str
