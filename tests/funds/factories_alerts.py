"""What tests of supervision do before they look."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.commitments import service as commitments
from services.funds.payments.models import Payment
from shared.db import execute_core
from tests.funds.factories_funds import FundsScenario, expect_ok


async def run_alert_scan(desk: FundsScenario) -> Any:
    return expect_ok(await desk.bureau.post("/funds/alerts/sweep"))


async def list_alerts(desk: FundsScenario, rule: str = "", **given: Any) -> list[dict[str, Any]]:
    """Alerts after a sweep, of one rule when it is named."""
    await run_alert_scan(desk)
    params = {**given, **({"rule": f"alert.{rule}"} if rule else {})}
    return list(expect_ok(await desk.auditor.get("/funds/alerts", params=params))["items"])


async def update_rows(desk: FundsScenario, table: Any, condition: Any, **values: Any) -> None:
    """Change rows behind the service's back, as records that came from elsewhere may be."""
    async with desk.door.context.database.write() as session:
        await execute_core(session, sa.update(table).where(condition).values(**values))


async def update_payment_row(desk: FundsScenario, payment: str, **values: Any) -> None:
    table = Payment.__table__  # type: ignore[attr-defined]
    await update_rows(desk, table, table.c.id == UUID(payment), **values)


async def record_project_progress(desk: FundsScenario, project: UUID, percent: int, on: date) -> None:
    """The library tells how far a project is, as its events do."""
    context = desk.door.context
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await commitments.record_progress(work, project, percent, 1_000_000)
        await commitments.record_site_visit(work, project, on)
