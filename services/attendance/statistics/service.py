"""The monthly table by person, helping unit or town, and as a workbook."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from services.attendance.deeds.models import Deed
from services.attendance.statistics import repository
from services.attendance.statistics.schemas import By, Line, Statistics
from services.attendance.teams.models import Member
from shared.sheets import DAY, INTEGER, NUMBER, TEXT, WAN, YES_NO, Book, Column
from shared.work import Work
from shared.workdays import month_span

TOWN = 9
"""Digits of a region's code that name its town."""
HALVED = {"halves": "stationed", "leave_halves": "leave"}
COLUMNS = (
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
DEEDS = (
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


async def monthly(work: Work, region: str, month: str, by: By) -> Statistics:
    """A region's month, in the order of names and codes."""
    first, last = month_span(month)
    figures = await repository.by_person(work, region, month, first, last)
    members = await repository.members(work, region, first, last)
    rows = figures if by == "person" else _grouped(figures, members, by)
    lines = [_line(key, row, members.get(key) if by == "person" else None) for key, row in rows.items()]
    return Statistics(
        region=region, month=month, by=by, rows=sorted(lines, key=lambda one: (one.unit, one.name, one.key))
    )


def _grouped(
    figures: dict[str, dict[str, Any]], members: dict[str, Member], by: By
) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for person, row in figures.items():
        member = members.get(person)
        unit = member.unit_name if member else ""
        key = unit or "未登记派出单位" if by == "unit" else str(row["region"])[:TOWN].ljust(12, "0")
        into = groups.setdefault(key, {"unit": key} if by == "unit" else {})
        for name, value in row.items():
            if isinstance(value, int):
                into[name] = into.get(name, 0) + value
    return groups


def _line(key: str, row: dict[str, Any], member: Member | None) -> Line:
    given = {HALVED.get(name, name): value / 2 if name in HALVED else value for name, value in row.items()}
    known = {name: value for name, value in given.items() if name in Line.model_fields}
    if member is not None:
        known |= {"unit": member.unit_name, "role": member.role.label}
    return Line(**{**known, "key": key})


def workbook(found: Statistics, deeds: Sequence[Deed]) -> bytes:
    """The table and the list of deeds. Work for a thread."""
    target = BytesIO()
    with Book(target) as book:
        page = book.sheet(
            "月统计", COLUMNS, title=f"{found.month} 驻村帮扶工作月统计", note="由日常记录生成, 不作排名"
        )
        for line in found.rows:
            page.add(line)
        page = book.sheet("实事清单", DEEDS)
        for deed in deeds:
            page.add(deed.model_dump() | {"kind": deed.kind.label, "proof": len(deed.photos)})
    return target.getvalue()
