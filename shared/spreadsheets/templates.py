"""Templates to fill in: headers, drop-down lists, and a sheet that explains the columns."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from shared.spreadsheets.columns import Column
from shared.spreadsheets.reader import column_letters
from shared.spreadsheets.writer import WorkbookWriter, column_width, truncate_text

MAX_INLINE_LIST_LENGTH = 255
TEMPLATE_ROWS = 5_000


def build_template(
    columns: Sequence[Column],
    *,
    name: str = "填报",
    title: str = "",
    lists: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """Build a template: header row, drop-down lists, and a sheet that explains every column.

    `lists` maps column keys to choices known only at run time (the villages of a town).
    """
    target = BytesIO()
    choices_by_key = {column.key: list((lists or {}).get(column.key) or column.choices) for column in columns}
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet(
            name, columns, title=title, note="红色标题为必填; 各列要求见“说明”表; 请勿改动标题行"
        )
        _write_explanation(book, columns, choices_by_key)
        sources = _write_list_page(book, choices_by_key)
        for index, column in enumerate(columns):
            if choices := choices_by_key[column.key]:
                inline = (
                    all("," not in choice for choice in choices)
                    and len(",".join(choices)) <= MAX_INLINE_LIST_LENGTH
                )
                source: Any = choices if inline else sources[column.key]
                rule = {
                    "validate": "list",
                    "source": source,
                    "error_title": column.title[:32],
                    "error_message": "请从列表中选择",
                    "error_type": "stop",
                }
                sheet.page.data_validation(sheet.header + 1, index, sheet.header + TEMPLATE_ROWS, index, rule)
            cell_format = book.get_format(num_format=column.kind.number_format)
            sheet.page.set_column(index, index, column_width(column), cell_format)
    return target.getvalue()


def _write_explanation(
    book: WorkbookWriter, columns: Sequence[Column], choices_by_key: Mapping[str, Sequence[str]]
) -> None:
    explanation_columns = [
        Column("title", "列"),
        Column("must", "必填"),
        Column("kind", "内容"),
        Column("note", "要求", width=60),
    ]
    page = book.add_sheet("说明", explanation_columns)
    for column in columns:
        allowed = "、".join(choices_by_key[column.key][:20])
        page.add_cells(
            [
                column.title,
                "是" if column.required else "",
                column.kind.name,
                "; ".join(part for part in (column.note, f"可选: {allowed}" if allowed else "") if part),
            ]
        )


def _write_list_page(book: WorkbookWriter, choices_by_key: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Write the lists to columns of a hidden sheet; returns column key → formula of the range."""
    keys = [key for key, choices in choices_by_key.items() if choices]
    page = book.add_worksheet("选项")
    page.hide()
    for row in range(max((len(choices_by_key[key]) for key in keys), default=0)):
        for index, key in enumerate(keys):
            if row < len(choices_by_key[key]):
                page.write_string(row, index, truncate_text(choices_by_key[key][row]))
    return {
        key: f"=选项!${column_letters(index)}$1:${column_letters(index)}${len(choices_by_key[key])}"
        for index, key in enumerate(keys)
    }
