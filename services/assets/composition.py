"""What assets adds to the overview and to threads."""

from shared.clients.composition import ALERTS_PAGE, LINK, Composition, Figure, StepSpec, ThreadPage

THREAD_LISTS = ("assets", "inspections", "leases", "receipts", "pledges", "transfers", "disposals")
COMPOSITION = Composition(
    yearly=False,
    figures=(
        Figure(rank=30, key="assets", path=("count",), label="项目资产", unit="项"),
        Figure(rank=31, key="asset_value", path=("value",), label="资产原值", unit="元"),
        Figure(rank=31, key="asset_net", path=("net",), label="资产净值", unit="元"),
        Figure(rank=31, key="assets_disposed", path=("disposed", "count"), label="已处置资产", unit="项"),
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
            lists={name: name for name in THREAD_LISTS},
            leads_to="project_id",
        ),
        ThreadPage(address="/assets/{asset_id}/notices", by="asset_id", lists={"asset_notices": ""}),
        ThreadPage(
            address="/assets/thread",
            by=LINK,
            lists={name: name for name in (*THREAD_LISTS, "coverage")},
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
        StepSpec(
            rank=9,
            list_name="asset_notices",
            label="资产公示",
            address="/assets/notices/{id}",
            text_fields=("title",),
            day_fields=("starts_on",),
        ),
        StepSpec(
            rank=9,
            list_name="transfers",
            label="权属文书",
            address="/assets/transfers/{id}",
            text_fields=("number", "title"),
            day_fields=("state_since",),
        ),
        StepSpec(
            rank=10,
            list_name="leases",
            label="经营合同",
            address="/assets/contracts/{id}",
            text_fields=("number", "operator"),
            amount_field="amount",
            day_fields=("starts_on",),
        ),
        StepSpec(
            rank=11,
            list_name="receipts",
            label="资产收益",
            address="/assets/{asset_id}/income",
            text_fields=("payer", "voucher_no"),
            amount_field="amount",
            day_fields=("received_on",),
        ),
        StepSpec(
            rank=11,
            list_name="pledges",
            label="资产抵押",
            address="/assets/pledges/{id}",
            text_fields=("pledgee",),
            amount_field="amount",
            day_fields=("starts_on",),
        ),
        StepSpec(
            rank=12,
            list_name="disposals",
            label="资产处置",
            address="/assets/disposals/{id}",
            text_fields=("description", "document_no"),
            amount_field="proceeds",
            day_fields=("state_since",),
        ),
    ),
)
