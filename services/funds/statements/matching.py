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

from services.funds.statements.kinds import Match
from shared.money import yuan
from shared.personal import normal


@dataclass(frozen=True)
class Item:
    """A line of either side; `id` is the line's or our record's."""

    id: UUID
    voucher_no: str
    amount: int
    on: date
    payee: str

    @property
    def number(self) -> str:
        """The document number without what people write differently."""
        return normal(self.voucher_no)

    @property
    def name(self) -> str:
        """The payee without width, spaces and brackets."""
        plain = unicodedata.normalize("NFKC", self.payee)
        return "".join(one for one in normal(plain) if one.isalnum())


@dataclass(frozen=True)
class Tolerance:
    """How far dates and amounts may lie apart; amounts in 分."""

    days: int
    amount: int = 0


@dataclass(frozen=True)
class Pair:
    """A line of theirs with ours, or one side alone."""

    theirs: Item | None
    ours: Item | None
    match: Match
    explanation: str = ""


def pair(
    theirs: Sequence[Item], ours: Sequence[Item], tolerance: Tolerance, counted: Collection[str] = ()
) -> list[Pair]:
    """Every line of both sides in exactly one pair. `counted` are numbers other statements account for already."""
    left, right = list(theirs), list(ours)
    found = _take(left, right, lambda one: (one.number, one.amount, one.on, one.name), lambda _a, _b: True)
    found += _take(left, right, lambda one: one.number, lambda a, b: _close(a, b, tolerance))
    near = _take(
        left, right, lambda one: (one.amount, one.name), lambda a, b: _near(a, b, tolerance), alone=True
    )
    found += near
    found += [_differs(one) for one in _take(left, right, lambda one: one.number, lambda _a, _b: True)]
    known = {one.theirs.number for one in found if one.theirs is not None}
    found += [Pair(one, None, Match.ALONE, _why(one, known, counted)) for one in left]
    found += [Pair(None, one, Match.ALONE, "对账单中没有这一笔") for one in right]
    return found


def _take(
    left: list[Item],
    right: list[Item],
    key: Callable[[Item], Hashable],
    fits: Callable[[Item, Item], bool],
    *,
    alone: bool = False,
) -> list[Pair]:
    """Pairs with an equal key that fit, taken out of both sides; with `alone` only where no other pair is possible."""
    waiting: dict[Hashable, list[Item]] = defaultdict(list)
    for one in right:
        if any(part != "" for part in _parts(key(one))):
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
        found.append(_judged(mine, best))
    return found


def _parts(key: Hashable) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _close(a: Item, b: Item, tolerance: Tolerance) -> bool:
    same_payee = a.name == b.name or not a.name or not b.name or a.name in b.name or b.name in a.name
    return abs(a.amount - b.amount) <= tolerance.amount and _near(a, b, tolerance) and same_payee


def _near(a: Item, b: Item, tolerance: Tolerance) -> bool:
    return abs((a.on - b.on).days) <= tolerance.days


def _judged(theirs: Item, ours: Item) -> Pair:
    told = []
    if theirs.number != ours.number:
        told.append(f"凭证号不同: 我方 {ours.voucher_no or '无'}, 对方 {theirs.voucher_no or '无'}")
    if theirs.on != ours.on:
        told.append(f"日期相差 {abs((theirs.on - ours.on).days)} 天: 我方 {ours.on}, 对方 {theirs.on}")
    if theirs.name != ours.name:
        told.append(f"收款人写法不同: 我方 {ours.payee}, 对方 {theirs.payee or '无'}")
    if theirs.amount != ours.amount:
        gap = yuan(theirs.amount - ours.amount)
        told.insert(0, f"金额相差 {gap} 元: 我方 {yuan(ours.amount)}, 对方 {yuan(theirs.amount)}")
    return Pair(theirs, ours, Match.TOLERATED if told else Match.EXACT, "; ".join(told))


def _differs(found: Pair) -> Pair:
    return Pair(found.theirs, found.ours, Match.DIFFERS, found.explanation)


def _why(one: Item, known: set[str], counted: Collection[str]) -> str:
    if one.number and one.number in counted:
        return "这个凭证号已在另一份对账单中相符"
    return "凭证号重复, 我方只有一笔" if one.number and one.number in known else "我方没有这一笔"
