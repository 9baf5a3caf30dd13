"""An announcement as PDF, in STSong-Light, which every PDF reader has for Chinese without a font file."""

import io
from html import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from services.funds.disclosure.schemas import Page

FONT = "STSong-Light"
MARGIN = 15 * mm
GRID = [
    ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
]


def pdf(page: Page) -> bytes:
    """The page as PDF, A4 across."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    title = _style("title", 18, 26, alignment=TA_CENTER, spaceAfter=10)
    text, cell = _style("text", 12, 20), _style("cell", 9, 12)
    size = landscape(A4)
    room = size[0] - 2 * MARGIN
    rows = [[Paragraph(escape(one), cell) for one in row] for row in (page.head, *page.rows, page.totals)]
    widths = [room * share / sum(page.widths) for share in page.widths]
    parts = [Paragraph(escape(page.title), title)]
    parts += [Paragraph(escape(f"{label}: {words}"), text) for label, words in page.words]
    parts += [Spacer(1, 6), LongTable(rows, colWidths=widths, repeatRows=1, style=GRID, splitInRow=1)]
    out = io.BytesIO()
    SimpleDocTemplate(
        out,
        pagesize=size,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=page.title,
        lang="zh-CN",
    ).build(parts)
    return out.getvalue()


def _style(name: str, size: float, leading: float, **more: object) -> ParagraphStyle:
    return ParagraphStyle(name, fontName=FONT, fontSize=size, leading=leading, wordWrap="CJK", **more)
