"""One thread, from whichever record it is pulled."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.gateway.pieces import Missing
from services.gateway.threads.kinds import Kind

Rows = list[dict[str, Any]]


class Step(BaseModel):
    """全链条上的一步."""

    label: str
    on: str = Field(description="日期, 空为尚未发生或没有记载")
    text: str
    amount: str = Field("", description="元")
    state: str = ""
    service: str
    id: str
    address: str


class Thread(BaseModel):
    """资金全链条: records as their own services answer them, and the same told step by step."""

    kind: Kind
    id: UUID
    steps: list[Step] = Field(description="按日期排列")
    sources: Rows
    plans: Rows
    allocations: Rows
    projects: Rows
    notices: Rows
    contracts: Rows
    progress: Rows
    payments: Rows
    assets: Rows
    inspections: Rows
    visits: Rows
    figures: dict[str, Any] | None = Field(description="以上资金安排的合计")
    coverage: Rows = Field(description="各项目的资产登记情况")
    more_projects: int = Field(description="还有多少个项目没有展开")
    missing: list[Missing]
    withheld: list[Missing]
