"""Schemas of sums and the funding trail."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.contracts.schemas import AssetContractRead, ReceiptRead
from services.assets.custody.schemas import InspectionRead
from services.assets.disposals.schemas import DisposalRead
from services.assets.pledges.schemas import PledgeRead
from services.assets.register.schemas import AssetRead
from services.assets.transfers.schemas import TransferRead
from shared.china import MoneySum
from shared.clients.assets import Coverage


class SummaryPart(BaseModel):
    """一个分组的数量与原值; `filter` 接在 `/assets?` 之后, 就是这些资产的明细."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    label: str
    count: int
    value: MoneySum
    filter: str = Field(description="资产列表的查询参数, 查得的正是计入这个数的资产")


class ValueReconciliation(BaseModel):
    """已登记原值与项目结算金额的核对."""

    model_config = ConfigDict(from_attributes=True)

    projects: int = Field(description="已验收项目数")
    settled: MoneySum = Field(description="审定结算金额合计")
    registered: MoneySum = Field(description="这些项目已登记资产的原值合计")
    difference: MoneySum = Field(description="已登记减结算")


class AssetSummary(BaseModel):
    """一个地区(一年)的资产."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    year: int | None = Field(description="形成年度, 空为全部")
    count: int = Field(description="在册数量, 不含已处置")
    value: MoneySum = Field(description="在册原值合计, 不含已处置")
    net: MoneySum | None = Field(description="今天的净值合计; 县及以下计算")
    confirmed_percent: str = Field(description="确权率: 已确权(含移交)数量占已登记, %")
    confirmed_percent_of_towns: str | None = Field(description="各乡镇确权率的平均值, %; 县级才有")
    by_class: list[SummaryPart]
    by_owner: list[SummaryPart]
    by_state: list[SummaryPart]
    by_use: list[SummaryPart]
    disposed: SummaryPart = Field(description="已处置, 不在以上各数之内")
    agreement: ValueReconciliation


class AssetThread(BaseModel):
    """资产和它的巡查、经营、收益、抵押、移交、处置; `coverage` 只在从项目查起, 或资产有形成项目时给出."""

    model_config = ConfigDict(from_attributes=True)

    project_id: UUID | None
    assets: list[AssetRead]
    inspections: list[InspectionRead]
    leases: list[AssetContractRead] = Field(description="经营合同")
    receipts: list[ReceiptRead] = Field(description="实收, 最近的在前")
    pledges: list[PledgeRead]
    transfers: list[TransferRead] = Field(description="权属文书: 确权、移交、变更所有权人")
    disposals: list[DisposalRead]
    coverage: Coverage | None
