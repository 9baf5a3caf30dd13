"""Units of quantities (rule quantity.units), and what they convert into."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from shared.errors import FieldError
from shared.rules import Label, RuleKey, RuleValue

PLACES = Decimal("0.0001")
"""Quantities have four decimals."""
Unit = Annotated[str, Field(min_length=1, max_length=20)]


class Dimension(RuleValue):
    """能互相换算、能合计的一组计量单位."""

    label: Label = Field(title="名称")
    unit: Unit = Field(title="合计时用的单位")
    units: Annotated[
        dict[Unit, Annotated[int, Field(ge=1, le=10**9)]], Field(min_length=1, max_length=50)
    ] = Field(title="各单位合多少个最小份")


Units = Mapping[str, Dimension]
QUANTITY_UNITS = RuleKey[dict[str, Dimension]](
    "quantity.units",
    Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z_]{2,30}$")], Dimension],
        Field(title="工程量的计量单位", min_length=1, max_length=60),
    ],
)


def find_dimension(units: Units, unit: str) -> str:
    """The code of the dimension that a unit measures; the unit itself when the list does not know it."""
    return next((code for code, dimension in units.items() if unit in dimension.units), unit)


def convert(units: Units, amount: Decimal, unit: str, wanted: str) -> Decimal | None:
    """An amount in another unit, with four decimals; None when the units measure different things."""
    if unit == wanted:
        return amount
    dimension = units.get(find_dimension(units, unit))
    if dimension is None or wanted not in dimension.units:
        return None
    converted = amount * dimension.units[unit] / dimension.units[wanted]
    return converted.quantize(PLACES).normalize() + Decimal(0)


def check_units(
    units: Units, quantities: Sequence[Mapping[str, Any]], pointer: str = "/quantities"
) -> list[FieldError]:
    """Errors of quantities whose unit is not on the list."""
    return [
        FieldError(
            "unknown_unit",
            f"没有计量单位“{quantity['unit']}”, 可用: {'、'.join(one.unit for one in units.values())}等",
            "unknown unit of a quantity",
            f"{pointer}/{index}/unit",
        )
        for index, quantity in enumerate(quantities)
        if find_dimension(units, quantity["unit"]) not in units
    ]
