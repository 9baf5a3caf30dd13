"""Duplicate detection: similarity score, lookup keys (min-hash) and findings."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from services.projects.screening.lexicon import fold_text
from services.projects.screening.schemas import (
    Family,
    Finding,
    KnownProject,
    Match,
    ScreeningSubject,
    Severity,
)

SIMILARITY_THRESHOLD = 0.72
"""From this similarity on, two projects are shown to a person."""
MAX_KEYS_PER_TEXT = 6
"""Smallest hashes kept of the name and of the content; two texts alike share at least one with high probability."""
SHORT_TEXT_CHARS = 3
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
    """How to find candidates in SQL: `region_low <= region <= region_high`, `year in years`, and any of `keys` stored for it."""

    region_low: str | None
    region_high: str | None
    years: tuple[int, ...]
    keys: tuple[str, ...]


def compute_duplicate_keys(subject: ScreeningSubject) -> DuplicateKeys:
    """Keys of a project: store them with it, and look for others that share one in the same town and same or adjoining years."""
    low = high = None
    if subject.region:
        head = subject.region[
            : _TOWN_DIGITS if subject.region[_COUNTY_DIGITS:_TOWN_DIGITS] != "000" else _COUNTY_DIGITS
        ]
        low, high = head.ljust(12, "0"), head.ljust(12, "9")
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
    """0 … 1: how much two projects look like the same one.

    Zero when places or years cannot be the same; else names and contents by shared pairs of characters, lowered when the
    quantities or amounts differ. The order of the two doesn't matter.
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


def find_duplicates(subject: ScreeningSubject, candidates: Iterable[ScreeningSubject]) -> list[Finding]:
    """One review finding per candidate alike enough, most alike first."""
    scored = [
        (score, one)
        for one in candidates
        if (score := compute_similarity(subject, one)) >= SIMILARITY_THRESHOLD
    ]
    scored.sort(key=lambda pair: (-pair[0], pair[1].name))
    return [_build_finding(subject, score, one) for score, one in scored]


def _build_finding(subject: ScreeningSubject, score: float, other: ScreeningSubject) -> Finding:
    when = f"{other.year}年" if other.year else "已有"
    return Finding(
        family=Family.DUPLICATE,
        rule=_RULE_ID,
        rule_version=1,
        item="疑似重复申报",
        basis=_RULE_BASIS,
        severity=Severity.REVIEW,
        matches=[Match(field="name", text=subject.name, start=0, end=len(subject.name))],
        other=str(other.id) if isinstance(other, KnownProject) else "",
        explanation=f"与{when}项目“{other.name}”相似度{round(score * 100)}%",
        advice="核对地点、内容和资金来源: 同一内容不得重复安排; 分期或不同地点的, 在名称和内容中写清后确认",
    )


def _is_same_place(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    if a.region and b.region and a.region != b.region:
        # A town's project and a village's of that town may be the same one; two villages' are not.
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
    return frozenset(core[at : at + 2] for at in range(len(core) - 1)) or frozenset({core} if core else ())


@lru_cache(maxsize=50_000)
def _extract_numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER_PATTERN.findall(fold_text("", text).text))


def _dice_coefficient(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def _compute_overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return _dice_coefficient(a, b) if a or b else 1.0


def _compute_min_hashes(core: str, kind: str) -> set[str]:
    """The smallest hashes of the text's pairs (min-hash), marked with what they are of."""
    hashes = sorted(
        hashlib.blake2b(pair.encode(), digest_size=6).hexdigest() for pair in _split_pairs(core[:400])
    )
    return {f"{kind}{one}" for one in hashes[:MAX_KEYS_PER_TEXT]}
