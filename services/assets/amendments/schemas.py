"""Schemas of amendments of operating contracts."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.assets.amendments.lifecycle import AmendmentState
from shared.china import LabelledEnum, Money, PositiveMoney
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class AmendmentKind(LabelledEnum):
    """合同变更种类."""

    WAIVER = "waiver", "减免租金"
    TERMS = "terms", "变更条款"


class WaiverLinePost(RequestBody):
    """减免一期应收."""

    number: int = Field(ge=1, le=1_000_000, description="应收期数")
    amount: PositiveMoney = Field(description="减免金额, 不超过这一期未收的")


class WaiverLineRead(WaiverLinePost):
    """减免一期应收, as stored."""

    model_config = ConfigDict(from_attributes=True)


class AmendmentPost(RequestBody):
    """提出合同变更: 减免租金列明各期, 变更条款写新的止期或每期租金."""

    id: UUID | None = None
    kind: AmendmentKind
    effective_on: date = Field(description="生效日期; 减免为作出决定的日期")
    waivers: list[WaiverLinePost] = Field([], max_length=1200, description="减免的各期应收")
    ends_on: date | None = Field(None, description="变更后的止期")
    amount: Money | None = Field(None, description="生效日期起每期租金")
    document_no: str = Field("", max_length=100, description="补充协议或决议文号")
    reason: str = Field(min_length=2, max_length=2000)
    file_ids: list[UUID] = Field([], max_length=30, description="补充协议、会议记录")
    happened_at: AwareDatetime | None = Field(None, description="实际提出时间; 空为现在. 补录历史时填写")

    @model_validator(mode="after")
    def _validate_kind(self) -> "AmendmentPost":
        changes_terms = self.ends_on is not None or self.amount is not None
        if self.kind is AmendmentKind.WAIVER and (changes_terms or not self.waivers):
            raise ValueError("减免租金须列明各期减免金额, 不改其他条款")
        if self.kind is AmendmentKind.TERMS and (self.waivers or not changes_terms):
            raise ValueError("变更条款须写明新的止期或每期租金")
        if len({line.number for line in self.waivers}) < len(self.waivers):
            raise ValueError("同一期应收列了两次")
        return self


class ContractAmendmentRead(BaseModel):
    """合同变更."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    asset_id: UUID
    region: str
    version: int
    kind: AmendmentKind
    effective_on: date
    waivers: list[WaiverLineRead]
    waived: Money = Field(description="减免合计")
    ends_on: date | None
    amount: Money | None
    document_no: str
    reason: str
    file_ids: list[str]
    state: AmendmentState
    state_since: datetime
    approved_by: str
    created_by: str


class AmendmentDetail(ContractAmendmentRead):
    """合同变更和可办事项."""

    available_actions: list[AvailableAction]


class AmendmentTransitionRequest(TransitionRequest):
    """办理合同变更."""
