"""An announcement as a Word file, which offices edit, stamp and post: 方正小标宋 and 仿宋 as in official documents."""

import io

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from services.funds.disclosure.schemas import Page

TITLE_FONT, TEXT_FONT = "方正小标宋简体", "仿宋_GB2312"
TITLE_SIZE, TEXT_SIZE, TABLE_SIZE = Pt(22), Pt(16), Pt(10.5)
LONG, SHORT, MARGIN = Mm(297), Mm(210), Mm(20)


def docx(page: Page) -> bytes:
    """The page as DOCX, A4 across."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = LONG, SHORT
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = MARGIN
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _write(title, page.title, TITLE_FONT, TITLE_SIZE)
    for label, text in page.words:
        _write(document.add_paragraph(), f"{label}: {text}", TEXT_FONT, TEXT_SIZE)
    rows = (page.head, *page.rows, page.totals)
    table = document.add_table(rows=len(rows), cols=len(page.head), style="Table Grid")
    width = LONG - 2 * MARGIN
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text, share in zip(cells.cells, row, page.widths, strict=True):
            cell.width = int(width * share / sum(page.widths))
            _write(cell.paragraphs[0], text, TEXT_FONT, TABLE_SIZE)
    table.rows[0]._tr.get_or_add_trPr().append(_repeated())  # noqa: SLF001 - python-docx has no word for it
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _write(paragraph: Paragraph, text: str, font: str, size: Pt) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, size
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)  # noqa: SLF001 - as above


def _repeated() -> object:
    """The header row comes again on every page."""
    from docx.oxml import OxmlElement

    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    return mark
