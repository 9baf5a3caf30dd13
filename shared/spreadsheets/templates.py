"""Spreadsheets that people fill in or correct: templates, and uploads with what is wrong with them."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from shared.spreadsheets.columns import Column, ColumnKind
from shared.spreadsheets.reader import PROBLEM_TITLE, Sheet
from shared.spreadsheets.writer import WorkbookWriter, column_width, truncate_text

MAX_INLINE_LIST_LENGTH = 255
TEMPLATE_ROWS = 5_000
ALPHABET_SIZE = 26
RAW_KIND = ColumnKind("原样", lambda cell: cell, lambda cell: cell)


def build_template(
    columns: Sequence[Column],
    *,
    name: str = "填报",
    title: str = "",
    lists: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """A workbook to fill in: the headers, drop-down lists, and a sheet that explains every column.

    `lists` gives choices known only at run time (the villages of a town) by column key.
    """
    target = BytesIO()
    chosen = {column.key: list((lists or {}).get(column.key) or column.choices) for column in columns}
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet(
            name, columns, title=title, note="红色标题为必填; 各列要求见“说明”表; 请勿改动标题行"
        )
        _write_explanation(book, columns, chosen)
        sources = _write_list_page(book, chosen)
        for at, column in enumerate(columns):
            if choices := chosen[column.key]:
                inline = (
                    all("," not in one for one in choices)
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
                sheet.page.data_validation(sheet.header + 1, at, sheet.header + TEMPLATE_ROWS, at, rule)
            looks = book.get_format(num_format=column.kind.number_format)
            sheet.page.set_column(at, at, column_width(column), looks)
    return target.getvalue()


def _write_explanation(
    book: WorkbookWriter, columns: Sequence[Column], chosen: Mapping[str, Sequence[str]]
) -> None:
    about = [
        Column("title", "列"),
        Column("must", "必填"),
        Column("kind", "内容"),
        Column("note", "要求", width=60),
    ]
    page = book.add_sheet("说明", about)
    for column in columns:
        allowed = "、".join(chosen[column.key][:20])
        page.add_cells(
            [
                column.title,
                "是" if column.required else "",
                column.kind.name,
                "; ".join(part for part in (column.note, f"可选: {allowed}" if allowed else "") if part),
            ]
        )


def _write_list_page(book: WorkbookWriter, chosen: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The drop-down lists too long for a rule of their own, each in a column of a hidden sheet."""
    keys = [key for key, choices in chosen.items() if choices]
    page = book.add_worksheet("选项")
    page.hide()
    for row in range(max((len(chosen[key]) for key in keys), default=0)):
        for at, key in enumerate(keys):
            if row < len(chosen[key]):
                page.write_string(row, at, truncate_text(chosen[key][row]))
    return {
        key: f"=选项!${_column_letters(at)}$1:${_column_letters(at)}${len(chosen[key])}"
        for at, key in enumerate(keys)
    }


def _column_letters(at: int) -> str:
    return (_column_letters(at // ALPHABET_SIZE - 1) if at >= ALPHABET_SIZE else "") + chr(
        ord("A") + at % ALPHABET_SIZE
    )


def annotate_sheet(sheet: Sheet, *, only_wrong: bool = False) -> bytes:
    """The uploaded rows again, wrong cells marked, with a column “问题” that says what is wrong.

    It can be corrected and uploaded as it is: the column is ignored when read, and amounts keep their unit.
    """
    columns = [Column(str(at), title, RAW_KIND, width=20) for at, title in enumerate(sheet.titles)]
    target = BytesIO()
    with WorkbookWriter(target) as book:
        page = book.add_sheet(
            "有误的行" if only_wrong else "检查结果", [*columns, Column("", PROBLEM_TITLE, width=60)]
        )
        for row in sheet.rows:
            if row.is_valid and only_wrong:
                continue
            said = "; ".join(
                f"{one.column}: {one.message}" if one.column else one.message for one in row.errors
            )
            keys = {one.pointer.rpartition("/")[2] for one in row.errors if one.column}
            cells = [*row.cells, *[""] * len(columns)][: len(columns)]
            page.add_cells(
                [*cells, said], wrong=frozenset(sheet.places[key] for key in keys if key in sheet.places)
            )
    return target.getvalue()
