"""Every query about alerts."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.funds.alerts.kinds import AlertKind, Light
from services.funds.alerts.lifecycle import AlertState
from services.funds.alerts.models import Alert
from shared.access import span
from shared.cursors import insert_once
from shared.db import run
from shared.errors import NotFound
from shared.pages import Asked, Page, page
from shared.permissions import May
from shared.tables import event_log
from shared.work import Work

ORDERS = {"created_at": col(Alert.created_at)}
TABLE: sa.Table = Alert.__table__  # type: ignore[attr-defined]
CHUNK = 400


async def get(work: Work, alert_id: UUID, *, lock: bool = False) -> Alert:
    """One alert of the caller's regions; NotFound otherwise."""
    query = select(Alert).where(Alert.id == alert_id, work.actor.where(May.FUND_READ, col(Alert.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound(f"没有这个预警: {alert_id}", f"No alert {alert_id}")
    return found


async def listed(
    work: Work,
    asked: Asked,
    *,
    region: str | None = None,
    kind: AlertKind | None = None,
    light: Light | None = None,
    state: AlertState | None = None,
    rule: str | None = None,
    subject: str | None = None,
    owner: str | None = None,
    overdue: date | None = None,
) -> Page[Alert]:
    """A page of alerts of the caller's regions; `overdue` leaves those not answered by that day."""
    query = select(Alert).where(work.actor.where(May.FUND_READ, col(Alert.region)))
    if region:
        query = query.where(col(Alert.region).between(*span(region)))
    given = {"kind": kind, "light": light, "state": state, "rule": rule, "subject": subject, "owner": owner}
    for name, value in given.items():
        if value is not None:
            query = query.where(getattr(Alert, name) == value)
    if overdue is not None:
        query = query.where(col(Alert.state) == AlertState.OPEN, col(Alert.due_on) < overdue)
    return await page(work.session, query, asked, orders=ORDERS, key=col(Alert.id), default="-created_at")


async def counts(work: Work, region: str, on: date) -> list[sa.Row[Any]]:
    """Alerts of a region by kind and light: closed, not closed, and not answered in time."""
    kept = TABLE.c
    closed = kept.state == AlertState.CLOSED
    query = (
        sa.select(
            kept.kind,
            kept.light,
            sa.func.count().filter(~closed).label("undone"),
            sa.func.count().filter(closed).label("done"),
            sa.func.count().filter(kept.state == AlertState.OPEN, kept.due_on < on).label("overdue"),
        )
        .where(kept.region.between(*span(region)), work.actor.where(May.FUND_READ, kept.region))
        .group_by(kept.kind, kept.light)
        .order_by(kept.kind, kept.light)
    )
    return list(await run(work.session, query))


async def history(work: Work, alert: Alert) -> list[sa.Row[Any]]:
    """What happened to an alert the caller was given already, oldest first."""
    query = sa.select(event_log).where(event_log.c.subject == str(alert.id))
    return list(await run(work.session, query.order_by(event_log.c.seq).limit(200)))


async def system_raise(work: Work, values: dict[str, Any]) -> bool:
    """Write a new alert unless its mark is there already; whether it was written."""
    return (await run(work.session, insert_once(work.session, TABLE, values))).first() is not None


async def system_marked(work: Work, marks: Sequence[str]) -> dict[str, Alert]:
    """Alerts by their marks, locked."""
    found: dict[str, Alert] = {}
    for at in range(0, len(marks), CHUNK):
        query = select(Alert).where(col(Alert.mark).in_(marks[at : at + CHUNK]))
        rows = await work.session.exec(query.order_by(col(Alert.id)).with_for_update())
        found |= {row.mark: row for row in rows}
    return found


async def system_unclosed(work: Work, rule: str) -> list[Alert]:
    """A rule's alerts that are not closed and not known to be gone, locked."""
    query = select(Alert).where(Alert.rule == rule, col(Alert.state) != AlertState.CLOSED, ~col(Alert.gone))
    return list(await work.session.exec(query.order_by(col(Alert.id)).with_for_update()))
