"""Words that must, or must not, stand near a hit, compiled."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.projects.screening.grammar import Grammar
from services.projects.screening.lexicon import expand, tree
from services.projects.screening.rules import FAR, Context
from services.projects.screening.text import Folded

CLAUSE_START, PHRASE_END = "^", "$"
INERT = "inert"
"""The word set of names that hold a word without meaning it: 施工单位 is no 单位."""

WIDE = frozenset({"item", "clause", "sentence"})
INERT_REACH = 8
"""How far before a window such a name may begin."""


@dataclass(slots=True)
class Page:
    """The fields of one subject, and what was already looked for in the whole of them."""

    fields: list[Folded]
    known: dict[tuple[int, str], tuple[int, int] | None] = field(default_factory=dict)
    everywhere: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Near:
    """A compiled context."""

    where: str
    within: int
    words: re.Pattern[str] | None
    inert: frozenset[str]
    at_start: bool
    at_end: bool
    needed: bool

    def search(
        self, text: Folded, start: int, end: int, grammar: Grammar, page: Page, honest: int = 0
    ) -> tuple[int, int] | None:
        """The words' span in this field from `honest` on; (0, 0) where there is nothing to point at; None when absent."""
        if self.at_end and not grammar.phrase_after(text, end, 2):
            return 0, 0
        if self.at_start and text.clause(start, end)[0] == start:
            return 0, 0
        if self.words is None:
            return None
        if self.where in FAR:
            return self._far(self.words, text, grammar, page)
        low, high = self._window(text, start, end, grammar)
        low = max(low, honest)
        spans = self._near(self.words, text, low, high, grammar, page)
        for left, right in spans:
            if (right <= start or left >= end) and self._touches(left, right, start, end):
                return left, right
        return None

    def _near(
        self, words: re.Pattern[str], text: Folded, low: int, high: int, grammar: Grammar, page: Page
    ) -> Iterator[tuple[int, int]]:
        """Where the words stand between two places. Wide windows look into what was found once in the whole field."""
        if self.where in WIDE:
            key = (id(self), text.field)
            if key not in page.everywhere:
                page.everywhere[key] = list(self._spans(words, text, 0, len(text.text), grammar))
            found = page.everywhere[key]
            for at in range(bisect_left(found, (low, 0)), len(found)):
                if found[at][1] > high:
                    return
                yield found[at]
            return
        begin = max(low - INERT_REACH, 0) if self.where == "before" else low
        for span in self._spans(words, text, begin, high, grammar):
            if span[0] >= low:
                yield span

    def _spans(
        self, words: re.Pattern[str], text: Folded, low: int, high: int, grammar: Grammar
    ) -> Iterator[tuple[int, int]]:
        for found in words.finditer(text.text, low, high):
            if found[0] not in self.inert and not (self.needed and grammar.once(text, found.start())):
                yield found.span()

    def _touches(self, left: int, right: int, start: int, end: int) -> bool:
        return {"prior": right == start, "next": left == end}.get(self.where, True)

    def _far(
        self, words: re.Pattern[str], text: Folded, grammar: Grammar, page: Page
    ) -> tuple[int, int] | None:
        """The same for the whole field or all fields: looked for once. What was there before (原村委会) does not count."""
        key = (id(self), text.field if self.where == "field" else "")
        if key not in page.known:
            fields = {"field": [text], "name": page.fields[:1]}.get(self.where, page.fields)
            spans = (
                found.span()
                for one in fields
                for found in words.finditer(one.text)
                if found[0] not in self.inert and not grammar.former(one, found.start())
            )
            first = next(spans, None)
            page.known[key] = first if self.where == "field" or first is None else (0, 0)
        return page.known[key]

    def _window(self, text: Folded, start: int, end: int, grammar: Grammar) -> tuple[int, int]:
        if self.where == "item":
            return grammar.item(text, start, end)
        match self.where:
            case "sentence":
                return text.sentence(start, end)
            case "clause":
                return text.stretch(start, end)
            case "before" | "prior":
                return max(text.clause(start, end)[0], start - self.within), start
            case _:
                return end, min(text.clause(start, end)[1], end + self.within)


def compiled(context: Context, words: Mapping[str, tuple[str, ...]], *, needed: bool) -> Near:
    """Compile a context; `needed` ones don't count what was there before (原派出所旧址)."""
    forms = [
        form for one in context.words if one not in (CLAUSE_START, PHRASE_END) for form in expand(one, words)
    ]
    inert = frozenset(words.get(INERT, ())) - set(forms)
    pattern = re.compile(tree([*forms, *inert])) if forms else None
    start, end = CLAUSE_START in context.words, PHRASE_END in context.words
    return Near(context.where, context.within, pattern, inert, start, end, needed)
