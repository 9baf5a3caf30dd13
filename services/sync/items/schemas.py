"""Shapes of items: as phones send them, and what they get back."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.request_body import RequestBody

Method = Literal["POST", "PUT", "PATCH", "DELETE"]


class ItemVerdict(LabelledEnum):
    """同步结果."""

    APPLIED = "applied", "已办理"
    DUPLICATE = "duplicate", "已办理过"
    CONFLICT = "conflict", "与现有内容冲突"
    HELD = "held", "等待中"
    REFUSED = "refused", "未接受"


class HoldReason(LabelledEnum):
    """等待的原因."""

    NONE = "", "无"
    AFTER = "after", "等待它所依据的另一条"
    FILE = "file", "等待照片或附件上传"
    GRANT = "grant", "此刻没有这项权限"
    SIGNATURE = "signature", "由他人记录, 缺少其手机的有效签名"
    ACCOUNT = "account", "记录人的账号已停用或不存在"
    UNAVAILABLE = "unavailable", "办理的服务暂时联系不上"
    UNFINISHED = "unfinished", "已收到, 正在办理"
    EXPIRED = "expired", "等待超过期限, 已停止办理"


class SyncItemCreate(RequestBody):
    """一条离线记录的请求: exactly what the phone would have sent with a signal."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="手机生成的编号, 也是这次请求的 Idempotency-Key")
    method: Method
    path: str = Field(
        min_length=9, max_length=300, pattern="^/api/v1/[^?#\\s]+$", description="地址, 不带查询参数"
    )
    body: Any = Field(None, description="请求内容, 与单独发送时相同")
    if_match: str = Field("", max_length=100, description="修改所依据的 ETag")
    recorded_at: AwareDatetime = Field(description="记录时手机上的时间")
    recorded_by: str = Field("", max_length=64, description="记录人账号; 空为发送人")
    after: list[UUID] = Field([], max_length=50, description="须在这些条目之后办理")
    signature: str = Field("", max_length=2000, description="他人记录时, 其设备密钥的 JWS (ES256, compact)")


class SyncItemResult(BaseModel):
    """一条的结果."""

    id: str
    verdict: ItemVerdict
    verdict_label: str
    status: int = Field(description="单独发送时会得到的状态码; 0 为尚未办理")
    reason: HoldReason = Field(HoldReason.NONE, description="等待的原因")
    reason_label: str = ""
    waits_for: list[str] = Field([], description="它所等待的条目")
    held_until: datetime | None = Field(None, description="等到何时为止")
    recorded_at: datetime | None = Field(None, description="手机上的时间")
    judged_at: datetime | None = Field(None, description="按服务器校正后的时间, 规则按它判断")
    body: Any = Field(None, description="办理后的答复")
    problem: dict[str, Any] | None = Field(None, description="problem+json, 未接受、冲突或等待的原因")
    current: Any = Field(None, description="冲突时现有的内容")
    differences: list["ItemDifference"] = Field([], description="冲突时各字段的差别")


class ItemDifference(BaseModel):
    """一个字段: what was sent and what stands."""

    pointer: str
    sent: Any = None
    stands: Any = None


class SyncItemRead(BaseModel):
    """一条同步记录."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    region: str
    method: str
    path: str
    recorded_by: str
    recorded_at: datetime
    judged_at: datetime
    created_at: datetime
    verdict: ItemVerdict
    reason: HoldReason
    words: str
    status: int
    held_until: datetime
    seen_at: datetime | None
