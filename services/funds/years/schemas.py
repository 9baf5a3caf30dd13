"""Schemas of the year end."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money, MoneySum, PositiveMoney, RegionCode
from shared.request_body import RequestBody


class ClosingCreate(RequestBody):
    """年终结账."""

    region: RegionCode
    note: str = Field("", max_length=2000)


class ReopeningCreate(RequestBody):
    """申请重开已结账年度."""

    region: RegionCode
    decision_no: str = Field(min_length=2, max_length=100, description="同意重开的文件文号")
    decision_on: date
    decision_file: UUID | None = Field(None, description="文件, 先上传到 /funds/files")
    reason: str = Field(min_length=2, max_length=2000)


class ReopeningRead(BaseModel):
    """重开申请; confirmed_by is empty until another person confirmed it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    closing_id: UUID
    year: int
    decision_no: str
    decision_on: date
    decision_file: str
    reason: str
    created_at: datetime
    created_by: str
    confirmed_by: str
    confirmed_at: datetime | None


class ClosingRead(BaseModel):
    """年终结账; reopened_at says that it does not hold any more."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    year: int
    round: int = Field(description="该年第几次结账")
    reopened_at: datetime | None
    note: str
    created_at: datetime
    created_by: str


class YearHistory(BaseModel):
    """一个年度的结账与重开, 先后为序."""

    region: str
    year: int
    closings: list[ClosingRead]
    reopenings: list[ReopeningRead]


class CarriedBalance(BaseModel):
    """一份指标在年末的余额及其去向."""

    model_config = ConfigDict(from_attributes=True)

    source_id: UUID
    document_no: str
    title: str
    level: str
    fund: str
    fiscal_year: int = Field(description="指标年度; 结转不改变它")
    received: MoneySum = Field(description="年末到位")
    allocated: MoneySum = Field(description="年末已下达")
    paid: MoneySum = Field(description="年末已支付")
    carried: MoneySum = Field(description="结转: 到位减已支付")
    years: int = Field(description="到年末已历经的预算年度")
    take_back_from: date = Field(description="仍未支付的, 从这一天起按结余收回")
    take_back: bool = Field(description="按规定应收回")


class YearReport(BaseModel):
    """年末情况: frozen by a closing, from the postings up to the last day otherwise."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int
    closing: ClosingRead | None
    rows: list[CarriedBalance]
    carried: MoneySum
    to_take_back: MoneySum
    rule: str
    basis: str


class LandRevenueWrite(RequestBody):
    """登记土地出让收益."""

    region: RegionCode
    revenue: PositiveMoney = Field(description="全年土地出让收益, 元")
    document_no: str = Field(min_length=2, max_length=100, description="决算或统计文件文号")
    counted_on: date


class LandReport(BaseModel):
    """土地出让收益用于农业农村的比例."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int
    revenue: Money | None = Field(description="空: 尚未登记")
    document_no: str
    counted_on: date | None
    set_aside: MoneySum = Field(description="已登记为土地出让收入的资金来源合计")
    paid: MoneySum
    percent: str
    floor: str
    reached: bool | None = Field(description="空: 尚未登记收益, 无从判断")
    short: MoneySum = Field(description="距下限尚差")
    sources: list[UUID] = Field(description="构成合计的资金来源")
    rule: str
    basis: str
    version: int = 0
