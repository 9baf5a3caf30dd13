"""Scoring a project: what the records answer, what people gave, and what is still missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.projects.evaluations.schemas import Given, ItemRead
from services.projects.evaluations.sheet import ANSWERS, HUNDRED, WHOLE, Facts, Sheet, SheetItem
from shared.errors import Fault


@dataclass(frozen=True)
class Scored:
    """A sheet filled in. `score` in hundredths; None while an item has no points."""

    items: list[ItemRead]
    missing: tuple[Fault, ...]
    wrong: tuple[Fault, ...]
    score: int | None

    def kept(self) -> list[dict[str, Any]]:
        """The items as a record keeps them."""
        return [one.model_dump(mode="json") for one in self.items]


def shown(points: int) -> str:
    """Hundredths as people read them: 9350 → 93.50."""
    return f"{points // HUNDRED}.{points % HUNDRED:02d}"


def fill(sheet: Sheet, facts: Facts, given: Sequence[Given]) -> Scored:
    """The sheet as records and people answer it; faults name what is missing and what was given wrongly."""
    said = {one.code: one for one in given}
    items, missing, points = [], [], 0
    wrong = list(_unknown(sheet, given))
    for item in sheet.items:
        answer, mine = ANSWERS[item.how](item, facts), said.get(item.code)
        if answer.share is not None and mine is not None:
            wrong.append(_fault(given, item, "computed", f"“{item.label}”按数据计算, 不用给分"))
        if mine is not None and mine.points > item.weight:
            wrong.append(_fault(given, item, "above_weight", f"“{item.label}”满分 {item.weight} 分"))
        mark = answer.share * item.weight // HUNDRED if answer.share is not None else None
        if mark is None and mine is not None:
            mark = int(mine.points * HUNDRED)
        if mark is None:
            detail = f"“{item.label}”须给分并说明依据(代码 {item.code})"
            missing.append(Fault("unscored", detail, f"{item.code} has no points", "/items"))
        items.append(
            ItemRead(
                code=item.code,
                label=item.label,
                weight=item.weight,
                how=item.how,
                how_label=item.how.label,
                about=item.about,
                points=None if mark is None else shown(mark),
                computed=answer.share is not None,
                reason=mine.reason if mine is not None and answer.share is None else "",
                figures=dict(answer.figures),
                rows=list(answer.rows),
            )
        )
        points += mark or 0
    return Scored(items, tuple(missing), tuple(wrong), None if missing else min(points, WHOLE))


def _unknown(sheet: Sheet, given: Sequence[Given]) -> Iterable[Fault]:
    codes = {one.code for one in sheet.items}
    for at, one in enumerate(given):
        if one.code not in codes:
            detail = f"评分表没有“{one.code}”, 现有: {'、'.join(sorted(codes))}"
            yield Fault("no_item", detail, "no such item", f"/items/{at}/code")
        elif one.code in {other.code for other in given[:at]}:
            yield Fault("twice", f"“{one.code}”给了两次分", "given twice", f"/items/{at}/code")


def _fault(given: Sequence[Given], item: SheetItem, code: str, detail: str) -> Fault:
    at = next(at for at, one in enumerate(given) if one.code == item.code)
    return Fault(code, detail, code.replace("_", " "), f"/items/{at}/points")
