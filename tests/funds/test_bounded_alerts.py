"""What an event costs the alerts does not grow with the payments of others, and leaves their alerts alone."""

from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from services.funds.alerts.detectors import DETECTORS as FUND_DETECTORS
from services.funds.alerts.models import ALERTS as FUND_ALERTS
from services.funds.payments.models import Payment
from shared.alerts.follower import follow_log
from shared.db import execute_core
from tests.alerts.statements import watch_statements
from tests.funds.factories_alerts import run_alert_scan, update_payment_row
from tests.funds.factories_funds import FundsScenario, expect_ok

FORBIDDEN_SUBJECT = "30217"
PAYMENT: sa.Table = Payment.__table__  # type: ignore[attr-defined]


async def copy_payment(scenario: FundsScenario, payment_id: str, copies: int) -> None:
    """Payments like this one, of other projects to other payees, as if imported."""
    async with scenario.door.context.database.write() as session:
        query = sa.select(PAYMENT).where(PAYMENT.c.id == UUID(payment_id))
        row = (await execute_core(session, query)).one()._asdict()
        rows = [
            {**row, "id": uuid4(), "project_id": uuid4(), "payee_key": f"payee {uuid4()}"}
            for _ in range(copies)
        ]
        await execute_core(session, sa.insert(PAYMENT), rows)


async def list_forbidden(scenario: FundsScenario, **filters: str) -> list[dict[str, Any]]:
    """A page of the alerts about forbidden subjects."""
    params = {"rule": "alert.subject", "limit": "200", **filters}
    return list(expect_ok(await scenario.auditor.get("/funds/alerts", params=params))["items"])


async def test_an_event_costs_the_same_with_300_other_rows_and_leaves_their_alerts_alone(
    scenario: FundsScenario,
) -> None:
    context, follow = scenario.door.context, follow_log(FUND_ALERTS, FUND_DETECTORS)
    first = await scenario.create_allocation(10_000_00)
    second = await scenario.create_allocation(10_000_00)
    model = await scenario.create_paid_payment(
        first["id"], 1_000_00, economic_subject=FORBIDDEN_SUBJECT, payee_name="甲公司"
    )

    async def measure(allocation: dict[str, Any], others: int, payee: str) -> tuple[int, str]:
        await copy_payment(scenario, model["id"], others)
        await run_alert_scan(scenario)
        while await follow(context):
            pass
        payment = await scenario.create_paid_payment(
            allocation["id"], 1_000_00, economic_subject=FORBIDDEN_SUBJECT, payee_name=payee
        )
        with watch_statements(context.database) as seen:
            await follow(context)
        return sum(rows for *_, rows in seen), payment["id"]

    await measure(await scenario.create_allocation(10_000_00), 3, "乙公司")
    few, _ = await measure(await scenario.create_allocation(10_000_00), 1, "丙公司")
    many, payment = await measure(second, 297, "丁公司")
    await update_payment_row(scenario, payment, economic_subject="30299")
    refund = {"amount": "1.00", "voucher_no": "退-1", "happened_on": "2024-05-20", "reason": "退回"}
    expect_ok(await scenario.cashier.post(f"/funds/payments/{payment}/refunds", json=refund), 201)
    await follow(context)
    (ended,) = await list_forbidden(scenario, gone="true")

    assert few > 0
    assert many == few
    assert ended["subject"] == payment
    summary = expect_ok(await scenario.auditor.get("/funds/alerts/summary"))
    assert [row["undone"] for row in summary["rows"] if row["rule"] == "alert.subject"] == [305]
    assert await list_forbidden(scenario, gone="true") == [ended]
