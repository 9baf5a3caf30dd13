"""Bodies of reminder subscriptions, and the event of a message."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum, RegionCode
from shared.events import Event
from shared.request_body import RequestBody


class ReminderDue(Event):
    """What is due soon in a district today, as a message."""

    topic: ClassVar[str] = "reminder.due"
    on: date
    count: int
    text: str


class ReminderForm(LabelledEnum):
    """提醒发到哪里."""

    DINGTALK = "dingtalk", "钉钉群机器人"
    WECOM = "wecom", "企业微信群机器人"
    WEBHOOK = "webhook", "其他系统"


class ReminderCreate(RequestBody):
    """登记到期提醒的接收处."""

    region: RegionCode = Field(description="提醒哪个地区的事项")
    name: str = Field(min_length=2, max_length=100, description="名称, 如 乡村振兴工作群")
    form: ReminderForm
    url: str = Field(min_length=8, max_length=2000, description="机器人的 Webhook 地址, https")
    secret: str = Field("", max_length=200, description="钉钉机器人的加签密钥, SEC 开头; 没有加签则空")


class ReminderRead(BaseModel):
    """到期提醒的接收处. The address is not shown again: whoever has it can post to the group."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    name: str
    form: ReminderForm
    active: bool
    stopped_reason: str
    failing_since: datetime | None = Field(description="从何时起一直没有送达")
    created_by: str
    created_at: datetime
    version: int
