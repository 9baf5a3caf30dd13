"""Tables of imports and of the result of each row."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from shared.db import JSON, Record, text_enum
from shared.imports.schemas import ImportState


class ImportJob(Base, Record, table=True):
    """一次导入. `done` counts processed rows and is committed with their results; `actor` is a copy of the uploader's rights."""

    __tablename__ = "import_job"
    __table_args__ = (sa.Index(None, "state", "id"), sa.Index(None, "region", "created_at", "id"))

    name: str = Field(default="", max_length=255)
    sha256: str = Field(max_length=64)
    year: int | None = None
    happened_at: datetime | None = None
    dry_run: bool = False
    actor: dict[str, Any] = Field(sa_type=JSON)
    state: ImportState = Field(sa_type=text_enum(ImportState))
    total: int
    done: int = 0
    imported: int = 0
    already: int = 0
    differs: int = 0
    wrong: int = 0
    mapping: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    report: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    ignored: list[str] = Field(default_factory=list, sa_type=JSON)
    message: str = Field(default="", max_length=500)
    finished_at: datetime | None = None


class ImportRow(Base, table=True):
    """导入表的一行: its project, or its errors. Each row is processed exactly once (unique job and position)."""

    __tablename__ = "import_row"
    __table_args__ = (sa.UniqueConstraint("job_id", "position"),)

    id: UUID = Field(primary_key=True)
    job_id: UUID = Field(foreign_key="import_job.id")
    position: int
    sheet: str = Field(default="", max_length=100)
    number: int
    project_id: UUID | None = None
    already: bool = False
    wrong: bool = False
    is_different: bool = False
    faults: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    differs: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    notes: list[str] = Field(default_factory=list, sa_type=JSON)


class ImportMapping(Base, table=True):
    """列的对应关系: what a district last said the titles of a header mean; `signature` is the SHA-256 of the titles."""

    __tablename__ = "import_mapping"

    region: str = Field(max_length=12, primary_key=True)
    kind: str = Field(max_length=40, primary_key=True)
    signature: str = Field(max_length=64, primary_key=True)
    mapping: dict[str, str] = Field(sa_type=JSON)
    updated_at: datetime
    updated_by: str = Field(max_length=64)
