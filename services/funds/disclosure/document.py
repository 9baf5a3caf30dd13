"""Page layout of an announcement and its Word file (方正小标宋 and 仿宋, as in official documents)."""

import io
from collections.abc import Mapping
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph

from services.funds.disclosure.schemas import AnnouncementPage, AnnouncementSubject

# fmt: off
TABLE_COLUMNS: Mapping[AnnouncementSubject, tuple[tuple[str, str, float], ...]] = {
    AnnouncementSubject.ALLOCATION: (
        ("序号", "position", 4), ("项目名称", "name", 18), ("实施地点", "place", 10), ("建设内容", "content", 18),
        ("资金(万元)", "amount_wan", 8), ("资金名称", "fund", 13), ("项目类型", "project_type", 9),
        ("责任单位", "unit", 11), ("绩效目标", "target", 14),
    ),
    AnnouncementSubject.TARGET: (
        ("序号", "position", 4), ("项目名称", "name", 24), ("资金(万元)", "amount_wan", 9),
        ("责任单位", "unit", 18), ("绩效目标", "target", 45),
    ),
    AnnouncementSubject.COMPLETION: (
        ("序号", "position", 4), ("项目名称", "name", 24), ("实施地点", "place", 14), ("下达(万元)", "allocated_wan", 10),
        ("支付(万元)", "paid_wan", 10), ("支付进度", "paid_percent", 9), ("形象进度", "physical_percent", 9),
        ("责任单位", "unit", 16),
    ),
}
# fmt: on
SUMMED_COLUMNS = frozenset({"amount_wan", "allocated_wan", "paid_wan"})


def build_page(
    subject: AnnouncementSubject, title: str, content: Mapping[str, Any], period: str = ""
) -> AnnouncementPage:
    """Lay out an announcement; every cell is text of the content."""
    columns = TABLE_COLUMNS[subject]
    totals = {
        "name": "合计",
        **{key: content["totals"][key] for key in SUMMED_COLUMNS if key in content["totals"]},
    }
    return AnnouncementPage(
        title=title,
        words=tuple(_build_labels(content, period)),
        head=tuple(name for name, _, _ in columns),
        widths=tuple(width for _, _, width in columns),
        rows=tuple(tuple(str(line[key]) for _, key, _ in columns) for line in content["lines"]),
        totals=tuple(str(totals.get(key, "")) for _, key, _ in columns),
    )


def _build_labels(content: Mapping[str, Any], period: str) -> list[tuple[str, str]]:
    labels = [
        ("资金来源", f"{source['document_no']} {source['level']}{source['fund']} {source['amount_wan']} 万元")
        for source in content.get("sources", ())
    ]
    labels += [
        (label, str(content.get(key) or ""))
        for label, key in (
            ("依据", "basis"),
            ("分配原则", "principle"),
            ("审定文件", "decision"),
            ("截至", "as_of"),
        )
    ]
    labels += [("公示期", period), ("监督电话", str(content.get("hotline") or ""))]
    return [(label, text) for label, text in labels if text]


TITLE_FONT, TEXT_FONT = "方正小标宋简体", "仿宋_GB2312"
TITLE_SIZE, TEXT_SIZE, TABLE_SIZE = Pt(22), Pt(16), Pt(10.5)
PAGE_LENGTH, PAGE_WIDTH, DOCX_MARGIN = Mm(297), Mm(210), Mm(20)


def render_docx(page: AnnouncementPage) -> bytes:
    """Render the page as DOCX, A4 landscape."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = PAGE_LENGTH, PAGE_WIDTH
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = DOCX_MARGIN
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _write_run(title, page.title, TITLE_FONT, TITLE_SIZE)
    for label, text in page.words:
        _write_run(document.add_paragraph(), f"{label}: {text}", TEXT_FONT, TEXT_SIZE)
    rows = (page.head, *page.rows, page.totals)
    table = document.add_table(rows=len(rows), cols=len(page.head), style="Table Grid")
    width = PAGE_LENGTH - 2 * DOCX_MARGIN
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text, share in zip(cells.cells, row, page.widths, strict=True):
            cell.width = int(width * share / sum(page.widths))
            _write_run(cell.paragraphs[0], text, TEXT_FONT, TABLE_SIZE)
    table.rows[0]._tr.get_or_add_trPr().append(_build_header_mark())  # noqa: SLF001 - python-docx has no public API for it
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _write_run(paragraph: Paragraph, text: str, font: str, size: Pt) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, size
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)  # noqa: SLF001 - as above


def _build_header_mark() -> object:
    """Mark of a header row that is repeated on every page."""
    from docx.oxml import OxmlElement

    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    return mark
