"""What tests of supervision do before they look."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.funds.commitments import service as commitments
from services.funds.payments.models import Payment
from shared.db import run
from tests.funds.desk import Desk, ok


async def swept(desk: Desk) -> Any:
    return ok(await desk.bureau.post("/funds/alerts/sweep"))


async def alerts(desk: Desk, rule: str = "", **given: Any) -> list[dict[str, Any]]:
    """Alerts after a sweep, of one rule when it is named."""
    await swept(desk)
    params = {**given, **({"rule": f"alert.{rule}"} if rule else {})}
    return list(ok(await desk.auditor.get("/funds/alerts", params=params))["items"])


async def rewrite(desk: Desk, table: Any, condition: Any, **values: Any) -> None:
    """Change rows behind the service's back, as records that came from elsewhere may be."""
    async with desk.door.context.database.write() as session:
        await run(session, sa.update(table).where(condition).values(**values))


async def change_payment(desk: Desk, payment: str, **values: Any) -> None:
    table = Payment.__table__  # type: ignore[attr-defined]
    await rewrite(desk, table, table.c.id == UUID(payment), **values)


async def reports(desk: Desk, project: UUID, percent: int, on: date) -> None:
    """The library tells how far a project is, as its events do."""
    context = desk.door.context
    async with context.database.write() as session:
        work = context.work(session)
        await commitments.progressed(work, project, percent, 1_000_000)
        await commitments.seen_on_site(work, project, on)
