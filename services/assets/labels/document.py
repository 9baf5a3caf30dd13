"""Rendering of QR codes (SVG), labels and certificates (PDF with an embedded font) and the scan page (HTML)."""

import hashlib
import io
import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

import segno
from reportlab.lib.colors import black
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from services.assets.labels.schemas import AssetCard, Certificate, Label
from shared.papers import embed_font

LABELS_ACROSS, LABELS_DOWN = 2, 5
LABEL_WIDTH, LABEL_HEIGHT = 95 * mm, 54 * mm
LABEL_QR_MM = 36
LABEL_NOTE = "扫码查看资产信息, 发现损坏请扫码报修"
CHARS_PER_LINE = 20
"""Characters per line of a label."""
PAGE_STYLE = (
    "body{font-family:sans-serif;max-width:32rem;margin:0 auto;padding:1rem;line-height:1.6}h1{font-size:1.3rem}"
    "dt{color:#666;font-size:.85rem}dd{margin:0 0 .5rem}textarea,input,button{width:100%;box-sizing:border-box;"
    "font-size:1rem;padding:.6rem;margin:.3rem 0}button{background:#06c;color:#fff;border:0;border-radius:.3rem}"
    "output{display:block;padding:.5rem 0;font-weight:bold}"
)
PAGE_SCRIPT = """
const form = document.querySelector("form"), output = document.querySelector("output");
const base = location.pathname.replace(/\\/page$/, "");
async function send(path, options) {
  const response = await fetch(base + path, {method: "POST", ...options});
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || "没有发送成功, 请稍后再试");
  return body;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button"), photos = [];
  button.disabled = true;
  output.textContent = "正在发送…";
  try {
    for (const file of [...form.photos.files].slice(0, 6))
      photos.push((await send("/photos", {body: file, headers: {"Content-Type": file.type}})).id);
    const report = {text: form.text.value, photos, contact: form.contact.value || null};
    const headers = {"Content-Type": "application/json"};
    const repair = await send("/repairs", {body: JSON.stringify(report), headers});
    output.textContent = "已收到, 谢谢! 报修单编号 " + repair.id;
    form.reset();
  } catch (error) {
    output.textContent = error.message;
  }
  button.disabled = false;
});
"""
SCRIPT_HASH = b64encode(hashlib.sha256(PAGE_SCRIPT.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Only this script may run, and it may only call its own origin."""
CERTIFICATE_TITLE = "帮扶项目资产权属证书"
FIXED_WORDS = (
    f"{CERTIFICATE_TITLE}资金文号级次与资金金额(元)其余项见资产登记簿未登记发证机关(盖章):发证日期:"
    "本证依据确权公示结果发放;扫描二维码核对登记内容序号权证号资产编号资产名称所有权人原值(元)"
)
PAGE_MARGIN = 22 * mm
CONTENT_WIDTH = A4[0] - 2 * PAGE_MARGIN
CERTIFICATE_QR_SIDE = 34 * mm
GRID_STYLE = [("GRID", (0, 0), (-1, -1), 0.6, black), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
MAX_FUNDING_ROWS = 12
"""Maximum rows of funding sources on a certificate."""


class _QrFlowable(Flowable):  # type: ignore[misc]
    """QR code of a URL as a flowable."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.width, self.height = url, CERTIFICATE_QR_SIDE, CERTIFICATE_QR_SIDE

    def draw(self) -> None:
        draw_qr(
            self.canv,
            segno.make(self.url, error="m", micro=False),
            0,
            CERTIFICATE_QR_SIDE,
            CERTIFICATE_QR_SIDE,
        )


def draw_qr_svg(url: str) -> bytes:
    """QR code of a URL as SVG."""
    target = io.BytesIO()
    segno.make(url, error="m", micro=False).save(target, kind="svg", scale=4, border=4)
    return target.getvalue()


def draw_label_sheet(labels: Sequence[Label]) -> bytes:
    """A4 pages with ten labels each, as PDF."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=A4)
    canvas.setTitle("项目资产标识牌")
    words = [f"{label.code}{label.name}{label.class_label}{label.owner}" for label in labels]
    with embed_font("".join([LABEL_NOTE, "编号", *words])) as font:
        for index, label in enumerate(labels):
            place = index % (LABELS_ACROSS * LABELS_DOWN)
            if index and not place:
                canvas.showPage()
            column, row = place % LABELS_ACROSS, place // LABELS_ACROSS
            left = (A4[0] - LABELS_ACROSS * LABEL_WIDTH) / 2 + column * LABEL_WIDTH
            top = A4[1] - 10 * mm - row * LABEL_HEIGHT
            _draw_label(canvas, label, left, top, font)
        canvas.save()
    return target.getvalue()


def draw_qr(canvas: Any, code: segno.QRCode, left: float, top: float, side: float) -> None:  # noqa: ANN401
    """Draw a QR code, `side` points long. Each run of dark squares is one rectangle of a single path, so that files stay small."""
    rows = [bytes(row) for row in code.matrix]
    size = side / len(rows)
    path = canvas.beginPath()
    for y, row in enumerate(rows):
        for run in re.finditer(b"\x01+", row):
            path.rect(left + run.start() * size, top - (y + 1) * size, len(run[0]) * size, size)
    canvas.drawPath(path, stroke=0, fill=1)


def render_asset_page(card: AssetCard) -> str:
    """HTML page of an asset, with a repair form."""
    values = {
        "资产编号": card.code,
        "类别": " ".join(part for part in (card.class_label, card.subclass_label) if part),
        "所有权人": card.owner,
        "坐落": card.address,
        "建成日期": str(card.built_on or ""),
        "原值": f"{card.original_value} 元" if card.original_value else "",
        "形成项目": card.project_name,
        "管护单位": card.keeper,
        "使用状态": card.use_label,
        "最近巡查": str(card.inspected_on or ""),
    }
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in values.items() if value
    )
    return _render_page(
        card.name,
        f"<dl>{facts}</dl><h2>发现损坏? 请告诉我们</h2><form>"
        '<textarea name="text" rows="3" minlength="2" maxlength="1000" required placeholder="哪里坏了"></textarea>'
        '<input name="photos" type="file" accept="image/jpeg,image/png,image/webp" multiple aria-label="照片">'
        '<input name="contact" type="tel" placeholder="联系电话, 可不填; 加密保存">'
        f"<button>报修</button></form><output></output><script>{PAGE_SCRIPT}</script>",
    )


def render_unknown_code_page(message: str) -> str:
    """HTML page for a code without an asset."""
    return _render_page("没有找到这项资产", f"<p>{escape(message)}</p>")


def draw_certificates(certificates: Sequence[Certificate], list_title: str = "") -> bytes:
    """PDF of the certificates, preceded by their list when `list_title` is given."""
    with embed_font(FIXED_WORDS + list_title + "".join(map(_collect_words, certificates))) as font:
        return _build_certificates(certificates, list_title, font)


def _collect_words(certificate: Certificate) -> str:
    parts = [certificate.number, certificate.code, certificate.name, certificate.holder, certificate.value]
    parts += [certificate.issuer, certificate.issued_on]
    parts += [word for row in (*certificate.facts, *certificate.funding) for word in row]
    return "".join(parts)


def _build_certificates(certificates: Sequence[Certificate], list_title: str, font: str) -> bytes:
    flowables: list[Any] = [*_list_flowables(certificates, list_title, font)] if list_title else []
    for certificate in certificates:
        flowables += [PageBreak()] if flowables else []
        flowables += _certificate_flowables(certificate, font)
    target = io.BytesIO()
    margins = {f"{side}Margin": PAGE_MARGIN for side in ("left", "right", "top", "bottom")}
    document = SimpleDocTemplate(
        target, pagesize=A4, title=list_title or CERTIFICATE_TITLE, lang="zh-CN", **margins
    )
    document.build(flowables, onFirstPage=_draw_frame, onLaterPages=_draw_frame)
    return target.getvalue()


def _draw_label(canvas: Any, label: Label, left: float, top: float, font: str) -> None:  # noqa: ANN401 - reportlab has no types
    canvas.rect(left, top - LABEL_HEIGHT, LABEL_WIDTH, LABEL_HEIGHT, stroke=1, fill=0)
    draw_qr(
        canvas, segno.make(label.url, error="m", micro=False), left + 3 * mm, top - 9 * mm, LABEL_QR_MM * mm
    )
    lines = [f"编号 {label.code}", *_wrap_text(label.name), label.class_label, *_wrap_text(label.owner)[:2]]
    canvas.setFont(font, 9)
    for index, line in enumerate(lines[:7]):
        canvas.drawString(left + (LABEL_QR_MM + 6) * mm, top - (14 + index * 5) * mm, line)
    canvas.setFont(font, 7)
    canvas.drawString(left + 3 * mm, top - LABEL_HEIGHT + 4 * mm, LABEL_NOTE)


def _wrap_text(text: str) -> list[str]:
    return [text[start : start + CHARS_PER_LINE] for start in range(0, len(text), CHARS_PER_LINE)]


def _render_page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{PAGE_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def _draw_frame(canvas: Canvas, _document: Any) -> None:  # noqa: ANN401 - reportlab has no types
    for inset, width in ((12 * mm, 1.6), (14 * mm, 0.5)):
        canvas.setLineWidth(width)
        canvas.rect(inset, inset, A4[0] - 2 * inset, A4[1] - 2 * inset)


def _paragraph_style(font: str, size: float, **options: Any) -> ParagraphStyle:  # noqa: ANN401
    return ParagraphStyle(
        f"{font}-{size}",
        fontName=font,
        bulletFontName=font,
        fontSize=size,
        leading=size * 1.5,
        wordWrap="CJK",
        **options,
    )


def _build_cells(rows: Sequence[Sequence[str]], font: str, size: float = 10.5) -> list[list[Paragraph]]:
    style = _paragraph_style(font, size)
    return [[Paragraph(escape(cell), style) for cell in row] for row in rows]


def _certificate_flowables(certificate: Certificate, font: str) -> list[Any]:
    centred = _paragraph_style(font, 12, alignment=TA_CENTER)
    facts = Table(
        _build_cells(certificate.facts, font), colWidths=[32 * mm, CONTENT_WIDTH - 32 * mm], style=GRID_STYLE
    )
    funding_rows = [*certificate.funding[:MAX_FUNDING_ROWS]]
    if hidden_count := len(certificate.funding) - len(funding_rows):
        funding_rows.append((f"其余 {hidden_count} 项见资产登记簿", "", ""))
    head = ("资金文号", "级次与资金", "金额(元)")
    money = Table(
        _build_cells([head, *(funding_rows or [("未登记", "", "")])], font, 9),
        colWidths=[CONTENT_WIDTH * 0.5, CONTENT_WIDTH * 0.26, CONTENT_WIDTH * 0.24],
        style=GRID_STYLE,
    )
    signed = Paragraph(
        f"发证机关(盖章): {escape(certificate.issuer)}<br/><br/>发证日期: {escape(certificate.issued_on)}<br/><br/>"
        "本证依据确权公示结果发放; 扫描二维码核对登记内容",
        _paragraph_style(font, 11),
    )
    return [
        Spacer(1, 4 * mm),
        Paragraph(CERTIFICATE_TITLE, _paragraph_style(font, 24, alignment=TA_CENTER, spaceAfter=10 * mm)),
        Paragraph(escape(certificate.number), centred),
        Spacer(1, 5 * mm),
        facts,
        Spacer(1, 4 * mm),
        money,
        Spacer(1, 8 * mm),
        Table(
            [[signed, _QrFlowable(certificate.url)]],
            colWidths=[CONTENT_WIDTH - CERTIFICATE_QR_SIDE - 4 * mm, CERTIFICATE_QR_SIDE + 4 * mm],
        ),
    ]


def _list_flowables(certificates: Sequence[Certificate], title: str, font: str) -> list[Any]:
    head = ("序号", "权证号", "资产编号", "资产名称", "所有权人", "原值(元)")
    rows = [
        (
            str(index),
            certificate.number,
            certificate.code,
            certificate.name,
            certificate.holder,
            certificate.value,
        )
        for index, certificate in enumerate(certificates, 1)
    ]
    widths = [CONTENT_WIDTH * share for share in (0.07, 0.19, 0.2, 0.23, 0.17, 0.14)]
    table = LongTable(_build_cells([head, *rows], font, 8), colWidths=widths, repeatRows=1, style=GRID_STYLE)
    return [
        Paragraph(escape(title), _paragraph_style(font, 16, alignment=TA_CENTER, spaceAfter=6 * mm)),
        table,
    ]
