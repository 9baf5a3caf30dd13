"""What goes in and out about alerts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.assets.alerts.lifecycle import AlertState
from shared.moves import Act, Offer


class AlertRead(BaseModel):
    """预警."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    rule: str
    rule_ref: str = Field(description="规则及其版本")
    light: str = Field(description="red 红灯, yellow 黄灯")
    asset_id: UUID | None
    project_id: UUID | None
    title: str
    message: str
    figures: dict[str, Any]
    owner: str = Field(description="责任人, 空为尚未指定")
    due_on: date
    state: AlertState
    state_since: datetime
    feedback: str
    answered_by: str
    seen_at: datetime = Field(description="规则最近一次发现的时间")
    gone: bool = Field(description="情形是否已消除")


class AlertDetail(AlertRead):
    """预警和可办事项."""

    available_actions: list[Offer]


class AlertAct(Act):
    """办理预警."""


class AlertOwner(BaseModel):
    """指定预警责任人和期限."""

    owner: str = Field(min_length=2, max_length=100)
    due_on: date


class Sweep(BaseModel):
    """一次检查的结果."""

    found: int = Field(description="现有情形")
    new: int = Field(description="新预警")
    reopened: int
    gone: int = Field(description="已消除")
