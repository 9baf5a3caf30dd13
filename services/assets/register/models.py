"""Tables of the register. Amounts are in 分; positions are in WGS-84, with the original input stored beside them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from services.assets.base import Base
from services.assets.register.lifecycle import AssetState, UseState
from services.assets.register.schemas import AssetClass, AssetOrigin, OwnerKind, Track
from shared.db import JSON, Fen, Record, text_enum
from shared.imports.models import ImportMappingRow

NEVER_DUE = date(9999, 12, 31)
"""Due date of assets that need no inspection."""

NOTICE_KIND = "asset"
"""Subject kind of the notices of an asset."""


class Asset(Base, Record, table=True):
    """项目资产. Its region is the village or town where it lies; its code never changes once issued."""

    __tablename__ = "asset"
    __table_args__ = (
        sa.Index(None, "region", "created_at", "id"),
        sa.Index(None, "region", "original_value", "id"),
        sa.Index(None, "region", "state", "created_at", "id"),
        sa.Index(None, "region", "use", "created_at", "id"),
        sa.Index(None, "region", "asset_class", "created_at", "id"),
        sa.Index(None, "region", "inspect_due_on", "id"),
        sa.Index(None, "inspect_due_on", "id"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "project_id", "built_index"),
        sa.Index(None, "lat", "lon"),
        sa.Index(None, "funding_known", "funding_asked_at"),
    )

    code: str = Field(default="", max_length=40)
    name: str = Field(max_length=200)
    asset_class: AssetClass = Field(sa_type=text_enum(AssetClass))
    subclass: str = Field(default="", max_length=40)
    origin: AssetOrigin = Field(sa_type=text_enum(AssetOrigin))
    project_id: UUID | None = None
    project_name: str = Field(default="", max_length=300)
    built_index: int | None = None
    """Index of this asset in the built items of the acceptance report; None when it does not come from one."""
    year: int = 0
    """Year of completion; 0 while unknown."""
    built_on: date | None = None
    service_years: int | None = None
    original_value: int = Field(default=0, sa_type=Fen)
    funding: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    funding_known: bool = False
    """Whether the sources of money are known: copied from the funds ledger or entered by hand."""
    funding_carried: bool = False
    """Whether the sources come from the funds ledger; they then follow its corrections."""
    funding_asked_at: datetime | None = None
    """When the funds ledger was last queried for them."""
    quantity: str = Field(default="", max_length=40)
    unit: str = Field(default="", max_length=20)
    specification: str = Field(default="", max_length=300)
    address: str = Field(default="", max_length=300)
    lon: float | None = None
    lat: float | None = None
    place: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    outline: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    outline_given: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    owner_kind: OwnerKind = Field(default=OwnerKind.UNKNOWN, sa_type=text_enum(OwnerKind))
    owner_name: str = Field(default="", max_length=200)
    owner_code: str = Field(default="", max_length=18)
    holders: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    households: int = 0
    track: Track | None = Field(default=None, sa_type=text_enum(Track))
    builder: str = Field(default="", max_length=200)
    photos: list[str] = Field(default_factory=list, sa_type=JSON)
    file_ids: list[str] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=sa.Text)
    state: AssetState = Field(sa_type=text_enum(AssetState))
    previous_state: AssetState | None = Field(default=None, sa_type=text_enum(AssetState))
    state_since: datetime
    registered_by: str = Field(default="", max_length=64)
    registered_at: datetime | None = None
    confirmed_by: str = Field(default="", max_length=64)
    confirmed_on: date | None = None
    certificate_no: str = Field(default="", max_length=100)
    offered_by: str = Field(default="", max_length=64)
    giver: str = Field(default="", max_length=200)
    receiver: str = Field(default="", max_length=200)
    transfer_no: str = Field(default="", max_length=100)
    received_by: str = Field(default="", max_length=64)
    handed_over_on: date | None = None
    use: UseState = Field(sa_type=text_enum(UseState))
    use_since: datetime
    use_reason: str = Field(default="", sa_type=sa.Text)
    use_person: str = Field(default="", max_length=100)
    use_deadline: date | None = None
    inspected_at: datetime | None = None
    """Time of the last inspection, visit or stock-taking that found the asset."""
    photographed_at: datetime | None = None
    """Time of the last one of these that has a photo."""
    inspect_due_on: date = NEVER_DUE
    keeper_unit: str = Field(default="", max_length=200)
    managing_unit: str = Field(default="", max_length=200)
    keeper_name: str = Field(default="", max_length=50)
    adjusted: int = Field(default=0, sa_type=Fen)
    """Sum of the approved value adjustments in 分, without corrections of the original value."""


_ASSET_COLUMNS = Asset.__table__.c  # type: ignore[attr-defined]
sa.Index(
    "uq_asset_code",
    _ASSET_COLUMNS.code,
    unique=True,
    sqlite_where=_ASSET_COLUMNS.code != "",
    postgresql_where=_ASSET_COLUMNS.code != "",
)


class UseChange(Base, table=True):
    """使用状态变更, with reason, evidence, deadline and person. Rows are only inserted."""

    __tablename__ = "use_change"
    __table_args__ = (sa.Index(None, "asset_id", "id"),)

    id: UUID = Field(primary_key=True)
    asset_id: UUID = Field(foreign_key="asset.id")
    region: str = Field(max_length=12)
    was: UseState = Field(sa_type=text_enum(UseState))
    now: UseState = Field(sa_type=text_enum(UseState))
    reason: str = Field(sa_type=sa.Text)
    evidence: list[str] = Field(default_factory=list, sa_type=JSON)
    person: str = Field(default="", max_length=100)
    deadline: date | None = None
    happened_at: datetime
    created_at: datetime
    created_by: str = Field(max_length=64)


class CodeSerial(Base, table=True):
    """Last serial number issued per district, year and series (class letters, or the certificate series)."""

    __tablename__ = "code_serial"

    district: str = Field(primary_key=True, max_length=6)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    letters: str = Field(primary_key=True, max_length=2)
    last: int


class CachedProject(Base, table=True):
    """Copy of a project from its events: enough to compare registered value with settled cost."""

    __tablename__ = "project_card"
    __table_args__ = (sa.Index(None, "region", "accepted_on"),)

    id: UUID = Field(primary_key=True)
    region: str = Field(max_length=12)
    name: str = Field(default="", max_length=300)
    code: str = Field(default="", max_length=60)
    category: str = Field(default="", max_length=60)
    state: str = Field(default="", max_length=40)
    unit: str = Field(default="", max_length=200)
    settled: int = Field(default=0, sa_type=Fen)
    registered: int = Field(default=0, sa_type=Fen)
    """Sum of the original values of its registered assets in 分, updated as they change."""
    accepted_on: date | None = None
    version: int = -1


class ImportMapping(Base, ImportMappingRow, table=True):
    """列的对应关系."""

    __tablename__ = "import_mapping"
