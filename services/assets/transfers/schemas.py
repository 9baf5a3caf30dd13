"""Schemas of rights documents."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.register.schemas import OwnerKind
from services.assets.transfers.lifecycle import TransferKind, TransferState
from shared.china import CreditCode, Money, RegionCode
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody

MAX_ITEMS = 2000


class TransferItemPost(RequestBody):
    """列入的一项资产."""

    asset_id: UUID
    certificate_no: str = Field("", max_length=100, description="权证号, 确权时填写")


class TransferCreate(RequestBody):
    """编制权属文书."""

    id: UUID | None = None
    kind: TransferKind
    region: RegionCode = Field(description="村、镇或区; 资产都须在其内")
    number: str = Field("", max_length=100, description="文书编号")
    title: str = Field(min_length=2, max_length=200)
    items: list[TransferItemPost] = Field(min_length=1, max_length=MAX_ITEMS)
    giver: str = Field("", max_length=200, description="移交单位")
    receiver: str = Field("", max_length=200, description="接收单位")
    owner_kind: OwnerKind | None = Field(None, description="权属变更后的所有权人类型")
    owner_name: str = Field("", max_length=200, description="权属变更后的所有权人")
    owner_code: CreditCode | None = None
    file_ids: list[UUID] = Field([], max_length=50)
    note: str = Field("", max_length=2000)


class TransferItemRead(BaseModel):
    """文书中的一项资产."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: UUID
    code: str
    name: str
    original_value: Money
    state: str
    owner_name: str
    certificate_no: str
    previous_owner: str


class TransferRead(BaseModel):
    """权属文书."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: TransferKind
    number: str
    title: str
    giver: str
    receiver: str
    owner_kind: OwnerKind | None
    owner_name: str
    owner_code: str
    file_ids: list[str]
    note: str
    state: TransferState
    state_since: datetime
    created_by: str
    created_at: datetime


class TransferDetail(TransferRead):
    """文书, 资产明细, 可办事项."""

    items: list[TransferItemRead]
    total: Money = Field(description="列入资产原值合计")
    available_actions: list[AvailableAction]


class TransferTransitionRequest(TransitionRequest):
    """办理权属文书."""
