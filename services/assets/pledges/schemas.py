"""Schemas of pledges."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.assets.pledges.lifecycle import PledgeState
from shared.china import PositiveMoney
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class PledgePost(RequestBody):
    """登记资产抵押."""

    id: UUID | None = None
    pledgee: str = Field(min_length=2, max_length=200, description="抵押权人")
    debtor: str = Field(min_length=2, max_length=200, description="债务人")
    amount: PositiveMoney = Field(description="担保的债权")
    starts_on: date = Field(description="抵押起期")
    ends_on: date = Field(description="债务履行期限")
    registration_no: str = Field("", max_length=100, description="抵押登记证明号")
    reason: str = Field(min_length=2, max_length=2000, description="抵押用途")
    file_ids: list[UUID] = Field([], max_length=30, description="集体决议、抵押合同")
    happened_at: AwareDatetime | None = Field(None, description="实际提出时间; 空为现在. 补录历史时填写")

    @model_validator(mode="after")
    def _validate_dates(self) -> "PledgePost":
        if self.ends_on < self.starts_on:
            raise ValueError("债务履行期限早于抵押起期")
        return self


class PledgeRead(BaseModel):
    """资产抵押."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    pledgee: str
    debtor: str
    amount: PositiveMoney
    starts_on: date
    ends_on: date
    registration_no: str
    reason: str
    file_ids: list[str]
    state: PledgeState
    state_since: datetime
    approved_by: str
    created_by: str


class PledgeDetail(PledgeRead):
    """资产抵押和可办事项."""

    available_actions: list[AvailableAction]


class PledgeTransitionRequest(TransitionRequest):
    """办理抵押."""

    file_ids: list[UUID] = Field([], max_length=30, description="这一步的文件")
