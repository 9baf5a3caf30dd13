"""Response schemas of the summary."""

from pydantic import BaseModel, ConfigDict, Field

from services.projects.projects.lifecycle import Stage
from shared.china import MoneySum


class CountAndAmount(BaseModel):
    """个数与金额."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    total: MoneySum = Field(description="预算总投资")
    allocated: MoneySum = Field(description="已下达")
    paid: MoneySum = Field(description="已支付")
    settled: MoneySum = Field(description="审定结算")
    industry_count: int
    industry_total: MoneySum
    blocked: int = Field(description="筛查未通过的项目数")


class SummaryRow(CountAndAmount):
    """一个地区、阶段、类型的个数与金额."""

    region: str
    region_name: str = Field(description="区划名称, 已并入别处的注明今属; 区划服务暂不可用时为空")
    stage: Stage
    stage_label: str
    category: str = Field(description="一级类型代码")
    category_label: str
    rows: str = Field(description="这个数所含项目的地址")


class ProjectsSummary(BaseModel):
    """项目统计, 按下级地区、阶段、一级类型."""

    region: str
    year: int | None
    sum: CountAndAmount
    quantities: str = Field(description="工程量合计的地址")
    items: list[SummaryRow]
