"""The rows behind what a rule found, as text."""

from collections.abc import Mapping
from typing import Any

from shared.money import yuan

AMOUNTS = frozenset(
    {"amount", "refunded", "unpaid", "paid", "allocated", "received", "left", "contract_amount"}
)


def row_of(values: Mapping[str, Any]) -> dict[str, str]:
    """A row behind a hit as text: amounts in 元, everything else as it is written."""
    return {
        name: yuan(value) if name in AMOUNTS else "" if value is None else str(value)
        for name, value in values.items()
    }
