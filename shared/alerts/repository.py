"""Every query about a service's alerts, always within the caller's regions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.access import span
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertRow, Alerts
from shared.cursors import insert_once
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.tables import event_log
from shared.work import Work

CHUNK = 400


def _table(alerts: Alerts) -> sa.Table:
    table: sa.Table = alerts.row.__table__  # type: ignore[attr-defined]
    return table


async def get(work: Work, alerts: Alerts, alert_id: UUID, *, lock: bool = False) -> AlertRow:
    """One alert of the caller's regions; NotFound otherwise."""
    row = alerts.row
    query = select(row).where(row.id == alert_id, work.actor.where(alerts.read, col(row.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个预警: {alert_id}", f"No alert {alert_id}")
    return found


async def listed(
    work: Work,
    alerts: Alerts,
    asked: Asked,
    *,
    same: Mapping[str, Any],
    region: str | None = None,
    overdue: date | None = None,
) -> Page[AlertRow]:
    """A page of alerts, due first unless asked otherwise; `same` are columns and the values they must have."""
    row = alerts.row
    query = select(row).where(work.actor.where(alerts.read, col(row.region)))
    if region:
        query = query.where(col(row.region).between(*span(region)))
    for name, value in same.items():
        if value is not None:
            query = query.where(getattr(row, name) == value)
    if overdue is not None:
        query = query.where(col(row.state) == AlertState.OPEN, col(row.due_on) < overdue)
    orders = {"due_on": col(row.due_on), "created_at": col(row.created_at)}
    return await page(work.session, query, asked, orders=orders, key=col(row.id), default="due_on")


async def counts(work: Work, alerts: Alerts, region: str, on: date) -> list[sa.Row[Any]]:
    """Alerts of a region by rule, kind and light: closed, not closed, and not answered in time."""
    kept = _table(alerts).c
    closed = kept.state == AlertState.CLOSED
    query = (
        sa.select(
            kept.rule,
            kept.kind,
            kept.light,
            sa.func.count().filter(~closed).label("undone"),
            sa.func.count().filter(closed).label("done"),
            sa.func.count().filter(kept.state == AlertState.OPEN, kept.due_on < on).label("overdue"),
        )
        .where(kept.region.between(*span(region)), work.actor.where(alerts.read, kept.region))
        .group_by(kept.rule, kept.kind, kept.light)
        .order_by(kept.rule, kept.kind, kept.light)
    )
    return list(await run(work.session, query))


async def history(work: Work, alert: AlertRow) -> list[sa.Row[Any]]:
    """What happened to an alert the caller was given already, oldest first."""
    query = sa.select(event_log).where(event_log.c.subject == str(alert.id))
    return list(await run(work.session, query.order_by(event_log.c.seq).limit(200)))


async def system_raise(work: Work, alerts: Alerts, values: dict[str, Any]) -> bool:
    """Write a new alert unless its mark is there already; whether it was written."""
    return (await run(work.session, insert_once(work.session, _table(alerts), values))).first() is not None


async def system_marked(work: Work, alerts: Alerts, marks: Sequence[str]) -> dict[str, AlertRow]:
    """Alerts by their marks, locked."""
    found: dict[str, AlertRow] = {}
    row = alerts.row
    for at in range(0, len(marks), CHUNK):
        query = select(row).where(col(row.mark).in_(marks[at : at + CHUNK]))
        rows = await work.session.exec(query.order_by(col(row.id)).with_for_update())
        found |= {one.mark: one for one in rows}
    return found


async def system_present(work: Work, alerts: Alerts, rule: str) -> list[AlertRow]:
    """A rule's alerts that are not known to be gone, locked."""
    row = alerts.row
    query = select(row).where(row.rule == rule, ~col(row.gone))
    return list(await work.session.exec(query.order_by(col(row.id)).with_for_update()))
