"""What an event is: a fact in the past tense, wrapped with who, where and when."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Event(BaseModel):
    """Something that happened. Subclasses name a topic; fields are only ever added, readers ignore what they don't know.

    Events carry no personal data: they are delivered, polled and kept for ever.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: ClassVar[str]


class Envelope(BaseModel):
    """One row of a service's event log as subscribers, feeds and auditors see it."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    cursor: str = Field(description="position in the log, to be given back as `after`")
    service: str
    type: str = Field(examples=["project.moved"])
    subject: str = Field(description="the record this is about")
    subject_version: int
    region: str
    actor: str
    on_behalf_of: str = ""
    device: str = ""
    reason: str = ""
    recorded_at: datetime = Field(description="when it happened")
    ingested_at: datetime = Field(description="when we learned it")
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
