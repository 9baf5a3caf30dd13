"""Duplicate detection: similarity score, lookup keys (min-hash) and findings."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from services.projects.screening.lexicon import fold_text
from services.projects.screening.schemas import (
    Family,
    KnownProject,
    Match,
    ScreeningFinding,
    ScreeningSubject,
    Severity,
)

SIMILARITY_THRESHOLD = 0.72
"""Minimum similarity (0 … 1) at which two projects are reported as possible duplicates."""
MAX_KEYS_PER_TEXT = 6
"""Number of smallest hashes stored per text; two similar texts share at least one with high probability (min-hash)."""

_COUNTY_DIGITS = 6
_TOWN_DIGITS = 9
_FILLER_PATTERN = re.compile(
    r"20\d\d年度?|二〇\S{2}年|第?[一二三四五六七八九十\d]+批次?|建设|工程|项目|新建|改造|实施|财政|衔接|资金|补助|的|等|共计|配套|[^\w]|_"
)
_NUMBER_PATTERN = re.compile(r"\d+(?:\.\d+)?")
_RULE_ID = "duplicate.similar"
_RULE_BASIS = "《县级项目库建设管理要求》: 同一内容不得重复安排资金"
_AMOUNT_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class DuplicateKeys:
    """Lookup of candidates in SQL: `region_low <= region <= region_high`, `year in years` and any of `keys`."""

    region_low: str | None
    region_high: str | None
    years: tuple[int, ...]
    keys: tuple[str, ...]


def compute_duplicate_keys(subject: ScreeningSubject) -> DuplicateKeys:
    """Compute the lookup keys of a subject; duplicates share a key within the same town and the same or adjacent years."""
    low = high = None
    if subject.region:
        prefix = subject.region[
            : _TOWN_DIGITS if subject.region[_COUNTY_DIGITS:_TOWN_DIGITS] != "000" else _COUNTY_DIGITS
        ]
        low, high = prefix.ljust(12, "0"), prefix.ljust(12, "9")
    years = (subject.year - 1, subject.year, subject.year + 1) if subject.year else ()
    return DuplicateKeys(
        low,
        high,
        years,
        tuple(
            sorted(
                _compute_min_hashes(_strip_filler(subject.name), "n")
                | _compute_min_hashes(_strip_filler(subject.content), "c")
            )
        ),
    )


def compute_similarity(a: ScreeningSubject, b: ScreeningSubject) -> float:
    """Compute how similar two subjects are, 0 … 1; symmetric.

    Zero when place or year exclude each other; else the Dice coefficient of the character pairs of name and content,
    lowered when quantities or amounts differ.
    """
    if not _is_same_place(a, b) or (a.year and b.year and abs(a.year - b.year) > 1):
        return 0.0
    name = _dice_coefficient(_split_pairs(_strip_filler(a.name)), _split_pairs(_strip_filler(b.name)))
    if not (a.content.strip() and b.content.strip()):
        score = name * (1.0 if _are_amounts_close(a, b) else 0.8)
        return score if _has_same_place(a, b) else score * 0.7
    content = _dice_coefficient(
        _split_pairs(_strip_filler(a.content)), _split_pairs(_strip_filler(b.content))
    )
    quantities = _compute_overlap(_extract_numbers(a.content), _extract_numbers(b.content))
    score = max(0.5 * name + 0.5 * content, 0.2 * name + 0.8 * content)
    return score * (0.7 + 0.3 * quantities)


def find_duplicates(
    subject: ScreeningSubject, candidates: Iterable[ScreeningSubject]
) -> list[ScreeningFinding]:
    """Return one review finding per candidate above the threshold, most similar first."""
    scored = [
        (score, candidate)
        for candidate in candidates
        if (score := compute_similarity(subject, candidate)) >= SIMILARITY_THRESHOLD
    ]
    scored.sort(key=lambda pair: (-pair[0], pair[1].name))
    return [_build_finding(subject, score, candidate) for score, candidate in scored]


def _build_finding(subject: ScreeningSubject, score: float, other: ScreeningSubject) -> ScreeningFinding:
    year_label = f"{other.year}年" if other.year else "已有"
    return ScreeningFinding(
        family=Family.DUPLICATE,
        rule=_RULE_ID,
        rule_version=1,
        item="疑似重复申报",
        basis=_RULE_BASIS,
        severity=Severity.REVIEW,
        matches=[Match(field="name", text=subject.name, start=0, end=len(subject.name))],
        other=str(other.id) if isinstance(other, KnownProject) else "",
        explanation=f"与{year_label}项目“{other.name}”相似度{round(score * 100)}%",
        advice="核对地点、内容和资金来源: 同一内容不得重复安排; 分期或不同地点的, 在名称和内容中写清后确认",
    )


def _is_same_place(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    if a.region and b.region and a.region != b.region:
        # A project of a town may duplicate one of its villages; projects of two villages never do.
        short, long = sorted((_get_region_prefix(a.region), _get_region_prefix(b.region)), key=len)
        if not long.startswith(short):
            return False
    first, second = _strip_filler(a.location), _strip_filler(b.location)
    return not first or not second or first in second or second in first


def _get_region_prefix(region: str) -> str:
    for size in (_COUNTY_DIGITS, _TOWN_DIGITS):
        if not region[size:].strip("0"):
            return region[:size]
    return region


def _has_same_place(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    return bool((a.region and b.region and a.region == b.region) or (a.location and b.location))


def _are_amounts_close(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    if not a.amount or not b.amount:
        return a.amount == b.amount
    return abs(a.amount - b.amount) <= _AMOUNT_TOLERANCE * max(a.amount, b.amount)


@lru_cache(maxsize=50_000)
def _strip_filler(text: str) -> str:
    return _FILLER_PATTERN.sub("", fold_text("", text).text)


@lru_cache(maxsize=50_000)
def _split_pairs(core: str) -> frozenset[str]:
    return frozenset(core[index : index + 2] for index in range(len(core) - 1)) or frozenset(
        {core} if core else ()
    )


@lru_cache(maxsize=50_000)
def _extract_numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER_PATTERN.findall(fold_text("", text).text))


def _dice_coefficient(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def _compute_overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return _dice_coefficient(a, b) if a or b else 1.0


def _compute_min_hashes(core: str, kind: str) -> set[str]:
    """Compute the smallest hashes of the character pairs of a text, prefixed with the kind of text."""
    hashes = sorted(
        hashlib.blake2b(pair.encode(), digest_size=6).hexdigest() for pair in _split_pairs(core[:400])
    )
    return {f"{kind}{digest}" for digest in hashes[:MAX_KEYS_PER_TEXT]}
