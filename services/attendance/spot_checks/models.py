"""Tables of spot checks and of the persons drawn."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.attendance.base import Base
from services.attendance.spot_checks.schemas import AnsweredBy, Outcome
from shared.china import FencePosition
from shared.db import Record, text_enum


class SpotCheck(Base, Record, table=True):
    """一次抽查. Seed and pool digest make the draw reproducible."""

    __tablename__ = "spot_check"
    __table_args__ = (sa.Index(None, "region", "work_date", "id"),)

    work_date: date
    seed: str = Field(max_length=64)
    pool: int
    pool_digest: str = Field(max_length=64)
    drawn: int
    closes_at: datetime
    rule_ref: str = Field(max_length=100)


class DrawnPerson(Base, Record, table=True):
    """抽到的人. Its region is the post's; the position of the answer is not stored, only verdict and distance."""

    __tablename__ = "spot_check_drawn"
    __table_args__ = (
        sa.Index(None, "spot_check_id", "id"),
        sa.Index(None, "person", "work_date", "id"),
        sa.Index(None, "region", "work_date", "id"),
    )

    spot_check_id: UUID = Field(foreign_key="spot_check.id")
    person: str = Field(max_length=64)
    person_name: str = Field(default="", max_length=50)
    work_date: date
    closes_at: datetime
    outcome: Outcome = Field(sa_type=text_enum(Outcome))
    answered_at: datetime | None = None
    answered_by: AnsweredBy | None = Field(default=None, sa_type=text_enum(AnsweredBy))
    verdict: FencePosition | None = Field(default=None, sa_type=text_enum(FencePosition))
    distance_m: float | None = None
    decided_by: str = Field(default="", max_length=64)
    remark: str = Field(default="", max_length=500)
