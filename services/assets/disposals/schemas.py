"""Schemas of disposals and revitalisation plans."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.assets.disposals.lifecycle import DisposalState, RevivalState
from services.assets.register.lifecycle import UseState
from services.assets.register.schemas import Track
from shared.china import LabelledEnum, Money, SignedMoney
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class DisposalCause(LabelledEnum):
    """处置原因."""

    DISASTER = "disaster", "自然灾害"
    ACCIDENT = "accident", "意外事故"
    PLANNING = "planning", "发展规划"
    END_OF_LIFE = "end_of_life", "达到使用年限"
    TRANSFER = "transfer", "转让"
    EXCHANGE = "exchange", "置换"
    LOSS = "loss", "核销损失"


class DisposalCreate(RequestBody):
    """申请处置."""

    id: UUID | None = None
    asset_id: UUID
    cause: DisposalCause
    description: str = Field(min_length=2, max_length=4000, description="情况说明")
    file_ids: list[UUID] = Field(min_length=1, max_length=30, description="照片和证明")
    happened_at: AwareDatetime | None = Field(None, description="实际申请时间; 空为现在. 补录历史时填写")


class DisposalRead(BaseModel):
    """资产处置."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    cause: DisposalCause
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

    available_actions: list[AvailableAction]


class DisposalTransitionRequest(TransitionRequest):
    """办理处置."""

    value: Money | None = Field(None, description="评估价值")
    appraisal_no: str = Field("", max_length=100)
    held_on: date | None = Field(None, description="决议日期")
    document_no: str = Field("", max_length=100, description="批准文号")
    proceeds: Money | None = Field(None, description="处置收入")
    payer: str = Field("", max_length=200, description="交款人")
    voucher_no: str = Field("", max_length=100)
    file_ids: list[UUID] = Field([], max_length=30, description="这一步的文件")


class RevivalFigures(BaseModel):
    """盘活前后的对照数."""

    model_config = ConfigDict(from_attributes=True)

    on: date
    use: UseState
    income: SignedMoney = Field(description="之前十二个月实收")
    households: int
    operator: str = Field(description="经营主体, 空为没有合同")


class RevivalCreate(RequestBody):
    """提出盘活方案."""

    id: UUID | None = None
    asset_id: UUID
    track: Track
    problem: str = Field(min_length=2, max_length=2000)
    measures: str = Field(min_length=2, max_length=4000)
    investment: Money = 0
    person: str = Field(min_length=2, max_length=100, description="责任人")
    deadline: date


class RevivalRead(BaseModel):
    """盘活方案."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    asset_id: UUID
    region: str
    version: int
    track: Track
    problem: str
    measures: str
    investment: Money
    person: str
    deadline: date
    before: RevivalFigures
    after: RevivalFigures | None
    file_ids: list[str]
    state: RevivalState
    state_since: datetime
    created_by: str


class RevivalDetail(RevivalRead):
    """盘活方案和可办事项."""

    available_actions: list[AvailableAction]


class RevivalTransitionRequest(TransitionRequest):
    """办理盘活."""

    file_ids: list[UUID] = Field([], max_length=30)
