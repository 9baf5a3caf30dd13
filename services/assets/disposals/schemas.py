"""What goes in and out about disposals."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.disposals.kinds import Cause
from services.assets.disposals.lifecycle import DisposalState
from shared.money import Money
from shared.moves import Act, Offer


class DisposalCreate(BaseModel):
    """申请处置."""

    id: UUID | None = None
    asset_id: UUID
    cause: Cause
    description: str = Field(min_length=2, max_length=4000, description="情况说明")
    file_ids: list[UUID] = Field(min_length=1, max_length=30, description="照片和证明")


class DisposalRead(BaseModel):
    """资产处置."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    cause: Cause
    description: str
    file_ids: list[str]
    state: DisposalState
    state_since: datetime
    value: Money | None = Field(description="评估价值")
    appraisal_no: str
    held_on: date | None = Field(description="决议日期")
    document_no: str = Field(description="批准文号")
    proceeds: Money | None = Field(description="处置收入, 归原所有权人")
    voucher_no: str
    result: str
    created_by: str


class DisposalDetail(DisposalRead):
    """资产处置和可办事项."""

    available_actions: list[Offer]


class DisposalAct(Act):
    """办理处置."""

    value: Money | None = Field(None, description="评估价值")
    appraisal_no: str = Field("", max_length=100)
    held_on: date | None = Field(None, description="决议日期")
    document_no: str = Field("", max_length=100, description="批准文号")
    proceeds: Money | None = Field(None, description="处置收入")
    payer: str = Field("", max_length=200, description="交款人")
    voucher_no: str = Field("", max_length=100)
    file_ids: list[UUID] = Field([], max_length=30, description="这一步的文件")
