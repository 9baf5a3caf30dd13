"""What goes in and out about swaps."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.attendance.fields import Person, PersonName
from services.attendance.swaps.lifecycle import SwapState
from shared.moves import Offer


class SwapCreate(BaseModel):
    """换班申请: 本人的班次, 换对方的班次; 或请对方替班."""

    id: UUID | None = None
    duty_id: UUID = Field(description="本人的班次")
    other_duty_id: UUID | None = Field(None, description="对方的班次; 空为请对方替班")
    partner: Person | None = Field(None, description="替班人的账号编号; 换班时不填")
    partner_name: PersonName | None = Field(None, description="替班人的姓名; 换班时不填")
    why: str = Field(min_length=2, max_length=500, description="事由")

    @model_validator(mode="after")
    def _with_somebody(self) -> Self:
        if self.other_duty_id is None and not (self.partner and self.partner_name):
            raise ValueError("须写明对方的班次, 或替班人的账号编号与姓名")
        if self.other_duty_id == self.duty_id:
            raise ValueError("不能与同一个班次换")
        return self


class SwapRead(BaseModel):
    """换班."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    duty_id: UUID
    other_duty_id: UUID | None
    person: str
    person_name: str
    partner: str
    partner_name: str
    region: str
    why: str
    state: SwapState
    state_since: datetime
    version: int


class SwapDetail(SwapRead):
    """换班与可办事项."""

    available_actions: list[Offer]
