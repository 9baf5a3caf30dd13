"""Request and response schemas of commitments."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.china import Money, PositiveMoney
from shared.request_body import RequestBody


class CommitmentWrite(RequestBody):
    """登记资金安排."""

    amount: PositiveMoney
    plan_id: UUID
    document_no: str = Field("", max_length=100, description="指标文文号")


class CommitmentRead(BaseModel):
    """一笔登记的资金安排."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    plan_id: UUID
    amount: Money
    document_no: str
    committed_at: datetime
    issued_at: datetime | None
    released_at: datetime | None
