"""What the monthly table holds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.money import Money

By = Literal["person", "unit", "town"]


class Line(BaseModel):
    """一行月统计: the columns in use."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    name: str = ""
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


class Statistics(BaseModel):
    """一个地区一个月的帮办实事统计."""

    region: str
    month: str
    by: By
    rows: list[Line]
