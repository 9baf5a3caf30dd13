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
    Match,
    Screening,
    ScreeningFinding,
    ScreeningSubject,
    Severity,
    Verdict,
)

MAX_MATCHES_PER_FINDING = 20
MAX_QUOTED_WORDS = 6
CLAUSE_START_MARK, PHRASE_END_MARK = "^", "$"
INERT_WORD_SET = "inert"
"""Word set of names that contain a word without its meaning: 施工单位 is not a 单位."""
WIDE_WINDOWS = frozenset({"item", "clause", "sentence"})
INERT_REACH_CHARS = 8
"""How many characters before a window such a name may begin."""


@dataclass(slots=True)
class SubjectFields:
    """The folded fields of one subject, with a cache of context searches over whole fields."""

    fields: list[FoldedText]
    first_spans: dict[tuple[int, str], tuple[int, int] | None] = field(default_factory=dict)
    all_spans: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContextPattern:
    """A compiled context: words that must or must not occur in a window around a hit."""

    where: str
    within: int
    words: re.Pattern[str] | None
    inert: frozenset[str]
    at_start: bool
    at_end: bool
    required: bool

    def find_span(
        self, text: FoldedText, start: int, end: int, grammar: Grammar, fields: SubjectFields, after: int = 0
    ) -> tuple[int, int] | None:
        """Return the span of the context words at or after `after`, (0, 0) when it matches without words, None when absent."""
        if self.at_end and not grammar.get_phrase_after(text, end, 2):
            return 0, 0
        if self.at_start and text.get_clause_bounds(start, end)[0] == start:
            return 0, 0
        if self.words is None:
            return None
        if self.where in FAR_WINDOWS:
            return self._find_in_fields(self.words, text, grammar, fields)
        low, high = self._get_window_bounds(text, start, end, grammar)
        low = max(low, after)
        spans = self._find_in_window(self.words, text, low, high, grammar, fields)
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
        fields: SubjectFields,
    ) -> Iterator[tuple[int, int]]:
        """Yield the spans of the words between two offsets. Wide windows search the whole field once and reuse the result."""
        if self.where in WIDE_WINDOWS:
            key = (id(self), text.field)
            if key not in fields.all_spans:
                fields.all_spans[key] = list(self._find_spans(words, text, 0, len(text.text), grammar))
            all_spans = fields.all_spans[key]
            for index in range(bisect_left(all_spans, (low, 0)), len(all_spans)):
                if all_spans[index][1] > high:
                    return
                yield all_spans[index]
            return
        search_start = max(low - INERT_REACH_CHARS, 0) if self.where == "before" else low
        for span in self._find_spans(words, text, search_start, high, grammar):
            if span[0] >= low:
                yield span

    def _find_spans(
        self, words: re.Pattern[str], text: FoldedText, low: int, high: int, grammar: Grammar
    ) -> Iterator[tuple[int, int]]:
        for match in words.finditer(text.text, low, high):
            if match[0] not in self.inert and not (
                self.required and grammar.is_former_site(text, match.start())
            ):
                yield match.span()

    def _is_adjacent(self, left: int, right: int, start: int, end: int) -> bool:
        return {"prior": right == start, "next": left == end}.get(self.where, True)

    def _find_in_fields(
        self, words: re.Pattern[str], text: FoldedText, grammar: Grammar, fields: SubjectFields
    ) -> tuple[int, int] | None:
        """Return the first span in the field or in all fields, searched once; words marked as former (原村委会) do not count."""
        key = (id(self), text.field if self.where == "field" else "")
        if key not in fields.first_spans:
            searched = {"field": [text], "name": fields.fields[:1]}.get(self.where, fields.fields)
            spans = (
                match.span()
                for searched_text in searched
                for match in words.finditer(searched_text.text)
                if match[0] not in self.inert and not grammar.is_former(searched_text, match.start())
            )
            first = next(spans, None)
            fields.first_spans[key] = first if self.where == "field" or first is None else (0, 0)
        return fields.first_spans[key]

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
    context: ContextWords, words: Mapping[str, tuple[str, ...]], *, required: bool
) -> ContextPattern:
    """Compile a context; for a required one, words that name a former site (原派出所旧址) do not count."""
    forms = [
        form
        for pattern_text in context.words
        if pattern_text not in (CLAUSE_START_MARK, PHRASE_END_MARK)
        for form in expand_pattern(pattern_text, words)
    ]
    inert = frozenset(words.get(INERT_WORD_SET, ())) - set(forms)
    pattern = re.compile(build_prefix_regex([*forms, *inert])) if forms else None
    start, end = CLAUSE_START_MARK in context.words, PHRASE_END_MARK in context.words
    return ContextPattern(context.where, context.within, pattern, inert, start, end, required)


@dataclass(frozen=True, slots=True)
class _CompiledFinder:
    """A finder with compiled contexts and readings."""

    rule: ScreeningRule
    severity: Severity
    fields: frozenset[str]
    needs: tuple[ContextPattern, ...]
    unless: tuple[ContextPattern, ...]
    excuses: tuple[ReadingCheck, ...]
    share: ShareLimit | None

    def find_hit_spans(
        self, text: FoldedText, start: int, end: int, grammar: Grammar, fields: SubjectFields
    ) -> list[tuple[int, int]] | None:
        """Return the spans that constitute a hit, or None when a context or a reading excludes it."""
        spans = [(start, end)]
        for context in self.needs:
            span = context.find_span(text, start, end, grammar, fields)
            if span is None:
                return None
            spans.append(span)
        if self.share:
            span = calculation.find_share_above_ceiling(text, start, end, self.share)
            if span is None:
                return None
            spans.append(span)
        pretence_end = grammar.find_pretence_end(text, start) if self.unless else 0
        if any(context.find_span(text, start, end, grammar, fields, pretence_end) for context in self.unless):
            return None
        if any(is_excused(text, start, end) for is_excused in self.excuses):
            return None
        return [span for span in spans if span[1]]


@dataclass(slots=True)
class _RuleMatches:
    """The matches of one rule in one subject."""

    rule: ScreeningRule
    severity: Severity
    matches: dict[tuple[str, int, int], Match] = field(default_factory=dict)

    def is_full(self, severity: Severity) -> bool:
        """Return whether another hit of this severity would change nothing."""
        not_higher = self.severity is Severity.BLOCK or severity is not Severity.BLOCK
        return not_higher and len(self.matches) >= MAX_MATCHES_PER_FINDING

    def add_matches(self, severity: Severity, matches: Iterable[Match]) -> None:
        """Add the matches of a hit; the highest severity wins."""
        if severity is Severity.BLOCK:
            self.severity = severity
        for match in matches:
            self.matches.setdefault((match.field, match.start, match.end), match)


class Engine:
    """A compiled rule set: one lexicon of all objects, contexts as regular expressions, and the grammar."""

    def __init__(self, rules: RuleSet, version: str = "") -> None:
        """Compile the rules; takes a fraction of a second, so keep the engine. `version` names the set the rules are part of."""
        self.rules = rules
        self.version = version or rules.version
        self.grammar = Grammar(rules.words)
        self._finders_by_word: dict[str, list[_CompiledFinder]] = {}
        for rule in rules.rules:
            for finder in rule.finders:
                compiled = self._compile_finder(rule, finder)
                for word in {
                    form for pattern in finder.objects for form in expand_pattern(pattern, rules.words)
                }:
                    self._finders_by_word.setdefault(word, []).append(compiled)
        with_finders = [rule for rule in rules.rules if rule.finders]
        self._conditional_rules = [
            rule for rule in with_finders if rule.conditions or rule.scope != UNLIMITED_SCOPE
        ]
        self._unconditional_ids = {rule.id for rule in with_finders} - {
            rule.id for rule in self._conditional_rules
        }
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
            needs=tuple(compile_context(context, words, required=True) for context in finder.needs),
            unless=tuple(compile_context(context, words, required=False) for context in finder.unless),
            excuses=tuple(readings[name] for name in finder.excuses),
            share=finder.share,
        )

    def screen_subject(
        self, subject: ScreeningSubject, candidates: Iterable[ScreeningSubject] = ()
    ) -> Screening:
        """Screen one subject; `candidates` are possible duplicates (see `duplicates.compute_duplicate_keys`)."""
        findings = self._find_by_words(subject)
        findings += [
            calculation.build_condition_finding(rule)
            for rule in self._condition_rules
            if (rule.family is not Family.READINESS or subject.asks_readiness)
            and calculation.covers_subject(rule, subject)
            and calculation.meets_conditions(rule, subject)
        ]
        findings += duplicates.find_duplicates(subject, candidates)
        findings.sort(
            key=lambda finding: (finding.severity is not Severity.BLOCK, finding.family.value, finding.rule)
        )
        return Screening(verdict=compute_verdict(findings), findings=findings, rules_version=self.version)

    def _find_by_words(self, subject: ScreeningSubject) -> list[ScreeningFinding]:
        fields = [fold_text("name", subject.name), fold_text("content", subject.content)]
        fields += [fold_text(f"cost_items.{n}", item.name) for n, item in enumerate(subject.cost_items)]
        subject_fields = SubjectFields(fields)
        active_rule_ids = self._unconditional_ids | {
            rule.id
            for rule in self._conditional_rules
            if calculation.covers_subject(rule, subject) and calculation.meets_conditions(rule, subject)
        }
        matches_by_rule: dict[str, _RuleMatches] = {}
        replaced_words = self._find_replaced_words(fields[0])
        for text in fields:
            for start, end, finder in self._find_places(text):
                rule_matches = matches_by_rule.get(finder.rule.id)
                if finder.rule.id not in active_rule_ids or (
                    rule_matches is not None and rule_matches.is_full(finder.severity)
                ):
                    continue
                if text.text[start:end] in replaced_words and self.grammar.is_former(text, start):
                    continue
                spans = finder.find_hit_spans(text, start, end, self.grammar, subject_fields)
                if spans is not None:
                    rule_matches = matches_by_rule.setdefault(
                        finder.rule.id, _RuleMatches(finder.rule, finder.severity)
                    )
                    rule_matches.add_matches(finder.severity, (_build_match(text, span) for span in spans))
        return [_build_finding(rule_matches) for rule_matches in matches_by_rule.values()]

    def _find_replaced_words(self, name: FoldedText) -> set[str]:
        """Return words in the name that are converted into something else, so that 原办公楼 in the content means the old one."""
        return {
            name.text[start:end]
            for start, end, finder in self._find_places(name)
            if self.grammar.replaced in finder.excuses and self.grammar.replaced(name, start, end)
        }

    def _find_places(self, text: FoldedText) -> Iterable[tuple[int, int, _CompiledFinder]]:
        kind = text.field.partition(".")[0]
        hits = list(self._lexicon.find_words(text.text))
        if not hits:
            return
        harmless_spans = [
            (offset, offset + len(word)) for offset, word in hits if word in self._harmless_words
        ]
        harmless_starts = [low for low, _ in harmless_spans]
        for start, word in hits:
            end = start + len(word)
            nearby = (
                harmless_spans[
                    bisect_left(harmless_starts, start - self._harmless_reach) : bisect_left(
                        harmless_starts, end
                    )
                ]
                if harmless_spans
                else ()
            )
            if any(_is_part_of(start, end, low, high) for low, high in nearby):
                continue
            for finder in self._finders_by_word.get(word, ()):
                if kind in finder.fields:
                    yield start, end, finder


def _is_part_of(start: int, end: int, low: int, high: int) -> bool:
    """Return whether a hit lies in a harmless word or overlaps one: 手机 in 手机软件, 帮扶车 in 帮扶车间."""
    inside = low <= start and end <= high
    return inside or start < low < end < high or low < start < high < end


def compute_verdict(findings: Sequence[ScreeningFinding]) -> Verdict:
    """Return the verdict of the highest severity found."""
    if any(finding.severity is Severity.BLOCK for finding in findings):
        return Verdict.BLOCK
    return Verdict.REVIEW if findings else Verdict.CLEAR


def _build_match(text: FoldedText, span: tuple[int, int]) -> Match:
    start, end = text.get_original_span(*span)
    return Match(field=text.field, text=text.raw[start:end], start=start, end=end)


def _keep_widest(matches: Collection[Match]) -> list[Match]:
    """Return matches in text order without those contained in another one: 购车款, not also 购车 and 车款."""
    fields = {field: index for index, field in enumerate(dict.fromkeys(match.field for match in matches))}
    widest: list[Match] = []
    for match in sorted(matches, key=lambda match: (fields[match.field], match.start, -match.end)):
        if not widest or widest[-1].field != match.field or widest[-1].end < match.end:
            widest.append(match)
    return widest


def _build_finding(rule_matches: _RuleMatches) -> ScreeningFinding:
    rule, matches = rule_matches.rule, _keep_widest(rule_matches.matches.values())[:MAX_MATCHES_PER_FINDING]
    words = "、".join(dict.fromkeys(f"“{match.text}”" for match in matches[:MAX_QUOTED_WORDS]))
    return ScreeningFinding(
        family=rule.family,
        rule=rule.id,
        rule_version=rule.version,
        item=rule.item,
        basis=str(rule.basis),
        severity=rule_matches.severity,
        matches=matches,
        explanation=rule.explanation.replace("{hit}", words),
        advice=rule.advice,
    )


_engine_cache: WeakKeyDictionary[RuleSet, Engine] = WeakKeyDictionary()


def get_engine(rules: RuleSet) -> Engine:
    """Return the compiled engine of a rule set, cached."""
    if rules not in _engine_cache:
        _engine_cache[rules] = Engine(rules)
    return _engine_cache[rules]


def screen_subject(
    subject: ScreeningSubject, rules: RuleSet, candidates: Iterable[ScreeningSubject] = ()
) -> Screening:
    """Screen one subject by the given rules (select them with `RuleSet.select_in_force(day)`)."""
    return get_engine(rules).screen_subject(subject, candidates)
