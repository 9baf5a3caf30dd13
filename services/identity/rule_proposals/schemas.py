"""Requests and responses of rule proposals."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field

from services.identity.policy import RULES
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

    @computed_field
    def title(self) -> str:
        """The name of the rule."""
        return str(self.entry["title"])

    @computed_field
    def proposed(self) -> str:
        """提出的值, in words: what the second person confirms."""
        key = next((one for one in RULES if one.key == self.key), None)
        return str(self.entry["value"]) if key is None else key.write_value(self.entry["value"])

    @computed_field
    def effective_from(self) -> date:
        """生效日期."""
        return date.fromisoformat(self.entry["effective_from"])

    @computed_field
    def basis(self) -> str:
        """依据."""
        return str(self.entry["basis"])


class ProposalDetail(ProposalRead):
    """安全规则修改和可办事项."""

    available_actions: list[AvailableAction]
