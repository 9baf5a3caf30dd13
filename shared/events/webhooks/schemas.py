"""Request and response schemas of webhooks, and their events."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import RegionCode
from shared.events.event import Event
from shared.events.outbox_cursors import DeadLetterRead, DeliveryRead
from shared.http.patch_body import PatchBody
from shared.request_body import RequestBody


class WebhookCreate(RequestBody):
    """订阅推送. The secret is read once at `…/secret`."""

    id: UUID | None = None
    region: RegionCode = Field(description="只推送这个地区及其下级的事件, 且不超出订阅人的辖区")
    name: str = Field(min_length=2, max_length=100, description="订阅名称, 如 财政一体化系统")
    url: str = Field(min_length=8, max_length=2000, description="接收地址, https")
    types: list[str] = Field([], max_length=100, description="事件类型, 空为全部")
    start: Literal["now", "beginning"] = Field("now", description="从现在起, 或从最早的事件起")


class WebhookChange(PatchBody):
    """修改订阅."""

    name: str | None = Field(None, min_length=2, max_length=100)
    url: str | None = Field(None, min_length=8, max_length=2000)
    types: list[str] | None = Field(None, max_length=100)


class WebhookRead(BaseModel):
    """推送订阅."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name: str
    url: str
    types: list[str]
    spans: list[tuple[str, str]] = Field(description="推送范围: 区划代码的起止")
    active: bool
    stopped_reason: str = Field(description="停用的原因")
    failing_since: datetime | None = Field(description="从何时起一直没有送达")
    old_until: datetime | None = Field(description="旧密钥同时签名到何时")
    created_by: str
    created_at: datetime
    updated_at: datetime


class WebhookDetail(WebhookRead):
    """推送订阅及其进度."""

    cursor: str = Field(description="已送到哪里, 可用于重放")
    waiting: int = Field(description="还没送到的事件数, 数到一万为止")
    parked: int = Field(description="被拒收而搁置的事件数")
    failures: int = Field(description="连续失败次数")
    due_at: datetime = Field(description="下次推送时间")
    last_error: str


class SecretRead(BaseModel):
    """签名密钥(Standard Webhooks, v1 HMAC-SHA256)."""

    id: UUID
    secret: str
    old_until: datetime | None


class SecretRotation(RequestBody):
    """更换密钥: both secrets sign until the overlap ends."""

    overlap_hours: int = Field(24, ge=0, le=168, description="旧密钥继续有效的小时数")


class WebhookStop(RequestBody):
    """停用."""

    reason: str = Field(min_length=2, max_length=500)


class WebhookReplay(RequestBody):
    """重放: deliver all events after a position again."""

    after: str = Field("", max_length=64, description="事件的 sequence, 空为最早")


class WebhookRetryRequest(RequestBody):
    """重新推送搁置的事件."""

    subject: str = Field("", max_length=64, description="空为全部")


class WebhookRetryResult(BaseModel):
    """已要求重新推送的事件数."""

    asked: int


class WebhookDeadLetters(BaseModel):
    """搁置的事件."""

    items: list[DeadLetterRead]


class WebhookDeliveries(BaseModel):
    """最近的推送."""

    items: list[DeliveryRead]


class WebhookChanged(Event):
    """推送订阅有变: created, changed, rotated, started, stopped, replayed or deleted."""

    topic: ClassVar[str] = "webhook.changed"
    webhook_id: UUID
    what: str


class WebhookSecretRead(Event):
    """A webhook's signing secret was read."""

    topic: ClassVar[str] = "webhook.secret_read"
    webhook_id: UUID
