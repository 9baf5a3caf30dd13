"""Builds the small PDF documents and PNG photos of the demonstration."""

import io
import struct
import zlib

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT_NAME = "STSong-Light"
PHOTO_SIDE_PX = 16


def build_pdf(title: str, *lines: str) -> bytes:
    """Build a one-page PDF; the same text gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT_NAME))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True)
    canvas.setFont(FONT_NAME, 18)
    canvas.drawCentredString(A4[0] / 2, A4[1] - 90, title)
    canvas.setFont(FONT_NAME, 12)
    for row, line in enumerate(lines):
        canvas.drawString(72, A4[1] - 140 - row * 24, line)
    canvas.save()
    return buffer.getvalue()


def build_photo(shade: int) -> bytes:
    """Build a small PNG; each shade (0 to 255) gives a different picture."""
    pixels = b"".join(b"\0" + bytes([shade, row * 16, shade]) * PHOTO_SIDE_PX for row in range(PHOTO_SIDE_PX))
    head = struct.pack(">IIBBBBB", PHOTO_SIDE_PX, PHOTO_SIDE_PX, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
