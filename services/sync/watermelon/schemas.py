"""Shapes of WatermelonDB's sync protocol; names in camel case are the library's."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.sync.changes.schemas import MissingService
from services.sync.items.schemas import SyncItemResult
from shared.http import JUDGED_ONE_BY_ONE
from shared.request_body import RequestBody

MAX_PUSH_BYTES = 1024 * 1024
MAX_PUSH_RECORDS = 2000
LARGEST_NUMBER = 2**53 - 1
"""The largest integer that JavaScript keeps exactly."""


class WatermelonChanges(BaseModel):
    """一张表的变化."""

    created: list[dict[str, Any]] = Field([], description="总是空的: 请设 sendCreatedAsUpdated")
    updated: list[dict[str, Any]] = []
    deleted: list[str] = []


class WatermelonStrategy(BaseModel):
    """哪些表整表替换."""

    default: Literal["incremental"] = "incremental"
    override: dict[str, Literal["replacement"]] = {}


class WatermelonPull(BaseModel):
    """一次拉取, as `pullChanges` returns it."""

    model_config = ConfigDict(populate_by_name=True)

    changes: dict[str, WatermelonChanges]
    timestamp: int = Field(description="下次的 lastPulledAt")
    experimental_strategy: WatermelonStrategy = Field(alias="experimentalStrategy")
    missing: list[MissingService] = Field(
        description="暂时联系不上的服务: their tables come with a later pull"
    )


class WatermelonTablePush(RequestBody):
    """一张表里手机上的变化, as WatermelonDB keeps them, with `_status` and `_changed`."""

    created: list[dict[str, Any]] = Field([])
    updated: list[dict[str, Any]] = Field([])
    deleted: list[str] = Field([])


class WatermelonPush(RequestBody):
    """一次推送: the argument of `pushChanges`."""

    changes: Annotated[dict[str, WatermelonTablePush], JUDGED_ONE_BY_ONE] = Field(max_length=100)
    last_pulled_at: int = Field(ge=0, le=LARGEST_NUMBER, description="pushChanges 的 lastPulledAt")
    sent_at: AwareDatetime | None = Field(None, description="发送时手机上的时间, 用来校正手机时钟; 可不带")


class WatermelonResult(BaseModel):
    """一条记录的结果."""

    table: str
    id: str
    result: SyncItemResult


class WatermelonPushResult(BaseModel):
    """一次推送的结果, as `pushChanges` returns it: rejected records stay changed on the phone and are pushed again."""

    model_config = ConfigDict(populate_by_name=True)

    experimental_rejected_ids: dict[str, list[str]] = Field(alias="experimentalRejectedIds")
    results: list[WatermelonResult]


class WatermelonColumn(BaseModel):
    """一列, as `tableSchema` takes it."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    type: Literal["string", "number", "boolean"]
    is_optional: bool = Field(alias="isOptional")


class WatermelonTable(BaseModel):
    """一张表, as `tableSchema` takes it."""

    name: str
    columns: list[WatermelonColumn]
    creates: bool = Field(description="手机上可以新建")
    changes: list[str] = Field(description="手机上可以修改的列")


class WatermelonSchema(BaseModel):
    """全部的表, as `appSchema` takes them."""

    tables: list[WatermelonTable]
