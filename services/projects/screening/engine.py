"""Screening engine: compiles a rule set and screens one subject. Pure: no clock, no database."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from services.projects.screening import calculation, duplicates
from services.projects.screening.grammar import Grammar, ReadingCheck
from services.projects.screening.lexicon import (
    FoldedText,
    Lexicon,
    build_prefix_regex,
    expand_pattern,
    fold_text,
)
from services.projects.screening.rules import (
    FAR_WINDOWS,
    UNLIMITED_SCOPE,
    ContextWords,
    Finder,
    RuleSet,
    ScreeningRule,
    ShareLimit,
)
from services.projects.screening.schemas import (
    Family,
    Finding,
    Match,
    Screening,
    ScreeningSubject,
    Severity,
    Verdict,
)

CLAUSE_START_MARK, PHRASE_END_MARK = "^", "$"
INERT_WORD_SET = "inert"
"""The word set of names that hold a word without meaning it: 施工单位 is no 单位."""

WIDE_WINDOWS = frozenset({"item", "clause", "sentence"})
INERT_REACH_CHARS = 8
"""How far before a window such a name may begin."""


@dataclass(slots=True)
class SubjectFields:
    """The fields of one subject, and what was already looked for in the whole of them."""

    fields: list[FoldedText]
    first_spans: dict[tuple[int, str], tuple[int, int] | None] = field(default_factory=dict)
    all_spans: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContextPattern:
    """A compiled context."""

    where: str
    within: int
    words: re.Pattern[str] | None
    inert: frozenset[str]
    at_start: bool
    at_end: bool
    required: bool

    def find_span(
        self, text: FoldedText, start: int, end: int, grammar: Grammar, page: SubjectFields, honest: int = 0
    ) -> tuple[int, int] | None:
        """The words' span in this field from `honest` on; (0, 0) where there is nothing to point at; None when absent."""
        if self.at_end and not grammar.get_phrase_after(text, end, 2):
            return 0, 0
        if self.at_start and text.get_clause_bounds(start, end)[0] == start:
            return 0, 0
        if self.words is None:
            return None
        if self.where in FAR_WINDOWS:
            return self._find_in_fields(self.words, text, grammar, page)
        low, high = self._get_window_bounds(text, start, end, grammar)
        low = max(low, honest)
        spans = self._find_in_window(self.words, text, low, high, grammar, page)
        for left, right in spans:
            if (right <= start or left >= end) and self._is_adjacent(left, right, start, end):
                return left, right
        return None

    def _find_in_window(
        self,
        words: re.Pattern[str],
        text: FoldedText,
        low: int,
        high: int,
        grammar: Grammar,
        page: SubjectFields,
    ) -> Iterator[tuple[int, int]]:
        """Where the words stand between two places. Wide windows look into what was found once in the whole field."""
        if self.where in WIDE_WINDOWS:
            key = (id(self), text.field)
            if key not in page.all_spans:
                page.all_spans[key] = list(self._find_spans(words, text, 0, len(text.text), grammar))
            found = page.all_spans[key]
            for at in range(bisect_left(found, (low, 0)), len(found)):
                if found[at][1] > high:
                    return
                yield found[at]
            return
        begin = max(low - INERT_REACH_CHARS, 0) if self.where == "before" else low
        for span in self._find_spans(words, text, begin, high, grammar):
            if span[0] >= low:
                yield span

    def _find_spans(
        self, words: re.Pattern[str], text: FoldedText, low: int, high: int, grammar: Grammar
    ) -> Iterator[tuple[int, int]]:
        for found in words.finditer(text.text, low, high):
            if found[0] not in self.inert and not (
                self.required and grammar.is_former_site(text, found.start())
            ):
                yield found.span()

    def _is_adjacent(self, left: int, right: int, start: int, end: int) -> bool:
        return {"prior": right == start, "next": left == end}.get(self.where, True)

    def _find_in_fields(
        self, words: re.Pattern[str], text: FoldedText, grammar: Grammar, page: SubjectFields
    ) -> tuple[int, int] | None:
        """The same for the whole field or all fields: looked for once. What was there before (原村委会) does not count."""
        key = (id(self), text.field if self.where == "field" else "")
        if key not in page.first_spans:
            fields = {"field": [text], "name": page.fields[:1]}.get(self.where, page.fields)
            spans = (
                found.span()
                for one in fields
                for found in words.finditer(one.text)
                if found[0] not in self.inert and not grammar.is_former(one, found.start())
            )
            first = next(spans, None)
            page.first_spans[key] = first if self.where == "field" or first is None else (0, 0)
        return page.first_spans[key]

    def _get_window_bounds(self, text: FoldedText, start: int, end: int, grammar: Grammar) -> tuple[int, int]:
        if self.where == "item":
            return grammar.get_item_bounds(text, start, end)
        match self.where:
            case "sentence":
                return text.get_sentence_bounds(start, end)
            case "clause":
                return text.get_stretch_bounds(start, end)
            case "before" | "prior":
                return max(text.get_clause_bounds(start, end)[0], start - self.within), start
            case _:
                return end, min(text.get_clause_bounds(start, end)[1], end + self.within)


def compile_context(
    context: ContextWords, words: Mapping[str, tuple[str, ...]], *, needed: bool
) -> ContextPattern:
    """Compile a context; `needed` ones don't count what was there before (原派出所旧址)."""
    forms = [
        form
        for one in context.words
        if one not in (CLAUSE_START_MARK, PHRASE_END_MARK)
        for form in expand_pattern(one, words)
    ]
    inert = frozenset(words.get(INERT_WORD_SET, ())) - set(forms)
    pattern = re.compile(build_prefix_regex([*forms, *inert])) if forms else None
    start, end = CLAUSE_START_MARK in context.words, PHRASE_END_MARK in context.words
    return ContextPattern(context.where, context.within, pattern, inert, start, end, needed)


MAX_MATCHES_PER_FINDING = 20
MAX_QUOTED_WORDS = 6


@dataclass(frozen=True, slots=True)
class _CompiledFinder:
    """A compiled finder."""

    rule: ScreeningRule
    severity: Severity
    fields: frozenset[str]
    needs: tuple[ContextPattern, ...]
    unless: tuple[ContextPattern, ...]
    excuses: tuple[ReadingCheck, ...]
    share: ShareLimit | None

    def find_hit_spans(
        self, text: FoldedText, start: int, end: int, grammar: Grammar, page: SubjectFields
    ) -> list[tuple[int, int]] | None:
        """The spans that make the hit, or None when it is none."""
        spans = [(start, end)]
        for near in self.needs:
            span = near.find_span(text, start, end, grammar, page)
            if span is None:
                return None
            spans.append(span)
        if self.share:
            span = calculation.find_share_above_ceiling(text, start, end, self.share)
            if span is None:
                return None
            spans.append(span)
        honest = grammar.find_pretence_end(text, start) if self.unless else 0
        if any(near.find_span(text, start, end, grammar, page, honest) for near in self.unless):
            return None
        if any(excuse(text, start, end) for excuse in self.excuses):
            return None
        return [span for span in spans if span[1]]


@dataclass(slots=True)
class _RuleMatches:
    """What one rule found in one subject."""

    rule: ScreeningRule
    severity: Severity
    matches: dict[tuple[str, int, int], Match] = field(default_factory=dict)

    def is_full(self, severity: Severity) -> bool:
        """Whether another hit of this severity would show nothing new."""
        worst = self.severity is Severity.BLOCK or severity is not Severity.BLOCK
        return worst and len(self.matches) >= MAX_MATCHES_PER_FINDING

    def add_matches(self, severity: Severity, matches: Iterable[Match]) -> None:
        """One more hit; the worst severity stays."""
        if severity is Severity.BLOCK:
            self.severity = severity
        for one in matches:
            self.matches.setdefault((one.field, one.start, one.end), one)


class Engine:
    """A rule set compiled: one lexicon of all objects, contexts as patterns, the grammar."""

    def __init__(self, rules: RuleSet, version: str = "") -> None:
        """Compiling takes a fraction of a second; keep the engine. `version` names the set these rules are a part of."""
        self.rules = rules
        self.version = version or rules.version
        self.grammar = Grammar(rules.words)
        self._finders_by_word: dict[str, list[_CompiledFinder]] = {}
        for rule in rules.rules:
            for finder in rule.finders:
                seeker = self._compile_finder(rule, finder)
                for word in {
                    form for pattern in finder.objects for form in expand_pattern(pattern, rules.words)
                }:
                    self._finders_by_word.setdefault(word, []).append(seeker)
        wordy = [rule for rule in rules.rules if rule.finders]
        self._conditional_rules = [rule for rule in wordy if rule.conditions or rule.scope != UNLIMITED_SCOPE]
        self._unconditional_ids = {rule.id for rule in wordy} - {rule.id for rule in self._conditional_rules}
        self._condition_rules = [rule for rule in rules.rules if rule.conditions and not rule.finders]
        self._harmless_words = frozenset(rules.words.get("innocent", ()))
        self._harmless_reach = max(map(len, self._harmless_words), default=0)
        self._lexicon = Lexicon(self._finders_by_word.keys() | self._harmless_words)

    def _compile_finder(self, rule: ScreeningRule, finder: Finder) -> _CompiledFinder:
        readings, words = self.grammar.readings, self.rules.words
        return _CompiledFinder(
            rule=rule,
            severity=finder.severity or rule.severity,
            fields=frozenset(finder.fields),
            needs=tuple(compile_context(context, words, needed=True) for context in finder.needs),
            unless=tuple(compile_context(context, words, needed=False) for context in finder.unless),
            excuses=tuple(readings[name] for name in finder.excuses),
            share=finder.share,
        )

    def screen_subject(
        self, subject: ScreeningSubject, candidates: Iterable[ScreeningSubject] = ()
    ) -> Screening:
        """Judge one project; `candidates` are those it might duplicate (see `duplicates.duplicate_keys`)."""
        found = self._find_by_words(subject)
        found += [
            calculation.build_condition_finding(rule)
            for rule in self._condition_rules
            if (rule.family is not Family.READINESS or subject.asks_readiness)
            and calculation.covers_subject(rule, subject)
            and calculation.meets_conditions(rule, subject)
        ]
        found += duplicates.find_duplicates(subject, candidates)
        found.sort(key=lambda one: (one.severity is not Severity.BLOCK, one.family.value, one.rule))
        return Screening(verdict=compute_verdict(found), findings=found, rules_version=self.version)

    def _find_by_words(self, subject: ScreeningSubject) -> list[Finding]:
        fields = [fold_text("name", subject.name), fold_text("content", subject.content)]
        fields += [fold_text(f"cost_items.{n}", item.name) for n, item in enumerate(subject.cost_items)]
        page = SubjectFields(fields)
        asked = self._unconditional_ids | {
            rule.id
            for rule in self._conditional_rules
            if calculation.covers_subject(rule, subject) and calculation.meets_conditions(rule, subject)
        }
        hits: dict[str, _RuleMatches] = {}
        gone = self._find_replaced_words(fields[0])
        for text in fields:
            for start, end, seeker in self._find_places(text):
                kept = hits.get(seeker.rule.id)
                if seeker.rule.id not in asked or (kept is not None and kept.is_full(seeker.severity)):
                    continue
                if text.text[start:end] in gone and self.grammar.is_former(text, start):
                    continue
                spans = seeker.find_hit_spans(text, start, end, self.grammar, page)
                if spans is not None:
                    kept = hits.setdefault(seeker.rule.id, _RuleMatches(seeker.rule, seeker.severity))
                    kept.add_matches(seeker.severity, (_build_match(text, span) for span in spans))
        return [_build_finding(kept) for kept in hits.values()]

    def _find_replaced_words(self, name: FoldedText) -> set[str]:
        """What the name says is turned into something else, so that "对原办公楼进行装修" in the content means that one."""
        return {
            name.text[start:end]
            for start, end, seeker in self._find_places(name)
            if self.grammar.replaced in seeker.excuses and self.grammar.replaced(name, start, end)
        }

    def _find_places(self, text: FoldedText) -> Iterable[tuple[int, int, _CompiledFinder]]:
        kind = text.field.partition(".")[0]
        found = list(self._lexicon.find_words(text.text))
        if not found:
            return
        safe = [(at, at + len(word)) for at, word in found if word in self._harmless_words]
        begins = [low for low, _ in safe]
        for start, word in found:
            end = start + len(word)
            near = (
                safe[bisect_left(begins, start - self._harmless_reach) : bisect_left(begins, end)]
                if safe
                else ()
            )
            if any(_is_part_of(start, end, low, high) for low, high in near):
                continue
            for seeker in self._finders_by_word.get(word, ()):
                if kind in seeker.fields:
                    yield start, end, seeker


def _is_part_of(start: int, end: int, low: int, high: int) -> bool:
    """Whether a hit is part of a harmless word, or runs into one: 手机 in 手机软件, 帮扶车 in 帮扶车间."""
    inside = low <= start and end <= high
    return inside or start < low < end < high or low < start < high < end


def compute_verdict(findings: Sequence[Finding]) -> Verdict:
    """The worst severity found."""
    if any(one.severity is Severity.BLOCK for one in findings):
        return Verdict.BLOCK
    return Verdict.REVIEW if findings else Verdict.CLEAR


def _build_match(text: FoldedText, span: tuple[int, int]) -> Match:
    start, end = text.get_original_span(*span)
    return Match(field=text.field, text=text.raw[start:end], start=start, end=end)


def _keep_widest(matches: Collection[Match]) -> list[Match]:
    """In the order of the text, without what lies in another: 购车款, not 购车 and 车款 too."""
    fields = {field: at for at, field in enumerate(dict.fromkeys(one.field for one in matches))}
    kept: list[Match] = []
    for one in sorted(matches, key=lambda one: (fields[one.field], one.start, -one.end)):
        if not kept or kept[-1].field != one.field or kept[-1].end < one.end:
            kept.append(one)
    return kept


def _build_finding(hits: _RuleMatches) -> Finding:
    rule, matches = hits.rule, _keep_widest(hits.matches.values())[:MAX_MATCHES_PER_FINDING]
    words = "、".join(dict.fromkeys(f"“{one.text}”" for one in matches[:MAX_QUOTED_WORDS]))
    return Finding(
        family=rule.family,
        rule=rule.id,
        rule_version=rule.version,
        item=rule.item,
        basis=str(rule.basis),
        severity=hits.severity,
        matches=matches,
        explanation=rule.explanation.replace("{hit}", words),
        advice=rule.advice,
    )


_engine_cache: WeakKeyDictionary[RuleSet, Engine] = WeakKeyDictionary()


def get_engine(rules: RuleSet) -> Engine:
    """The compiled engine of a rule set, made once."""
    if rules not in _engine_cache:
        _engine_cache[rules] = Engine(rules)
    return _engine_cache[rules]


def screen_subject(
    subject: ScreeningSubject, rules: RuleSet, candidates: Iterable[ScreeningSubject] = ()
) -> Screening:
    """Judge one project by the given rules (choose them with `RuleSet.on(day)`)."""
    return get_engine(rules).screen_subject(subject, candidates)
