"""Planned and completed quantities of a project from its progress reports, and their sums."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from services.projects.quantities.rules import PLACES, Units, convert, find_dimension
from services.projects.quantities.schemas import QuantityProgress, QuantitySum

FULL_PERCENT = 100
UNNAMED_QUANTITY = "建设规模"
"""Name of a quantity that a table gives without one."""
_PART = re.compile(
    r"(?P<name>[^\d.;；、,，]{0,100}?)\s*(?P<amount>\d{1,9}(?:\.\d{1,4})?)\s*(?P<unit>[^\d\s]{1,20})"
)


class ReportedQuantities(Protocol):
    """What a progress report says of the quantities done."""

    @property
    def quantities(self) -> list[dict[str, Any]]:
        """Name, unit and amount of each."""


class UnitSum(Protocol):
    """Sums over the quantities that have one unit, in ten-thousandths of it."""

    unit: str
    planned: int
    done: int
    lines: int


def compute_quantity_progress(
    units: Units, planned_quantities: Sequence[dict[str, Any]], reports: Sequence[ReportedQuantities]
) -> list[QuantityProgress]:
    """Compare planned and completed quantities; `reports` oldest first, later reports override earlier ones.

    A reported amount is converted into the planned unit of the same name; a quantity of another name or kind stands alone.
    """
    planned = {
        (quantity["name"], quantity["unit"]): Decimal(quantity["amount"]) for quantity in planned_quantities
    }
    done: dict[tuple[str, str], Decimal] = {}
    for report in reports:
        for quantity in report.quantities:
            key, amount = match_quantity(
                units, planned, quantity["name"], quantity["unit"], Decimal(quantity["amount"])
            )
            done[key] = amount
    rows = []
    for name, unit in dict.fromkeys([*planned, *done]):
        planned_amount, done_amount = (
            planned.get((name, unit), Decimal(0)),
            done.get((name, unit), Decimal(0)),
        )
        rows.append(
            QuantityProgress(
                name=name,
                unit=unit,
                planned=planned_amount,
                done=done_amount,
                percent=_compute_percent(done_amount, planned_amount),
            )
        )
    return rows


def match_quantity(
    units: Units, planned: dict[tuple[str, str], Decimal], name: str, unit: str, amount: Decimal
) -> tuple[tuple[str, str], Decimal]:
    """The planned quantity (name, unit) that a reported amount belongs to, and the amount in its unit."""
    for planned_name, planned_unit in planned:
        if planned_name == name and (converted := convert(units, amount, unit, planned_unit)) is not None:
            return (name, planned_unit), converted
    return (name, unit), amount


def parse_quantities(text: str, units: Units) -> list[dict[str, str]] | None:
    """Read quantities such as 道路3.2公里; 路灯20盏; None when a part has no amount, or a unit that is not on the list."""
    found = []
    for part in re.split(r"[;；、,，\n]", unicodedata.normalize("NFKC", text)):
        match = _PART.fullmatch(part.strip())
        if match is None or find_dimension(units, match["unit"]) not in units:
            return None
        name = match["name"].strip() or UNNAMED_QUANTITY
        found.append({"name": name, "amount": match["amount"], "unit": match["unit"]})
    return found


def format_quantities(quantities: Sequence[Mapping[str, Any]]) -> str:
    """Write quantities as a table shows them, the form that `parse_quantities` reads."""
    return "; ".join(
        f"{one['name']}{Decimal(one['amount']).normalize():f}{one['unit']}" for one in quantities
    )


def sum_by_dimension(units: Units, rows: Sequence[UnitSum]) -> dict[str, QuantitySum]:
    """Add sums of units that convert into each other; a key for every dimension of the list, and for every unit outside it."""
    found: dict[str, list[UnitSum]] = {code: [] for code in units}
    for row in rows:
        found.setdefault(find_dimension(units, row.unit), []).append(row)
    return {code: _add(units, code, parts) for code, parts in found.items()}


def _add(units: Units, code: str, parts: Sequence[UnitSum]) -> QuantitySum:
    dimension = units.get(code)
    unit = dimension.unit if dimension else code

    def total(name: str) -> Decimal:
        """The exact sum, rounded once to four decimals of the unit."""
        size = dimension.units if dimension else {code: 1}
        steps = sum(getattr(part, name) * size[part.unit] for part in parts)
        return (Decimal(steps) * PLACES / size[unit]).quantize(PLACES).normalize() + Decimal(0)

    planned, done = total("planned"), total("done")
    return QuantitySum(
        label=dimension.label if dimension else code,
        unit=unit,
        planned=planned,
        done=done,
        percent=_compute_percent(done, planned),
        lines=sum(part.lines for part in parts),
        units=sorted({part.unit for part in parts}),
        rows="",
    )


def _compute_percent(done: Decimal, planned: Decimal) -> int | None:
    return int(done * FULL_PERCENT / planned) if planned else None
