"""Requests, responses and code sets of imports, channels and the DingTalk format."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from services.attendance.fields import Day, Person, Region
from shared.china import LabelledEnum
from shared.http import PatchBody
from shared.request_body import RequestBody


class Channel(LabelledEnum):
    """考勤来源系统."""

    DINGTALK = "dingtalk", "钉钉"
    WECOM = "wecom", "企业微信"


class RunState(LabelledEnum):
    """导入状态."""

    DONE = "done", "已完成"
    FAILED = "failed", "未完成"


class ImportedRecordState(LabelledEnum):
    """一条外部记录的去向."""

    TAKEN = "taken", "已转为打卡"
    INVALID = "invalid", "来源判为无效"
    UNSIGNED = "unsigned", "排班未打卡"
    UNMATCHED = "unmatched", "未对应到人员"


class PullState(LabelledEnum):
    """定时导入状态."""

    WAITING = "waiting", "等待下次"
    RUNNING = "running", "正在导入"
    FAILED = "failed", "上次未完成, 将重试"


class ExternalCreate(RequestBody):
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


def unwrap_answer(sent: Any) -> Any:  # noqa: ANN401 - whatever came
    """The list of records in a whole answer of the other system."""
    if not isinstance(sent, dict):
        return sent
    lists = (sent.get(name) for name in ("recordresult", "checkindata", "data"))
    return next((found for found in lists if isinstance(found, list)), sent)


class ImportFile(RequestBody):
    """导入一个文件: the JSON answer of the other system, or its list of records."""

    channel: Channel
    region: Region
    records: list[Any] = Field(
        min_length=1,
        max_length=5000,
        description="钉钉 recordresult、企业微信 checkindata 或钉钉签到 data 的各项; 也可以是整份答复. 逐条判断, 一条有误不影响其余",
        json_schema_extra={"x-type": "json"},
    )

    @field_validator("records", mode="before")
    @classmethod
    def _unwrap_answer(cls, sent: Any) -> Any:  # noqa: ANN401 - whatever came
        return unwrap_answer(sent)


class ImportPull(RequestBody):
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


APP_KEY_DESCRIPTION = "钉钉 AppKey 或企业微信 corpid"
APP_SECRET_DESCRIPTION = "钉钉 AppSecret 或企业微信应用 secret; 加密保存, 不再显示"  # noqa: S105 - a description


class ChannelCreate(RequestBody):
    """登记考勤接口."""

    id: UUID | None = None
    channel: Channel
    region: Region
    app_key: str = Field(min_length=1, max_length=200, description=APP_KEY_DESCRIPTION)
    app_secret: SecretStr = Field(min_length=8, max_length=200, description=APP_SECRET_DESCRIPTION)
    details: bool = Field(True, description="钉钉: 打卡详情 listRecord; 否则打卡结果 list")
    hour: int = Field(6, ge=0, le=23, description="每天几点(北京时间)导入")
    days_back: int = Field(3, ge=1, le=30, description="每次取回最近几天, 补上迟到的记录")
    enabled: bool = True


class ChannelChange(PatchBody):
    """修改考勤接口; absent fields stay."""

    app_key: str | None = Field(None, min_length=1, max_length=200, description=APP_KEY_DESCRIPTION)
    app_secret: SecretStr | None = Field(
        None, min_length=8, max_length=200, description=APP_SECRET_DESCRIPTION
    )
    details: bool | None = None
    hour: int | None = Field(None, ge=0, le=23)
    days_back: int | None = Field(None, ge=1, le=30)
    enabled: bool | None = None


class PullNow(RequestBody):
    """现在导入, 空为最近几天."""

    first: Day | None = None
    last: Day | None = None

    @model_validator(mode="after")
    def _check_both_days(self) -> Self:
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


DINGTALK_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class ListAsk(BaseModel):
    """获取打卡结果 /attendance/list."""

    model_config = ConfigDict(extra="allow")

    workDateFrom: str = Field(max_length=19)  # noqa: N815 - DingTalk's name
    workDateTo: str = Field(max_length=19)  # noqa: N815 - DingTalk's name
    userIdList: list[str] = []  # noqa: N815 - DingTalk's name
    offset: int = 0
    limit: int = 50


class RecordAsk(BaseModel):
    """获取打卡详情 /attendance/listRecord."""

    model_config = ConfigDict(extra="allow")

    userIds: list[str] = []  # noqa: N815 - DingTalk's name
    checkDateFrom: str = Field(max_length=19)  # noqa: N815 - DingTalk's name
    checkDateTo: str = Field(max_length=19)  # noqa: N815 - DingTalk's name


class DingTalkAnswer(BaseModel):
    """钉钉格式的答复: errcode 0 is success; `hasMore` only where there are pages."""

    errcode: int = 0
    errmsg: str = "ok"
    hasMore: bool | None = None  # noqa: N815 - DingTalk's name
    recordresult: list[dict[str, Any]] | None = None


class DingTalkToken(BaseModel):
    """钉钉格式的令牌答复, 有效 7,200 秒."""

    errcode: int = 0
    errmsg: str = "ok"
    access_token: str | None = None
    expires_in: int | None = None


def parse_dingtalk_time(text: str) -> datetime:
    """Parses DingTalk's time format, which has no zone. Raises ValueError."""
    return datetime.strptime(text, DINGTALK_TIME_FORMAT)  # noqa: DTZ007 - their times have no zone; the caller sets Beijing's
