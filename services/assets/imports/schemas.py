"""What an import answers."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.money import Money


class RowFault(BaseModel):
    """一处问题."""

    model_config = ConfigDict(from_attributes=True)

    row: int = Field(description="表格中的行号")
    column: str
    message: str
    pointer: str


class ImportAnswer(BaseModel):
    """导入结果: with faults nothing was taken in."""

    model_config = ConfigDict(from_attributes=True)

    rows: int
    created: int = Field(description="建立的资产数; 试导入或有错误时为 0")
    registered: int = Field(description="其中已登记并取得编号的")
    value: Money = Field(description="各行原值合计")
    ignored: list[str] = Field(description="没有用到的列")
    totals: list[int] = Field(description="略过的合计行")
    faults: list[RowFault]
    more_faults: int = Field(description="未列出的问题数")
    ids: list[UUID] = Field([], description="建立的资产, 最多列 1000 个")
