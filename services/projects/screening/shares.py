"""Percentages written in a sentence, against a ceiling: 按5%提取管理费."""

import re
from collections.abc import Iterator
from decimal import Decimal

from services.projects.screening.rules import Share
from services.projects.screening.text import Folded

_PERCENT = re.compile(
    r"(\d+(?:\.\d+)?)(?:%|个百分点)|百分之([零一二三四五六七八九十百]+)(?:点([零一二三四五六七八九]+))?"
)
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")}
CEILING_REACH = 8


def above(text: Folded, start: int, end: int, share: Share) -> tuple[int, int] | None:
    """The span of the first percentage in the sentence above the ceiling that holds for it, or None."""
    left, right = text.sentence(start, end)
    for low, high, percent in percentages(text.text, left, right):
        if percent > _ceiling(text.text[max(left, low - CEILING_REACH) : low], share):
            return low, high
    return None


def percentages(text: str, left: int, right: int) -> Iterator[tuple[int, int, Decimal]]:
    """Spans and values of what is written as 5%, 3.5% or 百分之五."""
    for match in _PERCENT.finditer(text, left, right):
        value = Decimal(match[1]) if match[1] else _spoken(match[2], match[3])
        yield match.start(), match.end(), value


def _ceiling(before: str, share: Share) -> Decimal:
    last, limit = -1, share.over
    for word, ceiling in share.ceilings.items():
        at = before.rfind(word)
        if at > last:
            last, limit = at, ceiling
    return limit


def _spoken(whole: str, part: str | None) -> Decimal:
    """百分之十二 → 12, 百分之三点五 → 3.5."""
    if whole.startswith("百"):
        return Decimal(100)
    tens, ten, ones = whole.rpartition("十")
    value = (_DIGITS.get(tens[-1:], 1) if ten else 0) * 10 + _DIGITS.get(ones[-1:], 0)
    decimals = "".join(str(_DIGITS[char]) for char in part or "")
    return Decimal(f"{value}.{decimals or 0}")
