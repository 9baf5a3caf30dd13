"""Contract of the attendance service: its events. They never contain locations of persons."""

from datetime import date
from uuid import UUID

from shared.events import Event, Instant

CHECK_INS_PATH = "/api/v1/attendance/check-ins"
"""Takes one check-in, or many as `items`."""
MAX_CHECK_INS = 500


class PostChanged(Event):
    """A post was created or changed."""

    topic = "post.changed"
    name: str
    kind: str


class AssignmentChanged(Event):
    """A person was assigned to a post, or an assignment changed."""

    topic = "assignment.changed"
    post_id: UUID
    person: str
    starts_on: date
    ends_on: date | None = None


class AttendanceGroupChanged(Event):
    """An attendance group was created or changed."""

    topic = "attendance_group.changed"
    group_id: UUID
    name: str


class GroupMemberChanged(Event):
    """A person joined an attendance group, or left it."""

    topic = "attendance_group_member.changed"
    group_id: UUID
    person: str
    starts_on: date
    ends_on: date | None = None


class CheckInRecorded(Event):
    """A check-in was recorded: person, day and fence verdict, without the location."""

    topic = "check_in.recorded"
    person: str
    work_date: date
    kind: str
    verdict: str
    result: str
    post_id: UUID | None = None
    taken_at: Instant


class TeamChanged(Event):
    """A team was created or changed."""

    topic = "team.changed"
    name: str
    village: str


class MemberChanged(Event):
    """A person joined a team, left it or handed over to a successor."""

    topic = "member.changed"
    team_id: UUID
    person: str
    role: str
    starts_on: date
    ends_on: date | None = None
    successor: str = ""


class VisitRecorded(Event):
    """A visit was recorded; without the household's name and the findings."""

    topic = "visit.recorded"
    person: str
    kind: str
    visited_on: date
    project_id: UUID | None = None
    asset_id: UUID | None = None


class FollowUpDone(Event):
    """The follow-up of a visit was done."""

    topic = "follow_up.done"
    visit_id: UUID
    done_on: date


class DeedRecorded(Event):
    """A deed was recorded or changed."""

    topic = "deed.recorded"
    person: str
    kind: str
    happened_on: date
    done: bool
    project_id: UUID | None = None


class TrainingRecorded(Event):
    """A training or contest was recorded."""

    topic = "training.recorded"
    person: str
    kind: str
    held_on: date


class RequestMoved(Event):
    """A request for leave, errand or make-up changed its state."""

    topic = "presence_request.moved"
    kind: str
    person: str
    was: str
    now: str
    starts_on: date
    ends_on: date


class DutySet(Event):
    """A duty shift was set, done or cancelled."""

    topic = "duty.set"
    person: str
    work_date: date
    cancelled: bool = False


class SpotCheckDrawn(Event):
    """Persons were drawn for a spot check; the seed makes the draw repeatable."""

    topic = "spot_check.drawn"
    seed: str
    pool_digest: str
    drawn: int


class SpotCheckAnswered(Event):
    """A drawn person answered, or was found absent."""

    topic = "spot_check.answered"
    spot_check_id: UUID
    person: str
    work_date: date
    outcome: str


class ReviewMoved(Event):
    """A reviewer decided about the anomalies of a day, or reopened the review."""

    topic = "review.moved"
    person: str
    work_date: date
    was: str
    now: str


class CheckInCorrected(Event):
    """A manager recorded a check-in for another person; its source is BOSS."""

    topic = "check_in.corrected"
    person: str
    work_date: date
    kind: str


class DeviceMoved(Event):
    """A device was requested for, bound to or released from a person."""

    topic = "device.moved"
    person: str
    was: str
    now: str
    since: date | None = None
    """First day whose check-ins must be evaluated again; None when nothing changes."""


class SheetMoved(Event):
    """A monthly sheet was signed or reopened."""

    topic = "month_sheet.moved"
    month: str
    was: str
    now: str


class ImportFinished(Event):
    """An import from another attendance system finished."""

    topic = "presence_import.finished"
    source: str
    fresh: int
    known: int
    unmatched: int


class ComplaintMoved(Event):
    """A complaint was received or answered; complainant and content are not published."""

    topic = "complaint.moved"
    was: str
    now: str
    person: str = ""
    work_date: date | None = None
    """The day an objection is about; None for a general complaint."""


class DaySettled(Event):
    """A day's result is no longer provisional."""

    topic = "day.settled"
    person: str
    work_date: date
    result: str
    halves: int


class DayWithdrawn(Event):
    """A stored day is no day of this person any more: its assignment ended before, in hindsight. `kept` for an objection to it."""

    topic = "day.withdrawn"
    person: str
    work_date: date
    was: str
    kept: bool = False


class MessagesRead(Event):
    """A person read messages; their content is not published."""

    topic = "message.read"
    person: str
    count: int


class SwapMoved(Event):
    """A swap of shifts changed its state."""

    topic = "duty_swap.moved"
    asker: str
    partner: str
    was: str
    now: str


class ChannelChanged(Event):
    """The credentials of another attendance system changed, or a pull was requested; never contains the credentials."""

    topic = "presence_channel.changed"
    channel: str
    enabled: bool


class EntitlementChanged(Event):
    """What a person may take of one kind of leave in a year was registered or corrected."""

    topic = "leave_entitlement.changed"
    person: str
    year: int
    kind: str
    days: int
