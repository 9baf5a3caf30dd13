"""The tables of regions and of what became of them."""

from datetime import date

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base
from services.identity.regions.schemas import SuccessionKind
from shared.db import Record, text_enum


class Region(Base, table=True):
    """区划. `pinyin` and `initials` serve the search."""

    __table_args__ = (
        sa.Index("ix_region_parent_code_code", "parent_code", "code"),
        sa.Index("ix_region_level_code", "level", "code"),
    )

    code: str = Field(primary_key=True, max_length=12)
    name: str = Field(max_length=60)
    parent_code: str = Field(max_length=12)
    level: str = Field(max_length=20)
    kind: str = Field(default="", max_length=20)
    pinyin: str = Field(max_length=300)
    initials: str = Field(max_length=60)
    merged_into: str = Field(default="", max_length=12, sa_column_kwargs={"server_default": ""})
    former_names: str = Field(default="", max_length=400, sa_column_kwargs={"server_default": ""})
    """Names that it had before, separated by 、."""


class RegionSuccession(Base, Record, table=True):
    """区划沿革: from a day on a region is another one (merged), or has another name. Its region is what it is today."""

    __tablename__ = "region_succession"
    __table_args__ = (sa.Index(None, "region", "created_at", "id"), sa.Index(None, "former_code"))

    kind: SuccessionKind = Field(sa_type=text_enum(SuccessionKind))
    former_code: str = Field(max_length=12)
    former_name: str = Field(max_length=60)
    name: str = Field(max_length=60)
    effective_on: date
    basis: str = Field(max_length=200)
