"""Readings under which a matched word does not count: negated, replaced, modifier, place, goods of an industry."""

import re
from collections.abc import Callable, Mapping
from typing import get_args

from services.projects.screening.lexicon import FoldedText, build_prefix_regex
from services.projects.screening.rules import GrammarReading

NEGATION_REACH_CHARS = 40
SOURCE_REACH_CHARS = 10
PLACE_REACH_CHARS = 8
TARGET_REACH_CHARS = 40
MONEY_REACH_CHARS = 24
SPENDING_VERB_CHARS = "投入用拨花转付给"
DIRECTION_CHARS = "里东西南北上下前后新老"
_REBUILT_PATTERN = re.compile(
    r"拆除(?:后)?(?:原址|原地|就地|异地)?(?:重建|翻建|改建|新建)(?:$|项目|工程|[0-9一二三两])"
)
_AFTERWARDS_PATTERN = re.compile("后|新建|再建|[建修盖]$")
_DISTANCE_PATTERN = re.compile(r"约?\d+(?:\.\d+)?(?:米|公里|千米|里|m|km)")
GRAMMAR_WORD_SETS = (
    "negation", "prohibition", "turn", "excluded_after", "removal", "source", "conversion", "making", "acquiring",
    "good_head", "open_head", "locative", "place_mark", "place_word", "toponym", "goods_head", "joint",
    "pretence", "taking", "money", "conversion_to", "bad_target",
    "old", "other_payer", "pays_itself",
)  # fmt: skip
"""Word sets that the grammar requires in `words.json`."""

ReadingCheck = Callable[[FoldedText, int, int], bool]


class Grammar:
    """Readings compiled with the vocabulary of one rule set; each reading is a method named in the rules' `excuses`."""

    def __init__(self, words: Mapping[str, tuple[str, ...]]) -> None:
        """Compile the word sets; raise KeyError naming a missing one."""
        patterns = {name: build_prefix_regex(words[name]) for name in GRAMMAR_WORD_SETS}
        self._negation = re.compile(
            f"{patterns['negation']}|不(?:{patterns['making']}|{patterns['acquiring']})"
        )
        self._prohibition = re.compile(patterns["prohibition"])
        self._turn = re.compile(patterns["turn"])
        self._excluded_after = re.compile(
            f"[^,。;!?]{{0,12}}?(?:{patterns['excluded_after']}|由{patterns['other_payer']}[^,。;!?]{{0,8}}?{patterns['pays_itself']})"
        )
        self._removed = re.compile(f"{patterns['removal']}[^,。;!?:、()]{{0,{SOURCE_REACH_CHARS}}}$")
        self._source = re.compile(f"{patterns['source']}([^,。;!?:、()]{{0,{SOURCE_REACH_CHARS}}})$")
        self._conversion = re.compile(patterns["conversion"])
        self._turned = re.compile(
            f"[^,。;!?]{{0,8}}?{patterns['conversion_to']}(?!的)(?P<target>[^,。;!?]{{2,16}})"
        )
        self._converting = re.compile(f"{patterns['conversion']}[^,。;!?:、()]{{0,{SOURCE_REACH_CHARS}}}$")
        self._for = re.compile(f"[^,。;!?、]{{0,{SOURCE_REACH_CHARS}}}?[为成作](?P<target>[^,。;!?]{{2,16}})")
        self._reused = re.compile(
            f"(?:利用|盘活|依托|租用)[^,。;!?、]{{0,4}}?{patterns['old']}([^,。;!?:、()]{{0,{SOURCE_REACH_CHARS}}})$"
        )
        self._made_from = re.compile(f"{patterns['conversion']}自[^,。;!?:、()]{{0,{SOURCE_REACH_CHARS}}}$")
        self._bad_target = re.compile(patterns["bad_target"])
        self._into = re.compile(
            f"[^。;!?]{{0,8}}?{patterns['conversion']}|[^,。;!?]{{0,8}}?(?:{patterns['making']}|后)"
        )
        self._acts = re.compile(f"{patterns['making']}|{patterns['acquiring']}")
        self._good = re.compile(patterns["good_head"])
        self._open = re.compile(f"(?:的|之)?{patterns['open_head']}")
        self._locative = re.compile(patterns["locative"])
        self._place_mark = re.compile(
            f"(?<![{SPENDING_VERB_CHARS}])(?!{patterns['place_word']}){patterns['place_mark']}([^,。;!?:、()0-9层为用建装]{{0,{PLACE_REACH_CHARS}}})$"
        )
        self._toponym = re.compile(
            f"[{DIRECTION_CHARS}]?{patterns['toponym']}(?![级民干庄口内集委部党史团会灯村])"
        )
        self._goods = re.compile(patterns["goods_head"])
        self._joint = re.compile(f"[、,。;!?:()/]|{patterns['joint']}")
        self._compile_lists(patterns)
        self._before = re.compile(f"{patterns['old']}[省市县区乡镇村]?$")
        self.readings: dict[GrammarReading, ReadingCheck] = {
            reading: getattr(self, reading) for reading in get_args(GrammarReading)
        }

    def _compile_lists(self, patterns: Mapping[str, str]) -> None:
        self._edge = re.compile(f"[、/]|{patterns['joint']}|{patterns['making']}|{patterns['acquiring']}")
        self._pretence = re.compile(
            f"{patterns['pretence']}|{patterns['taking']}[^。;!?]{{0,{MONEY_REACH_CHARS}}}?{patterns['money']}"
            f"|用(?![于作工户电水人地])[^。;!?]{{0,{MONEY_REACH_CHARS}}}?{patterns['money']}"
            f"|{patterns['money']}[^。;!?]{{0,4}}?(?:被|用于|用来|挪作|用作|改作)"
        )

    def get_phrase_after(self, text: FoldedText, end: int, reach: int = TARGET_REACH_CHARS) -> str:
        """Return the rest of the phrase: up to a punctuation mark or a joining word (和, 及, 并 …)."""
        cut = self._joint.search(text.text, end, end + reach)
        return text.text[end : cut.start() if cut else end + reach]

    def get_item_bounds(self, text: FoldedText, start: int, end: int) -> tuple[int, int]:
        """Return the bounds of the list item around a span: 购置公务用车和垃圾清运车 has two items."""
        left, right = text.get_clause_bounds(start, end)
        for mark in self._edge.finditer(text.text, left, start):
            left = mark.end()
        cut = self._joint.search(text.text, end, right)
        return left, cut.start() if cut else right

    def find_pretence_end(self, text: FoldedText, start: int) -> int:
        """Return where a pretence or source of money ends (以…名义, 挪用…资金), before which words excuse nothing; 0 if none."""
        left, _ = text.get_sentence_bounds(start, start)
        end = 0
        for mark in self._pretence.finditer(text.text, left, start):
            end = mark.end()
        return end

    def negated(self, text: FoldedText, start: int, end: int) -> bool:
        """Negation: 不含车辆购置; 办公区由企业自筹. A prohibition (不得, 严禁) reaches across commas unless the clause has a quantity."""
        left, right = text.get_clause_bounds(start, end)
        if text.text[left:start].endswith("不"):
            return True
        if self._is_denied(text.text[max(left, start - NEGATION_REACH_CHARS) : start], self._negation):
            return True
        if self._excluded_after.match(text.text, end, end + NEGATION_REACH_CHARS):
            return True
        first, _ = text.get_sentence_bounds(start, end)
        if left == first or any(char.isdigit() for char in text.text[left:right]):
            return False
        return self._is_denied(text.text[first:start], self._prohibition)

    def _is_denied(self, before: str, marks: re.Pattern[str]) -> bool:
        last = None
        for last in marks.finditer(before):  # noqa: B007 - only the last match counts
            pass
        return last is not None and not self._turn.search(before, last.end())

    def replaced(self, text: FoldedText, start: int, end: int) -> bool:
        """Replaced object: 拆除旧办公楼; 利用闲置村委会建车间; 办公楼改造为民宿. The object existed before and is not bought."""
        left, _ = text.get_sentence_bounds(start, end)
        before = text.text[left:start]
        removed = self._removed.search(before)
        if removed and not self._acts.search(removed[0], 2) and not _AFTERWARDS_PATTERN.search(removed[0], 2):
            return True
        if (
            self._is_removed_after(text, end)
            or self._made_from.search(before)
            or self._becomes_permitted(text, start, end)
        ):
            return True
        if self._is_put_to_other_use(text, before, end):
            return True
        source = self._source.search(before)
        has_origin_mark = (
            source is not None
            and not self._conversion.search(source[1])
            and not self._joint.search(source[1])
        )
        return self._is_converted(text, end, has_origin_mark=has_origin_mark)

    def _is_put_to_other_use(self, text: FoldedText, before: str, end: int) -> bool:
        """Reuse of an old object (利用闲置村部厨房…), unless it becomes an office, a hall or quarters again."""
        used = self._reused.search(before)
        if used is None or self._conversion.search(used[1]) or self._acts.search(used[1]):
            return False
        _, right = text.get_clause_bounds(end - 1, end)
        made = self._conversion.search(text.text, end, right)
        return made is not None and self._bad_target.search(text.text, made.end(), right) is None

    def is_former(self, text: FoldedText, start: int) -> bool:
        """Return whether the object is marked as former: 原村委会办公楼, 闲置校舍."""
        left, _ = text.get_clause_bounds(start, start)
        source = self._source.search(text.text[left:start])
        return source is not None and not self._acts.search(source[1])

    def is_former_site(self, text: FoldedText, start: int) -> bool:
        """Return whether the name denotes a site that no longer exists: 原派出所旧址."""
        return self._before.search(text.text, max(0, start - 6), start) is not None

    def _is_removed_after(self, text: FoldedText, end: int) -> bool:
        """Demolition after the object: 办公楼拆除; not 办公楼拆除重建, which builds it again."""
        tail = self.get_phrase_after(text, end, 14)
        if _REBUILT_PATTERN.search(tail):
            return False
        return tail.startswith(("拆除", "已拆除", "拆迁后", "腾退")) or "拆除后" in tail

    def _becomes_permitted(self, text: FoldedText, start: int, end: int) -> bool:
        """Conversion (办公楼改造为…, 改造村部仓库为…), unless the result is again an office, a hall or quarters."""
        left, _ = text.get_clause_bounds(start, start)
        turned = self._turned.match(text.text, end)
        if turned is None and self._converting.search(text.text[left:start]):
            turned = self._for.match(text.text, end)
        return turned is not None and self._bad_target.search(turned["target"]) is None

    def _is_converted(self, text: FoldedText, end: int, *, has_origin_mark: bool) -> bool:
        """Return whether the text names a permitted result of the conversion: within the sentence after a mark of origin, else directly."""
        if has_origin_mark:
            _, right = text.get_sentence_bounds(end - 1, end)
            tail = text.text[end : min(right, end + TARGET_REACH_CHARS)]
            return self._into.match(tail) is not None and self._good.search(tail) is not None
        tail = self.get_phrase_after(text, end, 24)
        turned = self._conversion.match(tail)
        return turned is not None and self._good.search(tail, turned.end()) is not None

    def modifier(self, text: FoldedText, start: int, end: int) -> bool:
        """Modifier: 文化广场配套水渠, 办公楼后侧道路, 牌坊街排污管道. Another noun is the head of the phrase."""
        del start
        tail = self.get_phrase_after(text, end)
        if self._open.match(tail) or self._toponym.match(tail):
            return True
        locative = self._locative.match(tail)
        if locative is None:
            return False
        head = self._good.search(tail, locative.end()) or self._open.search(tail, locative.end())
        return head is not None

    def place(self, text: FoldedText, start: int, end: int) -> bool:
        """Location: 修至村委会, 从办公楼到…. The object only says where."""
        left, _ = text.get_clause_bounds(start, end)
        mark = self._place_mark.search(text.text[left:start])
        if mark is None or self._acts.search(mark[1]):
            return False
        tail = self.get_phrase_after(text, end, 8)
        return not tail or bool(
            self._locative.match(tail) or self._open.match(tail) or _DISTANCE_PATTERN.match(tail)
        )

    def industry(self, text: FoldedText, start: int, end: int) -> bool:
        """Goods of an industry: 办公桌椅加工厂, 手机数据线组装车间. They are made or sold, not bought for use."""
        del start
        return self._goods.search(self.get_phrase_after(text, end, 14)) is not None
