"""What goes out about messages."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.messages.kinds import MessageKind


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


class MessagesSeen(BaseModel):
    """读到这一条为止."""

    until: UUID = Field(description="这一条及更早的都记为已读")


class SeenCount(BaseModel):
    """记为已读的条数."""

    seen: int
