"""Schemas of the register: code sets, requests, reads."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, computed_field

from services.assets.register.lifecycle import AssetState, UseState
from shared.china import (
    CreditCode,
    Datum,
    FenceIn,
    LabelledEnum,
    Money,
    Place,
    PositiveMoney,
    RegionCode,
    SignedMoney,
)
from shared.http import PatchBody
from shared.lifecycle.transitions import AvailableAction, TransitionRequest
from shared.records.table_imports import TableReport
from shared.request_body import RequestBody


class AssetClass(LabelledEnum):
    """资产类别. The class decides the duties: income, custody, or follow-up visits."""

    PUBLIC = "public", "公益性资产"
    OPERATING = "operating", "经营性资产"
    HOUSEHOLD = "household", "到户类资产"

    @property
    def letters(self) -> str:
        """The two letters that denote the class in an asset code."""
        return {AssetClass.PUBLIC: "GY", AssetClass.OPERATING: "JY", AssetClass.HOUSEHOLD: "DH"}[self]


SUBCLASS_CODES: dict[str, JsonValue] = {"x-codes": "assets.subclasses"}


class OwnerKind(LabelledEnum):
    """所有权人类型, from the state down to the household."""

    STATE = "state", "国有(县级)"
    TOWN = "town", "镇(乡)"
    VILLAGE = "village", "村集体"
    HOUSEHOLD = "household", "农户"
    UNKNOWN = "unknown", "待定"


class Right(LabelledEnum):
    """所有权之外的五项权利."""

    USE = "use", "使用权"
    OPERATION = "operation", "经营权"
    INCOME = "income", "收益权"
    DISPOSAL = "disposal", "处置权"
    SUPERVISION = "supervision", "监督权"


class Track(LabelledEnum):
    """经营性资产分类处置: 巩固, 升级, 盘活, 调整."""

    CONSOLIDATE = "consolidate", "巩固一批"
    UPGRADE = "upgrade", "升级一批"
    REVIVE = "revive", "盘活一批"
    ADJUST = "adjust", "调整一批"


class AssetOrigin(LabelledEnum):
    """登记来源."""

    ACCEPTANCE = "acceptance", "项目验收形成"
    MANUAL = "manual", "补登"
    IMPORT = "import", "台账导入"
    SPLIT = "split", "拆分"
    MERGE = "merge", "合并"


EARLIEST_BUILT_ON = date(1978, 1, 1)


class FundingPart(RequestBody):
    """资金来源中的一项."""

    level: str = Field(
        "", max_length=40, description="资金级次", json_schema_extra={"x-codes": "assets.levels"}
    )
    fund: str = Field(
        "", max_length=40, description="资金类型", json_schema_extra={"x-codes": "assets.funds"}
    )
    document_no: str = Field("", max_length=100, description="指标文号")
    amount: PositiveMoney


class FundingRead(FundingPart):
    """资金来源中的一项, as stored."""

    model_config = ConfigDict(from_attributes=True)


class Holder(RequestBody):
    """一项权利的持有人."""

    kind: OwnerKind
    name: str = Field(min_length=1, max_length=200)
    code: str = Field("", max_length=18, description="统一社会信用代码")


class _AssetFields(RequestBody):
    """Fields of an asset that may be set when it is created; most are optional in a draft."""

    subclass: str = Field("", max_length=40, description="子类", json_schema_extra=SUBCLASS_CODES)
    built_on: date | None = Field(None, description="建成(购置)日期")
    service_years: int | None = Field(None, ge=1, le=100, description="使用年限")
    original_value: Money = Field(0, description="原值")
    funding: list[FundingPart] = Field([], max_length=30, description="资金来源, 合计不超过原值")
    quantity: str = Field("", max_length=40)
    unit: str = Field("", max_length=20, description="计量单位")
    specification: str = Field("", max_length=300, description="规格型号")
    address: str = Field("", max_length=300, description="坐落")
    place: Place | None = Field(None, description="位置与坐标系")
    outline: FenceIn | None = Field(None, description="范围: 圆或多边形")
    owner_kind: OwnerKind = Field(OwnerKind.UNKNOWN, description="所有权人类型")
    owner_name: str = Field("", max_length=200, description="所有权人")
    owner_code: CreditCode | None = Field(None, description="所有权人统一社会信用代码")
    holders: dict[Right, Holder] = Field({}, description="使用权、经营权、收益权、处置权、监督权")
    households: int = Field(0, ge=0, le=1_000_000, description="受益户数")
    track: Track | None = Field(None, description="分类处置, 仅经营性资产")
    builder: str = Field("", max_length=200, description="实施(移交前)单位")
    project_name: str = Field(
        "", max_length=300, description="形成项目名称; 项目在库内的填 project_id, 名称以项目库为准"
    )
    photos: list[UUID] = Field([], max_length=30, description="照片的文件编号")
    file_ids: list[UUID] = Field([], max_length=50, description="附件的文件编号")
    note: str = Field("", max_length=2000)


class AssetCreate(_AssetFields):
    """补登资产: for assets formed since 2012 that do not come from an acceptance in this system."""

    id: UUID | None = Field(None, description="UUIDv7 made by the phone; the server makes one when absent")
    region: RegionCode = Field(description="坐落的村或镇, 12 位")
    name: str = Field(min_length=2, max_length=200)
    asset_class: AssetClass
    project_id: UUID | None = Field(None, description="形成项目, 须在项目库")
    happened_at: AwareDatetime | None = Field(None, description="实际补登时间; 空为现在")


class AssetChange(PatchBody):
    """修改. A draft may be changed freely; after registration `FIXED_FIELDS` cannot be changed."""

    clearable = frozenset(
        {"built_on", "outline", "owner_code", "place", "project_id", "service_years", "track"}
    )

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=2, max_length=200)
    asset_class: AssetClass | None = None
    region: RegionCode | None = None
    subclass: str | None = Field(None, max_length=40, json_schema_extra=SUBCLASS_CODES)
    built_on: date | None = None
    service_years: int | None = Field(None, ge=1, le=100)
    original_value: Money | None = None
    funding: list[FundingPart] | None = Field(None, max_length=30)
    quantity: str | None = Field(None, max_length=40)
    unit: str | None = Field(None, max_length=20)
    specification: str | None = Field(None, max_length=300)
    address: str | None = Field(None, max_length=300)
    place: Place | None = None
    outline: FenceIn | None = None
    owner_kind: OwnerKind | None = None
    owner_name: str | None = Field(None, max_length=200)
    owner_code: CreditCode | None = None
    holders: dict[Right, Holder] | None = None
    households: int | None = Field(None, ge=0, le=1_000_000)
    track: Track | None = None
    builder: str | None = Field(None, max_length=200)
    project_id: UUID | None = Field(None, description="形成项目, 须在项目库")
    project_name: str | None = Field(None, max_length=300)
    photos: list[UUID] | None = Field(None, max_length=30)
    file_ids: list[UUID] | None = Field(None, max_length=50)
    note: str | None = Field(None, max_length=2000)
    reason: str = Field("", max_length=2000, description="修改理由; 登记后修改必填")


FIXED_FIELDS = frozenset(
    {"name", "asset_class", "region", "built_on", "original_value", "owner_kind", "owner_name", "owner_code"}
)
"""Fields of a registered asset that change only by a return to draft, a change of owner or a value adjustment."""


class AssetRead(BaseModel):
    """资产."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    code: str = Field(description="资产编号, 登记时生成, 不随所有权人变化")
    name: str
    asset_class: AssetClass
    subclass: str = Field(json_schema_extra=SUBCLASS_CODES)
    origin: AssetOrigin
    project_id: UUID | None
    project_name: str
    year: int = Field(description="形成年度, 0 为未知")
    built_on: date | None
    service_years: int | None
    original_value: Money
    funding: list[FundingRead]
    funding_carried: bool = Field(description="资金来源取自资金总账, 随总账更正")
    quantity: str
    unit: str
    specification: str
    address: str
    lon: float | None = Field(description="WGS-84")
    lat: float | None = Field(description="WGS-84")
    place: dict[str, Any] | None = Field(description="原始坐标与坐标系")
    outline: dict[str, Any] | None = Field(description="范围, WGS-84")
    owner_kind: OwnerKind
    owner_name: str
    owner_code: str
    holders: dict[Right, Holder]
    households: int
    track: Track | None
    builder: str
    photos: list[str]
    file_ids: list[str]
    note: str
    state: AssetState
    state_since: datetime
    confirmed_on: date | None
    certificate_no: str
    giver: str
    receiver: str
    transfer_no: str
    handed_over_on: date | None
    use: UseState
    use_since: datetime
    use_reason: str
    use_person: str
    use_deadline: date | None
    inspected_at: datetime | None
    inspect_due_on: date = Field(description="下次巡查不晚于; 9999-12-31 为不要求")
    keeper_unit: str = Field(description="管护单位")
    keeper_name: str = Field(description="管护责任人")
    adjusted: SignedMoney = Field(description="已批准的价值调整, 不含原值更正")
    created_at: datetime
    created_by: str

    @computed_field(description="类别")  # type: ignore[prop-decorator]
    @property
    def class_label(self) -> str:
        """类别."""
        return self.asset_class.label

    @computed_field(description="登记状态")  # type: ignore[prop-decorator]
    @property
    def state_label(self) -> str:
        """登记状态."""
        return self.state.label

    @computed_field(description="使用状态")  # type: ignore[prop-decorator]
    @property
    def use_label(self) -> str:
        """使用状态."""
        return self.use.label


class UseChangeRead(BaseModel):
    """一次使用状态变更."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    was: UseState
    now: UseState
    reason: str
    evidence: list[str]
    person: str
    deadline: date | None
    happened_at: datetime
    created_at: datetime
    created_by: str


class AssetDetail(AssetRead):
    """资产, 使用状态的变更和可办事项."""

    use_changes: list[UseChangeRead]
    available_actions: list[AvailableAction]


class AssetTransitionRequest(TransitionRequest):
    """办理资产事项."""

    certificate_no: str = Field("", max_length=100, description="权证号, 确权时填写; 空则由系统编号")
    giver: str = Field("", max_length=200, description="移交单位")
    receiver: str = Field("", max_length=200, description="接收单位")
    transfer_no: str = Field("", max_length=100, description="移交书编号")
    evidence: list[UUID] = Field([], max_length=30, description="依据: 照片或文件编号")
    person: str = Field("", max_length=100, description="整改责任人")
    deadline: date | None = Field(None, description="整改期限")


class CodeSets(BaseModel):
    """代码表: every code of this service with its Chinese label."""

    asset_class: dict[str, str]
    subclass: dict[str, dict[str, str]]
    owner_kind: dict[str, str]
    funding: dict[str, dict[str, str]] = Field(description="资金级次(level)与资金类型(fund)")
    right: dict[str, str]
    track: dict[str, str]
    origin: dict[str, str]
    state: dict[str, str]
    use: dict[str, str]


class RowFault(BaseModel):
    """一处问题."""

    model_config = ConfigDict(from_attributes=True)

    row: int = Field(description="表格中的行号")
    column: str
    message: str
    pointer: str


class RegisterImportResult(TableReport):
    """导入结果: when there are faults, nothing was imported, unless the import was partial."""

    model_config = ConfigDict(from_attributes=True)

    rows: int
    created: int = Field(description="建立的资产数; 试导入或有错误时为 0")
    registered: int = Field(description="其中已登记并取得编号的")
    value: Money = Field(description="各行原值合计")
    ignored: list[str] = Field(description="没有用到的列")
    totals: list[int] = Field(description="略过的合计行")
    faults: list[RowFault]
    more_faults: int = Field(description="未列出的问题数")
    ids: list[UUID] = Field([], description="建立的资产, 最多列 1000 个")


class MapFeature(BaseModel):
    """一项资产: a point or its outline."""

    type: Literal["Feature"] = "Feature"
    id: UUID
    geometry: dict[str, Any]
    properties: dict[str, Any]


class MapFeatureCollection(BaseModel):
    """GeoJSON. Coordinates are in the requested datum, WGS-84 by default."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    datum: Datum
    more: bool = Field(description="范围内还有更多, 请放大地图")
    features: list[MapFeature]


class MapBounds(BaseModel):
    """一个地区全部资产的范围, WGS-84; 没有坐标时各项为空."""

    west: float | None
    south: float | None
    east: float | None
    north: float | None
