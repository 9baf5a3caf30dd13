"""Compute the score of a filled-in score sheet (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.projects.evaluations.rules import (
    FULL_SCORE_HUNDREDTHS,
    HUNDREDTHS_PER_POINT,
    SCORERS,
    ScoreSheet,
    ScoreSheetItem,
    ScoringFacts,
)
from services.projects.evaluations.schemas import GivenPoints, ItemRead
from shared.errors import FieldError


@dataclass(frozen=True)
class ScoreResult:
    """A sheet filled in. `score` in hundredths; None while an item has no points."""

    items: list[ItemRead]
    missing: tuple[FieldError, ...]
    wrong: tuple[FieldError, ...]
    score: int | None

    def serialize_items(self) -> list[dict[str, Any]]:
        """The items as a record keeps them."""
        return [one.model_dump(mode="json") for one in self.items]


def format_points(points: int) -> str:
    """Hundredths as people read them: 9350 → 93.50."""
    return f"{points // HUNDREDTHS_PER_POINT}.{points % HUNDREDTHS_PER_POINT:02d}"


def compute_score(sheet: ScoreSheet, facts: ScoringFacts, given: Sequence[GivenPoints]) -> ScoreResult:
    """The sheet as records and people answer it; faults name what is missing and what was given wrongly."""
    said = {one.code: one for one in given}
    items, missing, points = [], [], 0
    wrong = list(_check_given_items(sheet, given))
    for item in sheet.items:
        answer, mine = SCORERS[item.how](item, facts), said.get(item.code)
        if answer.share is not None and mine is not None:
            wrong.append(_build_fault(given, item, "computed", f"“{item.label}”按数据计算, 不用给分"))
        if mine is not None and mine.points > item.weight:
            wrong.append(_build_fault(given, item, "above_weight", f"“{item.label}”满分 {item.weight} 分"))
        mark = answer.share * item.weight // HUNDREDTHS_PER_POINT if answer.share is not None else None
        if mark is None and mine is not None:
            mark = int(mine.points * HUNDREDTHS_PER_POINT)
        if mark is None:
            detail = f"“{item.label}”须给分并说明依据(代码 {item.code})"
            missing.append(FieldError("unscored", detail, f"{item.code} has no points", "/items"))
        items.append(
            ItemRead(
                code=item.code,
                label=item.label,
                weight=item.weight,
                how=item.how,
                how_label=item.how.label,
                about=item.about,
                points=None if mark is None else format_points(mark),
                computed=answer.share is not None,
                reason=mine.reason if mine is not None and answer.share is None else "",
                figures=dict(answer.figures),
                rows=list(answer.rows),
            )
        )
        points += mark or 0
    return ScoreResult(
        items, tuple(missing), tuple(wrong), None if missing else min(points, FULL_SCORE_HUNDREDTHS)
    )


def _check_given_items(sheet: ScoreSheet, given: Sequence[GivenPoints]) -> Iterable[FieldError]:
    codes = {one.code for one in sheet.items}
    for at, one in enumerate(given):
        if one.code not in codes:
            detail = f"评分表没有“{one.code}”, 现有: {'、'.join(sorted(codes))}"
            yield FieldError("no_item", detail, "no such item", f"/items/{at}/code")
        elif one.code in {other.code for other in given[:at]}:
            yield FieldError("twice", f"“{one.code}”给了两次分", "given twice", f"/items/{at}/code")


def _build_fault(given: Sequence[GivenPoints], item: ScoreSheetItem, code: str, detail: str) -> FieldError:
    at = next(at for at, one in enumerate(given) if one.code == item.code)
    return FieldError(code, detail, code.replace("_", " "), f"/items/{at}/points")
