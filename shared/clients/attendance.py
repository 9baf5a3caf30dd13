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


class TeamChanged(Event):
    """A team was set up or changed."""

    topic = "team.changed"
    name: str
    village: str


class MemberChanged(Event):
    """Somebody joined a team, left it or handed over to another person."""

    topic = "member.changed"
    team_id: UUID
    person: str
    role: str
    starts_on: date
    ends_on: date | None = None
    successor: str = ""


class VisitRecorded(Event):
    """A visit was recorded, without the household's name or what was found there."""

    topic = "visit.recorded"
    person: str
    kind: str
    visited_on: date
    project_id: UUID | None = None
    asset_id: UUID | None = None


class FollowUpDone(Event):
    """What a visit left to be done was done."""

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
    """A training or a contest was recorded."""

    topic = "training.recorded"
    person: str
    kind: str
    held_on: date


class RequestMoved(Event):
    """A request for leave, errand or make-up took a step."""

    topic = "presence_request.moved"
    kind: str
    person: str
    was: str
    now: str
    starts_on: date
    ends_on: date


class DutySet(Event):
    """A duty shift was set, kept or cancelled."""

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
    """One drawn person answered, or was found absent."""

    topic = "spot_check.answered"
    spot_check_id: UUID
    person: str
    work_date: date
    outcome: str


class ReviewMoved(Event):
    """A reviewer decided about a day's odd evidence, or took the decision back."""

    topic = "review.moved"
    person: str
    work_date: date
    was: str
    now: str


class CheckInCorrected(Event):
    """A manager recorded a check-in for somebody; it is visible as such (source BOSS)."""

    topic = "check_in.corrected"
    person: str
    work_date: date
    kind: str


class DeviceMoved(Event):
    """A phone was bound to a person, asked for or let go."""

    topic = "device.moved"
    person: str
    was: str
    now: str
    since: date | None = None
    """From when on its check-ins stand in another light; None when it was only taken note of."""


class SheetMoved(Event):
    """A month's sheet was signed or opened again."""

    topic = "month_sheet.moved"
    month: str
    was: str
    now: str


class ImportFinished(Event):
    """Attendance of another system was taken in."""

    topic = "presence_import.finished"
    source: str
    fresh: int
    known: int
    unmatched: int


class ComplaintMoved(Event):
    """A complaint about attendance came in or was answered; who complained and what about stays in the record."""

    topic = "complaint.moved"
    was: str
    now: str
    person: str = ""
    work_date: date | None = None
    """Whose day an objection is about; empty for a complaint of anybody."""


class DaySettled(Event):
    """A day's result is no longer provisional."""

    topic = "day.settled"
    person: str
    work_date: date
    result: str
    halves: int


class MessagesRead(Event):
    """Somebody read what was said to them; what it was stays in the record."""

    topic = "message.read"
    person: str
    count: int


class SwapMoved(Event):
    """A swap of shifts was asked for, agreed to, approved or came to nothing."""

    topic = "duty_swap.moved"
    asker: str
    partner: str
    was: str
    now: str


class ChannelChanged(Event):
    """The keys to another attendance system were set or changed, or a pull was asked for; never the keys themselves."""

    topic = "presence_channel.changed"
    channel: str
    enabled: bool
