"""What households adds to the overview: counts only, no household."""

from shared.clients.composition import ALERTS_PAGE, Composition, Figure

COMPOSITION = Composition(
    figures=(
        Figure(rank=43, key="households_identified", path=("households",), label="监测对象", unit="户"),
        Figure(rank=44, key="households_monitored", path=("monitored",), label="监测帮扶中", unit="户"),
        Figure(rank=45, key="households_removed", path=("removed_percent",), label="风险消除比例", unit="%"),
        Figure(
            rank=46, key="households_helpless", path=("without_measure",), label="监测户无措施", unit="户"
        ),
        Figure(
            rank=70,
            key="household_alerts",
            path=("undone",),
            label="监测预警未销号",
            unit="条",
            page=ALERTS_PAGE,
        ),
    ),
)
