"""The table of regions."""

import sqlalchemy as sa
from sqlmodel import Field

from services.identity.base import Base


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
