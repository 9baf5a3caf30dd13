"""How a text is folded for matching, and where its clauses end; every folded position knows its original offset."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

STOPS = "。;!?"
"""Marks that end a sentence after folding."""
REACH = 160
"""No sentence is looked at further than this from a hit, so that a text without marks costs no more than others."""
PAUSES = STOPS + ",:()"
"""Marks that end a clause."""
BREAKS = STOPS + ",:"
"""The same without brackets."""
_DROPPED = frozenset("\"'`“”‘’「」『』《》<>【】[]{}*_~^|\u00b7•●■◆")
_DROPPED_KINDS = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn"})
_TRADITIONAL = str.maketrans(
    "車輛樓館務債償還獎貼補發購買設備訊機關單員費經費場廣牆畫繪觀雕門廳辦會議室資擔註電腦標準築建項產業農範圍導財為與從給",
    "车辆楼馆务债偿还奖贴补发购买设备讯机关单员费经费场广墙画绘观雕门厅办会议室资担注电脑标准筑建项产业农范围导财为与从给",
)
_ONE_IN_BRACKETS = re.compile(r"(?<=[一-鿿])\([一-鿿]\)(?=[一-鿿])")
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)")


@lru_cache(maxsize=65_536)
def _fold(char: str) -> str:
    if char in _DROPPED or unicodedata.category(char) in _DROPPED_KINDS:
        return ""
    plain = unicodedata.normalize("NFKC", char).lower()
    return "".join(c for c in plain if not c.isspace() and c not in _DROPPED).translate(_TRADITIONAL)


@dataclass(frozen=True, slots=True)
class Folded:
    """A field's text without spaces and quotes, half-width and simplified; `origin[i]` is where its i-th character stood."""

    field: str
    raw: str
    text: str
    origin: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The offsets in the original text of a folded span (end exclusive), so that `raw[a:b]` is what was written."""
        return self.origin[start], self.origin[end - 1] + 1

    def sentence(self, start: int, end: int) -> tuple[int, int]:
        """Bounds of the sentence around a span: up to 。 ; ! or ?."""
        return self._bounds(start, end, STOPS)

    def clause(self, start: int, end: int) -> tuple[int, int]:
        """Bounds of the clause around a span: up to a comma, colon, bracket or the sentence's end."""
        return self._bounds(start, end, PAUSES)

    def stretch(self, start: int, end: int) -> tuple[int, int]:
        """Bounds of the clause with its brackets: what stands in brackets explains the words around them."""
        return self._bounds(start, end, BREAKS)

    def _bounds(self, start: int, end: int, marks: str) -> tuple[int, int]:
        first, last = max(0, start - REACH), min(len(self.text), end + REACH)
        left = max(self.text.rfind(mark, first, start) for mark in marks) + 1
        ends = [at for mark in marks if (at := self.text.find(mark, end, last)) >= 0]
        return max(left, first), min(ends, default=last)


def fold(field: str, raw: str) -> Folded:
    """Fold for matching: NFKC, lower case, simplified characters, no spaces or quotes; a full stop written '.' becomes 。.

    A single character in brackets inside a word, as in 门(牌)楼, is read as part of the word.
    """
    chars: list[str] = []
    origin: list[int] = []
    for at, char in enumerate(raw):
        for one in _fold(char):
            chars.append(one)
            origin.append(at)
    text = "".join(chars)
    if "." in text:
        text = _POINT.sub("。", text)
    if "(" in text:
        text, origin = _without_lone_brackets(text, origin)
    return Folded(field, raw, text, origin)


def _without_lone_brackets(text: str, origin: list[int]) -> tuple[str, list[int]]:
    gone: set[int] = set()
    for match in _ONE_IN_BRACKETS.finditer(text):
        gone |= {match.start(), match.end() - 1}
    if not gone:
        return text, origin
    kept = [at for at in range(len(text)) if at not in gone]
    return "".join(text[at] for at in kept), [origin[at] for at in kept]
