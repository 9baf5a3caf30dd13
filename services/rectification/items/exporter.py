"""The rectification ledger as a workbook or a paper: the four lists (四张清单) of the same items, ready to print and sign."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.rectification.items.models import RectificationItem
from services.rectification.items.schemas import MeasureTerm
from shared.papers import PaperTable, SheetForm, render_sheets
from shared.spreadsheets import DAY, INTEGER, TEXT, YUAN, Column, PrintLayout

NUMBER_COLUMNS = (
    Column("seq", "序号", INTEGER, width=6),
    Column("number", "问题编号", TEXT, width=12),
    Column("problem", "存在问题", TEXT, width=40),
    Column("place", "涉及地区", TEXT, width=16),
)
PROBLEM_COLUMNS = (
    *NUMBER_COLUMNS,
    Column("source", "问题来源", TEXT, width=14),
    Column("document_no", "反馈文件", TEXT, width=20),
    Column("found_on", "反馈日期", DAY),
    Column("category", "问题类别", TEXT, width=12),
    Column("amount_found", "涉及金额(元)", YUAN, width=16),
    Column("households", "涉及户数", INTEGER),
)
RESPONSIBILITY_COLUMNS = (
    *NUMBER_COLUMNS,
    Column("goal", "整改目标", TEXT, width=30),
    Column("leader", "牵头领导", TEXT, width=12),
    Column("unit", "责任单位", TEXT, width=24),
    Column("person", "责任人", TEXT, width=12),
)
DEADLINE_COLUMNS = (
    *NUMBER_COLUMNS,
    Column("due_on", "整改时限", DAY),
    Column("state", "进度", TEXT, width=12),
    Column("percent", "完成比例(%)", INTEGER),
    Column("late", "是否逾期", TEXT),
    Column("closed_on", "销号日期", DAY),
    Column("closing_no", "销号文号", TEXT, width=20),
    Column("looked_back_on", "回头看日期", DAY),
    Column("rebounds", "反弹次数", INTEGER),
    Column("amount_corrected", "已整改金额(元)", YUAN, width=16),
)
TASK_COLUMNS = (
    *NUMBER_COLUMNS,
    Column("no", "措施序号", INTEGER),
    Column("text", "整改措施", TEXT, width=36),
    Column("task_person", "责任人", TEXT, width=12),
    Column("term", "完成时限", TEXT, width=14),
    Column("result", "完成情况", TEXT, width=30),
    Column("task_percent", "完成比例(%)", INTEGER),
)
Rows = Sequence[dict[str, Any]]
SHEETS: tuple[tuple[str, tuple[Column, ...], tuple[str, ...]], ...] = (
    ("问题清单", PROBLEM_COLUMNS, ("amount_found", "households")),
    ("责任清单", RESPONSIBILITY_COLUMNS, ()),
    ("时限清单", DEADLINE_COLUMNS, ("amount_corrected",)),
    ("任务清单", TASK_COLUMNS, ()),
)


def build_ledger_rows(
    items: Iterable[RectificationItem], places: Mapping[str, str], late: frozenset[Any]
) -> list[dict[str, Any]]:
    """One row an item with the names of places, states and sources; `late` are the ids past their deadline."""
    return [
        item.model_dump()
        | {
            "seq": seq,
            "place": places.get(item.region, item.region),
            "source": item.source.label,
            "category": item.category.label,
            "state": item.state.label,
            "late": "是" if item.id in late else "",
        }
        for seq, item in enumerate(items, 1)
    ]


def _list_tasks(rows: Rows) -> list[dict[str, Any]]:
    return [
        row
        | {
            "no": measure["no"],
            "text": measure["text"],
            "task_person": measure["person"] or row["person"],
            "term": measure["due_on"] or MeasureTerm(measure["term"]).label,
            "result": measure["result"],
            "task_percent": measure["percent"],
        }
        for row in rows
        for measure in row["measures"]
    ]


def build_ledger_sheets(form: SheetForm, rows: Rows, title: str, note: str) -> bytes:
    """The four lists as XLSX or PDF, A3 landscape with sums and lines to sign. CPU-bound: call it in a thread."""
    signatures = ("填表人", "责任单位", "审核人", "日期", "单位(盖章)")
    return render_sheets(
        form,
        [
            PaperTable(
                columns,
                _list_tasks(rows) if columns is TASK_COLUMNS else rows,
                f"{title}{name}",
                PrintLayout(size="A3", sums=sums, signatures=signatures),
                note,
                name,
            )
            for name, columns, sums in SHEETS
        ],
    )
