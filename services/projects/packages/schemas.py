"""What a package looks like with its parts."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.library.reads import ProjectRow
from shared.money import Money, SignedMoney


class Rolled(BaseModel):
    """下级项目合计(只计最末级)."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    total: Money
    allocated: Money
    paid: Money
    settled: Money
    completed: int = Field(description="已完工及以后的项目数")


class Parts(BaseModel):
    """项目包及其下级."""

    id: UUID
    name: str
    total: Money
    sum: Rolled
    difference: SignedMoney = Field(description="本级总投资减下级合计")
    items: list[ProjectRow]
