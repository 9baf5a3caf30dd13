"""The board of a day as a paper (日报)."""

from services.attendance.days.schemas import DayBoard
from shared.papers import SheetForm, render_sheet
from shared.spreadsheets import INTEGER, TEXT, Column, PrintLayout

COLUMNS = (
    Column("number", "序号", INTEGER, width=6),
    Column("place", "镇村", TEXT, width=24),
    Column("post", "驻村点", TEXT, width=20),
    Column("person_name", "姓名", TEXT, width=12),
    Column("result_label", "情况", TEXT, width=14),
    Column("words", "依据", TEXT, width=50),
)
LAYOUT = PrintLayout(signatures=("填表人", "审核人", "日期", "单位(盖章)"))


def build_board_sheet(board: DayBoard, form: SheetForm) -> bytes:
    """The board with its counts in the note. CPU-bound: call it in a thread."""
    counts = "、".join(f"{label} {count} 人" for label, count in board.counts.items())
    rows = [row.model_dump() | {"number": number} for number, row in enumerate(board.rows, 1)]
    title = f"{board.place}{board.on}驻村日报"
    note = f"派驻 {board.stationed} 人: {counts}; 不作排名"
    return render_sheet(form, COLUMNS, rows, title=title, note=note, layout=LAYOUT)
