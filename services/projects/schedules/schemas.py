"""Request and response schemas of the planned progress."""

from datetime import date

from pydantic import BaseModel, Field

from shared.china import Money
from shared.request_body import RequestBody


class SchedulePointWrite(RequestBody):
    """到一个月底应达到的累计进度."""

    month: str = Field(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="年月, 如 2026-05", examples=["2026-05"]
    )
    physical_percent: int = Field(ge=0, le=100, description="计划累计形象进度, %")
    payment: Money = Field(0, description="计划累计支付, 元")


class ScheduleWrite(RequestBody):
    """编排计划进度: replaces the plan; months rise, figures never fall, the last month reaches 100 %."""

    points: list[SchedulePointWrite] = Field(max_length=120)


class SchedulePoint(BaseModel):
    """到一个月底应达到的累计进度."""

    month: str
    due_on: date = Field(description="该月最后一天")
    physical_percent: int
    payment: Money


class ScheduleRead(BaseModel):
    """计划进度与偏差 (actual minus planned; negative is behind). Planned is what the last month that is over asks for."""

    points: list[SchedulePoint]
    on: date
    planned_percent: int
    physical_percent: int
    deviation: int = Field(description="形象进度偏差, 百分点")
    behind_days: int = Field(description="形象进度落后于计划的天数")
    planned_payment: Money
    paid: Money
    payment_deviation: int = Field(description="支付进度偏差, 占计划支付总额的百分点")
    payment_behind_days: int = Field(description="支付落后于计划的天数")
