"""What funds adds to the overview and to threads."""

from shared.clients.composition import ALERTS_PAGE, LINK, Composition, Figure, StepSpec, ThreadPage

THREAD_LISTS = {
    name: name for name in ("sources", "plans", "allocations", "contracts", "payments", "figures")
}
COMPOSITION = Composition(
    figures=(
        Figure(rank=10, key="received", path=("figures", "received"), label="资金到位", unit="元"),
        Figure(rank=11, key="allocated", path=("figures", "allocated"), label="已下达", unit="元"),
        Figure(rank=12, key="paid", path=("figures", "paid"), label="已支付", unit="元"),
        Figure(rank=13, key="paid_percent", path=("paid_percent",), label="支付进度", unit="%"),
        Figure(rank=14, key="industry_percent", path=("industry", "percent"), label="产业占比", unit="%"),
        Figure(
            rank=62, key="fund_alerts", path=("undone",), label="资金预警未销号", unit="条", page=ALERTS_PAGE
        ),
        Figure(
            rank=63,
            key="fund_alerts_late",
            path=("overdue",),
            label="资金预警逾期",
            unit="条",
            page=ALERTS_PAGE,
        ),
    ),
    thread_kinds={"source": "指标文", "plan": "分配方案", "payment": "支付"},
    thread_pages=tuple(
        ThreadPage(address="/funds/thread", by=by, lists=THREAD_LISTS, leads_to="projects")
        for by in (LINK, "source_id", "plan_id", "payment_id")
    ),
    thread_steps=(
        StepSpec(
            rank=1,
            list_name="sources",
            label="指标文",
            address="/funds/sources/{id}",
            text_fields=("document_no", "title"),
            amount_field="amount",
            day_fields=("received_on",),
        ),
        StepSpec(
            rank=2,
            list_name="plans",
            label="分配方案",
            address="/funds/plans/{id}",
            text_fields=("title", "decision_no"),
            amount_field="announced_total",
            day_fields=("issued_on",),
        ),
        StepSpec(
            rank=3,
            list_name="allocations",
            label="资金下达",
            address="/funds/allocations/{id}",
            text_fields=("document_no", "project_name"),
            amount_field="amount",
            day_fields=("issued_on",),
        ),
        StepSpec(
            rank=6,
            list_name="contracts",
            label="合同",
            address="/funds/contracts/{id}",
            text_fields=("number", "party", "retention_status"),
            amount_field="amount",
            day_fields=("signed_on",),
        ),
        StepSpec(
            rank=8,
            list_name="payments",
            label="支付",
            address="/funds/payments/{id}",
            text_fields=("voucher_no", "payee_name"),
            amount_field="amount",
            day_fields=("paid_on",),
        ),
    ),
)
