"""What assets adds to the overview and to threads."""

from shared.clients.composition import ALERTS_PAGE, LINK, Composition, Figure, StepSpec, ThreadPage

COMPOSITION = Composition(
    yearly=False,
    figures=(
        Figure(rank=30, key="assets", path=("count",), label="项目资产", unit="项"),
        Figure(rank=31, key="asset_value", path=("value",), label="资产原值", unit="元"),
        Figure(rank=32, key="confirmed_percent", path=("confirmed_percent",), label="确权率", unit="%"),
        Figure(
            rank=33, key="difference", path=("agreement", "difference"), label="登记原值减结算", unit="元"
        ),
        Figure(
            rank=64, key="asset_alerts", path=("undone",), label="资产预警未销号", unit="条", page=ALERTS_PAGE
        ),
        Figure(
            rank=65,
            key="asset_alerts_late",
            path=("overdue",),
            label="资产预警逾期",
            unit="条",
            page=ALERTS_PAGE,
        ),
    ),
    thread_kinds={"asset": "项目资产"},
    thread_pages=(
        ThreadPage(
            address="/assets/thread",
            by="asset_id",
            lists={"assets": "assets", "inspections": "inspections"},
            leads_to="project_id",
        ),
        ThreadPage(
            address="/assets/thread",
            by=LINK,
            lists={"assets": "assets", "inspections": "inspections", "coverage": "coverage"},
        ),
    ),
    thread_steps=(
        StepSpec(
            rank=9,
            list_name="assets",
            label="资产",
            address="/assets/{id}",
            text_fields=("code", "name"),
            amount_field="original_value",
            day_fields=("state_since",),
        ),
        StepSpec(
            rank=10,
            list_name="inspections",
            label="巡查",
            address="/assets/{asset_id}/inspections",
            text_fields=("condition", "findings"),
            day_fields=("inspected_at",),
        ),
    ),
)
