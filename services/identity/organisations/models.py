"""The table of organisations."""

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from services.identity.organisations.schemas import OrganisationKind
from shared.db import Record, text_enum


class Organisation(Base, Record, table=True):
    """单位. A closed organisation stays, since records refer to it."""

    __table_args__ = (
        sa.Index("ix_organisation_name_id", "name", "id"),
        sa.Index("ix_organisation_region_name_id", "region", "name", "id"),
    )

    name: str = Field(max_length=100)
    kind: OrganisationKind = Field(sa_type=text_enum(OrganisationKind))
    credit_code: str = Field(default="", max_length=18)
    closed: bool = False
