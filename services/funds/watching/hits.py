"""What a rule found, and what it looks with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from services.funds.alerts.kinds import Light
from shared.money import yuan
from shared.rules import Rule
from shared.work import Work

MOST = 10_000
"""Rows one rule reads in one sweep, the worst first where a rule can tell."""
MOST_ROWS = 50
"""Rows kept behind one hit."""


Rows = Sequence[Any]


@dataclass(frozen=True)
class Look:
    """A rule in force, on a day, with the means to ask."""

    work: Work
    rule: Rule
    on: date
    cut: list[int] = field(default_factory=list)
    """Not empty when there were more rows than one sweep reads: what was not seen may still be there."""

    def every(self, rows: Rows) -> Rows:
        """The rows, and a note when there may be more."""
        if len(rows) >= MOST:
            self.cut.append(len(rows))
        return rows

    def since(self, name: str = "window") -> date:
        """So many days ago, as the rule says."""
        return self.on - timedelta(days=int(self.rule.value[name]))

    def light(self, amount: int) -> Light:
        """The light for so many days, by the rule's `days`."""
        steps = {Light(name): int(least) for name, least in self.rule.value["days"].items()}
        lit = [
            light
            for light in (Light.RED, Light.ORANGE, Light.YELLOW)
            if light in steps and amount >= steps[light]
        ]
        return lit[0] if lit else Light.YELLOW

    def least(self) -> int:
        """Days from which the rule's mildest light shows."""
        return min(int(days) for days in self.rule.value["days"].values())


@dataclass(frozen=True)
class Hit:
    """One thing that is wrong."""

    subject_kind: str
    subject: str
    region: str
    title: str
    message: str
    light: Light
    figures: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[dict[str, str]] = ()
    mark: str = ""
    """Tells two hits on one subject apart."""


def row_of(values: Mapping[str, Any]) -> dict[str, str]:
    """A row behind a hit as text: amounts in 元, everything else as it is written."""
    return {
        name: yuan(value) if name in AMOUNTS else "" if value is None else str(value)
        for name, value in values.items()
    }


AMOUNTS = frozenset(
    {"amount", "refunded", "unpaid", "paid", "allocated", "received", "left", "contract_amount"}
)
