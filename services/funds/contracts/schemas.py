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
    signed_on: date
    file_ids: list[UUID] = Field(default=[], max_length=20)


class Settlement(RequestBody):
    """登记审定结算金额: payments are held against it from then on."""

    settled: PositiveMoney
    settlement_no: str = Field(min_length=2, max_length=100, description="审计或结算文件文号")


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
    signed_on: date
    file_ids: list[str]
    rule_used: str
    created_at: datetime
    created_by: str
