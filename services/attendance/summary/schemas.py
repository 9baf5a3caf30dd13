"""What a region's year looks like from above."""

from pydantic import BaseModel, ConfigDict, Field

from shared.money import Money


class Summary(BaseModel):
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
