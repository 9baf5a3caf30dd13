"""Characters that nobody sees: they make two names look equal, hide words or turn the order of a text around."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

_ALLOWED = frozenset("\t\n\r")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that are drawn as nothing."""
_INVISIBLE_CATEGORIES = {
    "Cc": "控制字符",
    "Cf": "不可见字符",
    "Zl": "分行符",
    "Zp": "分段符",
    "Cs": "无效字符",
}
_LAST_IN_PLANE = 0xFFFE
"""The last two characters of each plane are no characters."""


def find_invisible_character(text: str) -> str:
    """The first character of a text that nobody sees, as `不可见字符 U+200B`; empty when there is none.

    Tabs and line breaks may stand in a text, and so may variation selectors, which choose the form of a Chinese character.
    """
    if text.isprintable() and not _BLANK_LETTERS.intersection(text):
        return ""
    for char in text:
        label = (
            "空白字符"
            if char in _BLANK_LETTERS
            else _INVISIBLE_CATEGORIES.get(unicodedata.category(char), "")
        )
        if not label and ord(char) & _LAST_IN_PLANE == _LAST_IN_PLANE:
            label = "无效字符"
        if label and char not in _ALLOWED:
            return f"{label} U+{ord(char):04X}"
    return ""


def _require_visible(text: str) -> str:
    if found := find_invisible_character(text):
        message = f"含有{found}, 请删去"
        raise ValueError(message)
    return text


VisibleText = Annotated[str, AfterValidator(_require_visible)]
"""Text of an item that is judged alone; the bodies of requests are checked whole, in shared/http."""
