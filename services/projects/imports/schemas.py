"""What is shown of imports."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.imports.kinds import ImportState


class RowFault(BaseModel):
    """一行的问题."""

    row: int = Field(description="表格中的行号")
    column: str
    message: str


class ImportRead(BaseModel):
    """一次导入和它的进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name: str
    state: ImportState
    state_label: str = ""
    dry_run: bool
    rows: int = Field(description="表中的行数")
    done: int = Field(description="已处理的行数")
    imported: int = Field(description="新建草稿数; 试算时为可导入数")
    already: int = Field(description="此前已导入的相同行")
    wrong: int = Field(description="有问题的行数")
    ignored: list[str] = Field(description="未识别的列")
    faults: list[RowFault] = Field(description="前 200 处问题; 全部见 rows_address")
    project_ids: list[UUID] = Field(description="短表: 各行对应的项目; 长表见 rows_address")
    message: str = Field(description="中断的原因")
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    address: str = Field(description="进展")
    rows_address: str = Field(description="逐行结果")
    workbook: str = Field(description="原表的副本, 错误写在“问题”列")


class ImportRowRead(BaseModel):
    """一行的结果."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="表格中的行号")
    project_id: UUID | None
    already: bool
    wrong: bool
    faults: list[dict[str, str]]
