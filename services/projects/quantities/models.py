"""Table of the quantities of projects, for filters and sums."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.projects.base import Base


class ProjectQuantity(Base, table=True):
    """项目工程量的一条, planned and done in ten-thousandths of the unit; made of the project's form and its reports."""

    __tablename__ = "project_quantity"
    __table_args__ = (sa.Index(None, "unit", "project_id"),)

    project_id: UUID = Field(foreign_key="project.id", primary_key=True)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(max_length=100)
    unit: str = Field(max_length=20)
    planned: int = Field(sa_type=sa.BigInteger)
    done: int = Field(sa_type=sa.BigInteger)
