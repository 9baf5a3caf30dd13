"""Many words looked up in one pass: a prefix tree compiled into one regular expression."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MOST_FORMS = 2_000
"""Forms one pattern may expand into; more is a slip of the author's."""
_CHOICE = re.compile(r"\{([^{}]*)\}")
_BRACES = re.compile(r"[{}]")


class Pattern(ValueError):
    """A word pattern that can't be expanded; the message says why, in Chinese."""


def expand(pattern: str, sets: Mapping[str, tuple[str, ...]]) -> list[str]:
    """All literal forms of a pattern: `{修建|新建}办公楼` is two, `@build` is every member of that set, `{@buy}车` joins."""
    if pattern.startswith("@"):
        return list(_members(pattern[1:], sets))
    parts: list[list[str]] = []
    at = 0
    for match in _CHOICE.finditer(pattern):
        parts.append([pattern[at : match.start()]])
        parts.append([form for choice in match[1].split("|") for form in _choice(choice, sets)])
        at = match.end()
    parts.append([pattern[at:]])
    forms = [
        "".join(combination) for combination in itertools.islice(itertools.product(*parts), MOST_FORMS + 1)
    ]
    if len(forms) > MOST_FORMS:
        raise Pattern(f"词条展开后过多: {pattern}")
    for form in forms:
        if not form or _BRACES.search(form):
            raise Pattern(f"词条写法有误: {pattern}")
    return forms


def _choice(choice: str, sets: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    return _members(choice[1:], sets) if choice.startswith("@") else (choice,)


def _members(name: str, sets: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if name not in sets:
        raise Pattern(f"没有这个词组: @{name}")
    return sets[name]


def tree(words: Iterable[str]) -> str:
    """A regular expression that matches the longest of the words at a place."""
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}
    return _branch(root)


def _branch(node: dict[str, Any]) -> str:
    ends = "" in node
    leaves = "".join(sorted(re.escape(char) for char, child in node.items() if char and set(child) == {""}))
    arms = [re.escape(char) + _branch(child) for char, child in node.items() if char and set(child) != {""}]
    if leaves:
        arms.append(f"[{leaves}]" if len(leaves) > 1 else leaves)
    if not arms:
        return ""
    body = arms[0] if len(arms) == 1 and not ends else f"(?:{'|'.join(arms)})"
    return f"{body}?" if ends else body


class Lexicon:
    """Words to look for; `find` gives every word at every place, overlapping ones too."""

    def __init__(self, words: Iterable[str]) -> None:
        """Compile once; looking up costs the length of the text, not the number of words."""
        self.words = frozenset(words)
        self._at = re.compile(f"(?=({tree(self.words)}))") if self.words else None
        self._inner = {word: self._prefixes(word) for word in self.words}

    def _prefixes(self, word: str) -> tuple[str, ...]:
        return tuple(word[:n] for n in range(1, len(word) + 1) if word[:n] in self.words)

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """Where each word begins, left to right; words that begin at the same place come shortest first."""
        if self._at is None:
            return
        for match in self._at.finditer(text):
            for word in self._inner[match[1]]:
                yield match.start(), word
