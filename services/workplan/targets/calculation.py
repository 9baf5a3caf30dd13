"""Conversion of units, completion and light of a target. No database, no clock."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from services.workplan.targets.schemas import BASE_UNITS, QUARTERS, Direction, Light, MeasureUnit

HUNDRED = Decimal(100)
MONTHS_PER_QUARTER = 3


def convert(value: Decimal, unit: MeasureUnit, target: MeasureUnit) -> Decimal | None:
    """The value in another unit of the same kind; None where the units are of two kinds."""
    base, factor = BASE_UNITS.get(unit, (unit, 1))
    target_base, target_factor = BASE_UNITS.get(target, (target, 1))
    return value * factor / target_factor if base is target_base else None


def find_aim(direction: Direction, value: Decimal, base: Decimal | None) -> Decimal:
    """What must be reached: the value, or what last year reached."""
    return base if direction is Direction.NOT_BELOW_BASE and base is not None else value


def find_completion(aim: Decimal, reached: Decimal | None) -> Decimal | None:
    """Completion in %; for an upper limit, how much of it is used. None without data or with an aim of nothing."""
    if reached is None or not aim:
        return None
    return (reached * HUNDRED / aim).quantize(Decimal("0.01"), ROUND_HALF_UP)


def find_due_milestone(
    milestones: Sequence[Decimal], aim: Decimal, year: int, due_on: date, today: date
) -> Decimal:
    """What should stand today: the milestone of the last quarter that is over, all of it after the deadline."""
    if today > due_on:
        return aim
    ended = (
        QUARTERS
        if today.year > year
        else (today.month - 1) // MONTHS_PER_QUARTER
        if today.year == year
        else 0
    )
    if not ended:
        return Decimal(0)
    return milestones[ended - 1] if milestones else aim * ended / QUARTERS


def find_light(
    direction: Direction, reached: Decimal | None, expected: Decimal, yellow_percent: int
) -> Light:
    """The light: on schedule, at least `yellow_percent` of it, or behind. A limit is kept or broken."""
    if reached is None:
        return Light.GREY if not expected else Light.RED
    if direction is Direction.AT_MOST:
        return Light.GREEN if reached <= expected else Light.RED
    if reached >= expected:
        return Light.GREEN
    return Light.YELLOW if reached * HUNDRED >= expected * yellow_percent else Light.RED
