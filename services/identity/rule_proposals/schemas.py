"""Requests and responses of rule proposals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.identity.rule_proposals.lifecycle import ProposalState
from shared.lifecycle.transitions import AvailableAction
from shared.rules import RuleEntry


class ProposalCreate(RuleEntry):
    """提出安全规则的新版本."""

    id: UUID | None = Field(None, description="由客户端给出时, 重复提交返回同一条")


class ProposalRead(BaseModel):
    """安全规则修改."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    key: str
    entry: dict[str, Any] = Field(description="提出的版本")
    state: ProposalState
    state_since: datetime
    created_by: str = Field(description="提出人")
    created_at: datetime
    decided_by: str = Field(description="确认或否决的人")
    rule_version: int | None = Field(description="确认后形成的规则版本")


class ProposalDetail(ProposalRead):
    """安全规则修改和可办事项."""

    available_actions: list[AvailableAction]
