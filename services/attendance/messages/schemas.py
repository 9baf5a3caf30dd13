"""Requests, responses and code sets of messages."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.request_body import RequestBody


class MessageKind(LabelledEnum):
    """消息类别."""

    LEAVE = "leave", "请假"
    ERRAND = "errand", "公出"
    MAKE_UP = "make_up", "补卡"
    REVIEW = "review", "复核"
    CORRECTION = "correction", "管理员补记"
    DEVICE = "device", "常用手机"
    SPOT_CHECK = "spot_check", "抽查"
    DUTY = "duty", "值班"
    SWAP = "swap", "换班"
    SHEET = "sheet", "月表"
    OBJECTION = "objection", "异议答复"
    TERM = "term", "任期"


class MessageRead(BaseModel):
    """一条消息."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: MessageKind
    words: str
    about_id: UUID | None = Field(description="所涉记录的编号")
    unread: bool
    read_at: datetime | None
    created_at: datetime
    version: int


class MessagesSeen(RequestBody):
    """读到这一条为止."""

    until: UUID = Field(description="这一条及更早的都记为已读")


class SeenCount(BaseModel):
    """记为已读的条数."""

    seen: int
