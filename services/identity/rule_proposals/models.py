"""The table of rule proposals."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from services.identity.rule_proposals.lifecycle import ProposalState
from shared.db import JSON, Record, text_enum


class RuleProposal(Base, Record, table=True):
    """安全规则修改: the version that is proposed, and what became of it."""

    __tablename__ = "rule_proposal"
    __table_args__ = (sa.Index(None, "created_at", "id"),)

    key: str = Field(max_length=80)
    entry: dict[str, Any] = Field(sa_type=JSON)
    state: ProposalState = Field(sa_type=text_enum(ProposalState))
    state_since: datetime
    decided_by: str = Field(default="", max_length=64)
    rule_version: int | None = None
    """Version of the rule that the confirmation made."""
