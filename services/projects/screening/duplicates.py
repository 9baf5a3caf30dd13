"""Is this the same project again? Similarity of two, keys to look candidates up by, and the findings."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from services.projects.screening.schemas import Family, Finding, Known, Match, ScreeningSubject, Severity
from services.projects.screening.text import fold

ALIKE = 0.72
"""From this similarity on, two projects are shown to a person."""
KEYS = 6
"""Smallest hashes kept of the name and of the content; two texts alike share at least one with high probability."""
SHORT = 3
_COUNTY = 6
_TOWN = 9
_FILLER = re.compile(
    r"20\d\d年度?|二〇\S{2}年|第?[一二三四五六七八九十\d]+批次?|建设|工程|项目|新建|改造|实施|财政|衔接|资金|补助|的|等|共计|配套|[^\w]|_"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RULE = "duplicate.similar"
_BASIS = "《县级项目库建设管理要求》: 同一内容不得重复安排资金"
_CLOSE = 0.05


@dataclass(frozen=True, slots=True)
class Keys:
    """How to find candidates in SQL: `region_low <= region <= region_high`, `year in years`, and any of `keys` stored for it."""

    region_low: str | None
    region_high: str | None
    years: tuple[int, ...]
    keys: tuple[str, ...]


def duplicate_keys(subject: ScreeningSubject) -> Keys:
    """Keys of a project: store them with it, and look for others that share one in the same town and same or adjoining years."""
    low = high = None
    if subject.region:
        head = subject.region[: _TOWN if subject.region[_COUNTY:_TOWN] != "000" else _COUNTY]
        low, high = head.ljust(12, "0"), head.ljust(12, "9")
    years = (subject.year - 1, subject.year, subject.year + 1) if subject.year else ()
    return Keys(
        low,
        high,
        years,
        tuple(sorted(_least(_core(subject.name), "n") | _least(_core(subject.content), "c"))),
    )


def similarity(a: ScreeningSubject, b: ScreeningSubject) -> float:
    """0 … 1: how much two projects look like the same one.

    Zero when places or years cannot be the same; else names and contents by shared pairs of characters, lowered when the
    quantities or amounts differ. The order of the two doesn't matter.
    """
    if not _same_place(a, b) or (a.year and b.year and abs(a.year - b.year) > 1):
        return 0.0
    name = _dice(_pairs(_core(a.name)), _pairs(_core(b.name)))
    if not (a.content.strip() and b.content.strip()):
        score = name * (1.0 if _amounts_close(a, b) else 0.8)
        return score if _placed(a, b) else score * 0.7
    content = _dice(_pairs(_core(a.content)), _pairs(_core(b.content)))
    quantities = _overlap(_numbers(a.content), _numbers(b.content))
    score = max(0.5 * name + 0.5 * content, 0.2 * name + 0.8 * content)
    return score * (0.7 + 0.3 * quantities)


def findings(subject: ScreeningSubject, candidates: Iterable[ScreeningSubject]) -> list[Finding]:
    """One review finding per candidate alike enough, most alike first."""
    scored = [(score, one) for one in candidates if (score := similarity(subject, one)) >= ALIKE]
    scored.sort(key=lambda pair: (-pair[0], pair[1].name))
    return [_finding(subject, score, one) for score, one in scored]


def _finding(subject: ScreeningSubject, score: float, other: ScreeningSubject) -> Finding:
    when = f"{other.year}年" if other.year else "已有"
    return Finding(
        family=Family.DUPLICATE,
        rule=_RULE,
        rule_version=1,
        item="疑似重复申报",
        basis=_BASIS,
        severity=Severity.REVIEW,
        matches=[Match(field="name", text=subject.name, start=0, end=len(subject.name))],
        other=str(other.id) if isinstance(other, Known) else "",
        explanation=f"与{when}项目“{other.name}”相似度{round(score * 100)}%",
        advice="核对地点、内容和资金来源: 同一内容不得重复安排; 分期或不同地点的, 在名称和内容中写清后确认",
    )


def _same_place(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    if a.region and b.region and a.region != b.region:
        # A town's project and a village's of that town may be the same one; two villages' are not.
        short, long = sorted((_head(a.region), _head(b.region)), key=len)
        if not long.startswith(short):
            return False
    first, second = _core(a.location), _core(b.location)
    return not first or not second or first in second or second in first


def _head(region: str) -> str:
    for size in (_COUNTY, _TOWN):
        if not region[size:].strip("0"):
            return region[:size]
    return region


def _placed(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    return bool((a.region and b.region and a.region == b.region) or (a.location and b.location))


def _amounts_close(a: ScreeningSubject, b: ScreeningSubject) -> bool:
    if not a.amount or not b.amount:
        return a.amount == b.amount
    return abs(a.amount - b.amount) <= _CLOSE * max(a.amount, b.amount)


@lru_cache(maxsize=50_000)
def _core(text: str) -> str:
    return _FILLER.sub("", fold("", text).text)


@lru_cache(maxsize=50_000)
def _pairs(core: str) -> frozenset[str]:
    return frozenset(core[at : at + 2] for at in range(len(core) - 1)) or frozenset({core} if core else ())


@lru_cache(maxsize=50_000)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(fold("", text).text))


def _dice(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def _overlap(a: frozenset[str], b: frozenset[str]) -> float:
    return _dice(a, b) if a or b else 1.0


def _least(core: str, kind: str) -> set[str]:
    """The smallest hashes of the text's pairs (min-hash), marked with what they are of."""
    hashes = sorted(hashlib.blake2b(pair.encode(), digest_size=6).hexdigest() for pair in _pairs(core[:400]))
    return {f"{kind}{one}" for one in hashes[:KEYS]}
