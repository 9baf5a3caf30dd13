"""Responses of the monthly statistics and the yearly summary."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money

GroupBy = Literal["person", "unit", "town"]


class Line(BaseModel):
    """一行月统计: the columns in use."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    name: str = Field("", description="姓名; 按乡镇时为乡镇名称")
    region: str = ""
    unit: str = ""
    role: str = ""
    workdays: int = Field(0, description="本月应驻天数")
    stationed: float = Field(0, description="实驻天数")
    leave: float = Field(0, description="请假天数")
    errand: int = Field(0, description="公出天数")
    household_visits: int = Field(0, description="走访农户户次")
    urgent: int = Field(0, description="解决急难愁盼, 件")
    dispute: int = Field(0, description="化解矛盾纠纷, 件")
    project: int = Field(0, description="协调项目, 个")
    project_money: Money = Field(0, description="协调资金")
    enterprise: int = Field(0, description="引进企业, 个")
    jobs: int = Field(0, description="带动就业, 人")
    consumption_money: Money = Field(0, description="消费帮扶")
    lecture: int = Field(0, description="政策宣讲, 场次")
    deeds: int = Field(0, description="实事, 件")
    deeds_done: int = Field(0, description="其中办结, 件")


class StatisticsSignature(BaseModel):
    """一个地区的月表签字."""

    region: str
    signed_name: str
    signed_at: datetime
    digest: str


class StatisticsChange(BaseModel):
    """签字以后一人一项的变化."""

    key: str
    name: str
    field: str
    label: str
    signed: str
    now: str


class Statistics(BaseModel):
    """一个地区一个月的帮办实事统计."""

    region: str
    month: str
    by: GroupBy
    rows: list[Line] = Field(description="已签字的照签字时, 其余照现在")
    signatures: list[StatisticsSignature] = Field(description="包含在内的已签月表")
    changes: list[StatisticsChange] = Field(description="签字以后的变化; 不改变已签的数")


class AttendanceSummary(BaseModel):
    """一个地区一年的驻村工作: counts and sums only."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int
    cadres: int = Field(description="当年派驻过的人数")
    teams: int = Field(description="工作队数(未撤)")
    posts: int = Field(description="驻村点数(未停用)")
    check_ins: int
    check_ins_held: int = Field(description="待复核的打卡")
    days_stationed: int = Field(description="在岗与公出的人天, 半天不计")
    days_leave: int = Field(description="请假的人天")
    days_unexplained: int = Field(description="未见记录的人天")
    days_absent: int = Field(description="人工认定不在岗的人天")
    days_provisional: int = Field(description="其中尚属暂定的人天")
    reviews_open: int = Field(description="待复核")
    visits: int
    households: int = Field(description="走访到的农户数(同一户计一次)")
    follow_ups_open: int = Field(description="走访待办未办结")
    deeds: int
    deeds_done: int
    beneficiaries: int
    deed_money: Money = Field(description="实事涉及资金")
    trainings: int
