"""Steps of the alert tests: scan, list, and change rows directly in the database."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.commitments import repository as commitments
from services.funds.payments.models import Payment
from shared.db import execute_core
from tests.funds.factories_funds import FundsScenario, expect_ok


async def run_alert_scan(scenario: FundsScenario) -> Any:
    return expect_ok(await scenario.finance.post("/funds/alerts/sweep"))


async def list_alerts(scenario: FundsScenario, rule: str = "", **filters: Any) -> list[dict[str, Any]]:
    """Run a scan and list the alerts, of one rule if named."""
    await run_alert_scan(scenario)
    params = {**filters, **({"rule": f"alert.{rule}"} if rule else {})}
    return list(expect_ok(await scenario.auditor.get("/funds/alerts", params=params))["items"])


async def update_rows(scenario: FundsScenario, table: Any, condition: Any, **values: Any) -> None:
    """Change rows directly in the database, as if imported."""
    async with scenario.door.context.database.write() as session:
        await execute_core(session, sa.update(table).where(condition).values(**values))


async def update_payment_row(scenario: FundsScenario, payment: str, **values: Any) -> None:
    table = Payment.__table__  # type: ignore[attr-defined]
    await update_rows(scenario, table, table.c.id == UUID(payment), **values)


async def record_project_progress(scenario: FundsScenario, project: UUID, percent: int, on: date) -> None:
    """Record physical progress (%) and a site visit, as the events of the projects service do."""
    context = scenario.door.context
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        columns = {"physical_percent": percent, "version": 1_000_000}
        await commitments.system_update_project(work, project, columns)
        await commitments.system_record_site_visit(work, project, on)
