"""Export of evaluations to a workbook, one column per score sheet item."""

import tempfile
from collections.abc import Sequence
from typing import Any

from services.projects.evaluations import repository
from services.projects.evaluations.calculation import format_points
from services.projects.evaluations.models import ProjectEvaluation
from services.projects.evaluations.repository import EvaluationFilter
from services.projects.evaluations.rules import ScoreSheetItem
from services.projects.imports.exporter import MAX_IN_MEMORY_BYTES, MEDIA_TYPES, ExportFile
from services.projects.imports.schemas import ExportFormat
from services.projects.policy import EVALUATION_SHEET
from shared.china import PlaceNames
from shared.records.region_names import find_place_names
from shared.spreadsheets import INTEGER, NUMBER, Column, WorkbookWriter
from shared.unit_of_work import UnitOfWork

PLAIN_COLUMNS = ("category_label", "project_name", "year", "grade_label", "state_label", "opinion")


def _build_columns(items: Sequence[ScoreSheetItem]) -> list[Column]:
    return [
        Column("number", "序号", INTEGER, width=6),
        *(Column(key, title) for key, title in (("county", "县(区)"), ("town", "乡镇"), ("village", "村"))),
        Column("category_label", "项目类型", width=28),
        Column("project_name", "项目名称", width=36),
        Column("year", "年度", INTEGER),
        *(Column(f"item_{item.code}", f"{item.label}({item.weight}分)", NUMBER) for item in items),
        Column("self_score", "自评得分", NUMBER),
        Column("score", "得分", NUMBER),
        Column("grade_label", "等次"),
        Column("state_label", "状态"),
        Column("opinion", "复核意见", width=36),
    ]


def _build_row(number: int, evaluation: ProjectEvaluation, places: PlaceNames) -> dict[str, Any]:
    county, town, village = places.get_names(evaluation.region)
    return {
        "number": number,
        "county": county,
        "town": town,
        "village": village,
        "score": format_points(evaluation.score),
        "self_score": format_points(evaluation.self_score),
        **{name: getattr(evaluation, name) for name in PLAIN_COLUMNS},
        **{f"item_{item['code']}": item["points"] for item in evaluation.items},
    }


async def write_evaluations(work: UnitOfWork, filters: EvaluationFilter) -> ExportFile:
    """Write the evaluations the caller may read, best first, to a workbook."""
    district = filters.region or work.home_region
    places = await find_place_names(work, district)
    rule = await work.get_rule(EVALUATION_SHEET, region=district)
    columns = _build_columns(rule.value.items)
    note = f"评分表: {rule.title}; 依据: {rule.basis}"
    target = tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY_BYTES)  # noqa: SIM115 - closed after it is sent
    number = 0
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet("项目评价", columns, title="项目评价表", note=note)
        async for batch in repository.iterate_evaluations(work, filters):
            for row in batch:
                number += 1
                sheet.add_row(_build_row(number, row, places))
    target.seek(0)
    return ExportFile(target, MEDIA_TYPES[ExportFormat.XLSX][0], f"项目评价-{work.today.isoformat()}.xlsx")
