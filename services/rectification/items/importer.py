"""A ledger of problems as counties write it: a row a measure, the rows of one number are one problem, taken whole or left out whole.

What the ledger calls 销号 is kept in the words of the measure: closing needs a visit and another person here.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import Field

from services.rectification.items import repository
from services.rectification.items.models import RectificationItem
from services.rectification.items.schemas import (
    ItemCategory,
    ItemCreate,
    ItemSource,
    Measure,
    MeasureTerm,
)
from services.rectification.items.service import insert_item
from services.rectification.policy import ITEM_HEADS
from shared.auth import May
from shared.china import PlaceNames, normalize_document_no
from shared.errors import Invalid
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import list_differences, take_each_row
from shared.imports.schemas import ImportQuery
from shared.records.region_names import find_place_names
from shared.spreadsheets import (
    NUMBER,
    PERCENT,
    TEXT,
    YES_NO,
    Cell,
    Column,
    SheetRow,
    choice_column,
    parse_period,
)
from shared.unit_of_work import UnitOfWork

WHOLE = Decimal(100)
TERM_WORDS = {"立行立改": MeasureTerm.AT_ONCE, "长期坚持": MeasureTerm.ONGOING}
NOT_CLOSED = ("否", "未销号", "")


def _read_percent(cell: Cell) -> int:
    """Whole per cent: 0.8, 80, 80%."""
    value = PERCENT.read(cell) if isinstance(cell, str) and cell.strip() else NUMBER.read(cell)
    percent = value * 100 if value <= 1 else value
    if not 0 <= percent <= WHOLE:
        raise ValueError("完成比例须在 0 到 100% 之间")
    return int(percent)


def _read_closed(cell: Cell) -> bool:
    text = str(TEXT.read(cell))
    return True if text == "已销号" else False if text in NOT_CLOSED else bool(YES_NO.read(cell))


ITEM_COLUMNS = (
    Column("number", "序号", required=True),
    choice_column("category", "问题类型", ItemCategory, required=True),
    Column("problem", "存在问题", required=True),
    Column("place", "涉及乡镇"),
    Column("measure", "整改措施", required=True),
    Column("leader", "牵头领导"),
    Column("unit", "责任单位", required=True),
    Column("person", "责任人"),
    Column("due", "整改时限", reader=lambda cell: cell, required=True),
    Column("result", "完成情况"),
    Column("percent", "完成比例", reader=_read_percent),
    Column("closed", "是否销号", reader=_read_closed),
)
COMPARED_COLUMNS = tuple(column for column in ITEM_COLUMNS if column.key in {"percent", "result"})


class ItemImportQuery(ImportQuery):
    """整改台账的反馈文件: 来源、文号和日期; 没有写年份的时限取反馈日期的年份."""

    source: ItemSource
    document_no: str = Field("", max_length=80, description="反馈文件号")
    found_on: date = Field(description="反馈日期")


async def open_table(work: UnitOfWork, upload: TableUpload) -> "ItemRun":
    """Put the rows of a problem together and read its measures."""
    query: ItemImportQuery = upload.query
    names = await find_place_names(work, query.region, fresh=True)
    groups: dict[str, list[SheetRow]] = defaultdict(list)
    for row in upload.sheet.rows:
        groups[str(row.values.get("number"))].append(row)
    bodies = {number: _build_item(work, query, names, rows) for number, rows in groups.items()}
    for number, rows in groups.items():
        for row in rows:
            if bodies[number] is None and row.is_valid:
                row.add_error("", "同一问题的其他行有问题, 整个问题不导入")
    return ItemRun(query, groups, bodies)


def _build_item(
    work: UnitOfWork, query: ItemImportQuery, names: PlaceNames, rows: list[SheetRow]
) -> ItemCreate | None:
    """The problem of these rows, None where anything is wrong with it."""
    region = _find_region(work, names, rows[0])
    measures = [_build_measure(query, no, row) for no, row in enumerate(rows, 1)]
    if query.found_on > work.today:
        rows[0].add_error("", "反馈日期不能晚于今天")
    if any(not row.is_valid for row in rows):
        return None
    first = rows[0].values
    tasks = [one for one in measures if one is not None]
    return ItemCreate.model_construct(
        id=None,
        region=region,
        source=query.source,
        document_no=query.document_no,
        number=first["number"],
        found_on=query.found_on,
        category=first["category"],
        problem=first["problem"],
        amount_found=None,
        households=None,
        project_id=None,
        asset_id=None,
        leader=first.get("leader") or "",
        unit=first["unit"],
        person=first.get("person") or "",
        goal="",
        due_on=max((one.due_on for one in tasks if one.due_on), default=None),
        measures=tasks,
    )


def _find_region(work: UnitOfWork, names: PlaceNames, row: SheetRow) -> str:
    """The one place that a problem is about, the county where it is about several."""
    answer = names.resolve(row.values.get("place") or "")
    if answer.question:
        row.add_error("place", answer.question)
    row.notes += answer.notes
    region = answer.codes[0] if len(answer.codes) == 1 else names.district
    if not work.actor.has_access(May.RECTIFICATION_ENTER, region):
        row.add_error("place", "这个地方不在您的辖区")
    return region


def _build_measure(query: ItemImportQuery, no: int, row: SheetRow) -> Measure | None:
    values = row.values
    due = values.get("due")
    term = TERM_WORDS.get(due.strip(), MeasureTerm.BY_DATE) if isinstance(due, str) else MeasureTerm.BY_DATE
    due_on = None
    if term is MeasureTerm.BY_DATE and due is not None:
        try:
            due_on = parse_period(due, query.found_on.year).last
        except ValueError as error:
            row.add_error("due", str(error))
            return None
    result = values.get("result") or ""
    return Measure.model_construct(
        no=no,
        text=str(values.get("measure") or ""),
        person=values.get("person") or "",
        term=term,
        due_on=due_on,
        result=f"{result} (原台账: 已销号)".strip() if values.get("closed") else result,
        percent=values.get("percent") or 0,
    )


@dataclass
class ItemRun(RowRun):
    """One ledger being imported: the rows and the problem of each number, None where it is wrong."""

    query: ItemImportQuery
    groups: dict[str, list[SheetRow]]
    bodies: dict[str, ItemCreate | None]
    created: dict[str, RectificationItem] = field(default_factory=dict)

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Create the problem of a first row; a problem that is known by its number is compared and not changed."""

        async def take(row: SheetRow) -> RowOutcome:
            number = str(row.values["number"])
            if number in self.created:
                return RowOutcome(self.created[number].id)
            document_no = normalize_document_no(self.query.document_no)
            known = await repository.system_find_same_number(work, self.query.source, document_no, number)
            if known is None:
                self.created[number] = await self._create(work, number)
                return RowOutcome(self.created[number].id)
            position = self.groups[number].index(row)
            measure: dict[str, Any] = known.measures[position] if position < len(known.measures) else {}
            return RowOutcome(
                known.id, already=True, differs=list_differences(COMPARED_COLUMNS, row, measure)
            )

        return await take_each_row(work, rows, take)

    async def _create(self, work: UnitOfWork, number: str) -> RectificationItem:
        body = self.bodies[number]
        if body is None:
            raise Invalid("整个问题不导入", "The problem is wrong")
        columns = body.model_dump(exclude={"id", "region", "measures", "document_no"})
        document_no = normalize_document_no(body.document_no)
        return await insert_item(work, body, body.region, body.measures, document_no=document_no, **columns)


ITEM_TABLE = ImportKind(
    name="items",
    label="问题整改台账",
    mays=(May.RECTIFICATION_ENTER,),
    columns=ITEM_COLUMNS,
    heads=ITEM_HEADS,
    open=open_table,
    query=ItemImportQuery,
    identity=("number", "measure"),
)
