"""Papers to print and sign, as PDF with an embedded Chinese font: titles, tables with sums, lines for signatures.

with embed_font(text) as font: ...        # a font of exactly these characters, for any drawing by reportlab
content = draw_sheet(columns, rows, title="值班表", layout=PrintLayout())   # the columns that a workbook has
"""

from shared.papers.fonts import embed_font, find_missing_characters
from shared.papers.sheets import (
    SHEET_MEDIA_TYPES,
    PaperTable,
    SheetForm,
    draw_sheet,
    render_sheet,
    render_sheets,
)

__all__ = [
    "SHEET_MEDIA_TYPES",
    "PaperTable",
    "SheetForm",
    "draw_sheet",
    "embed_font",
    "find_missing_characters",
    "render_sheet",
    "render_sheets",
]
