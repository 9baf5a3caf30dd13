"""Events and their envelope: what happened, who did it, where and when."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shared.request_body import StrictModel

Instant = Annotated[AwareDatetime, AfterValidator(lambda instant: instant.astimezone(UTC))]
"""A time of an event: in UTC, whatever zone it was given in."""


class Event(BaseModel):
    """A fact, named in the past tense. Subclasses set `topic`; fields are only added, readers ignore unknown ones.

    Events contain no personal data, because they are delivered to other systems and kept permanently.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: ClassVar[str]


class Envelope(StrictModel):
    """One row of a service's event log, as delivered to subscribers, feeds and auditors."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    cursor: str = Field(description="`epoch.position` in the log, to be given back as `after`")
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
    before: dict[str, Any] = Field({})
    after: dict[str, Any] = Field({})
    person: str = Field("", description="the person behind the actor's account; empty for services")
