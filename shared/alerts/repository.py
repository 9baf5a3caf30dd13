"""All queries over alerts; except for `system_…` only within the caller's regions."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.alerts.detection import Subjects, is_among
from shared.alerts.lifecycle import AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.alerts.schemas import AlertRead
from shared.db import event_log, execute_core, note_keys
from shared.errors import NotFound
from shared.events import current_epoch_name, insert_once
from shared.http import PageAnswer, PageParams, answer_page
from shared.unit_of_work import UnitOfWork

MAX_PRINTED_ALERTS = 2000


def _alert_table(alerts: AlertConfig) -> sa.Table:
    table: sa.Table = alerts.row.__table__  # type: ignore[attr-defined]
    return table


async def get_alert(work: UnitOfWork, alerts: AlertConfig, alert_id: UUID, *, lock: bool = False) -> AlertRow:
    """One alert in the caller's regions; NotFound otherwise."""
    row = alerts.row
    query = select(row).where(row.id == alert_id, work.actor.scope_filter(alerts.read, col(row.region)))
    alert = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if alert is None:
        raise NotFound(f"没有这个预警: {alert_id}", f"No alert {alert_id}")
    return alert


async def list_alerts(
    work: UnitOfWork,
    alerts: AlertConfig,
    params: PageParams,
    *,
    filters: Mapping[str, Any],
    region: str | None = None,
    overdue: date | None = None,
) -> PageAnswer:
    """A page of alerts, by due date by default.

    `filters` maps columns to required values (None: any); `overdue` selects open alerts due before that day.
    """
    row = alerts.row
    query = select(row).where(work.actor.scope_filter(alerts.read, col(row.region)))
    if region:
        query = query.where(work.within_region(col(row.region), region))
    for name, value in filters.items():
        if value is not None:
            query = query.where(getattr(row, name) == value)
    if overdue is not None:
        query = query.where(col(row.state) == AlertState.OPEN, col(row.due_on) < overdue)
    orders = {"due_on": col(row.due_on), "created_at": col(row.created_at)}
    return await answer_page(
        work.session, query, params, read=AlertRead, orders=orders, key=col(row.id), default="due_on"
    )


async def list_printed_alerts(
    work: UnitOfWork, alerts: AlertConfig, region: str, state: AlertState | None
) -> list[AlertRow]:
    """The alerts of a region for a printed list, by due date, at most `MAX_PRINTED_ALERTS`; without a state those not closed."""
    row = alerts.row
    wanted = row.state == state if state is not None else row.state != AlertState.CLOSED
    query = select(row).where(
        work.actor.scope_filter(alerts.read, col(row.region)),
        work.within_region(col(row.region), region),
        wanted,
    )
    return list(
        await work.session.exec(query.order_by(col(row.due_on), col(row.id)).limit(MAX_PRINTED_ALERTS))
    )


async def count_alerts(work: UnitOfWork, alerts: AlertConfig, region: str, on: date) -> list[sa.Row[Any]]:
    """Counts of a region's alerts by rule, kind and severity: undone (not closed), done (closed), overdue."""
    columns = _alert_table(alerts).c
    closed = columns.state == AlertState.CLOSED
    query = (
        sa.select(
            columns.rule,
            columns.kind,
            columns.light,
            sa.func.count().filter(~closed).label("undone"),
            sa.func.count().filter(closed).label("done"),
            sa.func.count().filter(columns.state == AlertState.OPEN, columns.due_on < on).label("overdue"),
        )
        .where(
            work.within_region(columns.region, region),
            work.actor.scope_filter(alerts.read, columns.region),
        )
        .group_by(columns.rule, columns.kind, columns.light)
        .order_by(columns.rule, columns.kind, columns.light)
    )
    return list(await execute_core(work.session, query))


async def list_history(work: UnitOfWork, alert: AlertRow) -> list[sa.Row[Any]]:
    """Log rows of an alert that the caller has loaded, oldest first, at most 200, with the name of the epoch."""
    query = sa.select(event_log, current_epoch_name()).where(event_log.c.subject == str(alert.id))
    return list(await execute_core(work.session, query.order_by(event_log.c.seq).limit(200)))


async def system_list_owned_alerts(work: UnitOfWork, alerts: AlertConfig, owner: str) -> list[AlertRow]:
    """The alerts of an owner that are not closed, locked in order."""
    row = alerts.row
    query = select(row).where(row.owner == owner, row.state != AlertState.CLOSED)
    return list(await work.session.exec(query.order_by(col(row.id)).with_for_update()))


async def system_insert_alert(work: UnitOfWork, alerts: AlertConfig, values: dict[str, Any]) -> bool:
    """Insert an alert unless its deduplication key exists; return whether it was inserted."""
    table = _alert_table(alerts)
    inserted = (await execute_core(work.session, insert_once(work.session, table, values))).first()
    note_keys(work.session, table, [] if inserted is None else [values["id"]])
    return inserted is not None


async def system_find_by_keys(
    work: UnitOfWork, alerts: AlertConfig, dedup_keys: Sequence[str]
) -> dict[str, AlertRow]:
    """Lock and return alerts by deduplication key."""
    row = alerts.row
    query = select(row).where(col(row.mark).in_(dedup_keys)).order_by(col(row.id)).with_for_update()
    return {alert.mark: alert for alert in await work.session.exec(query)}


async def system_list_unresolved_keys(
    session: AsyncSession, alerts: AlertConfig, rule: str, subjects: Subjects
) -> list[str]:
    """Deduplication keys of a rule's alerts about these subjects that are not marked as gone."""
    columns = _alert_table(alerts).c
    query = sa.select(columns.mark).where(
        columns.rule == rule, columns.gone.is_(False), is_among(columns.subject, subjects)
    )
    return list((await execute_core(session, query.order_by(columns.mark))).scalars())


async def system_find_next_deadline(session: AsyncSession, alerts: AlertConfig, since: date) -> date | None:
    """The earliest deadline from a day on that a standing alert was closed with; None without one."""
    columns = _alert_table(alerts).c
    query = sa.select(columns.reopen_on).where(_waits_for_deadline(columns), columns.reopen_on >= since)
    found: date | None = (await execute_core(session, query.order_by(columns.reopen_on).limit(1))).scalar()
    return found


async def system_list_past_deadlines(
    session: AsyncSession, alerts: AlertConfig, since: date, before: date
) -> list[sa.Row[Any]]:
    """Rule and subject of the standing alerts whose deadline lies from `since` on and before `before`."""
    columns = _alert_table(alerts).c
    query = sa.select(columns.rule, columns.subject).where(
        _waits_for_deadline(columns), columns.reopen_on >= since, columns.reopen_on < before
    )
    return list(await execute_core(session, query.distinct()))


def _waits_for_deadline(columns: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a table's columns
    return sa.and_(columns.state == AlertState.CLOSED, columns.gone.is_(False))
