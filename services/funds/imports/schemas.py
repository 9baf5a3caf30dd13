"""What an imported table says, row by row, and what would become of it."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import FaultRead
from shared.money import Money, SignedMoney


class ImportedLine(BaseModel):
    """表中的一行."""

    model_config = ConfigDict(from_attributes=True)

    row: int = Field(description="表格软件中的行号")
    name: str
    place: str
    amount: Money
    project_id: UUID | None = Field(description="项目库中的项目; 空则没有找到或有重名")
    project_state: str
    document_no: str = Field(description="所用指标文; 空则分不清")


class ImportRead(BaseModel):
    """导入结果. `plan_id` is empty after a dry run."""

    model_config = ConfigDict(from_attributes=True)

    plan_id: UUID | None
    lines: list[ImportedLine]
    total: Money = Field(description="明细合计")
    announced_total: Money
    difference: SignedMoney = Field(description="明细合计减方案总额")
    totals_skipped: list[int] = Field(description="合计行的行号, 不导入")
    columns_ignored: list[str] = Field(description="不认识的列")
    errors: list[FaultRead]
