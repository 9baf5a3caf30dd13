"""Shapes of batches."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SkipValidation

from services.sync.items.schemas import SyncItemCreate, SyncItemResult
from shared.request_body import RequestBody

MAX_BATCH_ITEMS = 500
MAX_BATCH_BYTES = 1024 * 1024


class SyncBatchCreate(RequestBody):
    """一批离线记录: each item is judged by itself (SyncItemCreate); a bad one holds up none but those that name it."""

    model_config = ConfigDict(extra="forbid")

    sent_at: AwareDatetime = Field(description="发送时手机上的时间, 用来校正手机时钟")
    device: str = Field("", max_length=64, description="手机标识")
    items: Annotated[
        list[SkipValidation[SyncItemCreate]], Field(min_length=1, max_length=MAX_BATCH_ITEMS)
    ] = Field(description="逐条校验, 坏的一条不影响其他")


class SyncBatchResult(BaseModel):
    """一批的结果, in the order sent."""

    batch_id: UUID
    received_at: datetime
    clock_offset_s: float = Field(description="手机时钟应加的秒数; 2 分钟以内不校正")
    results: list[SyncItemResult]


class SyncBatchRead(BaseModel):
    """一个批次."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    device: str
    sent_at: datetime
    received_at: datetime
    clock_offset_s: float
