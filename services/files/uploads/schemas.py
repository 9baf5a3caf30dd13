"""Shapes of uploads."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum
from shared.files.uploads import FileRead
from shared.request_body import RequestBody


class UploadState(LabelledEnum):
    """上传状态."""

    OPEN = "open", "未传完"
    FINISHED = "finished", "已传完"
    REFUSED = "refused", "内容不被接受"
    ENDED = "ended", "已放弃"
    EXPIRED = "expired", "已过期"


class UploadRead(BaseModel):
    """上传: `file` is what came of it; its id is the upload's."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: UploadState
    name: str
    media_type: str
    region: str
    length: int = Field(description="字节")
    received: int = Field(description="已收到的字节")
    created_at: datetime
    expires_at: datetime
    problem: dict[str, Any] = Field({}, description="内容不被接受的原因 (problem+json)")
    file: FileRead | None = None


class FilesAsked(RequestBody):
    """要核对的文件: 其中已有记录使用的, 调用人经记录可以查看的; 未使用的文件可用的辖区 (起止区划代码)."""

    ids: list[UUID] = Field(max_length=2000)
    readable: list[UUID] = Field(max_length=2000)
    held: list[UUID] = Field(max_length=2000)
    areas: list[tuple[str, str]] = Field(max_length=200)


class FilesFound(BaseModel):
    """其中调用人可以使用的文件."""

    items: list[FileRead]
