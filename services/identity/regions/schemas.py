"""Request and response bodies of regions, and the row of a region file."""

from pydantic import BaseModel, ConfigDict, Field

from shared.china import LabelledEnum, RegionCode


class RegionLevel(LabelledEnum):
    """区划层级."""

    PROVINCE = "province", "省级"
    PREFECTURE = "prefecture", "市级"
    DISTRICT = "district", "县级"
    TOWN = "town", "乡级"
    VILLAGE = "village", "村级"


class RegionRow(BaseModel):
    """One row of a region file."""

    code: RegionCode
    name: str = Field(min_length=1, max_length=60)
    parent_code: RegionCode
    level: RegionLevel
    kind: str = Field("", max_length=20)


class RegionRead(BaseModel):
    """区划."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    parent_code: str
    level: RegionLevel
    kind: str


class RegionDetail(RegionRead):
    """区划及其上级, the nearest last."""

    ancestors: list[RegionRead]


class RegionPage(BaseModel):
    """一页区划."""

    items: list[RegionRead]
    next_cursor: str | None = None


class ImportFault(BaseModel):
    """一行有误."""

    line: int
    detail: str


class RegionImportResult(BaseModel):
    """导入结果. Nothing is written when a line is invalid."""

    added: int
    changed: int
    unchanged: int
    errors: list[ImportFault] = []
