"""The evaluations written out, one column per item of the sheet in force."""

import tempfile
from collections.abc import Sequence
from typing import Any

from services.projects.evaluations import repository
from services.projects.evaluations.models import Evaluation
from services.projects.evaluations.repository import Wanted
from services.projects.evaluations.scoring import shown
from services.projects.evaluations.sheet import Sheet, SheetItem
from services.projects.exchange.exports import IN_MEMORY, MEDIA, Written
from services.projects.exchange.layout import Format
from services.projects.exchange.regions import Names, names_if_there
from shared.sheets.columns import INTEGER, NUMBER, Column
from shared.sheets.writing import Book
from shared.work import Work

PLAIN = ("category_label", "project_name", "year", "grade_label", "state_label", "opinion")


def _columns(items: Sequence[SheetItem]) -> list[Column]:
    return [
        Column("number", "序号", INTEGER, width=6),
        *(Column(key, title) for key, title in (("county", "县(区)"), ("town", "乡镇"), ("village", "村"))),
        Column("category_label", "项目类型", width=28),
        Column("project_name", "项目名称", width=36),
        Column("year", "年度", INTEGER),
        *(Column(f"item_{one.code}", f"{one.label}({one.weight}分)", NUMBER) for one in items),
        Column("self_score", "自评得分", NUMBER),
        Column("score", "得分", NUMBER),
        Column("grade_label", "等次"),
        Column("state_label", "状态"),
        Column("opinion", "复核意见", width=36),
    ]


def _row(number: int, row: Evaluation, places: Names) -> dict[str, Any]:
    county, town, village = places.of(row.region)
    return {
        "number": number,
        "county": county,
        "town": town,
        "village": village,
        "score": shown(row.score),
        "self_score": shown(row.self_score),
        **{name: getattr(row, name) for name in PLAIN},
        **{f"item_{one['code']}": one["points"] for one in row.items},
    }


async def write(work: Work, wanted: Wanted) -> Written:
    """The ranking a caller may see and asked for, as a workbook."""
    district = wanted.region or work.context.settings.district
    places = await names_if_there(work, district)
    rule = await work.rule("evaluation.sheet", region=district)
    columns = _columns(Sheet.model_validate(rule.value).items)
    note = f"评分表: {rule.title}; 依据: {rule.basis}"
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    number = 0
    with Book(target) as book:
        sheet = book.sheet("项目评价", columns, title="项目评价表", note=note)
        async for batch in repository.batches(work, wanted):
            for row in batch:
                number += 1
                sheet.add(_row(number, row, places))
    target.seek(0)
    return Written(target, MEDIA[Format.XLSX][0], f"项目评价-{work.today.isoformat()}.xlsx")
