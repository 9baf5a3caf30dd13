"""Certificates as PDF, one on a page, after a list of them when there are several. Chinese is set in STSong-Light."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import segno
from reportlab.lib.colors import black
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from services.assets.labels.drawing import FONT, squares

TITLE = "帮扶项目资产权属证书"
MARGIN = 22 * mm
ROOM = A4[0] - 2 * MARGIN
QR = 34 * mm
GRID = [("GRID", (0, 0), (-1, -1), 0.6, black), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
PARTS = 12
"""Sources of money shown one by one."""


@dataclass(frozen=True)
class Certificate:
    """What one certificate says."""

    number: str
    code: str
    name: str
    holder: str
    value: str
    facts: Sequence[tuple[str, str]]
    """Label and words, in their order."""
    funding: Sequence[tuple[str, str, str]]
    """Document, kind and amount of each source of money."""
    issuer: str
    issued_on: str
    url: str


class _Square(Flowable):  # type: ignore[misc]
    """The QR code of an address, at the right edge."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.width, self.height = url, QR, QR

    def draw(self) -> None:
        squares(self.canv, segno.make(self.url, error="m", micro=False), 0, QR, QR)


def pdf(certificates: Sequence[Certificate], listed: str = "") -> bytes:
    """The certificates, after their list under the title `listed` when there is one."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    parts: list[Any] = [*_list(certificates, listed)] if listed else []
    for one in certificates:
        parts += [PageBreak()] if parts else []
        parts += _one(one)
    out = io.BytesIO()
    margins = {f"{side}Margin": MARGIN for side in ("left", "right", "top", "bottom")}
    document = SimpleDocTemplate(out, pagesize=A4, title=listed or TITLE, lang="zh-CN", **margins)
    document.build(parts, onFirstPage=_frame, onLaterPages=_frame)
    return out.getvalue()


def _frame(canvas: Canvas, _document: Any) -> None:  # noqa: ANN401 - reportlab has no types
    for inset, width in ((12 * mm, 1.6), (14 * mm, 0.5)):
        canvas.setLineWidth(width)
        canvas.rect(inset, inset, A4[0] - 2 * inset, A4[1] - 2 * inset)


def _style(size: float, **more: Any) -> ParagraphStyle:  # noqa: ANN401
    return ParagraphStyle(
        f"s{size}", fontName=FONT, fontSize=size, leading=size * 1.5, wordWrap="CJK", **more
    )


def _cells(rows: Sequence[Sequence[str]], size: float = 10.5) -> list[list[Paragraph]]:
    style = _style(size)
    return [[Paragraph(escape(cell), style) for cell in row] for row in rows]


def _one(one: Certificate) -> list[Any]:
    centred = _style(12, alignment=TA_CENTER)
    facts = Table(_cells(one.facts), colWidths=[32 * mm, ROOM - 32 * mm], style=GRID)
    shown = [*one.funding[:PARTS]]
    if rest := len(one.funding) - len(shown):
        shown.append((f"其余 {rest} 项见资产登记簿", "", ""))
    head = ("资金文号", "级次与资金", "金额(元)")
    money = Table(
        _cells([head, *(shown or [("未登记", "", "")])], 9),
        colWidths=[ROOM * 0.5, ROOM * 0.26, ROOM * 0.24],
        style=GRID,
    )
    signed = Paragraph(
        f"发证机关(盖章): {escape(one.issuer)}<br/><br/>发证日期: {escape(one.issued_on)}<br/><br/>"
        "本证依据确权公示结果发放; 扫描二维码核对登记内容",
        _style(11),
    )
    return [
        Spacer(1, 4 * mm),
        Paragraph(TITLE, _style(24, alignment=TA_CENTER, spaceAfter=10 * mm)),
        Paragraph(escape(one.number), centred),
        Spacer(1, 5 * mm),
        facts,
        Spacer(1, 4 * mm),
        money,
        Spacer(1, 8 * mm),
        Table([[signed, _Square(one.url)]], colWidths=[ROOM - QR - 4 * mm, QR + 4 * mm]),
    ]


def _list(certificates: Sequence[Certificate], title: str) -> list[Any]:
    head = ("序号", "权证号", "资产编号", "资产名称", "所有权人", "原值(元)")
    rows = [
        (str(at), one.number, one.code, one.name, one.holder, one.value)
        for at, one in enumerate(certificates, 1)
    ]
    widths = [ROOM * share for share in (0.07, 0.19, 0.2, 0.23, 0.17, 0.14)]
    table = LongTable(_cells([head, *rows], 8), colWidths=widths, repeatRows=1, style=GRID)
    return [Paragraph(escape(title), _style(16, alignment=TA_CENTER, spaceAfter=6 * mm)), table]
