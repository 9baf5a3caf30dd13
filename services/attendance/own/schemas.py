"""What goes out about one's own month."""

from pydantic import BaseModel, Field

from services.attendance.complaints.schemas import ObjectionRead
from services.attendance.days.schemas import DayRead
from services.attendance.months.lifecycle import SheetState
from services.attendance.months.schemas import Tally


class OwnDay(DayRead):
    """本人的一天, 连同复核与异议."""

    review: str = Field("", description="复核状态与依据, 一句话")
    objections: list[ObjectionRead] = Field(description="本人对这一天的异议与答复")
    may_object: bool = Field(description="现在可以提出异议")


class OwnMonth(BaseModel):
    """本人的月表."""

    person: str
    month: str
    region: str
    rule_ref: str
    state: SheetState = Field(description="是否已签字")
    signed_by: str
    tally: Tally | None = Field(description="各项天数; 空为当月还没有在岗日")
    days: list[OwnDay]
    to_come: int = Field(description="当月还没到的工作日")
