"""Request and response bodies of handovers."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.identity.accounts.schemas import AccountId, GrantWrite
from shared.request_body import RequestBody


class HandoverCreate(RequestBody):
    """工作移交: grants, alerts, posts, team terms, duties and delegations go to the successor."""

    id: UUID | None = None
    account: AccountId = Field(description="移交人的用户名")
    successor: AccountId = Field(description="接手人的用户名")
    starts_on: date | None = Field(None, description="接手第一天; 空为今天")
    reason: str = Field(min_length=2, max_length=500, description="事由, 如 调离、退休、轮换")

    @model_validator(mode="after")
    def _check_persons(self) -> Self:
        if self.account == self.successor:
            raise ValueError("移交人与接手人是同一账号")
        return self


class HandoverRead(BaseModel):
    """一次工作移交."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    account_id: str
    account_name: str
    successor_id: str
    successor_name: str
    starts_on: date
    reason: str
    moved: list[GrantWrite] = Field(description="移交的授权")
    created_by: str
    created_at: datetime
    version: int
