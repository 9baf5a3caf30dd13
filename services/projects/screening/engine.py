"""Screening: the question, the rules, the answer. Pure: no clock, no database; the same input gives the same answer."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from services.projects.screening import conditions, duplicates, shares
from services.projects.screening.contexts import Near, Page, compiled
from services.projects.screening.grammar import Grammar, Judge
from services.projects.screening.lexicon import Lexicon, expand
from services.projects.screening.rules import EVERYTHING, Finder, Rule, RuleSet, Share
from services.projects.screening.schemas import (
    Family,
    Finding,
    Match,
    Screening,
    ScreeningSubject,
    Severity,
    Verdict,
)
from services.projects.screening.text import Folded, fold

MATCHES_PER_FINDING = 20
WORDS_IN_A_SENTENCE = 6


@dataclass(frozen=True, slots=True)
class _Seeker:
    """A compiled finder."""

    rule: Rule
    severity: Severity
    fields: frozenset[str]
    needs: tuple[Near, ...]
    unless: tuple[Near, ...]
    excuses: tuple[Judge, ...]
    share: Share | None

    def judge(
        self, text: Folded, start: int, end: int, grammar: Grammar, page: Page
    ) -> list[tuple[int, int]] | None:
        """The spans that make the hit, or None when it is none."""
        spans = [(start, end)]
        for near in self.needs:
            span = near.search(text, start, end, grammar, page)
            if span is None:
                return None
            spans.append(span)
        if self.share:
            span = shares.above(text, start, end, self.share)
            if span is None:
                return None
            spans.append(span)
        honest = grammar.pretended(text, start) if self.unless else 0
        if any(near.search(text, start, end, grammar, page, honest) for near in self.unless):
            return None
        if any(excuse(text, start, end) for excuse in self.excuses):
            return None
        return [span for span in spans if span[1]]


@dataclass(slots=True)
class _Hits:
    """What one rule found in one subject."""

    rule: Rule
    severity: Severity
    matches: dict[tuple[str, int, int], Match] = field(default_factory=dict)

    def enough(self, severity: Severity) -> bool:
        """Whether another hit of this severity would show nothing new."""
        worst = self.severity is Severity.BLOCK or severity is not Severity.BLOCK
        return worst and len(self.matches) >= MATCHES_PER_FINDING

    def add(self, severity: Severity, matches: Iterable[Match]) -> None:
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
        self._seekers: dict[str, list[_Seeker]] = {}
        for rule in rules.rules:
            for finder in rule.finders:
                seeker = self._seeker(rule, finder)
                for word in {form for pattern in finder.objects for form in expand(pattern, rules.words)}:
                    self._seekers.setdefault(word, []).append(seeker)
        wordy = [rule for rule in rules.rules if rule.finders]
        self._sometimes = [rule for rule in wordy if rule.conditions or rule.scope != EVERYTHING]
        self._always = {rule.id for rule in wordy} - {rule.id for rule in self._sometimes}
        self._structured = [rule for rule in rules.rules if rule.conditions and not rule.finders]
        self._innocent = frozenset(rules.words.get("innocent", ()))
        self._reach = max(map(len, self._innocent), default=0)
        self._lexicon = Lexicon(self._seekers.keys() | self._innocent)

    def _seeker(self, rule: Rule, finder: Finder) -> _Seeker:
        readings, words = self.grammar.readings, self.rules.words
        return _Seeker(
            rule=rule,
            severity=finder.severity or rule.severity,
            fields=frozenset(finder.fields),
            needs=tuple(compiled(context, words, needed=True) for context in finder.needs),
            unless=tuple(compiled(context, words, needed=False) for context in finder.unless),
            excuses=tuple(readings[name] for name in finder.excuses),
            share=finder.share,
        )

    def screen(self, subject: ScreeningSubject, candidates: Iterable[ScreeningSubject] = ()) -> Screening:
        """Judge one project; `candidates` are those it might duplicate (see `duplicates.duplicate_keys`)."""
        found = self._negative(subject)
        found += [
            conditions.finding(rule)
            for rule in self._structured
            if (rule.family is not Family.READINESS or subject.asks_readiness)
            and conditions.covers(rule, subject)
            and conditions.hold(rule, subject)
        ]
        found += duplicates.findings(subject, candidates)
        found.sort(key=lambda one: (one.severity is not Severity.BLOCK, one.family.value, one.rule))
        return Screening(verdict=verdict(found), findings=found, rules_version=self.version)

    def _negative(self, subject: ScreeningSubject) -> list[Finding]:
        fields = [fold("name", subject.name), fold("content", subject.content)]
        fields += [fold(f"cost_items.{n}", item.name) for n, item in enumerate(subject.cost_items)]
        page = Page(fields)
        asked = self._always | {
            rule.id
            for rule in self._sometimes
            if conditions.covers(rule, subject) and conditions.hold(rule, subject)
        }
        hits: dict[str, _Hits] = {}
        gone = self._gone(fields[0])
        for text in fields:
            for start, end, seeker in self._places(text):
                kept = hits.get(seeker.rule.id)
                if seeker.rule.id not in asked or (kept is not None and kept.enough(seeker.severity)):
                    continue
                if text.text[start:end] in gone and self.grammar.former(text, start):
                    continue
                spans = seeker.judge(text, start, end, self.grammar, page)
                if spans is not None:
                    kept = hits.setdefault(seeker.rule.id, _Hits(seeker.rule, seeker.severity))
                    kept.add(seeker.severity, (_match(text, span) for span in spans))
        return [_finding(kept) for kept in hits.values()]

    def _gone(self, name: Folded) -> set[str]:
        """What the name says is turned into something else, so that "对原办公楼进行装修" in the content means that one."""
        return {
            name.text[start:end]
            for start, end, seeker in self._places(name)
            if self.grammar.replaced in seeker.excuses and self.grammar.replaced(name, start, end)
        }

    def _places(self, text: Folded) -> Iterable[tuple[int, int, _Seeker]]:
        kind = text.field.partition(".")[0]
        found = list(self._lexicon.find(text.text))
        if not found:
            return
        safe = [(at, at + len(word)) for at, word in found if word in self._innocent]
        begins = [low for low, _ in safe]
        for start, word in found:
            end = start + len(word)
            near = safe[bisect_left(begins, start - self._reach) : bisect_left(begins, end)] if safe else ()
            if any(_belongs(start, end, low, high) for low, high in near):
                continue
            for seeker in self._seekers.get(word, ()):
                if kind in seeker.fields:
                    yield start, end, seeker


def _belongs(start: int, end: int, low: int, high: int) -> bool:
    """Whether a hit is part of a harmless word, or runs into one: 手机 in 手机软件, 帮扶车 in 帮扶车间."""
    inside = low <= start and end <= high
    return inside or start < low < end < high or low < start < high < end


def verdict(findings: Sequence[Finding]) -> Verdict:
    """The worst severity found."""
    if any(one.severity is Severity.BLOCK for one in findings):
        return Verdict.BLOCK
    return Verdict.REVIEW if findings else Verdict.CLEAR


def _match(text: Folded, span: tuple[int, int]) -> Match:
    start, end = text.span(*span)
    return Match(field=text.field, text=text.raw[start:end], start=start, end=end)


def _widest(matches: Collection[Match]) -> list[Match]:
    """In the order of the text, without what lies in another: 购车款, not 购车 and 车款 too."""
    fields = {field: at for at, field in enumerate(dict.fromkeys(one.field for one in matches))}
    kept: list[Match] = []
    for one in sorted(matches, key=lambda one: (fields[one.field], one.start, -one.end)):
        if not kept or kept[-1].field != one.field or kept[-1].end < one.end:
            kept.append(one)
    return kept


def _finding(hits: _Hits) -> Finding:
    rule, matches = hits.rule, _widest(hits.matches.values())[:MATCHES_PER_FINDING]
    words = "、".join(dict.fromkeys(f"“{one.text}”" for one in matches[:WORDS_IN_A_SENTENCE]))
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


_engines: WeakKeyDictionary[RuleSet, Engine] = WeakKeyDictionary()


def engine(rules: RuleSet) -> Engine:
    """The compiled engine of a rule set, made once."""
    if rules not in _engines:
        _engines[rules] = Engine(rules)
    return _engines[rules]


def screen(
    subject: ScreeningSubject, rules: RuleSet, candidates: Iterable[ScreeningSubject] = ()
) -> Screening:
    """Judge one project by the given rules (choose them with `RuleSet.on(day)`)."""
    return engine(rules).screen(subject, candidates)
