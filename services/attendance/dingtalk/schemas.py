"""DingTalk's own names and shapes (open.dingtalk.com, 获取打卡结果 and 获取打卡详情); times are Unix milliseconds."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

TIME = "%Y-%m-%d %H:%M:%S"


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


class Answer(BaseModel):
    """钉钉格式的答复: errcode 0 is success; `hasMore` only where there are pages."""

    errcode: int = 0
    errmsg: str = "ok"
    hasMore: bool | None = None  # noqa: N815 - DingTalk's name
    recordresult: list[dict[str, Any]] = []


def instant(text: str) -> datetime:
    """A time as DingTalk writes it, without zone. ValueError otherwise."""
    return datetime.strptime(text, TIME)  # noqa: DTZ007 - their times have no zone; the caller sets Beijing's
