"""Printed papers looked at as a person sees them: text of the pages, and ink where a character stands."""

import pypdfium2

SCALE = 3
"""Pixels per point of the pictures."""
LIGHT = 200
MISSING = "□"


def read_paper(content: bytes) -> str:
    """The text of all pages of a PDF without white space."""
    with pypdfium2.PdfDocument(content) as document:
        return "".join("".join(page.get_textpage().get_text_range().split()) for page in document)


def read_page_sizes(content: bytes) -> list[tuple[int, int]]:
    """Width and height of each page in points."""
    with pypdfium2.PdfDocument(content) as document:
        return [(round(page.get_width()), round(page.get_height())) for page in document]


def find_unprinted_characters(content: bytes) -> set[str]:
    """Characters of the first page that left no ink; `MISSING` for boxes, which stand for what a font does not have."""
    found = set()
    with pypdfium2.PdfDocument(content) as document:
        page = document[0]
        image = page.render(scale=SCALE, grayscale=True).to_pil()
        text = page.get_textpage()
        for index in range(text.count_chars()):
            letter = text.get_text_range(index, 1)
            left, bottom, right, top = text.get_charbox(index)
            if letter.isspace() or right <= left or top <= bottom:
                continue
            height = page.get_height()
            box = [int(side * SCALE) for side in (left, height - top, right, height - bottom)]
            darkest, _ = image.crop((box[0], box[1], box[2] + 1, box[3] + 1)).getextrema()
            if not letter.isprintable() or not letter:
                found.add(MISSING)
            elif darkest > LIGHT:
                found.add(letter)
    return found
