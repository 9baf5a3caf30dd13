"""The open alerts of a region as a paper to sign (问题清单)."""

from collections.abc import Sequence

from shared.alerts.lifecycle import AlertSeverity, AlertState
from shared.alerts.models import AlertRow
from shared.china import PlaceNames
from shared.papers import SheetForm, render_sheet
from shared.spreadsheets import DAY, INTEGER, TEXT, Column, PrintLayout, choice_kind

COLUMNS = (
    Column("number", "序号", INTEGER, width=6),
    Column("place", "地点", TEXT, width=16),
    Column("title", "对象", TEXT, width=26),
    Column("message", "问题", TEXT, width=44),
    Column("light", "预警灯", choice_kind(AlertSeverity), width=8),
    Column("found_on", "发现日期", DAY, width=12),
    Column("owner", "责任人", TEXT, width=12),
    Column("due_on", "反馈期限", DAY, width=12),
    Column("state", "状态", choice_kind(AlertState), width=10),
    Column("answer", "整改情况", TEXT, width=36),
    Column("signed", "销号签字", TEXT, width=12),
)
LAYOUT = PrintLayout(signatures=("填表人", "审核人", "负责人签字", "日期", "单位(盖章)"))


def build_issue_sheet(rows: Sequence[AlertRow], places: PlaceNames, title: str, form: SheetForm) -> bytes:
    """The alerts in the order given. CPU-bound: call it in a thread."""
    cells = [
        {
            "number": number,
            "place": places.describe(alert.region),
            "title": alert.title,
            "message": alert.message,
            "light": alert.light,
            "found_on": alert.created_at.date(),
            "owner": alert.owner,
            "due_on": alert.due_on,
            "state": alert.state,
            "answer": alert.answer,
        }
        for number, alert in enumerate(rows, 1)
    ]
    return render_sheet(form, COLUMNS, cells, title=title, layout=LAYOUT)
