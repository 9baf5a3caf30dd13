"""Request and response bodies of regions, and the row of a region file."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.china import LabelledEnum, RegionCode
from shared.request_body import RequestBody


class RegionLevel(LabelledEnum):
    """区划层级."""

    PROVINCE = "province", "省级"
    PREFECTURE = "prefecture", "市级"
    DISTRICT = "district", "县级"
    TOWN = "town", "乡级"
    VILLAGE = "village", "村级"


class SuccessionKind(LabelledEnum):
    """区划变动."""

    MERGED = "merged", "并入"
    RENAMED = "renamed", "更名"


class SuccessionCreate(RequestBody):
    """登记区划变动: 几个村并入一个, 或一个更名."""

    kind: SuccessionKind
    former: list[RegionCode] = Field(min_length=1, max_length=30, description="并入的区划代码; 更名时为自己")
    code: RegionCode = Field(description="变动后的区划代码")
    name: str = Field("", max_length=60, description="变动后的名称; 空为不变")
    effective_on: date
    basis: str = Field(min_length=2, max_length=200, description="批复文件与文号")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind is SuccessionKind.RENAMED and (self.former != [self.code] or not self.name):
            raise ValueError("更名须写明新名称, former 只写自己的代码")
        if self.kind is SuccessionKind.MERGED and self.code in self.former:
            raise ValueError("不能并入自己")
        return self


class SuccessionRead(BaseModel):
    """一次区划变动."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: SuccessionKind
    region: str
    former_code: str
    former_name: str
    name: str
    effective_on: date
    basis: str
    created_by: str
    created_at: datetime
    version: int


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
    merged_into: str = Field("", description="已并入的区划代码; 空为现有区划")
    former_names: str = Field("", description="曾用名, 用、隔开")


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
