"""Tables of running totals. A change inserts a delta row and locks nothing; a background task adds deltas to the totals."""

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.schemas import AssetClass, OwnerKind
from shared.db import BigSerial, Fen, text_enum


class AssetDelta(Base, table=True):
    """A pending change of count and value, at the region of the asset."""

    __tablename__ = "asset_delta"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(BigSerial, primary_key=True, autoincrement=True))
    region: str = Field(max_length=12)
    year: int
    asset_class: AssetClass = Field(sa_type=text_enum(AssetClass))
    owner_kind: OwnerKind = Field(sa_type=text_enum(OwnerKind))
    state: AssetState = Field(sa_type=text_enum(AssetState))
    use: UseState = Field(sa_type=text_enum(UseState))
    number: int
    value: int = Field(sa_type=Fen)


class AssetTotal(Base, table=True):
    """Counts and values (分) per region at every level, year, class, owner, state and use."""

    __tablename__ = "asset_total"

    region: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    asset_class: AssetClass = Field(sa_type=text_enum(AssetClass), primary_key=True)
    owner_kind: OwnerKind = Field(sa_type=text_enum(OwnerKind), primary_key=True)
    state: AssetState = Field(sa_type=text_enum(AssetState), primary_key=True)
    use: UseState = Field(sa_type=text_enum(UseState), primary_key=True)
    number: int
    value: int = Field(sa_type=Fen)


class ProjectValueDelta(Base, table=True):
    """A pending change of settled cost and registered value of accepted projects."""

    __tablename__ = "project_delta"
    __table_args__ = (sa.Index(None, "region", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(BigSerial, primary_key=True, autoincrement=True))
    region: str = Field(max_length=12)
    year: int
    """Year of acceptance."""
    number: int
    settled: int = Field(sa_type=Fen)
    registered: int = Field(sa_type=Fen)


class ProjectValueTotal(Base, table=True):
    """Number, settled cost and registered value (分) of accepted projects, per region at every level and year of acceptance."""

    __tablename__ = "project_total"

    region: str = Field(primary_key=True, max_length=12)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int
    settled: int = Field(sa_type=Fen)
    registered: int = Field(sa_type=Fen)
