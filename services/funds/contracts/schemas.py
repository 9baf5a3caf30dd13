"""Schemas of contracts."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import CreditCode, Money, PositiveMoney
from shared.request_body import RequestBody


class ProjectContractCreate(RequestBody):
    """登记合同."""

    id: UUID | None = None
    project_id: UUID
    number: str = Field(min_length=1, max_length=100, description="合同编号")
    title: str = Field(min_length=2, max_length=300)
    party: str = Field(min_length=2, max_length=200, description="乙方全称")
    party_code: CreditCode | None = Field(None, description="乙方统一社会信用代码")
    amount: PositiveMoney
    retention_percent: str = Field(
        "0", pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$", description="质量保证金比例, %"
    )
    award_price: PositiveMoney | None = Field(None, description="中标(成交)价; 合同价不得高于它")
    starts_on: date | None = Field(None, description="合同工期的开始")
    ends_on: date | None = Field(None, description="合同工期的结束")
    defects_months: int | None = Field(
        None, ge=0, le=60, description="缺陷责任期(月); 空则按规则 contract.defects"
    )
    accepted_on: date | None = Field(
        None, description="项目验收日期, 验收之后登记的合同填写; 质保金自此起算缺陷责任期"
    )
    signed_on: date
    file_ids: list[UUID] = Field(default=[], max_length=20)


class Settlement(RequestBody):
    """登记审定结算金额: payments are held against it from then on."""

    settled: PositiveMoney
    settlement_no: str = Field(min_length=2, max_length=100, description="审计或结算文件文号")


class RetentionRelease(RequestBody):
    """返还质量保证金: after the defects liability period, with the evidence that the works are sound."""

    released_on: date = Field(description="返还日期")
    amount: Money = Field(description="返还金额; 少于质保金的部分抵作修复费用")
    reason: str = Field("", max_length=2000, description="不全额返还的理由")
    file_ids: list[UUID] = Field(min_length=1, max_length=20, description="缺陷责任期满的检查材料")


class ProjectContractRead(BaseModel):
    """合同."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    project_id: UUID
    project_name: str
    number: str
    title: str
    party: str
    party_code: str
    amount: Money
    settled: Money | None
    settlement_no: str
    retention_percent: str
    retention: Money = Field(description="质保金")
    retention_status: str
    retention_due_on: date | None = Field(description="缺陷责任期满, 质保金到期")
    retention_released: Money | None = Field(description="已返还的质保金")
    retention_released_on: date | None
    release_file_ids: list[str] | None
    award_price: Money | None = Field(description="中标(成交)价")
    starts_on: date | None
    ends_on: date | None
    duration_days: int | None = Field(description="合同工期(天)")
    defects_months: int | None = Field(description="缺陷责任期(月)")
    managing_unit: str = Field(description="主管部门")
    signed_on: date
    file_ids: list[str]
    rule_used: str
    created_at: datetime
    created_by: str
