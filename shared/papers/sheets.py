"""A table as a paper: centred title, heads on each page, sums, lines for signatures, page numbers; landscape, fit to width."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Literal

from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A3, A4, landscape
from reportlab.lib.units import mm

from shared.papers.fonts import embed_font
from shared.spreadsheets import XLSX_MEDIA_TYPE, Column, PrintLayout, WorkbookWriter
from shared.spreadsheets.writer import column_width, text_width

SheetForm = Literal["xlsx", "pdf"]
SHEET_MEDIA_TYPES = {"xlsx": XLSX_MEDIA_TYPE, "pdf": "application/pdf"}
PAGE_SIZES = {"A3": landscape(A3), "A4": landscape(A4)}
MARGIN = 12 * mm
MAX_SIZE, MIN_SIZE = 9.0, 5.0
"""Points of the table's text: as large as the width allows."""
POINTS_PER_CHARACTER = 0.62
"""Width of a fixed-width character in parts of the size of the text, with the space around a cell."""
Rows = Sequence[Mapping[str, Any]]
FIXED_WORDS = "合计第页共：:_"


def render_sheet(
    form: SheetForm, columns: Sequence[Column], rows: Rows, *, title: str, note: str = "", layout: PrintLayout
) -> bytes:
    """The table as a workbook or a PDF; both show the same cells, sums and signatures. CPU-bound: call it in a thread."""
    if form == "pdf":
        return draw_sheet(columns, rows, title=title, note=note, layout=layout)
    target = io.BytesIO()
    with WorkbookWriter(target) as book:
        sheet = book.add_sheet(title, columns, title=title, note=note, layout=layout)
        for row in rows:
            sheet.add_row(row)
    return target.getvalue()


def draw_sheet(
    columns: Sequence[Column], rows: Rows, *, title: str, note: str = "", layout: PrintLayout
) -> bytes:
    """The table as PDF; values are written by the columns' kinds, numbers aligned to the right."""
    cells = [[_format_cell(column, row.get(column.key)) for column in columns] for row in rows]
    if layout.sums:
        cells.append(_sum_columns(columns, rows, layout))
    words = [column.title for column in columns]
    text = "".join(
        [title, note, FIXED_WORDS, *layout.signatures, *words, *(cell for row in cells for cell in row)]
    )
    with embed_font(text) as font:
        return _build_document(columns, [words, *cells], title, note, layout, font)


def _build_document(
    columns: Sequence[Column], table: list[list[str]], title: str, note: str, layout: PrintLayout, font: str
) -> bytes:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

    page = PAGE_SIZES[layout.size]
    width = page[0] - 2 * MARGIN
    widths = _fit_widths(columns, table)
    size = max(MIN_SIZE, min(MAX_SIZE, width / (sum(widths) * POINTS_PER_CHARACTER)))
    left, right = _style(font, size), _style(font, size, alignment=TA_RIGHT)
    head = _style(font, size, alignment=TA_CENTER)
    is_number = [_is_number(column) for column in columns]
    cells = [[Paragraph(escape(cell), head) for cell in table[0]]]
    cells += [
        [
            Paragraph(escape(cell), right if number else left)
            for cell, number in zip(row, is_number, strict=True)
        ]
        for row in table[1:]
    ]
    grid = [
        ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]
    parts: list[Any] = [Paragraph(escape(title), _style(font, 16, alignment=TA_CENTER, spaceAfter=4))]
    if note:
        parts.append(Paragraph(escape(note), _style(font, 9)))
    column_widths = [width * share / sum(widths) for share in widths]
    parts += [Spacer(1, 4), LongTable(cells, colWidths=column_widths, repeatRows=1, style=grid, splitInRow=1)]
    signatures = "　　".join(f"{label}：____________" for label in layout.signatures)
    parts += [Spacer(1, 14), Paragraph(signatures, _style(font, 10))]

    def number_page(canvas: Any, document: Any) -> None:  # noqa: ANN401 - reportlab has no types
        canvas.setFont(font, 8)
        canvas.drawCentredString(page[0] / 2, MARGIN / 2, f"第 {document.page} 页")

    target = io.BytesIO()
    margins = {f"{side}Margin": MARGIN for side in ("left", "right", "top", "bottom")}
    document = SimpleDocTemplate(target, pagesize=page, title=title, lang="zh-CN", **margins)
    document.build(parts, onFirstPage=number_page, onLaterPages=number_page)
    return target.getvalue()


def _fit_widths(columns: Sequence[Column], table: list[list[str]]) -> list[float]:
    """Characters per column: what its longest cell needs, between its title and the width that a workbook gives it."""
    return [
        min(
            max(column_width(column), text_width(column.title) + 2),
            max(4.0, *(text_width(row[index]) + 2 for row in table)),
        )
        for index, column in enumerate(columns)
    ]


def _is_number(column: Column) -> bool:
    return column.kind.number_format not in {"", "@"} and "yy" not in column.kind.number_format


def _format_cell(column: Column, value: Any) -> str:  # noqa: ANN401 - any value of the column
    if value is None or value == "":
        return ""
    return _format_written(column, column.kind.write(value))


def _format_written(column: Column, cell: Any) -> str:  # noqa: ANN401 - any cell
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, date):
        return f"{cell:%Y-%m}" if column.kind.number_format == "yyyy-mm" else cell.isoformat()
    if isinstance(cell, Decimal) and "#,##0.00" in column.kind.number_format:
        return f"{cell:,}"
    if isinstance(cell, Decimal) and column.kind.number_format == "0.00%":
        return f"{cell:.2%}"
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _sum_columns(columns: Sequence[Column], rows: Rows, layout: PrintLayout) -> list[str]:
    found = ["合计"]
    for column in columns[1:]:
        cells = [row.get(column.key) for row in rows] if column.key in layout.sums else []
        written: list[Any] = [column.kind.write(cell) for cell in cells if cell not in (None, "")]
        found.append(_format_written(column, sum(written, Decimal())) if written else "")
    return found


def _style(font: str, size: float, **options: Any) -> Any:  # noqa: ANN401 - reportlab has no types
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle(
        f"{font}-{size}-{options.get('alignment', 0)}",
        fontName=font,
        bulletFontName=font,
        fontSize=size,
        leading=size * 1.4,
        wordWrap="CJK",
        **options,
    )
