"""Month sheet as a workbook in the columns of DingTalk's 月度汇总: one row per person, totals first, then each day."""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

from services.attendance.days.schemas import DayResult
from services.attendance.months.schemas import MonthRead
from shared.china import list_days, month_bounds
from shared.spreadsheets import INTEGER, NUMBER, TEXT, Column, PrintLayout, WorkbookWriter

DINGTALK_RESULT_LABELS = {
    DayResult.PRESENT: "正常",
    DayResult.PART: "半天",
    DayResult.ERRAND: "外出",
    DayResult.LEAVE: "请假",
    DayResult.REST: "休息",
    DayResult.PENDING: "待复核",
    DayResult.UNEXPLAINED: "缺卡",
    DayResult.ABSENT: "旷工",
}
"""DingTalk's name for each result; 旷工 only follows from a person's finding, never from missing data."""
SUMMARY_COLUMNS = (
    Column("name", "姓名", TEXT, width=10),
    Column("team", "部门", TEXT, width=22),
    Column("key", "UserId", TEXT, width=16),
    Column("stationed", "出勤天数", NUMBER),
    Column("rest", "休息天数", INTEGER),
    Column("errand", "外出天数", INTEGER),
    Column("leave", "请假天数", NUMBER),
    Column("part", "半天次数", INTEGER),
    Column("unexplained", "缺卡天数", INTEGER),
    Column("absent", "旷工天数", INTEGER),
    Column("pending", "待复核天数", INTEGER),
    Column("provisional", "暂定天数", INTEGER),
    Column("met", "是否达到规定天数", TEXT, width=16),
)


LAYOUT = PrintLayout(
    size="A3",
    sums=("stationed", "rest", "errand", "leave", "part", "unexplained", "absent", "pending", "provisional"),
    signatures=("填表人", "工作队长", "村党支部", "审核人", "日期", "乡镇(盖章)"),
)


def build_month_workbook(sheet: MonthRead, teams: dict[str, str], days: Sequence[Any], place: str) -> bytes:
    """Returns the XLSX bytes, A3 landscape with sums and lines to sign; `place` is the region's name. CPU-bound: call it in a thread."""
    dates = list_days(*month_bounds(sheet.period))
    columns = [
        *SUMMARY_COLUMNS,
        *(Column(f"d{on.day}", f"{on.day} {'一二三四五六日'[on.weekday()]}", TEXT, width=8) for on in dates),
    ]
    cells: dict[str, dict[str, str]] = {}
    for row in days:
        cells.setdefault(row.person, {})[_get_day_key(row.work_date)] = DINGTALK_RESULT_LABELS[
            DayResult(row.result)
        ] + ("(暂定)" if row.provisional else "")
    buffer = BytesIO()
    with WorkbookWriter(buffer) as book:
        note = f"规则 {sheet.rule_ref}; {sheet.state.label}; 不作排名"
        worksheet = book.add_sheet(
            "月度汇总", columns, title=f"{place} {sheet.period} 驻村月度汇总", note=note, layout=LAYOUT
        )
        for tally in sheet.rows:
            worksheet.add_row(
                tally.model_dump()
                | cells.get(tally.key, {})
                | {"team": teams.get(str(tally.team_id), ""), "met": _format_met(tally.met)}
            )
    return buffer.getvalue()


def _get_day_key(on: date) -> str:
    return f"d{on.day}"


def _format_met(met: bool | None) -> str:
    return "" if met is None else "是" if met else "否"
