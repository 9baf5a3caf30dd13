"""Pairing their lines with our payments: pure, deterministic, each pair with its explanation.

Three passes, the surest first: everything equal; number and amount equal, date or payee a little off; amount and payee
equal and near in time, when only one pair is possible. What has our number and another amount is shown as differing.
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
    """A line of either side; `id` is the line's or our record's."""

    id: UUID
    voucher_no: str
    amount: int
    on: date
    payee: str

    @property
    def number(self) -> str:
        """The document number without what people write differently."""
        return normalize_text(self.voucher_no)

    @property
    def name(self) -> str:
        """The payee without width, spaces and brackets."""
        plain = unicodedata.normalize("NFKC", self.payee)
        return "".join(one for one in normalize_text(plain) if one.isalnum())


@dataclass(frozen=True)
class Tolerance:
    """How far dates and amounts may lie apart; amounts in 分."""

    days: int
    amount: int = 0


@dataclass(frozen=True)
class MatchPair:
    """A line of theirs with ours, or one side alone."""

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
    """Every line of both sides in exactly one pair. `counted` are numbers other statements account for already."""
    left, right = list(theirs), list(ours)
    found = _extract_pairs(
        left, right, lambda one: (one.number, one.amount, one.on, one.name), lambda _a, _b: True
    )
    found += _extract_pairs(left, right, lambda one: one.number, lambda a, b: _is_close(a, b, tolerance))
    near = _extract_pairs(
        left,
        right,
        lambda one: (one.amount, one.name),
        lambda a, b: _is_near_in_time(a, b, tolerance),
        alone=True,
    )
    found += near
    found += [
        _mark_different(one)
        for one in _extract_pairs(left, right, lambda one: one.number, lambda _a, _b: True)
    ]
    known = {one.theirs.number for one in found if one.theirs is not None}
    found += [
        MatchPair(one, None, MatchResult.ALONE, _explain_unmatched(one, known, counted)) for one in left
    ]
    found += [MatchPair(None, one, MatchResult.ALONE, "对账单中没有这一笔") for one in right]
    return found


def _extract_pairs(
    left: list[MatchItem],
    right: list[MatchItem],
    key: Callable[[MatchItem], Hashable],
    fits: Callable[[MatchItem, MatchItem], bool],
    *,
    alone: bool = False,
) -> list[MatchPair]:
    """Pairs with an equal key that fit, taken out of both sides; with `alone` only where no other pair is possible."""
    waiting: dict[Hashable, list[MatchItem]] = defaultdict(list)
    for one in right:
        if any(part != "" for part in _split_key(key(one))):
            waiting[key(one)].append(one)
    found = []
    for mine in list(left):
        options = [one for one in waiting.get(key(mine), ()) if fits(mine, one)]
        rivals = [one for one in left if key(one) == key(mine)] if alone else [mine]
        if not options or (alone and (len(options) > 1 or len(rivals) > 1)):
            continue
        best = min(options, key=lambda one: (abs(one.amount - mine.amount), abs((one.on - mine.on).days)))
        waiting[key(mine)].remove(best)
        left.remove(mine)
        right.remove(best)
        found.append(_build_pair(mine, best))
    return found


def _split_key(key: Hashable) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _is_close(a: MatchItem, b: MatchItem, tolerance: Tolerance) -> bool:
    same_payee = a.name == b.name or not a.name or not b.name or a.name in b.name or b.name in a.name
    return abs(a.amount - b.amount) <= tolerance.amount and _is_near_in_time(a, b, tolerance) and same_payee


def _is_near_in_time(a: MatchItem, b: MatchItem, tolerance: Tolerance) -> bool:
    return abs((a.on - b.on).days) <= tolerance.days


def _build_pair(theirs: MatchItem, ours: MatchItem) -> MatchPair:
    told = []
    if theirs.number != ours.number:
        told.append(f"凭证号不同: 我方 {ours.voucher_no or '无'}, 对方 {theirs.voucher_no or '无'}")
    if theirs.on != ours.on:
        told.append(f"日期相差 {abs((theirs.on - ours.on).days)} 天: 我方 {ours.on}, 对方 {theirs.on}")
    if theirs.name != ours.name:
        told.append(f"收款人写法不同: 我方 {ours.payee}, 对方 {theirs.payee or '无'}")
    if theirs.amount != ours.amount:
        gap = format_yuan(theirs.amount - ours.amount)
        told.insert(
            0, f"金额相差 {gap} 元: 我方 {format_yuan(ours.amount)}, 对方 {format_yuan(theirs.amount)}"
        )
    return MatchPair(theirs, ours, MatchResult.TOLERATED if told else MatchResult.EXACT, "; ".join(told))


def _mark_different(found: MatchPair) -> MatchPair:
    return MatchPair(found.theirs, found.ours, MatchResult.DIFFERS, found.explanation)


def _explain_unmatched(one: MatchItem, known: set[str], counted: Collection[str]) -> str:
    if one.number and one.number in counted:
        return "这个凭证号已在另一份对账单中相符"
    return "凭证号重复, 我方只有一笔" if one.number and one.number in known else "我方没有这一笔"
