"""Planned and completed quantities of a project from its progress reports, in units that convert into each other."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from services.projects.projects.models import Project
from services.projects.projects.schemas import QuantityProgress

UNITS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("公里", "千米", "km", "KM"), ("长度", Decimal(1000))),
    **dict.fromkeys(("米", "m", "延米", "延长米"), ("长度", Decimal(1))),
    **dict.fromkeys(("亩",), ("面积", Decimal(2000) / Decimal(3))),
    **dict.fromkeys(("公顷",), ("面积", Decimal(10_000))),
    **dict.fromkeys(("平方米", "㎡", "m²", "m2", "平米"), ("面积", Decimal(1))),
    **dict.fromkeys(("平方公里", "平方千米"), ("面积", Decimal(1_000_000))),
    **dict.fromkeys(("立方米", "方", "m³", "m3", "立方"), ("体积", Decimal(1))),
    **dict.fromkeys(("万立方米", "万方"), ("体积", Decimal(10_000))),
    **dict.fromkeys(("吨", "t"), ("质量", Decimal(1000))),
    **dict.fromkeys(("公斤", "千克", "kg"), ("质量", Decimal(1))),
    **dict.fromkeys(("千瓦", "kW", "KW"), ("功率", Decimal(1))),
    **dict.fromkeys(("兆瓦", "MW"), ("功率", Decimal(1000))),
    **dict.fromkeys(("人", "名"), ("人数", Decimal(1))),
    **dict.fromkeys(("台", "台套", "套"), ("设备", Decimal(1))),
    **dict.fromkeys(("座", "处"), ("处所", Decimal(1))),
}
"""Unit → what it measures and its size in the smallest unit of that; a unit that is not here converts into itself only."""
PLACES = Decimal("0.0001")


def convert(amount: Decimal, unit: str, wanted: str) -> Decimal | None:
    """An amount in another unit; None when the units measure different things."""
    if unit == wanted:
        return amount
    kind, size = UNITS.get(unit, (unit, Decimal(1)))
    wanted_kind, wanted_size = UNITS.get(wanted, (wanted, Decimal(1)))
    if kind != wanted_kind:
        return None
    return (amount * size / wanted_size).quantize(PLACES).normalize() + Decimal(0)


class ReportedQuantities(Protocol):
    """What a progress report says of the quantities done."""

    @property
    def quantities(self) -> list[dict[str, Any]]:
        """Name, unit and amount of each."""


def compute_quantity_progress(
    project: Project, reports: Sequence[ReportedQuantities]
) -> list[QuantityProgress]:
    """Compare planned and completed quantities; `reports` oldest first, later reports override earlier ones.

    A reported amount is converted into the planned unit of the same name; a quantity of another name or kind stands alone.
    """
    planned = {
        (quantity["name"], quantity["unit"]): Decimal(quantity["amount"]) for quantity in project.quantities
    }
    done: dict[tuple[str, str], Decimal] = {}
    for report in reports:
        for quantity in report.quantities:
            key, amount = match_quantity(
                planned, quantity["name"], quantity["unit"], Decimal(quantity["amount"])
            )
            done[key] = amount
    rows = []
    for name, unit in dict.fromkeys([*planned, *done]):
        planned_amount, done_amount = (
            planned.get((name, unit), Decimal(0)),
            done.get((name, unit), Decimal(0)),
        )
        percent = int(done_amount * 100 / planned_amount) if planned_amount else None
        rows.append(
            QuantityProgress(name=name, unit=unit, planned=planned_amount, done=done_amount, percent=percent)
        )
    return rows


def match_quantity(
    planned: dict[tuple[str, str], Decimal], name: str, unit: str, amount: Decimal
) -> tuple[tuple[str, str], Decimal]:
    """The planned quantity (name, unit) that a reported amount belongs to, and the amount in its unit."""
    for planned_name, planned_unit in planned:
        if planned_name == name and (converted := convert(amount, unit, planned_unit)) is not None:
            return (name, planned_unit), converted
    return (name, unit), amount
