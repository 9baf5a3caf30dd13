"""Events of rectification items."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from shared.events import Event


class ItemMoved(Event):
    """整改问题换了状态; `was` is empty for a new item."""

    topic: ClassVar[str] = "rectification_item.moved"
    item_id: UUID
    project_id: UUID | None = None
    asset_id: UUID | None = None
    was: str
    now: str


class ItemChanged(Event):
    """责任、时限或措施已修改."""

    topic: ClassVar[str] = "rectification_item.changed"
    item_id: UUID
    changed: dict[str, Any] = Field(description="field → new value")


class ItemProgressReported(Event):
    """报告了整改进展."""

    topic: ClassVar[str] = "rectification_item.progressed"
    item_id: UUID
    progress_id: UUID
    month: str
    percent: int
