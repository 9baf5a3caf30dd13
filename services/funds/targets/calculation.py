"""Completion, execution, score and weights of indicators in hundredths, without floats; form errors."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from services.funds.policy import TargetDeviation
from services.funds.targets.schemas import Aspect, TargetOperator, TargetSection
from shared.china import split_proportionally
from shared.errors import FieldError

FULL_COMPLETION = 10_000
"""100 % in hundredths of a percent."""
MAX_COMPLETION = 1_000_000


class WeightedIndicator(Protocol):
    """An indicator as input of the score."""

    weight: int
    completion: int | None


class CheckedIndicator(Protocol):
    """An indicator as input of the form checks."""

    aspect: Aspect
    name: str
    operator: TargetOperator
    value: str
    weight: int
    core: bool
    actual: str
    deviates: bool
    deviation_reason: str
    file_ids: list[str]


def calculate_completion(operator: TargetOperator, value: str, actual: str) -> int:
    """Completion of an indicator in hundredths of a percent, at most 10,000 %.

    A ≤ indicator is complete when the result is within the limit. A target of zero is complete when met and 0 otherwise.
    """
    target, result = Decimal(value), Decimal(actual)
    if (operator is TargetOperator.LE and result <= target) or result == target:
        return FULL_COMPLETION
    if operator is TargetOperator.GE:
        ratio = (result, target)
    elif operator is TargetOperator.LE:
        ratio = (target, result)
    else:
        ratio = (min(target, result), max(target, result))
    if ratio[1] <= 0:
        return FULL_COMPLETION if operator is TargetOperator.GE and result >= target else 0
    return max(0, min(MAX_COMPLETION, int(ratio[0] * FULL_COMPLETION / ratio[1])))


def is_deviation(completion: int, bounds: TargetDeviation) -> bool:
    """Whether a completion is outside the bounds (%) and needs a reason."""
    return completion < bounds.below * 100 or completion > bounds.above * 100


def calculate_execution(paid: int, budget: int) -> int:
    """预算执行率 in hundredths of a percent."""
    return paid * FULL_COMPLETION // budget if budget > 0 else 0


def calculate_score(indicators: Iterable[WeightedIndicator], execution: int, execution_weight: int) -> int:
    """Score of a self-evaluation in hundredths of a point (10000 = 100 分); completion counts up to 100 %."""
    points = execution_weight * min(execution, FULL_COMPLETION)
    points += sum(
        indicator.weight * min(indicator.completion or 0, FULL_COMPLETION) for indicator in indicators
    )
    return points // 100


def distribute_weights(aspects: list[Aspect], points: Mapping[TargetSection, int]) -> list[int]:
    """Distribute the points of each part over its indicators, earlier ones first.

    The points of a part without indicators go to the first part that has some.
    """
    weights = [0] * len(aspects)
    points_by_part = {part: points[part] for part in TargetSection}
    present = [part for part in TargetSection if any(aspect.part is part for aspect in aspects)]
    for part in TargetSection:
        if present and part not in present:
            points_by_part[present[0]] += points_by_part.pop(part)
    for part in present:
        indexes = [index for index, aspect in enumerate(aspects) if aspect.part is part]
        for index, weight in zip(
            indexes, split_proportionally(points_by_part[part], [1] * len(indexes)), strict=True
        ):
            weights[index] = weight
    return weights


def list_form_faults(
    indicators: list[CheckedIndicator], points: Mapping[TargetSection, int]
) -> tuple[FieldError, ...]:
    """Everything the form lacks before it can be submitted."""
    aspects = {indicator.aspect for indicator in indicators}
    errors = [
        FieldError(f"no_{aspect}", f"缺少{aspect.label}", f"no {aspect} indicator", "/indicators")
        for aspect in (Aspect.QUANTITY, Aspect.SERVED)
        if aspect not in aspects
    ]
    errors += [
        FieldError(
            "no_value",
            f"“{indicator.name}”没有指标值",
            "an indicator has no value",
            f"/indicators/{index}/value",
        )
        for index, indicator in enumerate(indicators)
        if not indicator.value
    ]
    expected, total = (
        sum(points[part] for part in TargetSection),
        sum(indicator.weight for indicator in indicators),
    )
    if indicators and total != expected:
        errors.append(
            FieldError("weights", f"权重合计 {total}, 应为 {expected}", f"weights are {total}", "/indicators")
        )
    return tuple(errors)


def list_evaluation_faults(indicators: list[CheckedIndicator]) -> tuple[FieldError, ...]:
    """Everything the self-evaluation lacks before it can be submitted."""
    errors = []
    for index, indicator in enumerate(indicators):
        pointer = f"/indicators/{index}"
        if not indicator.actual:
            errors.append(
                FieldError("no_actual", f"“{indicator.name}”没有完成值", "no result", f"{pointer}/actual")
            )
        elif indicator.core and not indicator.file_ids:
            errors.append(
                FieldError(
                    "no_evidence", f"“{indicator.name}”没有佐证材料", "no evidence", f"{pointer}/file_ids"
                )
            )
        if indicator.deviates and not indicator.deviation_reason.strip():
            detail = f"“{indicator.name}”偏差较大, 须写明原因"
            errors.append(FieldError("no_deviation_reason", detail, "the deviation has no reason", pointer))
    return tuple(errors)
