"""A table as a paper: centred title, heads on each page, sums, lines for signatures, page numbers; landscape, fit to width."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper: `name` is that of its sheet in a workbook, the title without one."""

    columns: Sequence[Column]
    rows: Rows
    title: str
    layout: PrintLayout
    note: str = ""
    name: str = ""

    def write_cells(self) -> list[list[str]]:
        """The titles, the cells as text, and the sums."""
        cells = [[_format_cell(column, row.get(column.key)) for column in self.columns] for row in self.rows]
        sums = [_sum_columns(self.columns, self.rows, self.layout)] if self.layout.sums else []
        return [[column.title for column in self.columns], *cells, *sums]


def render_sheet(
    form: SheetForm, columns: Sequence[Column], rows: Rows, *, title: str, note: str = "", layout: PrintLayout
) -> bytes:
    """`render_sheets` for one table."""
    return render_sheets(form, [PaperTable(columns, rows, title, layout, note)])


def render_sheets(form: SheetForm, tables: Sequence[PaperTable]) -> bytes:
    """The tables as a workbook, a sheet each, or as a PDF, each on pages of its own, with the same cells, sums and signatures.

    CPU-bound: call it in a thread.
    """
    if form == "pdf":
        return draw_sheets(tables)
    target = io.BytesIO()
    with WorkbookWriter(target) as book:
        for table in tables:
            sheet = book.add_sheet(
                table.name or table.title,
                table.columns,
                title=table.title,
                note=table.note,
                layout=table.layout,
            )
            for row in table.rows:
                sheet.add_row(row)
    return target.getvalue()


def draw_sheet(
    columns: Sequence[Column], rows: Rows, *, title: str, note: str = "", layout: PrintLayout
) -> bytes:
    """`draw_sheets` for one table."""
    return draw_sheets([PaperTable(columns, rows, title, layout, note)])


def draw_sheets(tables: Sequence[PaperTable]) -> bytes:
    """The tables as PDF, of the size of the first; values are written by the columns' kinds, numbers aligned to the right."""
    from reportlab.platypus import PageBreak, SimpleDocTemplate

    written = [table.write_cells() for table in tables]
    words = [word for one in tables for word in (one.title, one.note, *one.layout.signatures)]
    cells = [cell for rows in written for row in rows for cell in row]
    page = PAGE_SIZES[tables[0].layout.size]
    target = io.BytesIO()
    with embed_font("".join([FIXED_WORDS, *words, *cells])) as font:

        def number_page(canvas: Any, document: Any) -> None:  # noqa: ANN401 - reportlab has no types
            canvas.setFont(font, 8)
            canvas.drawCentredString(page[0] / 2, MARGIN / 2, f"第 {document.page} 页")

        parts: list[Any] = []
        for table, rows in zip(tables, written, strict=True):
            parts += [*([PageBreak()] if parts else []), *_build_parts(table, rows, font)]
        margins = {f"{side}Margin": MARGIN for side in ("left", "right", "top", "bottom")}
        document = SimpleDocTemplate(target, pagesize=page, title=tables[0].title, lang="zh-CN", **margins)
        document.build(parts, onFirstPage=number_page, onLaterPages=number_page)
    return target.getvalue()


def _build_parts(paper: PaperTable, table: list[list[str]], font: str) -> list[Any]:
    """Title, note, table and lines to sign."""
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, Spacer

    columns, layout = paper.columns, paper.layout
    width = PAGE_SIZES[layout.size][0] - 2 * MARGIN
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
    parts: list[Any] = [Paragraph(escape(paper.title), _style(font, 16, alignment=TA_CENTER, spaceAfter=4))]
    if paper.note:
        parts.append(Paragraph(escape(paper.note), _style(font, 9)))
    column_widths = [width * share / sum(widths) for share in widths]
    parts += [Spacer(1, 4), LongTable(cells, colWidths=column_widths, repeatRows=1, style=grid, splitInRow=1)]
    signatures = "　　".join(f"{label}：____________" for label in layout.signatures)
    return [*parts, Spacer(1, 14), Paragraph(signatures, _style(font, 10))]


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
