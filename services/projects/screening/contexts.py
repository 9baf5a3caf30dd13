"""Words that must, or must not, stand near a hit, compiled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.projects.screening.grammar import Grammar
from services.projects.screening.lexicon import expand, tree
from services.projects.screening.rules import FAR, Context
from services.projects.screening.text import Folded

CLAUSE_START, PHRASE_END = "^", "$"
INERT = "inert"
"""The word set of names that hold a word without meaning it: 施工单位 is no 单位."""

INERT_REACH = 8
"""How far before a window such a name may begin."""


@dataclass(slots=True)
class Page:
    """The fields of one subject, and what was already looked for in the whole of them."""

    fields: list[Folded]
    known: dict[tuple[int, str], tuple[int, int] | None] = field(default_factory=dict)


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
        begin = max(low - INERT_REACH, 0) if self.where == "before" else low
        for found in self.words.finditer(text.text, begin, high):
            if found.start() >= low and self._counts(found, start, end):
                if self.needed and grammar.once(text, found.start()):
                    continue
                return found.span()
        return None

    def _counts(self, found: re.Match[str], start: int, end: int) -> bool:
        apart = found.end() <= start or found.start() >= end
        return apart and found[0] not in self.inert and self._touches(found, start, end)

    def _touches(self, found: re.Match[str], start: int, end: int) -> bool:
        return {"prior": found.end() == start, "next": found.start() == end}.get(self.where, True)

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
