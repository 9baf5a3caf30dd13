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
    """A computed score sheet: items, unscored items, wrongly given points. `score` in hundredths, None while an item has no points."""

    items: list[ItemRead]
    missing: tuple[FieldError, ...]
    wrong: tuple[FieldError, ...]
    score: int | None

    def serialize_items(self) -> list[dict[str, Any]]:
        """Return the items as stored in the record."""
        return [item.model_dump(mode="json") for item in self.items]


def format_points(points: int) -> str:
    """Format hundredths with two decimals: 9350 → 93.50."""
    return f"{points // HUNDREDTHS_PER_POINT}.{points % HUNDREDTHS_PER_POINT:02d}"


def compute_score(sheet: ScoreSheet, facts: ScoringFacts, given_points: Sequence[GivenPoints]) -> ScoreResult:
    """Score every item from the records, else from the points given by a person; collect missing and invalid points."""
    points_by_code = {points.code: points for points in given_points}
    items, missing, total = [], [], 0
    wrong = list(_check_given_items(sheet, given_points))
    for item in sheet.items:
        answer, own_points = SCORERS[item.how](item, facts), points_by_code.get(item.code)
        if answer.share is not None and own_points is not None:
            wrong.append(_build_fault(given_points, item, "computed", f"“{item.label}”按数据计算, 不用给分"))
        if own_points is not None and own_points.points > item.weight:
            wrong.append(
                _build_fault(given_points, item, "above_weight", f"“{item.label}”满分 {item.weight} 分")
            )
        hundredths = answer.share * item.weight // HUNDREDTHS_PER_POINT if answer.share is not None else None
        if hundredths is None and own_points is not None:
            hundredths = int(own_points.points * HUNDREDTHS_PER_POINT)
        if hundredths is None:
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
                points=None if hundredths is None else format_points(hundredths),
                computed=answer.share is not None,
                reason=own_points.reason if own_points is not None and answer.share is None else "",
                figures=dict(answer.figures),
                rows=list(answer.rows),
            )
        )
        total += hundredths or 0
    return ScoreResult(
        items, tuple(missing), tuple(wrong), None if missing else min(total, FULL_SCORE_HUNDREDTHS)
    )


def _check_given_items(sheet: ScoreSheet, given_points: Sequence[GivenPoints]) -> Iterable[FieldError]:
    codes = {points.code for points in sheet.items}
    for index, points in enumerate(given_points):
        if points.code not in codes:
            detail = f"评分表没有“{points.code}”, 现有: {'、'.join(sorted(codes))}"
            yield FieldError("no_item", detail, "no such item", f"/items/{index}/code")
        elif points.code in {other.code for other in given_points[:index]}:
            yield FieldError("twice", f"“{points.code}”给了两次分", "given twice", f"/items/{index}/code")


def _build_fault(
    given_points: Sequence[GivenPoints], item: ScoreSheetItem, code: str, detail: str
) -> FieldError:
    index = next(index for index, points in enumerate(given_points) if points.code == item.code)
    return FieldError(code, detail, code.replace("_", " "), f"/items/{index}/points")
