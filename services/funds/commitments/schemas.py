"""Response schemas of commitments and their reconciliation."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum


class CommitmentState(LabelledEnum):
    """登记状态. `pending` and `releasing` are half done: the reconciler finishes or undoes them."""

    PENDING = "pending", "登记中"
    HELD = "held", "已登记"
    RELEASING = "releasing", "撤销中"
    RELEASED = "released", "已撤销"


class CommitmentRead(BaseModel):
    """一条未了结的项目登记."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    plan_id: UUID
    project_id: UUID
    state: CommitmentState
    asked_at: datetime
    last_error: str


class ReconciliationResult(BaseModel):
    """核对结果: what was finished or undone now, and what is still open."""

    settled: int = Field(description="本次了结的登记数")
    open: int = Field(description="仍未了结的登记数")
