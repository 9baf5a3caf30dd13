"""Announcement as HTML without scripts, and as PDF with an embedded font."""

import io
from html import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer

from services.funds.disclosure.schemas import AnnouncementPage
from shared.papers import embed_font

HTML_STYLE = (
    "body{font-family:serif;max-width:72rem;margin:1rem auto;padding:0 1rem}h1{text-align:center;font-size:1.5rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #666;padding:.3rem;vertical-align:top}"
    "thead{display:table-header-group}@media print{body{margin:0;max-width:none}}"
)


def render_html(page: AnnouncementPage) -> bytes:
    """Render the page as HTML in UTF-8, without scripts."""
    paragraphs = "".join(f"<p>{escape(label)}: {escape(text)}</p>" for label, text in page.words)
    head = "".join(f"<th>{escape(name)}</th>" for name in page.head)
    rows = "".join(f"<tr>{_build_cells(row)}</tr>" for row in page.rows)
    text = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f"<title>{escape(page.title)}</title><style>{HTML_STYLE}</style></head><body><h1>{escape(page.title)}</h1>{paragraphs}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        f"<tfoot><tr>{_build_cells(page.totals)}</tr></tfoot></table></body></html>"
    )
    return text.encode()


def _build_cells(row: tuple[str, ...]) -> str:
    return "".join(f"<td>{escape(cell)}</td>" for cell in row)


PDF_MARGIN = 15 * mm
PDF_GRID_STYLE = [
    ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
]


def render_pdf(page: AnnouncementPage) -> bytes:
    """Render the page as PDF, A4 landscape."""
    words = [page.title, ": ", *page.head, *page.totals, *(word for fact in page.words for word in fact)]
    with embed_font("".join([*words, *(cell for row in page.rows for cell in row)])) as font:
        return _build_document(page, font)


def _build_document(page: AnnouncementPage, font: str) -> bytes:
    title = _build_style(font, 18, 26, alignment=TA_CENTER, spaceAfter=10)
    text_style, cell_style = _build_style(font, 12, 20), _build_style(font, 9, 12)
    size = landscape(A4)
    table_width = size[0] - 2 * PDF_MARGIN
    rows = [
        [Paragraph(escape(text), cell_style) for text in row] for row in (page.head, *page.rows, page.totals)
    ]
    widths = [table_width * share / sum(page.widths) for share in page.widths]
    parts = [Paragraph(escape(page.title), title)]
    parts += [Paragraph(escape(f"{label}: {value}"), text_style) for label, value in page.words]
    parts += [
        Spacer(1, 6),
        LongTable(rows, colWidths=widths, repeatRows=1, style=PDF_GRID_STYLE, splitInRow=1),
    ]
    buffer = io.BytesIO()
    SimpleDocTemplate(
        buffer,
        pagesize=size,
        leftMargin=PDF_MARGIN,
        rightMargin=PDF_MARGIN,
        topMargin=PDF_MARGIN,
        bottomMargin=PDF_MARGIN,
        title=page.title,
        lang="zh-CN",
    ).build(parts)
    return buffer.getvalue()


def _build_style(font: str, size: float, leading: float, **options: object) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}-{size}",
        fontName=font,
        bulletFontName=font,
        fontSize=size,
        leading=leading,
        wordWrap="CJK",
        **options,
    )
