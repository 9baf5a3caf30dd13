"""The tables of running totals. A change adds a row and locks nothing; a folder adds the rows up behind it."""

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base
from services.projects.library.states import Stage
from shared.db import BIG, text_enum


class ProjectDelta(Base, table=True):
    """A change of counts and 分 that is not folded yet, at the project's own region."""

    __tablename__ = "project_delta"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(BIG, primary_key=True, autoincrement=True))
    region: str = Field(max_length=12)
    year: int
    stage: Stage = Field(sa_type=text_enum(Stage))
    category: str = Field(max_length=2)
    number: int
    total: int = Field(sa_type=sa.BigInteger)
    allocated: int = Field(sa_type=sa.BigInteger)
    paid: int = Field(sa_type=sa.BigInteger)
    settled: int = Field(sa_type=sa.BigInteger)
    industry_count: int
    industry_total: int = Field(sa_type=sa.BigInteger)


class ProjectTotal(Base, table=True):
    """Folded counts and 分 of a region, found by the region above it; what stands at a region itself is under itself."""

    __tablename__ = "project_total"

    parent: str = Field(primary_key=True, max_length=12)
    region: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stage: Stage = Field(sa_type=text_enum(Stage), primary_key=True)
    category: str = Field(primary_key=True, max_length=2)
    number: int
    total: int = Field(sa_type=sa.BigInteger)
    allocated: int = Field(sa_type=sa.BigInteger)
    paid: int = Field(sa_type=sa.BigInteger)
    settled: int = Field(sa_type=sa.BigInteger)
    industry_count: int
    industry_total: int = Field(sa_type=sa.BigInteger)
