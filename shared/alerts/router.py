"""The addresses of alerts, the same in every service that watches its records."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from shared.alerts import repository, service
from shared.alerts.kinds import AlertKind, Light
from shared.alerts.lifecycle import AlertAction, AlertState
from shared.alerts.models import AlertRow, Alerts
from shared.alerts.schemas import (
    AlertAct,
    AlertDetail,
    AlertHistory,
    AlertRead,
    AlertSummary,
    Assignment,
    Swept,
)
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.work import Context

REGION = r"^[0-9]{12}$"


def alert_routes(
    path: str, tag: str, alerts: Alerts, sweep: Callable[[Context], Awaitable[Swept]]
) -> APIRouter:
    """`{path}/alerts/…`: list, summary, sweep, and one alert with its history and what may be done."""
    router = APIRouter(prefix=f"{path}/alerts", tags=[tag], route_class=Route)
    _many(router, alerts)
    _sweep(router, alerts, sweep)
    _one(router, alerts)
    _doing(router, alerts)
    return router


def _many(router: APIRouter, alerts: Alerts) -> None:
    @router.get("", response_model=Page[AlertRead], **allows(alerts.read))
    async def list_alerts(
        work: Reading,
        asked: Paging,
        region: Annotated[str | None, Query(pattern=REGION)] = None,
        kind: AlertKind | None = None,
        light: Light | None = None,
        state: AlertState | None = None,
        rule: Annotated[str | None, Query(max_length=80)] = None,
        subject: Annotated[str | None, Query(max_length=64)] = None,
        project_id: UUID | None = None,
        asset_id: UUID | None = None,
        owner: Annotated[str | None, Query(max_length=64)] = None,
        gone: Annotated[bool | None, Query(description="情形是否已消失")] = None,
        *,
        overdue: Annotated[bool, Query(description="只看逾期未反馈的")] = False,
    ) -> Page[AlertRow]:
        """预警列表, 先到期的在前."""
        same: dict[str, Any] = {
            "kind": kind,
            "light": light,
            "state": state,
            "rule": rule,
            "subject": subject,
            "owner": owner,
        }
        same |= {"project_id": project_id, "asset_id": asset_id, "gone": gone}
        late = work.today if overdue else None
        return await repository.listed(work, alerts, asked, same=same, region=region, overdue=late)

    @router.get("/summary", response_model=AlertSummary, **allows(alerts.read))
    async def summarize_alerts(
        work: Reading, region: Annotated[str | None, Query(pattern=REGION, description="空为本县")] = None
    ) -> AlertSummary:
        """预警统计: 按规则、类别和灯的未办, 已办和逾期."""
        return await service.summary(work, alerts, region or work.context.settings.district)


def _sweep(router: APIRouter, alerts: Alerts, sweep: Callable[[Context], Awaitable[Swept]]) -> None:
    @router.post("/sweep", response_model=Swept, **allows(alerts.decide))
    async def sweep_now(work: Writing) -> Swept:
        """立即检查全部规则(系统也按时自动检查)."""
        return await sweep(work.context)


def _one(router: APIRouter, alerts: Alerts) -> None:
    @router.get("/{alert_id}", response_model=AlertDetail, **allows(alerts.read, refuses=(NotFound,)))
    async def read_alert(work: Reading, alert_id: UUID) -> AlertDetail:
        """预警, 背后的记录和可办事项."""
        return await service.detail(work, alerts, alert_id)

    @router.get(
        "/{alert_id}/history", response_model=AlertHistory, **allows(alerts.read, refuses=(NotFound,))
    )
    async def read_alert_history(work: Reading, alert_id: UUID) -> AlertHistory:
        """预警的办理过程."""
        return AlertHistory(items=await service.history(work, alerts, alert_id))


def _doing(router: APIRouter, alerts: Alerts) -> None:
    @router.post(
        "/{alert_id}/assign",
        response_model=AlertRead,
        **allows(alerts.decide, refuses=(NotFound, Conflict, Invalid, Stale)),
    )
    async def assign_alert(work: Writing, alert_id: UUID, body: Assignment, match: IfMatch) -> AlertRow:
        """指定责任人和期限."""
        return await service.assign(work, alerts, alert_id, body, match)

    @router.post(
        "/{alert_id}/{action}",
        response_model=AlertRead | Preview,
        description=f"```mermaid\n{alerts.life.mermaid()}\n```",
        **allows(*alerts.life.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
    )
    async def act_on_alert(
        work: Writing,
        alert_id: UUID,
        action: AlertAction,
        body: AlertAct,
        match: IfMatch,
        *,
        dry_run: bool = False,
    ) -> AlertRow | Preview:
        """办理预警; `dry_run` 只问能否办理."""
        return await service.act(work, alerts, alert_id, action, body, match=match, dry_run=dry_run)
