"""The normal form of a place's name: its stem and what kind of place it says it is.

Width and blanks are removed, then the endings that say what the place is (村民委员会, 居委会, 村, 社区, 镇,
街道办事处 …) are taken off one after the other. What is left is the stem.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

MAX_CANDIDATES = 6
Kind = Literal["village", "community", "town", ""]
_OWNERS: tuple[tuple[str, Kind], ...] = (("村", "village"), ("社区", "community"), ("", ""))
_COOPERATIVES: tuple[tuple[str, Kind], ...] = tuple(
    (f"{village}{body}", kind)
    for village, kind in _OWNERS
    for body in (
        "股份经济合作联合社",
        "股份经济合作社",
        "经济合作联合社",
        "经济联合社",
        "经济合作社",
        "集体经济组织",
    )
)
_ORGANS: tuple[tuple[str, Kind], ...] = (
    *_COOPERATIVES,
    ("村民委员会", "village"),
    ("牧民委员会", "village"),
    ("居民委员会", "community"),
    ("社区委员会", "community"),
    ("村民委会", "village"),
    ("居民委会", "community"),
    ("牧委会", "village"),
    ("村委会", "village"),
    ("村(居)委会", ""),
    ("(居)委会", "community"),
    ("(村)委会", "village"),
    ("居委会", "community"),
    ("村委", "village"),
    ("居委", "community"),
    ("党支部", ""),
    ("行政村", "village"),
)
_UNITS: tuple[tuple[str, Kind], ...] = (
    ("社区", "community"),
    ("嘎查", "village"),
    ("村", "village"),
)
_TOWN_ENDINGS = (
    "人民政府",
    "街道办事处",
    "生态建设指挥部",
    "办事处",
    "管委会",
    "指挥部",
    "政府",
)
TOWN_UNITS = ("镇", "乡", "街道", "苏木")


def clean_place_name(text: str) -> str:
    """The text without blanks, line breaks and invisible characters, in one width."""
    return re.sub(r"[\s\u200b-\u200f\ufeff]", "", unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=50_000)
def get_village_stem(name: str) -> tuple[str, Kind]:
    """The stem and the kind of a village's name: ("甲子", "village") of 甲子村村民委员会."""
    stem, kind = clean_place_name(name), ""
    for unit, _ in _UNITS:  # 东城嘉园村(居)委会村: the unit was written once more
        bare = stem.removesuffix(unit)
        if bare != stem and any(bare.endswith(organ) for organ, _ in _ORGANS):
            stem = bare
    for endings in (_ORGANS, _UNITS):
        for ending, said in endings:
            if stem.endswith(ending) and len(stem) > len(ending):
                stem, kind = stem.removesuffix(ending), said or kind
                break
    return stem, kind  # type: ignore[return-value]


@lru_cache(maxsize=20_000)
def get_town_stem(name: str) -> tuple[str, str]:
    """The stem of a town's name and the word that says what it is: ("黄羊", "镇")."""
    stem, unit = clean_place_name(name), ""
    for ending in _TOWN_ENDINGS:
        if stem.endswith(ending) and len(stem) > len(ending):
            stem, unit = stem.removesuffix(ending), "街道" if ending == "街道办事处" else ""
            break
    for ending in TOWN_UNITS:
        if stem.endswith(ending) and len(stem) > len(ending):
            return stem.removesuffix(ending), ending
    return stem, unit


def drop_organ(plain: str) -> str:
    """The name without 村民委员会, 居委会 and the like."""
    return next(
        (plain.removesuffix(organ) for organ, _ in _ORGANS if plain.endswith(organ) and plain != organ), plain
    )


def agree_in_kind(kind: Kind, name: str) -> bool:
    """Whether a name may be of a kind: one of them does not say it, or both say the same."""
    other = get_village_stem(name)[1]
    return not kind or not other or kind == other


@lru_cache(maxsize=20_000)
def _to_pinyin(text: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin  # its dictionary takes 57 MB

    return tuple(lazy_pinyin(text))


def find_near(stem: str, stems: Mapping[str, str]) -> tuple[str, ...]:
    """The places whose names differ in one character; those that sound the same come alone."""
    if len(stem) < 2:  # noqa: PLR2004 - one character differs from every other
        return ()
    near = [code for code, other in stems.items() if _differ_by_one(stem, other)]
    sound = _to_pinyin(stem)
    same = [code for code in near if _to_pinyin(stems[code]) == sound]
    return tuple((same or near)[:MAX_CANDIDATES])


def _differ_by_one(first: str, second: str) -> bool:
    if len(first) == len(second):
        return sum(a != b for a, b in zip(first, second, strict=True)) == 1
    short, long = sorted((first, second), key=len)
    return len(long) - len(short) == 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
