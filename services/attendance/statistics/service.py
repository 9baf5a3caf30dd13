"""Monthly statistics per person, sponsoring unit or town, and their workbook."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.attendance.statistics import repository
from services.attendance.statistics.repository import TeamMember
from services.attendance.statistics.schemas import (
    GroupBy,
    Line,
    Statistics,
    StatisticsChange,
    StatisticsSignature,
)
from services.attendance.visits.models import Deed
from shared.china import PlaceNames, format_yuan, month_bounds, to_local_date
from shared.papers import PaperTable, SheetForm, render_sheets
from shared.records.region_names import find_place_names
from shared.spreadsheets import DAY, INTEGER, NUMBER, TEXT, WAN, YES_NO, Column, PrintLayout
from shared.unit_of_work import UnitOfWork

TOWN_DIGITS = 9
"""Digits of a 12-digit region code that name its town."""
MONEY_FIELDS = frozenset({"project_money", "consumption_money"})
FIGURE_FIELDS = tuple(
    name for name in Line.model_fields if name not in {"key", "name", "region", "unit", "role"}
)
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
    """Returns a region's month, sorted by unit, name and key.

    Persons on a signed month sheet have the figures of the signature; what changed since stands in `changes`.
    """
    places = await find_place_names(work, region) if by == "town" else PlaceNames(region)
    lines = {line.key: line for line in await list_lines(work, region, month)}
    sheets = await repository.list_signed_sheets(work, region, month)
    signed_lines = {
        line.key: line
        for sheet in sheets
        for line in map(Line.model_validate, sheet.statistics)
        if work.is_within_region(line.region, region)
    }
    frozen_regions = [sheet.region for sheet in sheets if sheet.statistics]
    changes = [
        change
        for key in sorted({*signed_lines, *lines})
        if key in signed_lines or any(work.is_within_region(lines[key].region, one) for one in frozen_regions)
        for change in _list_changes(key, signed_lines.get(key), lines.get(key))
    ]
    rows = list(signed_lines.values()) + [
        line
        for key, line in lines.items()
        if key not in signed_lines
        and not any(work.is_within_region(line.region, one) for one in frozen_regions)
    ]
    return Statistics(
        region=region,
        month=month,
        by=by,
        rows=sorted(
            rows if by == "person" else _group_lines(work, rows, by, places),
            key=lambda line: (line.unit, "" if by == "town" else line.name, line.key),
        ),
        signatures=[
            StatisticsSignature(
                region=sheet.region,
                signed_name=sheet.signed_name,
                signed_at=sheet.state_since,
                digest=sheet.digest,
            )
            for sheet in sheets
        ],
        changes=changes,
    )


async def list_lines(work: UnitOfWork, region: str, month: str) -> list[Line]:
    """Returns a region's month as of now, one line for each person. What was finished later is not finished in it."""
    first, last = month_bounds(month)
    figures = await repository.list_person_figures(work, region, month, first, last)
    members = await repository.list_members(work, region, first, last)
    return [_build_line(key, row, members.get(key)) for key, row in figures.items()]


async def list_deed_rows(work: UnitOfWork, region: str, month: str) -> list[dict[str, Any]]:
    """Returns the rows of the list of deeds: those of signed sheets as signed, the others as of now."""
    _, last = month_bounds(month)
    sheets = [sheet for sheet in await repository.list_signed_sheets(work, region, month) if sheet.statistics]
    signed = [row for sheet in sheets for row in sheet.deeds if work.is_within_region(row["region"], region)]
    return signed + [
        build_deed_row(deed, last)
        for deed in await repository.list_deeds(work, region, *month_bounds(month))
        if not any(work.is_within_region(deed.region, sheet.region) for sheet in sheets)
    ]


def build_deed_row(deed: Deed, last: date) -> dict[str, Any]:
    """Returns a row of the list of deeds as of the month's last day, as JSON."""
    is_done = deed.done_on is not None and deed.done_on <= last
    return {
        "region": deed.region,
        "person_name": deed.person_name,
        "kind": deed.kind.label,
        "content": deed.content,
        "beneficiaries": deed.beneficiaries,
        "amount": deed.amount,
        "happened_on": deed.happened_on.isoformat(),
        "done": is_done,
        "done_on": deed.done_on.isoformat() if deed.done_on and is_done else None,
        "proof": len(deed.photos),
    }


def _list_changes(key: str, signed: Line | None, now: Line | None) -> list[StatisticsChange]:
    """Returns the figures of a person that differ from those of the signature."""
    before, after = (line or Line(key=key) for line in (signed, now))
    name = before.name or after.name
    return [
        StatisticsChange(
            key=key,
            name=name,
            field=column.key,
            label=column.title,
            signed=_format_figure(column.key, before),
            now=_format_figure(column.key, after),
        )
        for column in STATISTICS_SHEET_COLUMNS
        if column.key in FIGURE_FIELDS and getattr(before, column.key) != getattr(after, column.key)
    ]


def _format_figure(name: str, line: Line) -> str:
    """Returns a figure as text: money in 元, days without a trailing zero."""
    value = getattr(line, name)
    return format_yuan(value) if name in MONEY_FIELDS else f"{value:g}"


def _group_lines(work: UnitOfWork, lines: Sequence[Line], by: GroupBy, places: PlaceNames) -> list[Line]:
    """Sums the persons' lines by unit or by town."""
    groups: dict[str, Line] = {}
    for line in lines:
        is_unit = by == "unit"
        key = (
            line.unit or "未登记派出单位"
            if is_unit
            else work.context.mergers.find_current(line.region)[:TOWN_DIGITS].ljust(12, "0")
        )
        place = {"unit": key} if is_unit else {"region": key, "name": places.find_name(key)}
        group = groups.setdefault(key, Line(key=key, **place))
        for name in FIGURE_FIELDS:
            setattr(group, name, getattr(group, name) + getattr(line, name))
    return list(groups.values())


def _build_line(key: str, row: dict[str, Any], member: TeamMember | None) -> Line:
    """Returns one row; half days become days."""
    figures = {
        HALF_DAY_FIELDS.get(name, name): value / 2 if name in HALF_DAY_FIELDS else value
        for name, value in row.items()
    }
    fields = {name: value for name, value in figures.items() if name in Line.model_fields}
    if member is not None:
        fields |= {"unit": member.unit_name, "role": member.role}
    return Line(**{**fields, "key": key})


def _describe_signatures(statistics: Statistics) -> str:
    """Returns the line below the title: who signed and when, or that nobody did."""
    signed = "; ".join(
        f"{one.signed_name} {to_local_date(one.signed_at)} 签字" for one in statistics.signatures[:5]
    )
    return f"由日常记录生成, 不作排名; {signed or '未签字'}"


def build_statistics_sheets(
    form: SheetForm, statistics: Statistics, deeds: Sequence[Mapping[str, Any]], place: str
) -> bytes:
    """The statistics and the list of deeds, with sums and lines to sign, as XLSX or PDF. CPU-bound: call it in a thread."""
    days = ("happened_on", "done_on")
    dated = [
        {**deed, **{name: deed[name] and date.fromisoformat(deed[name]) for name in days}} for deed in deeds
    ]
    return render_sheets(
        form,
        [
            PaperTable(
                STATISTICS_SHEET_COLUMNS,
                [line.__dict__ for line in statistics.rows],
                f"{place} {statistics.month} 驻村帮扶工作月统计",
                PrintLayout(sums=FIGURE_FIELDS),
                _describe_signatures(statistics),
                name="月统计",
            ),
            PaperTable(
                DEED_SHEET_COLUMNS,
                dated,
                f"{place} {statistics.month} 帮办实事清单",
                PrintLayout(sums=("beneficiaries", "amount")),
                name="实事清单",
            ),
        ],
    )
