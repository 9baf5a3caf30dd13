"""What goes in and out about imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.attendance.fields import Day, Person, Region
from services.attendance.imports.kinds import Channel, RunState


class ExternalCreate(BaseModel):
    """登记外部账号对应."""

    id: UUID | None = None
    channel: Channel
    external: str = Field(min_length=1, max_length=100, description="钉钉 userId 或企业微信 userid")
    person: Person
    region: Region


class ExternalRead(BaseModel):
    """外部账号对应."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    channel: Channel
    external: str
    person: str
    region: str
    version: int


class ImportFile(BaseModel):
    """导入一个文件: the JSON answer of the other system, or its list of records."""

    channel: Channel
    region: Region
    records: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=5000,
        description="钉钉 recordresult、企业微信 checkindata 或钉钉签到 data 的各项",
    )


class ImportPull(BaseModel):
    """经接口导入: the keys are used for this call and not kept."""

    channel: Channel
    region: Region
    first: Day
    last: Day
    app_key: str = Field(min_length=1, max_length=200, description="钉钉 AppKey 或企业微信 corpid")
    app_secret: SecretStr = Field(
        min_length=1, max_length=200, description="钉钉 AppSecret 或企业微信应用 secret"
    )
    details: bool = Field(True, description="钉钉: 打卡详情 listRecord; 否则打卡结果 list")


class RunRead(BaseModel):
    """一次导入."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    channel: Channel
    state: RunState
    fresh: int = Field(description="新增打卡")
    known: int = Field(description="此前已导入")
    invalid: int = Field(description="来源判为无效, 已存原文")
    unsigned: int = Field(description="排班未打卡")
    unmatched: int = Field(description="未对应到人员, 已存原文")
    detail: str
    created_at: datetime
    created_by: str
