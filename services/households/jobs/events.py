"""Events of jobs; none names a person."""

from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from shared.china import Money
from shared.events import Event


class HelpJobMoved(Event):
    """帮扶岗位换了状态; `was` is empty for a new job."""

    topic: ClassVar[str] = "help_job.moved"
    job_id: UUID
    was: str
    now: str


class HelpJobPaid(Event):
    """登记了岗位补贴或工资的月份; `amount` is that of each month."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    topic: ClassVar[str] = "help_job.paid"
    job_id: UUID
    months: list[str]
    amount: Money


class HelpJobOpened(Event):
    """查阅了在岗人员."""

    topic: ClassVar[str] = "help_job.opened"
    job_id: UUID
    purpose: str
