"""Requests and responses of entitlements and balances."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.attendance.fields import Person, PersonName
from services.attendance.policy import LeaveKind
from shared.http import PatchBody
from shared.request_body import RequestBody


class EntitlementCreate(RequestBody):
    """登记一人一年的假期天数."""

    id: UUID | None = None
    person: Person
    person_name: PersonName
    year: int = Field(ge=2000, le=2100)
    kind: LeaveKind
    days: int = Field(ge=0, le=366)
    basis: str = Field(min_length=2, max_length=500, description="依据, 如工龄满10年")


class EntitlementChange(PatchBody):
    """更正假期天数."""

    days: int | None = Field(None, ge=0, le=366)
    basis: str | None = Field(None, min_length=2, max_length=500)


class EntitlementRead(BaseModel):
    """一人一年的假期天数."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    person_name: str
    region: str
    year: int
    kind: LeaveKind
    days: int
    basis: str
    version: int


class LeaveBalance(BaseModel):
    """一种假的余额; half days as .5."""

    kind: LeaveKind
    label: str
    entitled: float | None = Field(description="全年天数; 空为不限")
    basis: str
    taken: float = Field(description="已批准的天数")
    pending: float = Field(description="审批中的天数")
    left: float | None = Field(description="还可以请的天数; 空为不限")


class LeaveBalances(BaseModel):
    """一人一年各种假的余额."""

    person: str
    year: int
    items: list[LeaveBalance]
