"""Events of clues."""

from typing import ClassVar
from uuid import UUID

from shared.events import Event


class ClueMoved(Event):
    """线索换了状态; `was` is empty for a new clue."""

    topic: ClassVar[str] = "clue.moved"
    clue_id: UUID
    was: str
    now: str


class ClueAssigned(Event):
    """线索指定了核查人."""

    topic: ClassVar[str] = "clue.assigned"
    clue_id: UUID
    assignee: str


class ClueOpened(Event):
    """查阅了线索全文."""

    topic: ClassVar[str] = "clue.opened"
    clue_id: UUID
    purpose: str
