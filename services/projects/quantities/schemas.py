"""Response schemas of sums of quantities."""

from decimal import Decimal

from pydantic import BaseModel, Field


class QuantityProgress(BaseModel):
    """一项建设规模: planned and completed quantity according to the last report."""

    name: str
    unit: str
    planned: Decimal
    done: Decimal
    percent: int | None = Field(description="完成比例, %; 计划为零时空")


class QuantitySum(BaseModel):
    """能合计的一组单位的工程量. Amounts are exact sums in `unit`, rounded once to four decimals."""

    label: str = Field(description="量的名称, 如 长度")
    unit: str = Field(description="合计的单位, 如 公里")
    planned: Decimal = Field(description="计划")
    done: Decimal = Field(description="累计完成, 按各项目最近的进度报告")
    percent: int | None = Field(description="完成比例, %; 计划为零时空")
    lines: int = Field(description="工程量的条数")
    units: list[str] = Field(description="其中用到的单位")
    rows: str = Field(description="这个数所含项目的地址")


class QuantitySums(BaseModel):
    """工程量合计, by dimension of the rule quantity.units. A package counts by its parts."""

    region: str
    rule: str = Field(description="计量单位表的版本")
    sums: dict[str, QuantitySum] = Field(description="量的代码 → 合计; 没有的为零")
