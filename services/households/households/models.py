"""Tables of monitored households and their members."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.households.base import Base
from services.households.households.lifecycle import HouseholdState, RemovalWay
from services.households.households.schemas import HouseholdType, MonitorClass, Relation
from shared.db import JSON, Fen, Record, text_enum


class Household(Base, Record, table=True):
    """监测户. Phone, account, comparison and risks are sealed; `cadre` is the account that helps it. Amounts in 分 a year."""

    __tablename__ = "household"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "state", "due_on", "id"),
        sa.Index(None, "cadre", "created_at", "id"),
        sa.Index(None, "number"),
    )

    clue_id: UUID | None = None
    number: str = Field(default="", max_length=40)
    head_masked: str = Field(max_length=50)
    size: int
    household_type: HouseholdType = Field(sa_type=text_enum(HouseholdType))
    monitor_class: MonitorClass = Field(sa_type=text_enum(MonitorClass))
    phone_sealed: str = Field(default="", sa_type=sa.Text)
    account_sealed: str = Field(default="", sa_type=sa.Text)
    risks_sealed: str = Field(default="", sa_type=sa.Text)
    comparison_sealed: str = Field(default="", sa_type=sa.Text)
    income: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    per_head: int = Field(default=0, sa_type=Fen)
    safeguards: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    no_labour: bool = False
    income_unstable: bool = False
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    verified_on: date
    compared_on: date | None = None
    compared_by: str = Field(default="", max_length=64)
    clean: bool | None = None
    met_on: date | None = None
    attended: int | None = None
    agreed: int | None = None
    reviewed_by: str = Field(default="", max_length=64)
    identified_on: date | None = None
    proposed_by: str = Field(default="", max_length=64)
    removal_way: RemovalWay | None = Field(default=None, sa_type=text_enum(RemovalWay))
    removed_on: date | None = None
    income_after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    safeguards_after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    cadre: str = Field(max_length=64)
    cadre_name: str = Field(default="", max_length=50)
    due_on: date | None = None
    faults: list[str] = Field(default_factory=list, sa_type=JSON)
    rule_ref: str = Field(default="", max_length=100)
    state: HouseholdState = Field(sa_type=text_enum(HouseholdState))
    state_since: datetime


class HouseholdMember(Base, Record, table=True):
    """家庭成员. Name and id number are sealed; `id_mark` is a blind index that identifies the same person."""

    __tablename__ = "household_member"
    __table_args__ = (sa.Index(None, "household_id", "id"), sa.Index(None, "id_mark"))

    household_id: UUID = Field(foreign_key="household.id")
    name_sealed: str = Field(sa_type=sa.Text)
    id_no_sealed: str = Field(sa_type=sa.Text)
    id_mark: str = Field(max_length=32)
    relation: Relation = Field(sa_type=text_enum(Relation))
