"""QR codes as SVG, and sheets of labels as PDF. Chinese is set in STSong-Light, which every reader has."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT = "STSong-Light"
ACROSS, DOWN = 2, 5
WIDTH, HEIGHT = 95 * mm, 54 * mm
QR_MM = 36
LINE = 20
"""Characters on a line of a label."""


@dataclass(frozen=True)
class Label:
    """What one label says."""

    code: str
    name: str
    class_label: str
    owner: str
    url: str


def svg(url: str) -> bytes:
    """The QR code of an address."""
    target = io.BytesIO()
    segno.make(url, error="m", micro=False).save(target, kind="svg", scale=4, border=4)
    return target.getvalue()


def sheet(labels: Sequence[Label]) -> bytes:
    """A4 pages of ten labels to cut out."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    canvas.setTitle("项目资产标识牌")
    for at, label in enumerate(labels):
        place = at % (ACROSS * DOWN)
        if at and not place:
            canvas.showPage()
        column, row = place % ACROSS, place // ACROSS
        left = (A4[0] - ACROSS * WIDTH) / 2 + column * WIDTH
        top = A4[1] - 10 * mm - row * HEIGHT
        _label(canvas, label, left, top)
    canvas.save()
    return target.getvalue()


def _label(canvas: Any, label: Label, left: float, top: float) -> None:  # noqa: ANN401 - reportlab has no types
    canvas.rect(left, top - HEIGHT, WIDTH, HEIGHT, stroke=1, fill=0)
    squares(canvas, segno.make(label.url, error="m", micro=False), left + 3 * mm, top - 9 * mm, QR_MM * mm)
    words = [f"编号 {label.code}", *_wrapped(label.name), label.class_label, *_wrapped(label.owner)[:2]]
    canvas.setFont(FONT, 9)
    for at, line in enumerate(words[:7]):
        canvas.drawString(left + (QR_MM + 6) * mm, top - (14 + at * 5) * mm, line)
    canvas.setFont(FONT, 7)
    canvas.drawString(left + 3 * mm, top - HEIGHT + 4 * mm, "扫码查看资产信息, 发现损坏请扫码报修")


def squares(canvas: Any, code: segno.QRCode, left: float, top: float, side: float) -> None:  # noqa: ANN401
    """A QR code of a side's length, every run of dark squares as one of a single path."""
    rows = [bytes(row) for row in code.matrix]
    size = side / len(rows)
    path = canvas.beginPath()
    for y, row in enumerate(rows):
        for run in re.finditer(b"\x01+", row):
            path.rect(left + run.start() * size, top - (y + 1) * size, len(run[0]) * size, size)
    canvas.drawPath(path, stroke=0, fill=1)


def _wrapped(text: str) -> list[str]:
    return [text[at : at + LINE] for at in range(0, len(text), LINE)]
