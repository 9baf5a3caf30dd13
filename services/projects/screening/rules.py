"""Schema, parsing, validation and digest of screening rules."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.projects.screening.lexicon import InvalidPattern, expand_pattern
from services.projects.screening.schemas import Family, Severity

FieldName = Literal["name", "content", "cost_items"]
ContextWindow = Literal[
    "before", "after", "prior", "next", "item", "clause", "sentence", "name", "field", "anywhere"
]
FAR_WINDOWS = frozenset({"name", "field", "anywhere"})
GrammarReading = Literal["negated", "replaced", "modifier", "place", "industry"]
GRAMMAR_READINGS: tuple[GrammarReading, ...] = ("negated", "replaced", "modifier", "place", "industry")
WORDS_FILE_NAME = "words.json"
_WORD_SET_REFERENCE = re.compile(r"@([^{}|@]+)")


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Basis(_StrictModel):
    """The document a rule is based on; `confirmed` is false until the article was read in the original."""

    document: str = Field(min_length=1)
    number: str = ""
    article: str = ""
    confirmed: bool = False

    def __str__(self) -> str:
        """Format the document, its number and the article for a finding."""
        return "".join((f"《{self.document}》", f"({self.number})" if self.number else "", self.article))


class Scope(_StrictModel):
    """Projects a rule applies to; empty means all. Categories are codes ("1.3" covers "1.3.1") or names."""

    fund_types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    except_categories: tuple[str, ...] = ()
    years_from: int | None = None
    years_to: int | None = None


UNLIMITED_SCOPE = Scope()


class ContextWords(_StrictModel):
    """Words that must or must not occur in a window around a hit.

    `before`/`after`: within `within` characters on that side, in the clause; `prior`/`next`: adjacent ("$": the phrase ends
    here, "^": the clause begins here); `item`: in the list item of the hit, from the verb or list mark before it to the
    next mark or joining word; `clause` (brackets included), `sentence`, `field`, `name` (the project's name), `anywhere`.
    Words before a pretence excuse nothing: 以冷链项目名义购置轿车.
    """

    words: tuple[str, ...] = Field(min_length=1)
    where: ContextWindow
    within: int = Field(default=16, ge=1, le=120)


class ShareLimit(_StrictModel):
    """A ceiling in percent for a percentage in the sentence of the hit; `ceilings` maps preceding words to other ceilings."""

    over: Decimal = Field(ge=0, le=100)
    ceilings: dict[str, Decimal] = Field(default_factory=dict)


class Finder(_StrictModel):
    """One way a rule matches: objects, required and excluded contexts, and the readings that excuse a hit."""

    objects: tuple[str, ...] = Field(min_length=1)
    needs: tuple[ContextWords, ...] = ()
    unless: tuple[ContextWords, ...] = ()
    excuses: tuple[GrammarReading, ...] = GRAMMAR_READINGS
    fields: tuple[FieldName, ...] = ("name", "content", "cost_items")
    severity: Severity | None = None
    share: ShareLimit | None = None


class RuleCondition(_StrictModel):
    """A comparison with a field of the subject; all conditions of a rule must hold. A missing value satisfies only `missing`.

    `in` / `not_in` compare with `values`, `above` with `limit` (元 for amount, percent for share), `missing` takes no value.
    `share` is the part of the amount spent on `cost_items` whose names contain one of `words`.
    """

    field: Literal[
        "amount",
        "category",
        "land",
        "design",
        "budget",
        "operator",
        "environment",
        "minutes",
        "linkage",
        "share",
    ]
    test: Literal["in", "not_in", "above", "missing"]
    values: tuple[str, ...] = ()
    limit: Decimal | None = None
    words: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _validate_complete(self) -> Self:
        if self.test == "above" and self.limit is None:
            raise ValueError("above 须给出 limit")
        if self.test in {"in", "not_in"} and not self.values:
            raise ValueError("in / not_in 须给出 values")
        if self.field == "share" and (self.test != "above" or not self.words):
            raise ValueError("share 须给出 words 和 limit")
        return self


class ScreeningRule(_StrictModel):
    """One dated rule of the negative list or the readiness list. `{hit}` in the explanation is the matched text."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
    version: int = Field(default=1, ge=1)
    family: Family
    item: str = Field(min_length=1)
    basis: Basis
    scope: Scope = Scope()
    severity: Severity
    finders: tuple[Finder, ...] = ()
    conditions: tuple[RuleCondition, ...] = ()
    explanation: str = Field(min_length=1)
    advice: str = Field(min_length=1)
    effective_from: date
    effective_to: date | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _validate_consistency(self) -> Self:
        if not self.finders and not self.conditions:
            raise ValueError("规则须至少有一个 finders 或 conditions")
        if self.effective_to and self.effective_to < self.effective_from:
            raise ValueError("失效日期早于生效日期")
        for finder in self.finders:
            severity = finder.severity or self.severity
            if severity is Severity.BLOCK and any(context.where in FAR_WINDOWS for context in finder.unless):
                # Otherwise adding a harmless sentence anywhere would lift a block.
                raise ValueError("block 规则的排除语境只能在同一句内 (不能用 name、field 或 anywhere)")
        return self

    def is_in_force(self, day: date) -> bool:
        """Return whether the rule applies on that day."""
        return (
            self.enabled
            and self.effective_from <= day
            and (self.effective_to is None or day <= self.effective_to)
        )


@dataclass(frozen=True)
class RuleFault:
    """An error in one rule: its index in the list, its id if known, a JSON pointer inside it, and the message."""

    index: int
    rule: str
    pointer: str
    message: str


class InvalidRules(ValueError):
    """Raised for an invalid rule set; `faults` holds every error, not only the first."""

    def __init__(self, faults: list[RuleFault]) -> None:
        """Store the errors for the response."""
        super().__init__(
            "; ".join(f"{fault.rule or fault.index}{fault.pointer}: {fault.message}" for fault in faults)
        )
        self.faults = faults


class RuleSet:
    """Validated rules and their word sets. Immutable; compiled once by the engine."""

    def __init__(self, rules: Iterable[ScreeningRule], words: Mapping[str, tuple[str, ...]]) -> None:
        """Store rules without checks; use `load` or `parse`, which validate."""
        self.rules = tuple(rules)
        self.words = dict(words)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load all `*.json` of a folder; `words.json` holds the word sets. Raise InvalidRules with every error."""
        rows, words = read_rule_rows(folder)
        return cls.parse(rows, expand_word_sets(words))

    @classmethod
    def parse(cls, rows: Iterable[Mapping[str, Any]], words: Mapping[str, tuple[str, ...]]) -> Self:
        """Validate edited rules; raise InvalidRules with every error, its rule and pointer."""
        rules: list[ScreeningRule] = []
        faults: list[RuleFault] = []
        seen_keys: set[tuple[str, date]] = set()
        for index, row in enumerate(rows):
            name = str(row.get("id", ""))
            try:
                rule = ScreeningRule.model_validate(row)
            except ValidationError as error:
                faults += [
                    _build_rule_fault(index, name, detail) for detail in error.errors(include_url=False)
                ]
                continue
            if (rule.id, rule.effective_from) in seen_keys:
                faults.append(RuleFault(index, name, "/id", "同一规则在同一生效日期重复"))
            seen_keys.add((rule.id, rule.effective_from))
            faults += _check_patterns(index, rule, words)
            rules.append(rule)
        if faults:
            raise InvalidRules(faults)
        return cls(rules, words)

    def select_in_force(self, day: date) -> "RuleSet":
        """Return the rules in force on a day."""
        return RuleSet((rule for rule in self.rules if rule.is_in_force(day)), self.words)

    @cached_property
    def version(self) -> str:
        """Digest of twelve hex digits over all rules and words; stored with every screening."""
        content = [sorted(self.words.items()), sorted(rule.model_dump_json() for rule in self.rules)]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:12]


def read_rule_rows(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the raw rows and word sets of a folder."""
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.json")):
        if file.name != WORDS_FILE_NAME:
            rows += json.loads(file.read_text("utf-8"))
    return rows, json.loads((folder / WORDS_FILE_NAME).read_text("utf-8"))


def expand_word_sets(raw: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Expand word sets, which may refer to each other in any order; raise InvalidPattern for a bad pattern or a cycle."""
    words: dict[str, tuple[str, ...]] = {}
    unresolved = {name: tuple(patterns) for name, patterns in raw.items()}
    while unresolved:
        ready = [
            name
            for name, patterns in unresolved.items()
            if not _find_references(patterns) & unresolved.keys()
        ]
        if not ready:
            raise InvalidPattern(f"词组互相引用: {'、'.join(sorted(unresolved))}")
        for name in ready:
            forms = [form for pattern in unresolved.pop(name) for form in expand_pattern(pattern, words)]
            words[name] = tuple(dict.fromkeys(forms))
    return words


def _find_references(patterns: Iterable[str]) -> set[str]:
    """Return the names of word sets that patterns refer to."""
    return {name for pattern in patterns for name in _WORD_SET_REFERENCE.findall(pattern)}


def _build_rule_fault(index: int, name: str, error: Mapping[str, Any]) -> RuleFault:
    pointer = "".join(f"/{part}" for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return RuleFault(index, name, pointer, message)


def _check_patterns(index: int, rule: ScreeningRule, words: Mapping[str, tuple[str, ...]]) -> list[RuleFault]:
    faults = []
    for index_in_rule, finder in enumerate(rule.finders):
        lists = [("objects", finder.objects)]
        lists += [(f"needs/{n}/words", context.words) for n, context in enumerate(finder.needs)]
        lists += [(f"unless/{n}/words", context.words) for n, context in enumerate(finder.unless)]
        for place, patterns in lists:
            for n, pattern in enumerate(patterns):
                try:
                    expand_pattern(pattern, words)
                except InvalidPattern as error:
                    faults.append(
                        RuleFault(index, rule.id, f"/finders/{index_in_rule}/{place}/{n}", str(error))
                    )
    return faults
