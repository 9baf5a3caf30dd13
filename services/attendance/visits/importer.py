"""A month's table of deeds as the sponsoring units fill it: what was done becomes deeds, the figures are compared.

Days, visits and numbers of deeds follow from records and are never taken over: where the table says something else than
the records, that is told (`differs`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.attendance.months.importer import MonthImportQuery
from services.attendance.policy import DEED_HEADS
from services.attendance.posts.importer import MonthTable, open_month_table
from services.attendance.posts.models import Assignment
from services.attendance.statistics.schemas import Line
from services.attendance.statistics.service import list_lines
from services.attendance.visits import repository
from services.attendance.visits.models import Deed
from services.attendance.visits.schemas import DeedKind
from services.attendance.visits.service import build_deed_event
from shared.auth import May
from shared.china import format_yuan
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import take_each_row
from shared.records import insert_record
from shared.spreadsheets import INTEGER, NUMBER, TEXT, WAN, YUAN, Cell, Column, SheetRow
from shared.unit_of_work import UnitOfWork

MAX_CONTENT = 1000
CLOSED_WORDS = {"是": True, "办结": True, "已办结": True, "完成": True, "已完成": True}
OPEN_WORDS = {"否": False, "未办结": False, "未完成": False, "正在办理": False, "办理中": False}
_NUMBERING = re.compile(r"^\s*(?:\d{1,2}[.、．)）]|[(（]\d{1,2}[)）]|[①-⑳])\s*")
_ASIDE = re.compile(r"[(（][^()（）]*[)）]")


def _read_closed(cell: Cell) -> bool:
    words = CLOSED_WORDS | OPEN_WORDS
    text = str(TEXT.read(cell))
    if text not in words:
        raise ValueError("须为 是、否、办结 或 未办结")
    return words[text]


MONEY_COLUMNS = (
    Column("project_money", "协调资金", WAN),
    Column("goods", "物资折价", YUAN),
    Column("consumption_money", "消费帮扶", YUAN),
)
DEED_COLUMNS = (
    Column("unit", "帮扶单位", TEXT),
    Column("village", "所驻村", TEXT),
    Column("name", "姓名", TEXT, required=True),
    Column("due", "应驻天数", NUMBER),
    Column("stayed", "实驻天数", NUMBER),
    Column("visits", "走访农户", INTEGER),
    Column("urgent", "解决急难愁盼", INTEGER),
    Column("dispute", "化解矛盾纠纷", INTEGER),
    *MONEY_COLUMNS,
    Column("deeds", "实事清单", TEXT),
    Column("closed", "是否办结", reader=_read_closed, choices=tuple(CLOSED_WORDS | OPEN_WORDS)),
)
MONEY_DEEDS = {
    "project_money": (DeedKind.PROJECT, "协调资金"),
    "goods": (DeedKind.OTHER, "协调物资"),
    "consumption_money": (DeedKind.CONSUMPTION, "消费帮扶"),
}
COMPARED_FIGURES = {
    "due": "workdays",
    "stayed": "stationed",
    "visits": "household_visits",
    "urgent": "urgent",
    "dispute": "dispute",
}
"""A column of the table → the figure of the monthly statistics."""
TITLES = {column.key: column.title for column in DEED_COLUMNS}


@dataclass(frozen=True)
class StatedDeed:
    """A deed that a row states: `slot` tells it from the others of the person's month."""

    slot: str
    kind: DeedKind
    content: str
    amount: int = 0


def list_stated_deeds(row: SheetRow) -> Iterator[StatedDeed]:
    """The deeds of a row: its list of what was done, the first as many as it counts as urgent, and its money."""
    values = row.values
    items = [
        _NUMBERING.sub("", part).strip()[:MAX_CONTENT] for part in re.split(r"[\n;；]", values["deeds"] or "")
    ]
    items = [item for item in dict.fromkeys(items) if item and not _ASIDE.fullmatch(item)]
    for at, item in enumerate(items):
        kind = DeedKind.URGENT if at < (values["urgent"] or 0) else DeedKind.OTHER
        yield StatedDeed(f"deed:{item}", kind, item)
    for key, (kind, content) in MONEY_DEEDS.items():
        if values.get(key):
            yield StatedDeed(key, kind, f"{content}(月统计表)", values[key])


async def open_deeds(work: UnitOfWork, upload: TableUpload) -> "DeedRun":
    """Resolve the persons and read the figures that the records of the month give."""
    table = await open_month_table(work, upload, upload.query.month)
    run = DeedRun(table)
    for row in upload.sheet.rows:
        for column in DEED_COLUMNS:
            row.values.setdefault(column.key, None)
        if row.is_valid and (assignment := table.find_assignment(work, row)) is not None:
            if any(other.person == assignment.person for other in run.assignments.values()):
                row.add_error("name", "这个人在表中出现两次")
            run.assignments[id(row)] = assignment
    lines = await list_lines(work, upload.query.region, f"{table.first:%Y-%m}")
    run.lines = {line.key: line for line in lines}
    return run


@dataclass
class DeedRun(RowRun):
    """One table being imported: the person of each row, and their figures before the import."""

    table: MonthTable
    assignments: dict[int, Assignment] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Record the deeds of the persons whose row was not taken before."""

        async def take(row: SheetRow) -> RowOutcome:
            assignment = self.assignments[id(row)]
            stated = {self._build_id(assignment.person, deed.slot): deed for deed in list_stated_deeds(row)}
            known = {
                deed.id: deed
                for deed in await repository.list_person_deeds(
                    work, assignment.person, self.table.first, self.table.last
                )
            }
            if stored := stated.keys() & known.keys():
                figures = self._compare_figures(row, assignment, ())
                return RowOutcome(min(stored), already=True, differs=figures + _compare_deeds(stated, known))
            for id_, deed in stated.items():
                await self._create(work, assignment, id_, deed, is_done=bool(row.values["closed"]))
            figures = self._compare_figures(row, assignment, list(stated.values()))
            return RowOutcome(min(stated, default=None), already=not stated, differs=figures)

        return await take_each_row(work, rows, take)

    def _build_id(self, person: str, slot: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"xianjie:deed_table:{person}:{self.table.first:%Y-%m}:{slot}")

    async def _create(
        self, work: UnitOfWork, assignment: Assignment, id_: UUID, stated: StatedDeed, *, is_done: bool
    ) -> None:
        """Record a deed on the last day of its month: the table does not say the day."""
        happened_on = min(self.table.last, work.today)
        deed = Deed(
            id=id_,
            region=assignment.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            person=assignment.person,
            person_name=assignment.person_name,
            happened_on=happened_on,
            kind=stated.kind,
            content=stated.content,
            amount=stated.amount,
            done=is_done,
            done_on=happened_on if is_done else None,
        )
        await insert_record(work, deed, build_deed_event(deed))

    def _compare_figures(
        self, row: SheetRow, assignment: Assignment, new: Sequence[StatedDeed]
    ) -> list[dict[str, str]]:
        """The figures that the records, with the new deeds, do not give."""
        line = self.lines.get(assignment.person) or Line(key=assignment.person)
        differs = []
        for key, figure in COMPARED_FIGURES.items():
            stated = row.values[key]
            recorded = Decimal(getattr(line, figure)) + sum(deed.kind == figure for deed in new)
            if stated is not None and stated != recorded:
                differs.append(
                    {"column": TITLES[key], "library": f"{recorded:g}", "table": f"{Decimal(stated):g}"}
                )
        return differs


def _compare_deeds(stated: dict[UUID, StatedDeed], known: dict[UUID, Deed]) -> list[dict[str, str]]:
    """The deeds of a table that was taken before which are new in it or have another amount."""
    differs: list[dict[str, Any]] = []
    for id_, deed in stated.items():
        there = known.get(id_)
        title = TITLES.get(deed.slot, TITLES["deeds"])
        if there is None:
            shown = format_yuan(deed.amount) if deed.amount else deed.content
            differs.append({"column": title, "library": "无", "table": shown})
        elif there.amount != deed.amount:
            differs.append(
                {"column": title, "library": format_yuan(there.amount), "table": format_yuan(deed.amount)}
            )
    return differs


DEED_TABLE = ImportKind(
    name="deeds",
    label="帮办实事月统计表",
    mays=(May.PRESENCE_IMPORT,),
    columns=DEED_COLUMNS,
    heads=DEED_HEADS,
    open=open_deeds,
    query=MonthImportQuery,
    identity=("name",),
    batch_rows=50,
)
