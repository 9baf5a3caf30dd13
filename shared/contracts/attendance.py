"""What attendance promises to others: its events. They carry no places of persons, only that something was recorded."""

from datetime import date, datetime
from uuid import UUID

from shared.events import Event


class PostChanged(Event):
    """A post was set up or changed."""

    topic = "post.changed"
    name: str
    kind: str


class AssignmentChanged(Event):
    """Somebody was stationed at a post, or their time there changed."""

    topic = "assignment.changed"
    post_id: UUID
    person: str
    starts_on: date
    ends_on: date | None = None


class CheckInRecorded(Event):
    """A check-in was recorded: by whom for which day and how it stood to the fence, without the place itself."""

    topic = "check_in.recorded"
    person: str
    work_date: date
    kind: str
    verdict: str
    result: str
    post_id: UUID | None = None
    taken_at: datetime
