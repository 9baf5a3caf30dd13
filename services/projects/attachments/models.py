"""Table of attachments."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.attachments.schemas import DocumentKind
from services.projects.base import Base
from shared.db import text_enum


class Attachment(Base, table=True):
    """附件. Insert-only; removing one records who removed it and why."""

    __tablename__ = "attachment"
    __table_args__ = (sa.Index(None, "project_id", "id"),)

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    kind: DocumentKind = Field(sa_type=text_enum(DocumentKind))
    file_id: str = Field(max_length=64)
    title: str = Field(default="", max_length=300)
    document_no: str = Field(default="", max_length=100)
    dated_on: date | None = None
    added_at: datetime
    added_by: str = Field(max_length=64)
    removed_at: datetime | None = None
    removed_by: str = Field(default="", max_length=64)
    removed_reason: str = Field(default="", max_length=500)

    @property
    def kind_label(self) -> str:
        """The Chinese label of the kind."""
        return self.kind.label
