"""Month sheet, one row per person, totals first, then each day: a workbook in the columns of DingTalk's 月度汇总, or a paper."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.attendance.days.schemas import DayResult
from services.attendance.months.schemas import MonthRead
from shared.china import list_days, month_bounds, to_local_date
from shared.papers import PaperTable, SheetForm, render_sheets
from shared.spreadsheets import INTEGER, NUMBER, TEXT, Column, PrintLayout

DAY_WIDTH, PAPER_DAY_WIDTH = 8, 4
"""Characters of the column of a day."""
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


SIGNS = {
    DayResult.PRESENT: "√",
    DayResult.PART: "半",
    DayResult.ERRAND: "○",
    DayResult.LEAVE: "△",
    DayResult.REST: "休",
    DayResult.PENDING: "?",
    DayResult.UNEXPLAINED: "缺",
    DayResult.ABSENT: "×",
}
"""The signs of a sheet on paper, where a day is one character wide."""
LEGEND = "√在岗 半=半天 ○公出 △请假 休=休息 ?待复核 缺=未见记录 ×不在岗; 加*的为暂定"
LEFT_OUT_ON_PAPER = frozenset({"key", "part", "pending"})
LAYOUT = PrintLayout(
    size="A3",
    sums=("stationed", "rest", "errand", "leave", "part", "unexplained", "absent", "pending", "provisional"),
    signatures=("填表人", "工作队长", "村党支部", "审核人", "日期", "乡镇(盖章)"),
)


def build_month_sheet(
    form: SheetForm, sheet: MonthRead, teams: dict[str, str], days: Sequence[Any], place: str
) -> bytes:
    """The sheet, A3 landscape with sums and lines to sign: as XLSX in DingTalk's words, as PDF with the signs used on paper.

    `place` is the region's name. CPU-bound: call it in a thread.
    """
    is_paper = form == "pdf"
    words, mark = (SIGNS, "*") if is_paper else (DINGTALK_RESULT_LABELS, "(暂定)")
    cells: dict[str, dict[str, str]] = {}
    for row in days:
        word = words[DayResult(row.result)] + (mark if row.provisional else "")
        cells.setdefault(row.person, {})[_get_day_key(row.work_date)] = word
    rows = [
        tally.model_dump()
        | cells.get(tally.key, {})
        | {"team": teams.get(str(tally.team_id), ""), "met": _format_met(tally.met)}
        for tally in sheet.rows
    ]
    note = "; ".join((f"规则 {sheet.rule_ref}", _describe_signature(sheet), "不作排名"))
    title = f"{place} {sheet.period} 驻村{'干部考勤表' if is_paper else '月度汇总'}"
    table = PaperTable(
        _list_columns(sheet.period, is_paper=is_paper),
        rows,
        title,
        LAYOUT,
        f"{note}; {LEGEND}" if is_paper else note,
        name="月度汇总",
    )
    return render_sheets(form, [table])


def _list_columns(month: str, *, is_paper: bool) -> list[Column]:
    """The totals and a column for each day; a paper leaves out what its signs tell."""
    totals = [one for one in SUMMARY_COLUMNS if not (is_paper and one.key in LEFT_OUT_ON_PAPER)]
    days = [
        Column(
            _get_day_key(on),
            f"{on.day} {'一二三四五六日'[on.weekday()]}",
            TEXT,
            width=PAPER_DAY_WIDTH if is_paper else DAY_WIDTH,
        )
        for on in list_days(*month_bounds(month))
    ]
    return [*totals, *days]


def _describe_signature(sheet: MonthRead) -> str:
    """Returns the signature in words: name and day, or that nobody signed."""
    if sheet.signed_at is None:
        return sheet.state.label
    return f"{sheet.signed_name or sheet.signed_by} {to_local_date(sheet.signed_at)} 签字"


def _get_day_key(on: date) -> str:
    return f"d{on.day}"


def _format_met(met: bool | None) -> str:
    return "" if met is None else "是" if met else "否"
