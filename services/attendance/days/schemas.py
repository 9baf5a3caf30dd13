"""Day results and response models of days."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum


class DayResult(LabelledEnum):
    """在岗日结果. No machine says absent: that is a person's finding in a spot check."""

    PRESENT = "present", "在岗"
    PART = "part", "部分在岗"
    ERRAND = "errand", "公出"
    LEAVE = "leave", "请假"
    REST = "rest", "休息"
    PENDING = "pending", "待复核"
    UNEXPLAINED = "unexplained", "未见记录"
    ABSENT = "absent", "不在岗(人工认定)"

    @property
    def needs_decision(self) -> bool:
        """True if the result awaits a reviewer."""
        return self is DayResult.PENDING


class BoardRow(BaseModel):
    """一名派驻人员这一天的情况."""

    person: str
    person_name: str
    region: str
    place: str = Field(description="驻村点所在的镇和村")
    post: str
    result: DayResult | None = Field(description="空为还没有任何记录")
    result_label: str
    words: str


class DayBoard(BaseModel):
    """一天的在岗情况: everybody who is stationed that day, with or without a record."""

    on: date
    region: str
    place: str
    stationed: int = Field(description="派驻人数")
    counts: dict[str, int] = Field(description="各种情况的人数, 按中文名称")
    rows: list[BoardRow]


class DayRead(BaseModel):
    """一人一天."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    work_date: date
    post_id: UUID | None
    team_id: UUID | None
    group_id: UUID | None = Field(description="当天所在的考勤组")
    result: DayResult
    halves: int = Field(description="计入驻村的半天数")
    leave_halves: int = Field(description="请假的半天数")
    works: bool = Field(description="是否工作日")
    provisional: bool = Field(description="暂定: 仍可能有补传、审批或复核")
    words: str = Field(description="认定的依据, 一句话")
    rule_refs: list[str]
    frozen: bool = Field(description="月表已签字")
    after_signature: dict[str, Any] = Field(description="签字后出现的材料, 不改变已签结果")
    version: int
