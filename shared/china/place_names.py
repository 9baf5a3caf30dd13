"""Names of towns and villages as people write them, resolved against the names of one county.

Two names mean the same place when their stems (shared/china/place_stems.py) agree and, where both say it, their
kinds (village, community, town) do.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.china.place_stems import (
    MAX_CANDIDATES,
    TOWN_UNITS,
    Kind,
    agree_in_kind,
    clean_place_name,
    drop_organ,
    find_near,
    get_town_stem,
    get_village_stem,
)

COUNTY_DIGITS, TOWN_DIGITS = 6, 9
_WHOLE_COUNTY = re.compile(
    r"全[县区市旗](?:\d+个?(?:乡镇|镇|乡|村|街道|\(街道\))*|各?(?:乡镇|镇|乡)*)|各乡?\(?镇\)?(?:街道)?|各乡镇街道|[县区市]直(?:单位|部门)?|[县区市]本?级|所有乡?镇"
)
_WHOLE_TOWN = re.compile(
    r"各村?(?:\(社区\)|社区)?|全[镇乡]|全街道|所有村|辖区(?:内)?(?:各村)?|[镇乡](?:本级|区)|各行政村|全[镇乡]\d+个?村"
)
_UNNAMED = re.compile(r"(?:相关|有关|部分|若干|其他|等)(?:乡镇|镇|乡|村|社区|街道|行政村)+")
_GROUP_NUMBER = r"(?:第?[一二三四五六七八九十百\d]+|[东西南北中上下前后])"
_GROUPS = re.compile(
    rf"{_GROUP_NUMBER}(?:[、,和至到~\-—]+{_GROUP_NUMBER})*(?:村民小组|居民小组|小组|组|社(?!区)|队)(?:[、,和至到~\-—]*{_GROUP_NUMBER}(?:村民小组|小组|组|社(?!区)|队))*.*$"
)
_COUNT = re.compile(r"等?\s*([一二两三四五六七八九十\d]+)\s*个?(?:行政村|村|社区|镇|乡镇)$")
_AND_OTHERS = re.compile(r"等(?:村|社区|镇|地)?$")
_STRONG = re.compile(r"[、,;/\\|+&]")
_WEAK = re.compile(r"[和及与]")
_NOTHING = frozenset({"", "-", "--", "—", "——", "/", "无", "\\"})
_DIGITS = {word: number for number, word in enumerate("零一二三四五六七八九十")} | {"两": 2}
_VILLAGE_NAME = re.compile(r"[\u4e00-\u9fff]{1,12}(?:村|社区|村委会|居委会)")
_MENTION = re.compile(r"[\u4e00-\u9fff]{1,8}?(?:村|社区)")


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """The places that a row names, or a question about them.

    `codes`: every place named, in order; `question`: why they cannot be taken silently; `candidates`: what may be
    meant; `named`: whether the texts name any place at all. A merged or renamed place is told in `notes`, and `former` are
    then the codes as they were written.
    """

    codes: tuple[str, ...] = ()
    question: str = ""
    candidates: tuple[str, ...] = ()
    named: bool = True
    former: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class PlaceNames:
    """Region code → name within one county; names that a place had before, and what a merged place became, by code."""

    district: str
    names: Mapping[str, str] = field(default_factory=dict)
    former_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.towns = {code: name for code, name in self.names.items() if is_town(code)}
        self.villages = {code: name for code, name in self.names.items() if is_village(code)}
        self._today = dict(self.merged)
        """What an entry of `towns` or `villages` is today: a merged place, or a former name under a code of its own."""
        for code, former in self.former_names.items():
            for number, name in enumerate(former):
                (self.villages if is_village(code) else self.towns)[f"{code}#{number}"] = name
                self._today[f"{code}#{number}"] = self.merged.get(code, code)
        self.county_names = {self.names.get(self.district, "")} - {""}
        self.county_names |= {name[:-1] for name in self.county_names if len(name) > 2}  # noqa: PLR2004
        self._by_stem: dict[str, list[str]] = {}
        for code, name in self.villages.items():
            self._by_stem.setdefault(get_village_stem(name)[0], []).append(code)
        self._towns_by_stem: dict[str, list[str]] = {}
        for code, name in self.towns.items():
            self._towns_by_stem.setdefault(get_town_stem(name)[0], []).append(code)

    def describe(self, code: str) -> str:
        """The name of a place with its town: 黄羊镇广场村."""
        town = self.towns.get(code[:TOWN_DIGITS].ljust(12, "0"), "")
        name = f"{town}{self.villages[code]}" if code in self.villages else self.names.get(code, code)
        return f"{name}(今{self.describe(self.merged[code])})" if code in self.merged else name

    def find_name(self, code: str) -> str:
        """As `describe`; an empty string for a place that is not known."""
        return self.describe(code) if code in self.names else ""

    def get_names(self, region: str) -> tuple[str, str, str]:
        """The names of county, town and village of a code, as the tables show them."""
        town = region[:TOWN_DIGITS].ljust(12, "0")
        return (
            self.names.get(region[:COUNTY_DIGITS].ljust(12, "0"), ""),
            self.names.get(town, "") if region[COUNTY_DIGITS:TOWN_DIGITS].strip("0") else "",
            self.names.get(region, "") if is_village(region) else "",
        )

    def resolve(self, town: str = "", village: str = "", texts: Sequence[str] = ()) -> PlaceAnswer:
        """The places of a row: by its town and village cells, else by the first text that names any.

        The county itself when nothing names a place (`named` is False then). A place that was merged or renamed is
        what it is today.
        """
        return self.bring_up_to_date(self._resolve(town, village, texts))

    def bring_up_to_date(self, answer: PlaceAnswer) -> PlaceAnswer:
        """The answer with every merged or renamed place as what it is today, and a note about each."""
        codes, candidates = (
            tuple(dict.fromkeys(self._today.get(code, code) for code in found))
            for found in (answer.codes, answer.candidates)
        )
        if (codes, candidates) == (answer.codes, answer.candidates):
            return answer
        notes = tuple(
            f"{self.towns.get(code) or self.villages[code]}今为{self.describe(self._today[code])}"
            for code in answer.codes
            if code in self._today
        )
        former = tuple(code.partition("#")[0] for code in answer.codes)
        return replace(answer, codes=codes, candidates=candidates, former=former, notes=notes)

    def _resolve(self, town: str, village: str, texts: Sequence[str]) -> PlaceAnswer:
        town, village = _drop_nothing(town), _drop_nothing(village)
        if town or village:
            return self._resolve_cells(town, village)
        for text in texts:
            answer = self._resolve_text(clean_text(text))
            if answer.named:
                return answer
        return PlaceAnswer((self.district,), named=False)

    def find_town(self, text: str) -> str:
        """The name of the one town that a heading or a sheet's name means, or an empty string: 黄羊镇(定稿), 清源."""
        plain = self._drop_county(re.sub(r"\([^()]*\)", "", clean_place_name(text)))
        answer = self._match_town(plain) if plain else PlaceAnswer()
        return self.towns[answer.codes[0]] if answer.codes else ""

    def refine(self, town: str, texts: Sequence[str]) -> PlaceAnswer:
        """The villages of a town that running texts name; not `named` when they name none of it."""
        for text in texts:
            answer = self._resolve_text(clean_text(text))
            inside = tuple(code for code in answer.codes if code[:TOWN_DIGITS] == town[:TOWN_DIGITS])
            if inside and inside == answer.codes and all(is_village(code) for code in inside):
                return self.bring_up_to_date(answer)
            near = tuple(code for code in answer.candidates if code[:TOWN_DIGITS] == town[:TOWN_DIGITS])
            if len(near) == 1 and len(answer.candidates) > 1 and is_village(near[0]):
                return self.bring_up_to_date(PlaceAnswer(near))
            if answer.question and near and is_village(near[0]):
                return answer
        return PlaceAnswer(named=False)

    def _resolve_cells(self, town: str, village: str) -> PlaceAnswer:
        towns = self._find_towns(clean_text(town)) if town else PlaceAnswer()
        if not village:
            return towns
        if towns.question:
            guess = self._find_villages(village, towns.candidates)
            return PlaceAnswer((), towns.question, guess.codes or towns.candidates)
        scope = () if towns.codes == (self.district,) else towns.codes
        return self._find_villages(village, scope)

    def _find_towns(self, text: str) -> PlaceAnswer:
        plain = self._drop_county(clean_place_name(text))
        if not plain or _WHOLE_COUNTY.fullmatch(plain) or plain in self.county_names:
            return PlaceAnswer((self.district,))
        if _UNNAMED.fullmatch(plain):
            return PlaceAnswer((), f"“{plain}”没有写明是哪几个", ())
        whole = self._match_town(plain)
        if whole.codes or len(parts := _split(text)) == 1:
            return whole
        answers = [self._match_town(self._drop_county(clean_place_name(part))) for part in parts]
        return _join(answers)

    def _match_town(self, plain: str) -> PlaceAnswer:
        stem, unit = get_town_stem(plain)
        codes = self._towns_by_stem.get(stem, [])
        if not codes:
            near = find_near(stem, {code: get_town_stem(name)[0] for code, name in self.towns.items()})
            hint = f", 是不是{self._list_names(near)}" if near else ""
            return PlaceAnswer((), f"名录里没有乡镇“{plain}”{hint}", near)
        same = [code for code in codes if not unit or get_town_stem(self.towns[code])[1] in {unit, ""}]
        if not same:
            return PlaceAnswer((), f"“{plain}”在名录中是{self._list_names(codes)}", tuple(codes))
        if len(same) > 1:
            return PlaceAnswer((), f"“{plain}”有 {len(same)} 个, 请写全称", tuple(same))
        return PlaceAnswer((same[0],))

    def _find_villages(self, text: str, towns: Sequence[str]) -> PlaceAnswer:
        text = clean_text(text)
        plain = clean_place_name(text)
        if _WHOLE_COUNTY.fullmatch(plain) and not towns:
            return PlaceAnswer((self.district,))
        if _WHOLE_TOWN.fullmatch(plain) or (_WHOLE_COUNTY.fullmatch(plain) and towns):
            return PlaceAnswer(tuple(towns) or (self.district,))
        if _UNNAMED.fullmatch(plain):
            return PlaceAnswer((), f"“{plain}”没有写明是哪几个", tuple(towns)[:MAX_CANDIDATES])
        whole = self._match_village(plain, towns)
        if whole.codes:
            return whole
        return self._match_villages(text, towns, whole)

    def _match_villages(self, text: str, towns: Sequence[str], whole: PlaceAnswer) -> PlaceAnswer:
        counted = _COUNT.search(clean_place_name(text))
        listed = _COUNT.sub("", text.rstrip()) if counted else _AND_OTHERS.sub("", text.rstrip())
        is_open = not counted and listed != text.rstrip()
        parts = _split(listed)
        if len(parts) == 1 and not counted and not is_open and not _WEAK.search(parts[0]):
            return whole
        answers: list[PlaceAnswer] = []
        for part in parts:
            plain = clean_place_name(part)
            answer = self._match_village(plain, towns)
            if answer.question and len(words := [word for word in _WEAK.split(plain) if word]) > 1:
                split = _join([self._match_village(word, towns) for word in words])
                answer = answer if split.question else split
            if answer.codes and is_village(answer.codes[0]):
                towns = (
                    answer.codes[0][:TOWN_DIGITS].ljust(12, "0"),
                )  # 黄羊镇广场村、横沟村: the town goes on
            answers.append(answer)
        joined = _join(answers)
        if len(parts) == 1 and joined.question and not counted and not is_open:
            return whole
        wanted = _to_number(counted[1]) if counted else 0
        if joined.question or (not is_open and wanted in {0, len(joined.codes)}):
            return joined
        missing = f"“{clean_place_name(text)}”只写出 {len(joined.codes)} 个, 请补上其余的"
        return PlaceAnswer((), missing, joined.codes)

    def _match_village(self, plain: str, towns: Sequence[str]) -> PlaceAnswer:
        """The village of one name, which may begin with the county's and the town's name and end with its groups."""
        short = self._drop_county(plain)
        for name in (plain, short):
            if found := self._exact(name, towns):
                return self._choose(name, found)
        if short in self.county_names:
            return PlaceAnswer((self.district,))
        if plain != short and (inner := self._match_after_town(plain, towns)).codes:
            return inner
        whole = self._match_town(short) if len(towns) != 1 or get_town_stem(short)[1] else PlaceAnswer()
        if whole.codes and (not towns or set(whole.codes) <= set(towns)):
            return whole
        return self._match_after_town(short, towns)

    def _match_after_town(self, plain: str, towns: Sequence[str]) -> PlaceAnswer:
        """The village that follows the name of its town: 黄羊镇广场村."""
        for town, rest in self._split_town(plain, towns):
            if found := self._exact(rest, [town]):
                return self._choose(rest, found)
            if (inner := self._match_town_only(rest, town)) is not None:
                return inner
            plain, towns = rest, [town]
        return self._ask_about(plain, towns)

    def _match_town_only(self, rest: str, town: str) -> PlaceAnswer | None:
        return PlaceAnswer((town,)) if not rest or _WHOLE_TOWN.fullmatch(rest) else None

    def _exact(self, plain: str, towns: Sequence[str]) -> list[str]:
        """The villages of a name, with or without the numbers of its groups."""
        prefixes = {town[:TOWN_DIGITS] for town in towns}
        names = [name for name in dict.fromkeys((plain, _GROUPS.sub("", plain))) if name]
        whole: list[tuple[str, Kind]] = [(name, "") for name in (*names, *map(drop_organ, names))]
        for stem, kind in (
            *map(get_village_stem, names),
            *whole,
        ):  # 花明村社区 is written 花明村, 花明村居委会
            codes = [
                code
                for code in self._by_stem.get(stem, ())
                if (not prefixes or code[:TOWN_DIGITS] in prefixes)
                and agree_in_kind(kind, self.villages[code])
            ]
            if codes:
                return codes
        return []

    def _choose(self, plain: str, codes: list[str]) -> PlaceAnswer:
        if len(codes) == 1:
            return PlaceAnswer((codes[0],))
        exact = [code for code in codes if clean_place_name(self.villages[code]) == plain]
        if len(exact) == 1:
            return PlaceAnswer((exact[0],))
        return PlaceAnswer(
            (), f"“{plain}”有 {len(codes)} 个: {self._list_names(codes)}, 请写明是哪一个", tuple(codes)
        )

    def _split_town(self, plain: str, towns: Sequence[str]) -> Iterable[tuple[str, str]]:
        """The town that a name begins with, and the rest: 黄羊镇广场村, 黄羊广场村."""
        for code, name in self.towns.items():
            if towns and code not in towns:
                continue
            stem, _ = get_town_stem(name)
            for beginning in dict.fromkeys(
                (clean_place_name(name), *(f"{stem}{unit}" for unit in TOWN_UNITS))
            ):
                if plain.startswith(beginning):
                    yield code, plain.removeprefix(beginning)
                    break
            else:
                rest = plain.removeprefix(stem)
                if len(stem) > 1 and rest != plain and self._exact(rest, [code]):
                    yield code, rest

    def _ask_about(self, plain: str, towns: Sequence[str]) -> PlaceAnswer:
        where = self._list_names(towns) if towns else self.names.get(self.district, "")
        elsewhere = self._exact(plain, ()) if towns else []
        if elsewhere:
            return PlaceAnswer(
                (),
                f"{where}没有“{plain}”, 别处有{self._list_names(elsewhere)}",
                tuple(elsewhere[:MAX_CANDIDATES]),
            )
        stem, kind = get_village_stem(_GROUPS.sub("", plain) or plain)
        prefixes = {town[:TOWN_DIGITS] for town in towns}
        stems = {
            code: get_village_stem(name)[0]
            for code, name in self.villages.items()
            if not prefixes or code[:TOWN_DIGITS] in prefixes
        }
        other_kind = tuple(code for code, one in stems.items() if one == stem)
        if other_kind and kind:
            return PlaceAnswer(
                (), f"“{plain}”在名录中是{self._list_names(other_kind)}", other_kind[:MAX_CANDIDATES]
            )
        longer = tuple(code for code, one in stems.items() if len(stem) > 1 and one.endswith(stem))
        near = find_near(stem, stems) or longer[:MAX_CANDIDATES]
        if near:
            return PlaceAnswer((), f"名录里没有“{plain}”, 是不是{self._list_names(near)}", near)
        return PlaceAnswer((), f"{where}没有“{plain}”", tuple(towns)[:MAX_CANDIDATES])

    def _resolve_text(self, text: str) -> PlaceAnswer:
        """The places that a running text names; a village that is not in the list is asked about."""
        plain = self._drop_county(clean_place_name(text))
        if not plain:
            return PlaceAnswer(named=False)
        if _WHOLE_COUNTY.fullmatch(plain) or plain in self.county_names:
            return PlaceAnswer((self.district,))
        if _UNNAMED.fullmatch(plain):
            return PlaceAnswer((), f"“{plain}”没有写明是哪几个", ())
        structured = self._find_villages(text, ())
        return structured if structured.codes else self._resolve_mentions(plain, structured)

    def _resolve_mentions(self, plain: str, structured: PlaceAnswer) -> PlaceAnswer:
        """The places named somewhere in a sentence; `structured`: the question when it is read as one name."""
        towns = [code for code, name in self.towns.items() if clean_place_name(name) in plain]
        if villages := self._find_mentions(plain, towns):
            return PlaceAnswer(tuple(villages))
        if towns and self._names_unknown_village(plain, towns):
            return (
                structured
                if structured.question
                else PlaceAnswer((), f"名录里没有“{plain}”中的村", tuple(towns))
            )
        begins = any(plain.startswith(clean_place_name(self.towns[code])) for code in towns)
        is_one_name = begins if towns else _VILLAGE_NAME.fullmatch(_GROUPS.sub("", plain))
        if structured.candidates and is_one_name:
            return structured
        return PlaceAnswer(tuple(towns)) if towns else PlaceAnswer(named=False)

    def _find_mentions(self, plain: str, towns: Sequence[str]) -> list[str]:
        prefixes = {town[:TOWN_DIGITS] for town in towns}
        found: dict[str, int] = {}
        for code, name in self.villages.items():
            stem, _ = get_village_stem(name)
            if len(stem) < 2 or (prefixes and code[:TOWN_DIGITS] not in prefixes):  # noqa: PLR2004
                continue
            ends = ("社区",) if get_village_stem(name)[1] == "community" else ("村", "嘎查")
            at = next((plain.find(f"{stem}{end}") for end in ends if f"{stem}{end}" in plain), -1)
            if at >= 0:
                found[code] = at
        chosen = [code for code, at in found.items() if not self._is_part_of_longer(code, at, found)]
        by_stem: dict[str, int] = {}
        for code in chosen:
            stem = get_village_stem(self.villages[code])[0]
            by_stem[stem] = by_stem.get(stem, 0) + 1
        if any(count > 1 for count in by_stem.values()):
            return []
        return sorted(chosen, key=lambda code: found[code])

    def _is_part_of_longer(self, code: str, at: int, found: Mapping[str, int]) -> bool:
        """Whether a mention is only the end of a longer name: 家村 in 王家村."""
        end = at + len(get_village_stem(self.villages[code])[0])
        return any(
            other != code and start < at and start + len(get_village_stem(self.villages[other])[0]) == end
            for other, start in found.items()
        )

    def _names_unknown_village(self, plain: str, towns: Sequence[str]) -> bool:
        for town in towns:
            _, _, rest = plain.partition(clean_place_name(self.towns[town]))
            if found := _MENTION.match(rest):
                return not self._exact(found[0], [town])
        return False

    def _drop_county(self, plain: str) -> str:
        for name in sorted(self.county_names, key=len, reverse=True):
            full = name in self.names.values()
            at = plain.find(name)
            if full and at >= 0 and at <= len("甘肃省武威市") and len(plain) > at + len(name):
                return plain[at + len(name) :]
        return plain

    def _list_names(self, codes: Iterable[str]) -> str:
        return "、".join(self.describe(code) for code in list(codes)[:MAX_CANDIDATES])


def is_town(code: str) -> bool:
    """Whether a code is a town's."""
    return bool(code[COUNTY_DIGITS:TOWN_DIGITS].strip("0")) and not code[TOWN_DIGITS:].strip("0")


def is_village(code: str) -> bool:
    """Whether a code is a village's."""
    return bool(code[TOWN_DIGITS:].strip("0"))


def clean_text(text: str) -> str:
    """The text in one width, with its blanks: they may part two names."""
    return unicodedata.normalize("NFKC", text).strip()


def _drop_nothing(text: str) -> str:
    return "" if clean_place_name(text) in _NOTHING else text


def _split(text: str) -> list[str]:
    """The names in a list: by marks first, then by blanks where the parts are names of their own."""
    without_groups = (
        _GROUPS.sub("", text) if _GROUPS.search(clean_place_name(text)) and "、" in text else text
    )
    strong = [part for part in _STRONG.split(without_groups or text) if clean_place_name(part)]
    parts: list[str] = []
    for part in strong:
        words = part.split()
        parts += words if len(words) > 1 and all(len(word) > 1 for word in words) else [part]
    return parts


def _join(answers: Sequence[PlaceAnswer]) -> PlaceAnswer:
    questions = [answer for answer in answers if answer.question]
    if questions:
        candidates = dict.fromkeys(code for answer in questions for code in answer.candidates)
        return PlaceAnswer((), "; ".join(answer.question for answer in questions), tuple(candidates))
    return PlaceAnswer(tuple(dict.fromkeys(code for answer in answers for code in answer.codes)))


def _to_number(word: str) -> int:
    return int(word) if word.isdigit() else _DIGITS.get(word, -1)
