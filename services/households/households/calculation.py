"""The summary of monitored households: counts only."""

from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from services.households.households.lifecycle import HELPED, UNDER_WAY, HouseholdState
from services.households.households.schemas import ClassCount, HouseholdSummary, MonitorClass
from shared.records.town_rates import average_rate

IDENTIFIED = (*HELPED, HouseholdState.REMOVED)


def build_summary(region: str, year: int | None, rows: Sequence[Any]) -> HouseholdSummary:
    """Add up the rows of `repository.sum_households`."""
    by_state: Counter[HouseholdState] = Counter()
    for row in rows:
        by_state[HouseholdState(row.state)] += row.households
    identified = [row for row in rows if row.state in IDENTIFIED]
    households = sum(row.households for row in identified)
    removed = by_state[HouseholdState.REMOVED]
    share = Decimal(removed * 100) / households if households else Decimal(0)
    return HouseholdSummary(
        region=region,
        year=year,
        households=households,
        people=sum(row.people for row in identified),
        under_way=sum(by_state[state] for state in UNDER_WAY),
        monitored=sum(by_state[state] for state in HELPED),
        removed=removed,
        removed_percent=str(share.quantize(Decimal("0.1"), ROUND_HALF_UP)),
        removed_percent_of_towns=average_rate(
            region,
            (
                (row.head, row.households if row.state == HouseholdState.REMOVED else 0, row.households)
                for row in identified
            ),
        ),
        late=sum(row.late for row in rows),
        without_measure=sum(row.without_measure for row in rows),
        faulty=sum(row.faulty for row in identified),
        by_state=dict(by_state),
        by_class=[
            ClassCount(
                monitor_class=one,
                label=one.label,
                households=sum(row.households for row in identified if row.monitor_class == one),
                people=sum(row.people for row in identified if row.monitor_class == one),
            )
            for one in MonitorClass
            if any(row.monitor_class == one for row in identified)
        ],
    )
