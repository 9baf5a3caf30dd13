"""Query parameters and answers of table imports."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum, RegionCode
from shared.records.table_imports import TableReport


class ImportState(LabelledEnum):
    """导入进展."""

    RUNNING = "running", "导入中"
    DONE = "done", "已完成"
    FAILED = "failed", "已中断"
    CANCELLED = "cancelled", "已取消"


class ImportQuery(BaseModel):
    """导入的参数, sent beside the file; a kind adds its own."""

    region: RegionCode = Field(description="导入到哪个县(区)")
    name: str = Field("", max_length=255, description="文件名")
    mapping: str = Field(
        "",
        max_length=3000,
        description='列的对应关系, JSON: {"表中的标题": "栏目"}, 栏目为空则不读这一列; 导入后本县同样表头不必再发',
    )
    corrections: str = Field(
        "",
        max_length=4000,
        description='改好的格, JSON: [{"sheet": "工作表", "row": 6, "key": "栏目", "value": "80"}]; 写进原表再读',
    )
    dry_run: bool = Field(False, description="只检查")
    partial: bool = Field(False, description="有问题的行留下, 其余照常导入; 逐行导入的表总是如此")


class RowFault(BaseModel):
    """一行的问题."""

    sheet: str = Field("", description="工作表")
    row: int = Field(description="表格中的行号")
    column: str
    message: str
    key: str = Field("", description="栏目, 更正时用; 空为整行的问题")
    value: str = Field("", description="格中现在的内容; 含个人信息的表不显示")


class FieldDifference(BaseModel):
    """表中与库内不同的一栏."""

    column: str
    library: str = Field(description="库内")
    table: str = Field(description="表中")


class TableRowDifference(BaseModel):
    """一行与库内记录的不同."""

    sheet: str
    row: int = Field(description="表格中的行号")
    record_id: UUID | None
    fields: list[FieldDifference]


class TableImportRead(TableReport):
    """一次导入和它的进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    kind: str
    kind_label: str
    name: str
    state: ImportState
    state_label: str
    dry_run: bool
    partial: bool
    rows: int = Field(description="表中的行数")
    done: int = Field(description="已处理的行数")
    imported: int = Field(description="导入的行数; 试算时为可导入数")
    already: int = Field(description="此前已有的行")
    differs: int = Field(description="此前已有、与库内有不同的行数; 库内不改, 见 differences")
    wrong: int = Field(description="有问题的行数")
    record_id: UUID | None = Field(description="整表成为一条记录时的编号: 对账单、方案")
    faults: list[RowFault] = Field(description="前 200 处问题; 全部见 rows_address")
    differences: list[TableRowDifference] = Field(description="前 200 行不同; 全部见 rows_address")
    message: str = Field(description="结果或中断的原因")
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    address: str = Field(description="进展")
    rows_address: str = Field(description="逐行结果")
    workbook: str = Field(description="原表, 错误的单元格标红并加批注, 说明写在“问题”列")


class TableImportRowRead(BaseModel):
    """一行的结果."""

    model_config = ConfigDict(from_attributes=True)

    sheet: str = Field(description="工作表")
    number: int = Field(description="表格中的行号")
    record_id: UUID | None
    already: bool
    wrong: bool
    faults: list[dict[str, str]]
    differs: list[dict[str, str]] = Field(description="与库内不同的栏: column, library, table")
    notes: list[str] = Field(description="建议和说明")
