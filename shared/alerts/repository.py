"""Every query about a service's alerts, always within the caller's regions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.auth import region_bounds
from shared.db import event_log, execute_core
from shared.errors import NotFound
from shared.events import insert_once
from shared.http import Page, PageParams, list_page
from shared.unit_of_work import UnitOfWork

LOCK_CHUNK_ROWS = 400


def _alert_table(alerts: AlertConfig) -> sa.Table:
    table: sa.Table = alerts.row.__table__  # type: ignore[attr-defined]
    return table


async def get_alert(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID, *, lock: bool = False) -> AlertRow:
    """One alert of the caller's regions; NotFound otherwise."""
    row = alerts.row
    query = select(row).where(row.id == alert_id, work.actor.scope_filter(alerts.read, col(row.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个预警: {alert_id}", f"No alert {alert_id}")
    return found


async def list_alerts(
    work: UnitOfWork,
    alerts: AlertConfig,
    asked: PageParams,
    *,
    same: Mapping[str, Any],
    region: str | None = None,
    overdue: date | None = None,
) -> Page[AlertRow]:
    """A page of alerts, due first unless asked otherwise; `same` are columns and the values they must have."""
    row = alerts.row
    query = select(row).where(work.actor.scope_filter(alerts.read, col(row.region)))
    if region:
        query = query.where(col(row.region).between(*region_bounds(region)))
    for name, value in same.items():
        if value is not None:
            query = query.where(getattr(row, name) == value)
    if overdue is not None:
        query = query.where(col(row.state) == AlertState.OPEN, col(row.due_on) < overdue)
    orders = {"due_on": col(row.due_on), "created_at": col(row.created_at)}
    return await list_page(work.session, query, asked, orders=orders, key=col(row.id), default="due_on")


async def count_alerts(work: UnitOfWork, alerts: AlertConfig, region: str, on: date) -> list[sa.Row[Any]]:
    """Alerts of a region by rule, kind and light: closed, not closed, and not answered in time."""
    kept = _alert_table(alerts).c
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
        .where(kept.region.between(*region_bounds(region)), work.actor.scope_filter(alerts.read, kept.region))
        .group_by(kept.rule, kept.kind, kept.light)
        .order_by(kept.rule, kept.kind, kept.light)
    )
    return list(await execute_core(work.session, query))


async def list_history(work: UnitOfWork, alert: AlertRow) -> list[sa.Row[Any]]:
    """What happened to an alert the caller was given already, oldest first."""
    query = sa.select(event_log).where(event_log.c.subject == str(alert.id))
    return list(await execute_core(work.session, query.order_by(event_log.c.seq).limit(200)))


async def system_insert_alert(work: UnitOfWork, alerts: AlertConfig, values: dict[str, Any]) -> bool:
    """Write a new alert unless its mark is there already; whether it was written."""
    return (
        await execute_core(work.session, insert_once(work.session, _alert_table(alerts), values))
    ).first() is not None


async def system_find_by_keys(
    work: UnitOfWork, alerts: AlertConfig, marks: Sequence[str]
) -> dict[str, AlertRow]:
    """Alerts by their marks, locked."""
    found: dict[str, AlertRow] = {}
    row = alerts.row
    for at in range(0, len(marks), LOCK_CHUNK_ROWS):
        query = select(row).where(col(row.mark).in_(marks[at : at + LOCK_CHUNK_ROWS]))
        rows = await work.session.exec(query.order_by(col(row.id)).with_for_update())
        found |= {one.mark: one for one in rows}
    return found


async def system_list_unresolved(work: UnitOfWork, alerts: AlertConfig, rule: str) -> list[AlertRow]:
    """A rule's alerts that are not known to be gone, locked."""
    row = alerts.row
    query = select(row).where(row.rule == rule, ~col(row.gone))
    return list(await work.session.exec(query.order_by(col(row.id)).with_for_update()))
