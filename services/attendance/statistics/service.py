"""Monthly statistics per person, sponsoring unit or town, and their workbook."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from services.attendance.statistics import repository
from services.attendance.statistics.schemas import GroupBy, Line, Statistics
from services.attendance.teams.models import Member
from services.attendance.visits.models import Deed
from shared.china import month_bounds
from shared.spreadsheets import DAY, INTEGER, NUMBER, TEXT, WAN, YES_NO, Column, WorkbookWriter
from shared.unit_of_work import UnitOfWork

TOWN_DIGITS = 9
"""Digits of a 12-digit region code that name its town."""
HALF_DAY_FIELDS = {"halves": "stationed", "leave_halves": "leave"}
STATISTICS_SHEET_COLUMNS = (
    Column("unit", "单位", TEXT),
    Column("name", "姓名", TEXT, width=10),
    Column("role", "职务", TEXT, width=12),
    Column("workdays", "本月应驻天数", INTEGER),
    Column("stationed", "实驻天数", NUMBER),
    Column("leave", "请假天数", NUMBER),
    Column("errand", "公出天数", INTEGER),
    Column("household_visits", "走访农户(户次)", INTEGER),
    Column("urgent", "解决急难愁盼(件)", INTEGER),
    Column("dispute", "化解矛盾纠纷(件)", INTEGER),
    Column("project", "协调项目(个)", INTEGER),
    Column("project_money", "协调资金(万元)", WAN),
    Column("enterprise", "引进企业(个)", INTEGER),
    Column("jobs", "带动就业(人)", INTEGER),
    Column("consumption_money", "消费帮扶(万元)", WAN),
    Column("lecture", "政策宣讲(场次)", INTEGER),
    Column("deeds", "实事(件)", INTEGER),
    Column("deeds_done", "办结(件)", INTEGER),
)
DEED_SHEET_COLUMNS = (
    Column("person_name", "姓名", TEXT, width=10),
    Column("kind", "类别", TEXT, width=14),
    Column("content", "实事内容", TEXT, width=50),
    Column("beneficiaries", "受益人数", INTEGER),
    Column("amount", "资金(万元)", WAN),
    Column("happened_on", "发生日期", DAY),
    Column("done", "是否办结", YES_NO),
    Column("done_on", "完成时间", DAY),
    Column("proof", "佐证(份)", INTEGER),
)


async def get_statistics(work: UnitOfWork, region: str, month: str, by: GroupBy) -> Statistics:
    """Returns a region's month, sorted by unit, name and key."""
    first, last = month_bounds(month)
    figures = await repository.list_person_figures(work, region, month, first, last)
    members = await repository.list_members(work, region, first, last)
    rows = figures if by == "person" else _group_figures(figures, members, by)
    lines = [_build_line(key, row, members.get(key) if by == "person" else None) for key, row in rows.items()]
    return Statistics(
        region=region,
        month=month,
        by=by,
        rows=sorted(lines, key=lambda line: (line.unit, line.name, line.key)),
    )


def _group_figures(
    figures: dict[str, dict[str, Any]], members: dict[str, Member], by: GroupBy
) -> dict[str, dict[str, Any]]:
    """Sums the persons' figures by unit or by town."""
    groups: dict[str, dict[str, Any]] = {}
    for person, row in figures.items():
        member = members.get(person)
        unit = member.unit_name if member else ""
        key = unit or "未登记派出单位" if by == "unit" else str(row["region"])[:TOWN_DIGITS].ljust(12, "0")
        group = groups.setdefault(key, {"unit": key} if by == "unit" else {})
        for name, value in row.items():
            if isinstance(value, int):
                group[name] = group.get(name, 0) + value
    return groups


def _build_line(key: str, row: dict[str, Any], member: Member | None) -> Line:
    """Returns one row; half days become days."""
    figures = {
        HALF_DAY_FIELDS.get(name, name): value / 2 if name in HALF_DAY_FIELDS else value
        for name, value in row.items()
    }
    fields = {name: value for name, value in figures.items() if name in Line.model_fields}
    if member is not None:
        fields |= {"unit": member.unit_name, "role": member.role.label}
    return Line(**{**fields, "key": key})


def build_statistics_workbook(statistics: Statistics, deeds: Sequence[Deed]) -> bytes:
    """Returns the XLSX bytes: the statistics and the list of deeds. CPU-bound: call it in a thread."""
    buffer = BytesIO()
    with WorkbookWriter(buffer) as book:
        worksheet = book.add_sheet(
            "月统计",
            STATISTICS_SHEET_COLUMNS,
            title=f"{statistics.month} 驻村帮扶工作月统计",
            note="由日常记录生成, 不作排名",
        )
        for line in statistics.rows:
            worksheet.add_row(line)
        worksheet = book.add_sheet("实事清单", DEED_SHEET_COLUMNS)
        for deed in deeds:
            worksheet.add_row(deed.model_dump() | {"kind": deed.kind.label, "proof": len(deed.photos)})
    return buffer.getvalue()
