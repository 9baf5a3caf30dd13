"""Schemas of the income book and its distribution."""

from datetime import date, datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.assets.distributions.lifecycle import DistributionState
from shared.china import BankAccount, LabelledEnum, Money, PositiveMoney, RegionCode
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.request_body import RequestBody


class IncomeAccount(LabelledEnum):
    """收益账户. RECEIVED always equals the sum of the other four."""

    RECEIVED = "received", "已收"
    AVAILABLE = "available", "未分配"
    PLANNED = "planned", "已定方案待付"
    RESERVED = "reserved", "公积提留"
    DISTRIBUTED = "distributed", "已分配"


class IncomePurpose(LabelledEnum):
    """收益用途."""

    RESERVE = "reserve", "村集体公积"
    WELFARE_POST = "welfare_post", "公益岗位工资"
    SMALL_WORKS = "small_works", "小型公益事业"
    SUPPORT = "support", "差异化帮扶困难群众"
    REWARD = "reward", "奖励先进"


class DecisionStep(LabelledEnum):
    """四议两公开."""

    PROPOSED = "proposed", "村党支部会提议"
    DISCUSSED = "discussed", "村“两委”会商议"
    REVIEWED = "reviewed", "党员大会审议"
    RESOLVED = "resolved", "村民会议或村民代表会议决议"
    DECISION_PUBLIC = "decision_public", "决议公开"
    RESULT_PUBLIC = "result_public", "实施结果公开"


STEPS_BEFORE_APPROVAL = (
    DecisionStep.PROPOSED,
    DecisionStep.DISCUSSED,
    DecisionStep.REVIEWED,
    DecisionStep.RESOLVED,
    DecisionStep.DECISION_PUBLIC,
)
"""Steps required before approval; RESULT_PUBLIC, the sixth, is required before closing."""


class LinePost(RequestBody):
    """一项用途."""

    purpose: IncomePurpose
    amount: PositiveMoney
    remark: str = Field("", max_length=500)


class LineRead(LinePost):
    """一项用途, as stored."""

    model_config = ConfigDict(from_attributes=True)


class DecisionStepPost(RequestBody):
    """记录四议两公开的一步."""

    step: DecisionStep
    held_on: date
    entitled: int = Field(0, ge=0, le=100_000, description="应到人数: 全体组成人员; 须表决的步骤必填")
    present: int = Field(0, ge=0, le=100_000, description="到会人数")
    agreed: int = Field(0, ge=0, le=100_000, description="同意人数")
    file_ids: list[UUID] = Field(min_length=1, max_length=20, description="会议记录或公开照片")


class DistributionCreate(RequestBody):
    """编制收益分配方案."""

    id: UUID | None = None
    region: RegionCode = Field(description="所有权人所在的村或镇")
    owner_name: str = Field(min_length=2, max_length=200)
    year: int = Field(ge=2012, le=2100)
    title: str = Field(min_length=2, max_length=200)
    lines: list[LinePost] = Field(min_length=1, max_length=20)
    note: str = Field("", max_length=2000)
    happened_at: AwareDatetime | None = Field(None, description="实际编制时间; 空为现在. 补录历史时填写")


class LinesPost(RequestBody):
    """修改编制中方案的明细."""

    lines: list[LinePost] = Field(min_length=1, max_length=20)


class PayoutPost(RequestBody):
    """发放名单的一笔."""

    id: UUID | None = None
    purpose: IncomePurpose
    payee: str = Field(min_length=2, max_length=100)
    account: BankAccount | None = Field(None, description="收款账号; 加密保存, 只显示尾号")
    amount: PositiveMoney
    basis: str = Field("", max_length=200, description="发放依据; 不写病史等隐私")


class PayoutList(RequestBody):
    """发放名单."""

    items: list[PayoutPost] = Field(min_length=1, max_length=1000)


class PayoutRead(BaseModel):
    """发放名单的一笔."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    purpose: IncomePurpose
    payee: str
    account_masked: str
    amount: Money
    basis: str
    paid_on: date | None
    voucher_no: str
    returns: int = Field(description="兑付后被退回的次数")
    withdrawn: str = Field(description="从名单撤下的理由, 空为有效")
    version: int


class PayoutPaymentPost(RequestBody):
    """登记兑付."""

    paid_on: date
    voucher_no: str = Field(min_length=1, max_length=100)


class PayoutReversalPost(RequestBody):
    """从名单撤下, 或登记兑付被银行退回."""

    reason: str = Field(min_length=2, max_length=500)
    happened_on: date | None = Field(None, description="银行退回的日期; 空为今天")


class PayeeAccountRead(BaseModel):
    """完整账号; each reading is logged."""

    account: str


class DistributionRead(BaseModel):
    """收益分配方案."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    owner_name: str
    year: int
    title: str
    lines: list[LineRead]
    total: Money
    note: str
    state: DistributionState
    state_since: datetime
    created_by: str


class DistributionDetail(DistributionRead):
    """收益分配方案, 四议两公开, 提醒和可办事项."""

    steps: dict[str, dict[str, object]]
    listed: Money = Field(description="发放名单合计")
    unpaid: int = Field(description="未兑付笔数")
    warnings: list[str]
    available_actions: list[AvailableAction]


class DistributionTransitionRequest(TransitionRequest):
    """办理收益分配."""


class BalanceRead(BaseModel):
    """收益账: 已收 = 未分配 + 已定方案待付 + 公积提留 + 已分配."""

    model_config = ConfigDict(from_attributes=True)

    region: str
    received: Money
    available: Money
    planned: Money
    reserved: Money
    distributed: Money
    agrees: bool = Field(description="余额与全部分录之和一致, 且等式成立")
