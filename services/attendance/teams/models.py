"""Tables of sponsoring units, teams and members."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.teams.schemas import MemberRole, UnitLevel
from shared.db import Record, text_enum


class Unit(Base, Record, table=True):
    """帮扶单位. Its region is the district that it supports."""

    __tablename__ = "helping_unit"
    __table_args__ = (sa.Index(None, "region", "name", "id"),)

    name: str = Field(max_length=200)
    level: UnitLevel = Field(sa_type=text_enum(UnitLevel))
    credit_code: str = Field(default="", max_length=18)


class Team(Base, Record, table=True):
    """驻村工作队. Its region is the village."""

    __tablename__ = "team"
    __table_args__ = (sa.Index(None, "region", "name", "id"), sa.Index(None, "unit_id"))

    name: str = Field(max_length=100)
    unit_id: UUID | None = Field(default=None, foreign_key="helping_unit.id")
    closed_on: date | None = None


class Member(Base, Record, table=True):
    """队员任期: a person's role in a team for a period. A row ends; it is never changed to another person."""

    __tablename__ = "team_member"
    __table_args__ = (
        sa.Index(None, "team_id", "starts_on", "id"),
        sa.Index(None, "person", "starts_on"),
        sa.Index(None, "region", "starts_on", "id"),
        sa.Index(None, "unit_id"),
    )

    team_id: UUID = Field(foreign_key="team.id")
    person: str = Field(max_length=64)
    person_name: str = Field(max_length=50)
    role: MemberRole = Field(sa_type=text_enum(MemberRole))
    unit_id: UUID | None = Field(default=None, foreign_key="helping_unit.id")
    unit_name: str = Field(default="", max_length=200)
    starts_on: date
    ends_on: date | None = None
    term_ends_on: date | None = None
    predecessor_id: UUID | None = None
