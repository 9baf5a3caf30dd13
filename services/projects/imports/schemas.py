"""Columns of the county library table (县级项目库表), export formats and response schemas of imports."""

import re
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.projects.projects.schemas import MoneyKind, Nature
from shared.china import LabelledEnum
from shared.imports.schemas import FieldDifference, ImportState
from shared.records.table_imports import TableReport
from shared.spreadsheets import (
    DAY,
    INTEGER,
    MONTH,
    WAN,
    YES_NO,
    Cell,
    Column,
    ColumnKind,
    Period,
    choice_kind,
    parse_period,
)

YES_NO_CHOICES = ("是", "否")
MONEY_COLUMNS: dict[str, MoneyKind] = {
    "central": MoneyKind.CENTRAL,
    "provincial": MoneyKind.PROVINCIAL,
    "city": MoneyKind.CITY,
    "county_money": MoneyKind.COUNTY,
    "fiscal": MoneyKind.FISCAL,
    "self_raised": MoneyKind.SELF_RAISED,
    "other": MoneyKind.OTHER,
}
"""Column keys → kind of planned funding."""
FLAG_COLUMNS = ("household", "relocation", "asset_income", "collective_income")
COUNT_COLUMNS = ("villages", "households", "people", "poor_households", "poor_people")
TEXT_COLUMNS = (
    "place",
    "managing_unit",
    "implementing_unit",
    "leader_name",
    "leader_phone",
    "content",
    "goal",
    "participation",
    "linkage",
    "remark",
)
"""Columns whose text is copied unchanged."""


class ExportFormat(LabelledEnum):
    """导出格式."""

    XLSX = "xlsx", "县级项目库表"
    CSV = "csv", "CSV"
    GEOJSON = "geojson", "GeoJSON"
    OC4IDS = "oc4ids", "OC4IDS 0.9"


PERIOD = ColumnKind("起止年月", parse_period, str, "@", 18, fills=True)


_DURATION = re.compile(r"(?:约|工期)?[\d一二三四五六七八九十两半]+(?:个月|日历天|天|日|周)")


def _read_period(cell: Cell, year: int | None) -> Period | None:
    """The period of a cell; None for a duration (6个月, 180天), which says no date."""
    is_duration = isinstance(cell, str) and _DURATION.fullmatch(re.sub(r"\s", "", cell))
    return None if is_duration else parse_period(cell, year)


def _read_id(cell: Cell) -> UUID:
    """The id of a record in an exported table."""
    try:
        return UUID(str(cell).strip())
    except ValueError:
        raise ValueError(f"不是系统编号: {str(cell)[:40]!r}") from None


def build_import_columns(year: int | None) -> tuple[Column, ...]:
    """The columns of the table; a month without a year is one of the project's year."""

    def read_start(cell: Cell) -> date:
        period = parse_period(cell, year)
        return period.first if period.precision == "day" else period.first.replace(day=1)

    readers = {
        "planned_start": read_start,
        "planned_end": lambda cell: parse_period(cell, year).last,
        "period": lambda cell: _read_period(cell, year),
    }
    return tuple(
        replace(column, reader=readers[column.key]) if column.key in readers else column
        for column in IMPORT_COLUMNS
    )


# fmt: off
IMPORT_COLUMNS = (
    Column("county", "县(区)", aliases=("县区", "县市区", "县", "区县", "county")),
    Column("town", "乡镇", aliases=("乡(镇)", "乡镇街道", "镇", "所属乡镇")),
    Column("village", "村", aliases=("村(社区)", "行政村", "村名", "所属村")),
    Column("category1", "项目类型", aliases=("项目类别", "类型", "project_type"), note="一级类型"),
    Column("category2", "二级项目类型", aliases=("项目二级类型",)),
    Column("category3", "项目子类型", aliases=("子类型", "三级项目类型")),
    Column("name", "项目名称", aliases=("名称", "project_name"), required=True, width=36),
    Column("nature", "建设性质", choice_kind(Nature), choices=[column.label for column in Nature]),
    Column("place", "实施地点", aliases=("建设地点", "项目地点", "location"), width=24),
    Column("period", "建设期限", PERIOD, aliases=("建设起止年限", "建设时间", "实施期限"), note="起止年月, 如 2023.3-2023.10"),
    Column("planned_start", "计划开工年月", MONTH, aliases=("计划开工时间", "开工时间")),
    Column("planned_end", "计划完工年月", MONTH, aliases=("计划完工时间", "完工时间")),
    Column("managing_unit", "主管部门", aliases=("项目主管单位", "主管单位")),
    Column("implementing_unit", "实施单位", aliases=("项目实施单位", "责任单位", "responsible_unit")),
    Column("leader_name", "责任人", aliases=("项目负责人", "负责人")),
    Column("leader_phone", "联系电话", aliases=("电话", "责任人电话"), holds_number=True),
    Column("content", "建设内容与规模", aliases=("建设内容及规模", "建设内容", "建设任务", "主要建设内容", "content"), width=48),
    Column("total", "项目预算总投资(万元)", WAN, aliases=("项目预算总投资", "总投资", "投资额度", "投资金额", "金额", "amount_wan_yuan"),
           required=True, parts=("central", "provincial", "city", "county_money", "fiscal", "self_raised", "other")),
    Column("central", "其中: 中央衔接资金(万元)", WAN, aliases=("中央衔接资金", "中央资金", "中央")),
    Column("provincial", "省级衔接资金(万元)", WAN, aliases=("省级衔接资金", "省级资金", "省级")),
    Column("city", "市级衔接资金(万元)", WAN, aliases=("市级衔接资金", "市级资金", "市级")),
    Column("county_money", "县级衔接资金(万元)", WAN, aliases=("县级衔接资金", "县级资金", "县级")),
    Column("fiscal", "其他财政资金(万元)", WAN, aliases=("其他财政资金",)),
    Column("self_raised", "自筹资金(万元)", WAN, aliases=("自筹资金", "自筹")),
    Column("other", "其他资金(万元)", WAN, aliases=("其他资金",)),
    Column("household", "是否到户项目", YES_NO, choices=YES_NO_CHOICES),
    Column("planned", "是否纳入年度实施计划", YES_NO, choices=YES_NO_CHOICES),
    Column("relocation", "是否易地搬迁后扶项目", YES_NO, choices=YES_NO_CHOICES),
    Column("asset_income", "是否资产收益项目", YES_NO, choices=YES_NO_CHOICES),
    Column("collective_income", "是否增加村集体经济收入", YES_NO, choices=YES_NO_CHOICES),
    Column("villages", "受益村数", INTEGER),
    Column("households", "受益户数", INTEGER),
    Column("people", "受益人口", INTEGER, aliases=("受益人口数", "受益人数")),
    Column("poor_households", "其中: 脱贫户和监测户户数", INTEGER, aliases=("脱贫户和监测户户数", "受益脱贫户数")),
    Column("poor_people", "其中: 脱贫户和监测户人数", INTEGER, aliases=("脱贫户和监测户人数", "受益脱贫人口")),
    Column("quantities", "工程量", aliases=("主要工程量", "建设工程量", "工程数量", "建设工程量(数量及单位)"),
           note="如: 道路3.2公里; 路灯20盏", width=24),
    Column("goal", "绩效目标(总体)", aliases=("绩效目标", "绩效目标总体", "performance_target"), width=36),
    Column("quantity", "数量指标", aliases=("产出指标",), note="如: 新建日光温室≥20座", width=24),
    Column("satisfaction", "满意度指标", note="如: 受益户满意度≥95%", width=24),
    Column("participation", "群众参与"),
    Column("linkage", "联农带农机制", aliases=("利益联结机制", "带贫减贫机制"), width=36),
    Column("admitted_on", "入库时间", DAY),
    Column("decision_no", "审批文号"),
    Column("year", "项目年度", INTEGER, aliases=("年度", "year")),
    Column("fund_source", "资金来源", aliases=("资金类别", "fund_source"), note="未分列金额时, 按此判断来源"),
    Column("remark", "备注"),
    Column("library_code", "库编号", note="导出表中的编号; 新项目不填"),
    Column("record_id", "系统编号", note="导出表中的编号; 新项目不填", reader=_read_id),
)
# fmt: on
IMPORT_ONLY_COLUMNS = frozenset(
    {"fund_source", "quantity", "satisfaction", "library_code", "record_id", "period"}
)
"""Columns that are imported and not exported."""
EXPORT_COLUMNS = (
    Column("number", "序号", INTEGER, width=6),
    *(column for column in IMPORT_COLUMNS if column.key not in IMPORT_ONLY_COLUMNS),
    Column("library_code", "库编号"),
    Column("quantities_done", "累计完成工程量", width=24),
    Column("state_label", "状态", width=10),
    Column("record_id", "系统编号", width=38),
)
"""Columns of an export: serial number, the county table, library code and state."""


class RowFault(BaseModel):
    """一行的问题."""

    sheet: str = Field("", description="工作表")
    row: int = Field(description="表格中的行号")
    column: str
    message: str
    key: str = Field("", description="栏目, 更正时用; 空为整行的问题")
    value: str = Field("", description="格中现在的内容")


class RowDifference(BaseModel):
    """一行与库内项目的不同."""

    sheet: str
    row: int = Field(description="表格中的行号")
    project_id: UUID
    fields: list[FieldDifference]
    next: str = Field(description="怎样改库内的项目")


class ImportRead(TableReport):
    """一次导入和它的进展."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    region: str
    version: int
    name: str
    state: ImportState
    state_label: str = ""
    dry_run: bool
    rows: int = Field(description="表中的行数")
    done: int = Field(description="已处理的行数")
    imported: int = Field(description="新建草稿数; 试算时为可导入数")
    already: int = Field(description="此前已导入的相同行")
    differs: int = Field(description="此前已导入、与库内有不同的行数; 库内不改, 见 differences")
    wrong: int = Field(description="有问题的行数")
    differences: list[RowDifference] = Field(description="前 200 行不同; 全部见 rows_address")
    ignored: list[str] = Field(description="未识别的列")
    faults: list[RowFault] = Field(description="前 200 处问题; 全部见 rows_address")
    project_ids: list[UUID] = Field(description="短表: 各行对应的项目; 长表见 rows_address")
    message: str = Field(description="中断的原因")
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    address: str = Field(description="进展")
    rows_address: str = Field(description="逐行结果")
    workbook: str = Field(description="原表, 错误的单元格标红并加批注, 说明写在“问题”列")


class ImportRowRead(BaseModel):
    """一行的结果."""

    model_config = ConfigDict(from_attributes=True)

    sheet: str = Field(description="工作表")
    number: int = Field(description="表格中的行号")
    project_id: UUID | None
    already: bool
    wrong: bool
    faults: list[dict[str, str]]
    differs: list[dict[str, str]] = Field(description="与库内不同的栏: column, library, table")
    notes: list[str] = Field(description="建议和说明, 如按字面建议的项目类型")
