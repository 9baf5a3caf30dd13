"""Alerts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.funds.alerts import repository, service
from services.funds.alerts.kinds import AlertKind, Light
from services.funds.alerts.lifecycle import ALERT, AlertAction, AlertState
from services.funds.alerts.models import Alert
from services.funds.alerts.schemas import (
    AlertAct,
    AlertDetail,
    AlertHistory,
    AlertRead,
    AlertSummary,
    Assignment,
    Swept,
)
from services.funds.watching.service import sweep
from shared.errors import Conflict, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/funds/alerts", tags=["资金预警"], route_class=Route)


@router.get("", response_model=Page[AlertRead], **allows(May.FUND_READ))
async def list_alerts(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    kind: AlertKind | None = None,
    light: Light | None = None,
    state: AlertState | None = None,
    rule: Annotated[str | None, Query(max_length=80)] = None,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    owner: Annotated[str | None, Query(max_length=64)] = None,
    *,
    overdue: Annotated[bool, Query(description="只看逾期未反馈的")] = False,
) -> Page[Alert]:
    """资金预警列表."""
    return await repository.listed(
        work,
        asked,
        region=region,
        kind=kind,
        light=light,
        state=state,
        rule=rule,
        subject=subject,
        owner=owner,
        overdue=work.today if overdue else None,
    )


@router.get("/summary", response_model=AlertSummary, **allows(May.FUND_READ))
async def summarize_alerts(
    work: Reading, region: Annotated[str, Query(pattern=r"^[0-9]{12}$")]
) -> AlertSummary:
    """预警统计: 按类别和灯的未办, 已办和逾期."""
    return await service.summary(work, region)


@router.post("/sweep", response_model=Swept, **allows(May.FUND_ALERT))
async def sweep_now(work: Writing) -> Swept:
    """立即检查全部监督规则."""
    return await sweep(work.context)


@router.get("/{alert_id}", response_model=AlertDetail, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_alert(work: Reading, alert_id: UUID) -> AlertDetail:
    """预警, 背后的记录和可办事项."""
    return await service.detail(work, alert_id)


@router.get("/{alert_id}/history", response_model=AlertHistory, **allows(May.FUND_READ, refuses=(NotFound,)))
async def read_alert_history(work: Reading, alert_id: UUID) -> AlertHistory:
    """预警的办理过程."""
    return AlertHistory(items=await service.history(work, alert_id))


@router.post(
    "/{alert_id}/assign",
    response_model=AlertRead,
    **allows(May.FUND_ALERT, refuses=(NotFound, Conflict, Invalid, Stale)),
)
async def assign_alert(work: Writing, alert_id: UUID, body: Assignment, match: IfMatch) -> Alert:
    """指定责任人和期限."""
    return await service.assign(work, alert_id, body, match)


@router.post(
    "/{alert_id}/{action}",
    response_model=AlertRead | Preview,
    description=f"```mermaid\n{ALERT.mermaid()}\n```",
    **allows(May.FUND_ALERT, refuses=(NotFound, Conflict, NotReady, Invalid, Stale)),
)
async def act_on_alert(
    work: Writing,
    alert_id: UUID,
    action: AlertAction,
    body: AlertAct,
    match: IfMatch,
    *,
    dry_run: bool = False,
) -> Alert | Preview:
    """办理预警; `dry_run` 只问能否办理."""
    return await service.act(work, alert_id, action, body, match=match, dry_run=dry_run)
