"""The task breakdown (任务分解表) and the progress table (进度表) of a plan, ready to print and sign."""

from collections.abc import Mapping, Sequence
from io import BytesIO

from services.workplan.plans.models import PlanItem
from services.workplan.targets.models import WorkTarget
from services.workplan.targets.schemas import WorkTargetRead
from shared.spreadsheets import DAY, INTEGER, TEXT, Column, PrintLayout, WorkbookWriter

HEAD_COLUMNS = (
    Column("number", "项号", INTEGER, width=6),
    Column("task", "任务", TEXT, width=30),
    Column("units", "责任单位(第一个牵头)", TEXT, width=36),
    Column("name", "指标", TEXT, width=24),
    Column("value", "目标值", TEXT, width=12),
    Column("unit", "单位", TEXT, width=8),
)
BREAKDOWN_COLUMNS = (
    *HEAD_COLUMNS,
    Column("place", "镇村", TEXT, width=16),
    Column("share", "分解数", TEXT, width=12),
    Column("due_on", "完成期限", DAY),
)
PROGRESS_COLUMNS = (
    *HEAD_COLUMNS,
    Column("reached", "已完成", TEXT, width=12),
    Column("reached_on", "截至", DAY),
    Column("percent", "完成比例(%)", TEXT, width=12),
    Column("light", "进度", TEXT, width=14),
    Column("explanation", "滞后说明", TEXT, width=30),
)
LAYOUT = PrintLayout(size="A3")
Rows = Sequence[tuple[WorkTarget, PlanItem, WorkTargetRead]]


def _build_head(target: WorkTarget, item: PlanItem) -> dict[str, object]:
    return {
        "number": item.number,
        "task": item.title,
        "units": "、".join(item.units),
        "name": target.name,
        "value": target.value,
        "unit": target.unit.label,
        "due_on": target.due_on,
    }


def build_plan_workbook(rows: Rows, title: str, places: Mapping[str, str], note: str) -> bytes:
    """The XLSX bytes, A3 landscape with lines to sign. CPU-bound: call it in a thread."""
    buffer = BytesIO()
    with WorkbookWriter(buffer) as book:
        sheet = book.add_sheet(
            "任务分解表", BREAKDOWN_COLUMNS, title=f"{title}任务分解表", note=note, layout=LAYOUT
        )
        for target, item, _ in rows:
            for share in target.shares or [{"region": target.region, "value": target.value}]:
                place = places.get(share["region"], share["region"])
                sheet.add_row(_build_head(target, item) | {"place": place, "share": share["value"]})
        sheet = book.add_sheet("进度表", PROGRESS_COLUMNS, title=f"{title}进度表", note=note, layout=LAYOUT)
        for target, item, read in rows:
            sheet.add_row(
                _build_head(target, item)
                | {
                    "reached": target.reached or "",
                    "reached_on": target.reached_on,
                    "percent": "" if read.percent is None else str(read.percent),
                    "light": read.light.label,
                    "explanation": target.explanation,
                }
            )
    return buffer.getvalue()
