"""What goes in and out about channels."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from services.attendance.channels.kinds import PullState
from services.attendance.fields import Day, Region
from services.attendance.imports.kinds import Channel

KEY = "钉钉 AppKey 或企业微信 corpid"
SECRET = "钉钉 AppSecret 或企业微信应用 secret; 加密保存, 不再显示"  # noqa: S105 - a description


class ChannelCreate(BaseModel):
    """登记考勤接口."""

    id: UUID | None = None
    channel: Channel
    region: Region
    app_key: str = Field(min_length=1, max_length=200, description=KEY)
    app_secret: SecretStr = Field(min_length=8, max_length=200, description=SECRET)
    details: bool = Field(True, description="钉钉: 打卡详情 listRecord; 否则打卡结果 list")
    hour: int = Field(6, ge=0, le=23, description="每天几点(北京时间)导入")
    days_back: int = Field(3, ge=1, le=30, description="每次取回最近几天, 补上迟到的记录")
    enabled: bool = True


class ChannelChange(BaseModel):
    """修改考勤接口; absent fields stay."""

    app_key: str | None = Field(None, min_length=1, max_length=200, description=KEY)
    app_secret: SecretStr | None = Field(None, min_length=8, max_length=200, description=SECRET)
    details: bool | None = None
    hour: int | None = Field(None, ge=0, le=23)
    days_back: int | None = Field(None, ge=1, le=30)
    enabled: bool | None = None


class PullNow(BaseModel):
    """现在导入, 空为最近几天."""

    first: Day | None = None
    last: Day | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.first is None) != (self.last is None):
            raise ValueError("起止日期须同时填写")
        return self


class ChannelRead(BaseModel):
    """考勤接口与进度."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    channel: Channel
    region: str
    app_key: str
    secret_masked: str = Field(description="只显示末两位")
    details: bool
    hour: int
    days_back: int
    enabled: bool
    state: PullState
    due_at: datetime = Field(description="下次导入的时间")
    first: date | None = Field(description="这次或上次取回的起止日期")
    last: date | None
    parts: int = Field(description="分几次取回")
    parts_done: int = Field(description="已取回几次")
    fresh: int = Field(description="这次或上次新增的打卡")
    last_error: str
    last_done_at: datetime | None
    version: int
