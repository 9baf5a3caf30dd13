"""What goes in and out about documents of projects."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.library.kinds import Document


class AttachmentCreate(BaseModel):
    """添加附件. The file was uploaded to /projects/files before."""

    id: UUID | None = None
    kind: Document
    file_id: UUID
    title: str = Field("", max_length=300)
    document_no: str = Field("", max_length=100, description="文号")
    dated_on: date | None = Field(None, description="文件日期")


class AttachmentRemove(BaseModel):
    """撤下附件."""

    reason: str = Field(min_length=2, max_length=500)


class AttachmentRead(BaseModel):
    """附件."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    kind: Document
    kind_label: str = ""
    file_id: str
    title: str
    document_no: str
    dated_on: date | None
    added_at: datetime
    added_by: str
    removed_at: datetime | None
    removed_reason: str
