"""Slips with first passwords: ten on an A4 page, to be cut along the lines and handed out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm

from shared.papers import embed_font

ACROSS, DOWN = 2, 5
WIDTH, HEIGHT = A4[0] / ACROSS, A4[1] / DOWN
LINE_MM = 6.5
TITLE = "衔接系统账号"
NOTE = "首次登录须改口令; 改后本条作废, 请撕毁. 不要转交他人或拍照外传"
CHARACTERS_PER_LINE = 26


@dataclass(frozen=True, slots=True)
class Slip:
    """One person's slip."""

    name: str
    role: str
    place: str
    account: str
    password: str


def draw_slips(slips: Sequence[Slip], address: str) -> bytes:
    """The slips as PDF, in the order given; `address` is where people sign in. CPU-bound: call it in a thread."""
    from reportlab.pdfgen.canvas import Canvas  # takes 15 MB

    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    canvas.setTitle("首次登录口令条")
    pages = [_list_lines(slip, address) for slip in slips]
    with embed_font(TITLE + NOTE + "".join(line for lines in pages for line in lines)) as font:
        for index, lines in enumerate(pages):
            place = index % (ACROSS * DOWN)
            if index and not place:
                canvas.showPage()
            _draw_slip(canvas, lines, place % ACROSS * WIDTH, A4[1] - place // ACROSS * HEIGHT, font)
        canvas.save()
    return target.getvalue()


def _list_lines(slip: Slip, address: str) -> list[str]:
    return [
        f"姓名：{slip.name}　{slip.role}",
        f"辖区：{slip.place}"[:CHARACTERS_PER_LINE],
        f"网址：{address}",
        f"用户名：{slip.account}",
        f"首次口令：{slip.password}",
    ]


def _draw_slip(canvas: Any, lines: Sequence[str], left: float, top: float, font: str) -> None:  # noqa: ANN401 - reportlab has no types
    canvas.setDash(2, 3)
    canvas.rect(left, top - HEIGHT, WIDTH, HEIGHT)
    canvas.setDash()
    canvas.setFont(font, 12)
    canvas.drawString(left + 8 * mm, top - 10 * mm, TITLE)
    canvas.setFont(font, 10)
    for index, line in enumerate(lines):
        canvas.drawString(left + 8 * mm, top - (18 + index * LINE_MM) * mm, line)
    canvas.setFont(font, 6.5)
    canvas.drawString(left + 8 * mm, top - HEIGHT + 5 * mm, NOTE)
