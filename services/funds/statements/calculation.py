"""Match statement lines with our payments and refunds: pure and deterministic, each pair with an explanation.

Four passes: (1) number, amount, date and payee equal; (2) number equal, amount, date and payee within tolerance;
(3) amount and payee equal, date within tolerance, only if one pair is possible; (4) number equal, amount differing.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.funds.statements.schemas import MatchResult
from shared.auth import normalize_text
from shared.china import format_yuan


@dataclass(frozen=True)
class MatchItem:
    """A line of either side: `id` is the statement line's or our record's; `amount` in 分."""

    id: UUID
    voucher_no: str
    amount: int
    on: date
    payee: str

    @property
    def number(self) -> str:
        """Normalised document number."""
        return normalize_text(self.voucher_no)

    @property
    def name(self) -> str:
        """Normalised payee: letters and digits only, without width variants, spaces and brackets."""
        plain = unicodedata.normalize("NFKC", self.payee)
        return "".join(character for character in normalize_text(plain) if character.isalnum())


@dataclass(frozen=True)
class Tolerance:
    """Maximum difference of dates in days and of amounts in 分."""

    days: int
    amount: int = 0


@dataclass(frozen=True)
class MatchPair:
    """A statement line with our record, or one side alone."""

    theirs: MatchItem | None
    ours: MatchItem | None
    match: MatchResult
    explanation: str = ""


def pair_lines(
    theirs: Sequence[MatchItem],
    ours: Sequence[MatchItem],
    tolerance: Tolerance,
    counted: Collection[str] = (),
) -> list[MatchPair]:
    """Put every line of both sides into exactly one pair. `counted` are numbers matched by other statements already."""
    left, right = list(theirs), list(ours)
    pairs = _extract_pairs(
        left, right, lambda item: (item.number, item.amount, item.on, item.name), lambda _a, _b: True
    )
    pairs += _extract_pairs(left, right, lambda item: item.number, lambda a, b: _is_close(a, b, tolerance))
    pairs += _extract_pairs(
        left,
        right,
        lambda item: (item.amount, item.name),
        lambda a, b: _is_near_in_time(a, b, tolerance),
        alone=True,
    )
    pairs += [
        _mark_different(pair)
        for pair in _extract_pairs(left, right, lambda item: item.number, lambda _a, _b: True)
    ]
    matched = {pair.theirs.number for pair in pairs if pair.theirs is not None}
    pairs += [
        MatchPair(item, None, MatchResult.ALONE, _explain_unmatched(item, matched, counted)) for item in left
    ]
    pairs += [MatchPair(None, item, MatchResult.ALONE, "对账单中没有这一笔") for item in right]
    return pairs


def _extract_pairs(
    left: list[MatchItem],
    right: list[MatchItem],
    key: Callable[[MatchItem], Hashable],
    fits: Callable[[MatchItem, MatchItem], bool],
    *,
    alone: bool = False,
) -> list[MatchPair]:
    """Remove and return pairs with equal key that fit; with `alone` only where no other pair is possible."""
    right_by_key: dict[Hashable, list[MatchItem]] = defaultdict(list)
    for item in right:
        if any(part != "" for part in _split_key(key(item))):
            right_by_key[key(item)].append(item)
    pairs = []
    for left_item in list(left):
        options = [item for item in right_by_key.get(key(left_item), ()) if fits(left_item, item)]
        rivals = [item for item in left if key(item) == key(left_item)] if alone else [left_item]
        if not options or (alone and (len(options) > 1 or len(rivals) > 1)):
            continue
        best = min(
            options,
            key=lambda item: (abs(item.amount - left_item.amount), abs((item.on - left_item.on).days)),
        )
        right_by_key[key(left_item)].remove(best)
        left.remove(left_item)
        right.remove(best)
        pairs.append(_build_pair(left_item, best))
    return pairs


def _split_key(key: Hashable) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _is_close(a: MatchItem, b: MatchItem, tolerance: Tolerance) -> bool:
    same_payee = a.name == b.name or not a.name or not b.name or a.name in b.name or b.name in a.name
    return abs(a.amount - b.amount) <= tolerance.amount and _is_near_in_time(a, b, tolerance) and same_payee


def _is_near_in_time(a: MatchItem, b: MatchItem, tolerance: Tolerance) -> bool:
    return abs((a.on - b.on).days) <= tolerance.days


def _build_pair(theirs: MatchItem, ours: MatchItem) -> MatchPair:
    differences = []
    if theirs.number != ours.number:
        differences.append(f"凭证号不同: 我方 {ours.voucher_no or '无'}, 对方 {theirs.voucher_no or '无'}")
    if theirs.on != ours.on:
        differences.append(f"日期相差 {abs((theirs.on - ours.on).days)} 天: 我方 {ours.on}, 对方 {theirs.on}")
    if theirs.name != ours.name:
        differences.append(f"收款人写法不同: 我方 {ours.payee}, 对方 {theirs.payee or '无'}")
    if theirs.amount != ours.amount:
        gap = format_yuan(theirs.amount - ours.amount)
        differences.insert(
            0, f"金额相差 {gap} 元: 我方 {format_yuan(ours.amount)}, 对方 {format_yuan(theirs.amount)}"
        )
    return MatchPair(
        theirs, ours, MatchResult.TOLERATED if differences else MatchResult.EXACT, "; ".join(differences)
    )


def _mark_different(pair: MatchPair) -> MatchPair:
    return MatchPair(pair.theirs, pair.ours, MatchResult.DIFFERS, pair.explanation)


def _explain_unmatched(item: MatchItem, matched: set[str], counted: Collection[str]) -> str:
    if item.number and item.number in counted:
        return "这个凭证号已在另一份对账单中相符"
    return "凭证号重复, 我方只有一笔" if item.number and item.number in matched else "我方没有这一笔"
