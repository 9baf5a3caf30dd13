"""Completion, execution, score and weights of indicators in hundredths, without floats; faults of a form."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from services.funds.targets.schemas import Aspect, Operator, Part
from shared.china import split_proportionally
from shared.errors import FieldError

FULL_COMPLETION = 10_000
"""100 % in hundredths of a percent."""
MAX_COMPLETION = 1_000_000


class WeightedIndicator(Protocol):
    """What is scored."""

    weight: int
    completion: int | None


class CheckedIndicator(Protocol):
    """An indicator as it is checked."""

    aspect: Aspect
    name: str
    operator: Operator
    value: str
    weight: int
    core: bool
    actual: str
    deviates: bool
    deviation_reason: str
    file_ids: list[str]


def calculate_completion(operator: Operator, value: str, actual: str) -> int:
    """How far a result reaches its target, in hundredths of a percent; ≤ targets are full when kept.

    A target of zero is full when it is met and nothing otherwise. Never above 10,000 %.
    """
    wanted, got = Decimal(value), Decimal(actual)
    if (operator is Operator.LE and got <= wanted) or got == wanted:
        return FULL_COMPLETION
    if operator is Operator.GE:
        parts = (got, wanted)
    elif operator is Operator.LE:
        parts = (wanted, got)
    else:
        parts = (min(wanted, got), max(wanted, got))
    if parts[1] <= 0:
        return FULL_COMPLETION if operator is Operator.GE and got >= wanted else 0
    return max(0, min(MAX_COMPLETION, int(parts[0] * FULL_COMPLETION / parts[1])))


def is_deviation(reached: int, bounds: Mapping[str, Any]) -> bool:
    """Whether a completion is so far off that a reason is needed."""
    return reached < int(bounds["below"]) * 100 or reached > int(bounds["above"]) * 100


def calculate_execution(paid: int, budget: int) -> int:
    """预算执行率 in hundredths of a percent."""
    return paid * FULL_COMPLETION // budget if budget > 0 else 0


def calculate_score(indicators: Iterable[WeightedIndicator], execution: int, execution_weight: int) -> int:
    """The points of a self-evaluation in hundredths (10000 = 100 分); nothing counts above its weight."""
    points = execution_weight * min(execution, FULL_COMPLETION)
    points += sum(one.weight * min(one.completion or 0, FULL_COMPLETION) for one in indicators)
    return points // 100


def distribute_weights(aspects: list[Aspect], points: Mapping[str, int]) -> list[int]:
    """Each part's points shared over its indicators, the earlier one first; a part nobody has goes to the first there is."""
    found = [0] * len(aspects)
    given = {part: int(points[part]) for part in Part}
    present = [part for part in Part if any(aspect.part is part for aspect in aspects)]
    for part in Part:
        if present and part not in present:
            given[present[0]] += given.pop(part)
    for part in present:
        places = [at for at, aspect in enumerate(aspects) if aspect.part is part]
        for at, weight in zip(places, split_proportionally(given[part], [1] * len(places)), strict=True):
            found[at] = weight
    return found


def list_form_faults(indicators: list[CheckedIndicator], points: Mapping[str, int]) -> tuple[FieldError, ...]:
    """Everything a form still lacks before it can be submitted."""
    aspects = {one.aspect for one in indicators}
    faults = [
        FieldError(f"no_{aspect}", f"缺少{aspect.label}", f"no {aspect} indicator", "/indicators")
        for aspect in (Aspect.QUANTITY, Aspect.SERVED)
        if aspect not in aspects
    ]
    faults += [
        FieldError(
            "no_value", f"“{one.name}”没有指标值", "an indicator has no value", f"/indicators/{at}/value"
        )
        for at, one in enumerate(indicators)
        if not one.value
    ]
    wanted, total = sum(int(points[part]) for part in Part), sum(one.weight for one in indicators)
    if indicators and total != wanted:
        faults.append(
            FieldError("weights", f"权重合计 {total}, 应为 {wanted}", f"weights are {total}", "/indicators")
        )
    return tuple(faults)


def list_evaluation_faults(indicators: list[CheckedIndicator]) -> tuple[FieldError, ...]:
    """Everything a self-evaluation still lacks."""
    faults = []
    for at, one in enumerate(indicators):
        where = f"/indicators/{at}"
        if not one.actual:
            faults.append(FieldError("no_actual", f"“{one.name}”没有完成值", "no result", f"{where}/actual"))
        elif one.core and not one.file_ids:
            faults.append(
                FieldError("no_evidence", f"“{one.name}”没有佐证材料", "no evidence", f"{where}/file_ids")
            )
        if one.deviates and not one.deviation_reason.strip():
            detail = f"“{one.name}”偏差较大, 须写明原因"
            faults.append(FieldError("no_deviation_reason", detail, "the deviation has no reason", where))
    return tuple(faults)
