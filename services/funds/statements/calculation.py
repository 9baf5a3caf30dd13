"""Match statement lines with our payments and refunds: pure and deterministic, each pair with an explanation.

Passes: (1) number, amount, date and payee equal; (2) number equal, amount, date and payee within tolerance; (3) lines
and records that share numbers agree in sum; (4) amount and payee equal, date within tolerance, only if one pair is
possible; (5) a line of a payee is the sum of some records, or a record the sum of some lines, only if one choice is
possible; (6) bank fees; (7) number equal, amount differing.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from uuid import UUID

from services.funds.statements.schemas import MatchResult
from shared.auth import normalize_text
from shared.china import format_yuan, split_document_nos

MAX_SUMMANDS = 4
"""Records that one line may be the sum of, without a number that names them."""
MAX_CANDIDATES = 12
"""More records of one payee in the days around a line leave no choice that could be told from chance."""


@dataclass(frozen=True)
class MatchItem:
    """A line of either side: `id` is the statement line's or our record's; `amount` in 分."""

    id: UUID
    voucher_no: str
    amount: int
    on: date
    payee: str
    purpose: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Normalised numbers where one cell names several: PZ-1+PZ-2."""
        return tuple(normalize_text(part) for part in split_document_nos(self.voucher_no))

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
    fee_words: tuple[str, ...] = ()
    fee_most: int = 0

    def allows_fee(self, gap: int, theirs: Sequence[MatchItem]) -> bool:
        """Whether the bank's lines may be above our records by a fee that one of them names."""
        return 0 < gap <= self.fee_most and any(self.names_fee(item) for item in theirs)

    def names_fee(self, item: MatchItem) -> bool:
        """Whether a line calls itself a bank fee."""
        return any(word in item.purpose or word in item.payee for word in self.fee_words)


@dataclass(frozen=True)
class MatchPair:
    """A statement line with our record, or one side alone."""

    theirs: MatchItem | None
    ours: MatchItem | None
    match: MatchResult
    explanation: str = ""
    group: int | None = None


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
    groups = _extract_numbered_groups(left, right, tolerance)
    pairs += _extract_pairs(
        left,
        right,
        lambda item: (item.amount, item.name),
        lambda a, b: _is_near_in_time(a, b, tolerance),
        alone=True,
    )
    groups += _extract_sums(left, right, tolerance)
    for number, group in enumerate(groups, 1):
        pairs += _build_group_pairs(number, group)
    pairs += _extract_fees(left, tolerance)
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


@dataclass(frozen=True)
class MatchGroup:
    """Lines and records that agree only in sum."""

    theirs: tuple[MatchItem, ...]
    ours: tuple[MatchItem, ...]

    @property
    def gap(self) -> int:
        """Their sum minus ours, in 分."""
        return sum(item.amount for item in self.theirs) - sum(item.amount for item in self.ours)

    @property
    def is_one_to_one(self) -> bool:
        """Whether it is a pair, which other passes match."""
        return len(self.theirs) == len(self.ours) == 1

    def fits(self, tolerance: Tolerance) -> bool:
        """Whether the sums agree, but for a fee that a line names, and the dates are near one another."""
        near = all(_is_near_in_time(a, b, tolerance) for a in self.theirs for b in self.ours)
        agrees = self.gap == 0 or tolerance.allows_fee(self.gap, self.theirs)
        return bool(self.theirs and self.ours) and near and agrees


def _extract_numbered_groups(
    left: list[MatchItem], right: list[MatchItem], tolerance: Tolerance
) -> list[MatchGroup]:
    """Remove and return the groups of lines and records that are connected by their numbers and agree in sum."""
    groups = []
    for first in list(left):
        if first not in left or not first.numbers:
            continue
        numbers, theirs, ours = set(first.numbers), [first], list[MatchItem]()
        while True:
            more_theirs = [item for item in left if item not in theirs and numbers & set(item.numbers)]
            more_ours = [item for item in right if item not in ours and numbers & set(item.numbers)]
            if not more_theirs and not more_ours:
                break
            theirs, ours = theirs + more_theirs, ours + more_ours
            numbers |= {number for item in (*theirs, *ours) for number in item.numbers}
        group = MatchGroup(tuple(theirs), tuple(ours))
        if group.fits(tolerance) and (not group.is_one_to_one or group.gap):
            groups.append(group)
            _remove_group(group, left, right)
    return groups


def _extract_sums(left: list[MatchItem], right: list[MatchItem], tolerance: Tolerance) -> list[MatchGroup]:
    """Remove and return a line that is the sum of records of its payee, and a record that is the sum of lines.

    Only where one choice of at most MAX_SUMMANDS is possible among at most MAX_CANDIDATES of the days around it.
    """
    groups = []
    for item in list(left):
        group = _find_only_sum(item, right, tolerance)
        if group is not None:
            groups.append(MatchGroup((item,), group))
            _remove_group(groups[-1], left, right)
    for item in list(right):
        group = _find_only_sum(item, left, tolerance)
        if group is not None:
            groups.append(MatchGroup(group, (item,)))
            _remove_group(groups[-1], left, right)
    return groups


def _find_only_sum(
    item: MatchItem, others: Sequence[MatchItem], tolerance: Tolerance
) -> tuple[MatchItem, ...] | None:
    candidates = [
        other
        for other in others
        if item.name
        and other.name == item.name
        and other.amount * item.amount > 0
        and abs(other.amount) < abs(item.amount)
        and _is_near_in_time(item, other, tolerance)
    ]
    if not 1 < len(candidates) <= MAX_CANDIDATES:
        return None
    found = [
        chosen
        for size in range(2, MAX_SUMMANDS + 1)
        for chosen in combinations(candidates, size)
        if sum(other.amount for other in chosen) == item.amount
    ]
    return found[0] if len(found) == 1 else None


def _remove_group(group: MatchGroup, left: list[MatchItem], right: list[MatchItem]) -> None:
    for item in group.theirs:
        left.remove(item)
    for item in group.ours:
        right.remove(item)


def _build_group_pairs(number: int, group: MatchGroup) -> list[MatchPair]:
    theirs, ours = len(group.theirs), len(group.ours)
    total = format_yuan(sum(item.amount for item in group.theirs))
    text = f"对账单 {theirs} 笔与我方 {ours} 笔合计相符, {total} 元"
    if group.gap:
        text += f", 其中手续费 {format_yuan(group.gap)} 元"
    numbers = "、".join(dict.fromkeys(item.voucher_no for item in group.ours if item.voucher_no))
    text += f"; 我方凭证 {numbers}" if numbers else ""
    return [
        *(MatchPair(item, None, MatchResult.GROUPED, text, number) for item in group.theirs),
        *(MatchPair(None, item, MatchResult.GROUPED, text, number) for item in group.ours),
    ]


def _extract_fees(left: list[MatchItem], tolerance: Tolerance) -> list[MatchPair]:
    """Remove and return the lines that call themselves bank fees and are no larger than one."""
    fees = [item for item in left if 0 < abs(item.amount) <= tolerance.fee_most and tolerance.names_fee(item)]
    for item in fees:
        left.remove(item)
    return [MatchPair(item, None, MatchResult.FEE, "银行手续费, 不是资金支付, 单列") for item in fees]


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
