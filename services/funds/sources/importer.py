"""Import of lists of fund documents (指标文登记表, 资金到位情况表): every row is a document, the known ones are compared."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from services.funds.policy import SOURCE_HEADS
from services.funds.sources import repository, service
from services.funds.sources.models import Source
from services.funds.sources.schemas import Fund, FundLevel, SourceCreate, Task
from shared.auth import May
from shared.china import LabelledEnum, format_yuan
from shared.http import to_field_errors
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import list_differences, take_each_row
from shared.spreadsheets import DAY, TEXT, WAN, Cell, Column, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

LEVEL_WORDS = (
    (FundLevel.CENTRAL, ("中央", "国家")),
    (FundLevel.PROVINCIAL, ("省", "自治区")),
    (FundLevel.CITY, ("市", "州", "地区")),
    (FundLevel.COUNTY, ("县", "区", "本级")),
)
FUND_WORDS = (
    (Fund.WORK_RELIEF, ("以工代赈",)),
    (Fund.EAST_WEST, ("东西部", "协作")),
    (Fund.PAIRED, ("定点帮扶",)),
    (Fund.REGULAR, ("常态化",)),
    (Fund.BRIDGING, ("衔接",)),
    (Fund.POVERTY, ("扶贫",)),
    (Fund.POOLED, ("整合",)),
    (Fund.BOND, ("债券",)),
    (Fund.LAND, ("土地出让",)),
    (Fund.LOTTERY, ("彩票", "公益金")),
    (Fund.DONATION, ("捐赠",)),
    (Fund.OWN, ("自有", "自筹")),
)
TASK_WORDS = (
    (Task.WORK_RELIEF, ("以工代赈",)),
    (Task.MINORITY, ("少数民族",)),
    (Task.STATE_FARM, ("农场",)),
    (Task.STATE_FOREST, ("林场",)),
    (Task.SANXI, ("三西",)),
    (Task.CONSOLIDATION, ("巩固", "乡村振兴")),
)


def _find_word(text: str, words: Sequence[tuple[LabelledEnum, tuple[str, ...]]]) -> LabelledEnum | None:
    return next((member for member, known in words if any(word in text for word in known)), None)


def _read_year(cell: Cell) -> int:
    found = re.fullmatch(r"(20\d{2})(?:\.0)?年?度?", str(cell).strip())
    if found is None:
        raise ValueError(f"须为年度, 如 2024: {str(cell)[:20]!r}")
    return int(found[1])


SOURCE_COLUMNS = (
    Column("document_no", "指标文号", TEXT, required=True, width=26),
    Column("upper_document_no", "上级指标文号", TEXT, width=26),
    Column("title", "文件标题", TEXT, width=40),
    Column("level", "资金级次", TEXT, note="中央、省级、市级、县级; 空为按资金名称判断"),
    Column("fund", "资金名称", TEXT, note="如 财政衔接推进乡村振兴补助资金"),
    Column("task", "资金任务", TEXT),
    Column("fiscal_year", "年度", TEXT, reader=_read_year),
    Column("amount", "金额(万元)", WAN, aliases=("金额",), required=True),
    Column("document_date", "发文日期", DAY, required=True),
    Column("received_on", "收文日期", DAY, note="空为发文日期"),
    Column("function_subject", "功能分类科目", TEXT),
    Column("note", "备注", TEXT),
)
COMPARED_COLUMNS = tuple(
    column
    for column in SOURCE_COLUMNS
    if column.key in {"title", "amount", "document_date", "received_on", "upper_document_no"}
)


async def open_sources(_work: UnitOfWork, upload: TableUpload) -> "SourceRun":
    """Nothing is to be asked before."""
    return SourceRun(upload)


class SourceRun(RowRun):
    """One list of documents being imported."""

    def __init__(self, upload: TableUpload) -> None:
        self.region: str = upload.query.region

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Register the new documents."""

        async def take(row: SheetRow) -> RowOutcome:
            body = self._build_source(row)
            if body is None:
                return RowOutcome()
            columns = body.model_dump(exclude={"id", "file_ids"})
            known: Source | None = await repository.find_duplicate(work, columns)
            if known is not None:
                differs = list_differences(COMPARED_COLUMNS, row, known.model_dump())
                return RowOutcome(known.id, already=True, differs=differs)
            return RowOutcome((await service.create_source(work, body)).id)

        return await take_each_row(work, rows, take)

    def _build_source(self, row: SheetRow) -> SourceCreate | None:
        """The document of a row; None when a cell is wrong, with the errors on the row."""
        values = {key: value for key, value in row.values.items() if value is not None}
        text = f"{values.get('level', '')}{values.get('fund', '')}{values.get('title', '')}"
        level = _find_word(str(values.get("level", "")), LEVEL_WORDS) or _find_word(text[:12], LEVEL_WORDS)
        fund = _find_word(text, FUND_WORDS)
        if level is None:
            row.add_error("level", "看不出资金级次, 请填 中央、省级、市级、县级")
        if fund is None:
            row.add_error("fund", f"看不出资金类型, 可填 {'、'.join(one.label for one in Fund)}")
        if not row.is_valid:
            return None
        day = values["document_date"]
        fields: dict[str, Any] = {
            **{
                key: values[key]
                for key in ("document_no", "upper_document_no", "function_subject", "note")
                if key in values
            },
            "region": self.region,
            "title": values.get("title") or f"{values['document_no']} {values.get('fund', '')}".strip(),
            "level": level,
            "fund": fund,
            "task": _find_word(f"{values.get('task', '')}{text}", TASK_WORDS) or Task.CONSOLIDATION,
            "fiscal_year": values.get("fiscal_year") or day.year,
            "amount": format_yuan(values["amount"]),
            "document_date": day,
            "received_on": values.get("received_on") or day,
        }
        try:
            return SourceCreate.model_validate(fields)
        except ValidationError as error:
            for one in to_field_errors(error.errors(include_url=False)):
                row.add_error(one.pointer.split("/")[1], one.detail)
            return None


SOURCE_TABLE = ImportKind(
    name="sources",
    label="指标文登记表",
    mays=(May.SOURCE_REGISTER,),
    columns=SOURCE_COLUMNS,
    heads=SOURCE_HEADS,
    open=open_sources,
    identity=("document_no",),
    limits=SheetLimits(rows=2000),
)
