"""Requests and responses of earmarked amounts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.china import Money, MoneySum, PositiveMoney, RegionCode
from shared.http import PatchBody
from shared.request_body import RequestBody


class EarmarkAmount(RequestBody):
    """一类资金的额度."""

    category: str = Field(min_length=1, max_length=100, description="类别, 如 乡村建设行动 基础设施")
    amount: PositiveMoney


def _check_categories(amounts: list[EarmarkAmount]) -> list[EarmarkAmount]:
    if len({one.category for one in amounts}) < len(amounts):
        raise ValueError("同一类别只能写一次")
    return amounts


Amounts = Annotated[
    list[EarmarkAmount], Field(min_length=1, max_length=60), AfterValidator(_check_categories)
]


class EarmarkCreate(RequestBody):
    """登记切块额度."""

    id: UUID | None = None
    region: RegionCode = Field(description="乡镇; 县直单位填县(区)")
    year: int = Field(ge=2000, le=2100)
    title: str = Field(min_length=2, max_length=300, description="所依据的分配表")
    unit: str = Field(min_length=2, max_length=100, description="乡镇或单位的名称")
    amounts: Amounts
    source_id: UUID | None = Field(None, description="所分配的指标文")
    note: str = Field("", max_length=500)


class EarmarkChange(PatchBody):
    """更改切块额度; absent fields stay."""

    amounts: Amounts | None = None
    note: str | None = Field(None, max_length=500)
    reason: str = Field("", max_length=500, description="更改额度的理由")


class EarmarkAmountRead(BaseModel):
    """一类资金的额度."""

    category: str
    amount: Money


class EarmarkRead(BaseModel):
    """切块额度."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    year: int
    title: str
    unit: str
    amounts: list[EarmarkAmountRead]
    total: Money
    source_id: UUID | None
    note: str
    created_at: datetime
    created_by: str


class EarmarkedUnit(BaseModel):
    """一个乡镇或单位的切块额度, 和已安排到项目的资金."""

    region: str
    unit: str
    amounts: list[EarmarkAmountRead] = Field(description="各类别的额度, 与 categories 同序")
    total: MoneySum
    allocated: MoneySum | None = Field(description="本年度已安排到本乡镇项目的资金; 县直单位为空")


class EarmarkMatrix(BaseModel):
    """乡镇 × 类别: what was earmarked in a year, and what of it became projects."""

    year: int
    categories: list[str]
    units: list[EarmarkedUnit]
    total: MoneySum
