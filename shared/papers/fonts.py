"""The Chinese font of printed papers: Noto Sans SC (SIL Open Font License 1.1, from the wheel justmytype-intl-cjk).

The wheel holds one variable font of 17 MB, drawn thin by default. A paper gets the regular weight of the characters
that it shows, about 0.3 s of processor time; call it in a thread. reportlab and fontTools take 25 MB and are imported by the
first paper.
"""

import hashlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import count
from pathlib import Path

import justmytype_intl_cjk

FONT_FILE = (
    Path(justmytype_intl_cjk.__file__).parent / "fonts" / "ofl" / "notosanssc" / "NotoSansSC[wght].ttf"
)
WEIGHT = 400
ALWAYS_NEEDED = "".join(map(chr, range(0x20, 0x7F)))
_numbers = count(1)
logging.getLogger("fontTools").setLevel(logging.WARNING)


@contextmanager
def embed_font(text: str) -> Iterator[str]:
    """The name of a reportlab font with the characters of a text, known until the block ends."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont as EmbeddedFont

    name = f"NotoSansSC-{next(_numbers)}"
    pdfmetrics.registerFont(
        EmbeddedFont(name, io.BytesIO(_build_font("".join(sorted({*text, *ALWAYS_NEEDED})))))
    )
    try:
        yield name
    finally:
        pdfmetrics._fonts.pop(name, None)  # noqa: SLF001 - reportlab forgets no font by itself


def find_missing_characters(text: str) -> list[str]:
    """The characters of a text that the font does not have, in order of code; they are printed as boxes."""
    return sorted({letter for letter in text if letter.isprintable() and ord(letter) not in _list_codes()})


@cache
def _list_codes() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(FONT_FILE, lazy=True) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=16)
def _build_font(letters: str) -> bytes:
    """The regular weight of these characters as a TrueType font."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    options = subset.Options(layout_features=[], notdef_outline=True, glyph_names=False)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "STAT"]
    target = io.BytesIO()
    with TTFont(FONT_FILE, lazy=True) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=letters)
        subsetter.subset(font)
        regular = instancer.instantiateVariableFont(font, {"wght": WEIGHT}, inplace=True)
        # Two fonts of one name in a reader's cache would show each other's glyphs.
        name = f"NotoSansSC-{hashlib.sha256(letters.encode()).hexdigest()[:8]}"
        regular["name"].setName(name, 6, 3, 1, 0x409)
        regular.save(target)
    return target.getvalue()
