"""Text normalisation with offsets to the original, and multi-word lookup by one regular expression."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SENTENCE_MARKS = "。;!?"
"""Punctuation that ends a sentence after folding."""
MAX_SENTENCE_REACH = 160
"""Maximum distance in characters from a hit to a sentence bound, so that a text without punctuation costs no more than others."""
CLAUSE_MARKS = SENTENCE_MARKS + ",:()"
"""Punctuation that ends a clause."""
STRETCH_MARKS = SENTENCE_MARKS + ",:"
"""Punctuation that ends a clause, brackets excluded."""
MAX_FORMS_PER_PATTERN = 2_000
"""Maximum number of forms a pattern may expand into; more is a mistake of the author."""
_CHOICE_PATTERN = re.compile(r"\{([^{}]*)\}")
_BRACES_PATTERN = re.compile(r"[{}]")
_DROPPED_CHARS = frozenset("\"'`“”‘’「」『』《》<>【】[]{}*_~^|\u00b7•●■◆")
_DROPPED_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn"})
_TO_SIMPLIFIED = str.maketrans(
    "車輛樓館務債償還獎貼補發購買設備訊機關單員費經費場廣牆畫繪觀雕門廳辦會議室資擔註電腦標準築建項產業農範圍導財為與從給",
    "车辆楼馆务债偿还奖贴补发购买设备讯机关单员费经费场广墙画绘观雕门厅办会议室资担注电脑标准筑建项产业农范围导财为与从给",
)
_SINGLE_IN_BRACKETS_PATTERN = re.compile(r"(?<=[一-鿿])\([一-鿿]\)(?=[一-鿿])")
_FULL_STOP_PATTERN = re.compile(r"(?<!\d)\.|\.(?!\d)")


@lru_cache(maxsize=65_536)
def _fold_char(char: str) -> str:
    if char in _DROPPED_CHARS or unicodedata.category(char) in _DROPPED_CATEGORIES:
        return ""
    plain = unicodedata.normalize("NFKC", char).lower()
    return "".join(c for c in plain if not c.isspace() and c not in _DROPPED_CHARS).translate(_TO_SIMPLIFIED)


@dataclass(frozen=True, slots=True)
class FoldedText:
    """Text of a field without spaces and quotes, half-width and simplified; `origin[i]` is the original offset of character i."""

    field: str
    raw: str
    text: str
    origin: list[int]

    def get_original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets of a folded span in the original text (end exclusive): `raw[a:b]` is the text as written."""
        return self.origin[start], self.origin[end - 1] + 1

    def get_sentence_bounds(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the sentence around a span: up to 。 ; ! or ?."""
        return self._find_bounds(start, end, SENTENCE_MARKS)

    def get_clause_bounds(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the clause around a span: up to a comma, colon, bracket or the end of the sentence."""
        return self._find_bounds(start, end, CLAUSE_MARKS)

    def get_stretch_bounds(self, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the clause including its brackets, because brackets explain the words around them."""
        return self._find_bounds(start, end, STRETCH_MARKS)

    def _find_bounds(self, start: int, end: int, marks: str) -> tuple[int, int]:
        first, last = max(0, start - MAX_SENTENCE_REACH), min(len(self.text), end + MAX_SENTENCE_REACH)
        left = max(self.text.rfind(mark, first, start) for mark in marks) + 1
        ends = [offset for mark in marks if (offset := self.text.find(mark, end, last)) >= 0]
        return max(left, first), min(ends, default=last)


def fold_text(field: str, raw: str) -> FoldedText:
    """Fold a text for matching: NFKC, lower case, simplified characters, no spaces or quotes; '.' as a full stop becomes 。.

    A single character in brackets inside a word, as in 门(牌)楼, is read as part of the word.
    """
    chars: list[str] = []
    origin: list[int] = []
    for offset, char in enumerate(raw):
        for folded in _fold_char(char):
            chars.append(folded)
            origin.append(offset)
    text = "".join(chars)
    if "." in text:
        text = _FULL_STOP_PATTERN.sub("。", text)
    if "(" in text:
        text, origin = _remove_lone_brackets(text, origin)
    return FoldedText(field, raw, text, origin)


def _remove_lone_brackets(text: str, origin: list[int]) -> tuple[str, list[int]]:
    removed: set[int] = set()
    for match in _SINGLE_IN_BRACKETS_PATTERN.finditer(text):
        removed |= {match.start(), match.end() - 1}
    if not removed:
        return text, origin
    remaining = [offset for offset in range(len(text)) if offset not in removed]
    return "".join(text[offset] for offset in remaining), [origin[offset] for offset in remaining]


class InvalidPattern(ValueError):
    """Raised for a word pattern that cannot be expanded; the message is Chinese."""


def expand_pattern(pattern: str, sets: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return all literal forms of a pattern: `{修建|新建}办公楼` has two, `@build` is every word of that set, `{@buy}车` combines."""
    if pattern.startswith("@"):
        return list(_get_members(pattern[1:], sets))
    parts: list[list[str]] = []
    offset = 0
    for match in _CHOICE_PATTERN.finditer(pattern):
        parts.append([pattern[offset : match.start()]])
        parts.append([form for choice in match[1].split("|") for form in _expand_choice(choice, sets)])
        offset = match.end()
    parts.append([pattern[offset:]])
    forms = [
        "".join(combination)
        for combination in itertools.islice(itertools.product(*parts), MAX_FORMS_PER_PATTERN + 1)
    ]
    if len(forms) > MAX_FORMS_PER_PATTERN:
        raise InvalidPattern(f"词条展开后过多: {pattern}")
    for form in forms:
        if not form or _BRACES_PATTERN.search(form):
            raise InvalidPattern(f"词条写法有误: {pattern}")
    return forms


def _expand_choice(choice: str, sets: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    return _get_members(choice[1:], sets) if choice.startswith("@") else (choice,)


def _get_members(name: str, sets: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in sets:
        raise InvalidPattern(f"没有这个词组: @{name}")
    return sets[name]


def build_prefix_regex(words: Iterable[str]) -> str:
    """Build a regular expression that matches the longest of the words at a position."""
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}
    return _build_branch(root)


def _build_branch(node: dict[str, Any]) -> str:
    is_word_end = "" in node
    leaves = "".join(sorted(re.escape(char) for char, child in node.items() if char and set(child) == {""}))
    branches = [
        re.escape(char) + _build_branch(child) for char, child in node.items() if char and set(child) != {""}
    ]
    if leaves:
        branches.append(f"[{leaves}]" if len(leaves) > 1 else leaves)
    if not branches:
        return ""
    body = branches[0] if len(branches) == 1 and not is_word_end else f"(?:{'|'.join(branches)})"
    return f"{body}?" if is_word_end else body


class Lexicon:
    """Words to find; `find_words` yields every word at every position, overlapping ones too."""

    def __init__(self, words: Iterable[str]) -> None:
        """Compile the words; a lookup costs time proportional to the text, not to the number of words."""
        self.words = frozenset(words)
        self._at = re.compile(f"(?=({build_prefix_regex(self.words)}))") if self.words else None
        self._inner = {word: self._find_prefixes(word) for word in self.words}

    def _find_prefixes(self, word: str) -> tuple[str, ...]:
        return tuple(word[:n] for n in range(1, len(word) + 1) if word[:n] in self.words)

    def find_words(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield (offset, word) left to right; words at the same offset come shortest first."""
        if self._at is None:
            return
        for match in self._at.finditer(text):
            for word in self._inner[match[1]]:
                yield match.start(), word
