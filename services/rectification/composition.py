"""What rectification adds to the overview and to threads."""

from shared.clients.composition import ALERTS_PAGE, LINK, Composition, Figure, StepSpec, ThreadPage

COMPOSITION = Composition(
    figures=(
        Figure(rank=50, key="rectification_items", path=("count",), label="整改问题", unit="个"),
        Figure(rank=51, key="rectification_closed", path=("closed_percent",), label="整改销号率", unit="%"),
        Figure(rank=52, key="rectification_overdue", path=("overdue",), label="整改逾期", unit="个"),
        Figure(
            rank=68,
            key="rectification_alerts",
            path=("undone",),
            label="整改预警未销号",
            unit="条",
            page=ALERTS_PAGE,
        ),
    ),
    thread_pages=(
        ThreadPage(address="/rectification/items", by=LINK, lists={"rectification_items": "items"}),
    ),
    thread_steps=(
        StepSpec(
            rank=12,
            list_name="rectification_items",
            label="问题整改",
            address="/rectification/items/{id}",
            text_fields=("number", "problem"),
            amount_field="amount_found",
            day_fields=("found_on",),
        ),
    ),
)
