"""Alerts over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlmodel import col

from services.assets.alerts import repository, service
from services.assets.alerts.lifecycle import ALERT, AlertAction, AlertState
from services.assets.alerts.models import AssetAlert
from services.assets.alerts.schemas import AlertAct, AlertDetail, AlertOwner, AlertRead, Sweep
from services.assets.scoped import repository as scoped
from shared.errors import Conflict, Forbidden, Invalid, NotFound, NotReady, Stale
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.moves import Preview
from shared.pages import Page, Paging
from shared.permissions import May

router = APIRouter(prefix="/assets/alerts", tags=["资产预警"], route_class=Route)


class AlertCount(BaseModel):
    """一条规则、一种状态的预警数."""

    rule: str
    state: AlertState
    count: int
    overdue: int


@router.get("", response_model=Page[AlertRead], **allows(May.ASSET_READ))
async def list_alerts(
    work: Reading,
    asked: Paging,
    region: Annotated[str | None, Query(pattern=r"^[0-9]{12}$")] = None,
    state: AlertState | None = None,
    rule: Annotated[str | None, Query(max_length=80)] = None,
    gone: Annotated[bool | None, Query(description="情形是否已消除")] = None,
    asset_id: UUID | None = None,
) -> Page[AssetAlert]:
    """预警列表, 先到期的在前."""
    where = scoped.system_same(
        {
            col(AssetAlert.state): state,
            col(AssetAlert.rule): rule,
            col(AssetAlert.gone): gone,
            col(AssetAlert.asset_id): asset_id,
        }
    )
    orders = {"due_on": col(AssetAlert.due_on)}
    return await scoped.paged(work, asked, AssetAlert, *where, orders=orders, default="due_on", region=region)


@router.get("/counts", response_model=list[AlertCount], **allows(May.ASSET_READ))
async def count_alerts(work: Reading) -> list[AlertCount]:
    """各规则的预警数."""
    rows = await repository.counts(work, work.today)
    return [AlertCount(rule=row.rule, state=row.state, count=row.number, overdue=row.overdue) for row in rows]


@router.post("/runs", response_model=Sweep, **allows(May.ASSET_APPROVE, refuses=(Conflict,)))
async def run_rules(work: Writing) -> Sweep:
    """立即按现行规则检查辖区内的资产(每天自动检查一次)."""
    return await service.sweep(work)


@router.get("/{alert_id}", response_model=AlertDetail, **allows(May.ASSET_READ, refuses=(NotFound,)))
async def read_alert(work: Reading, alert_id: UUID) -> AlertDetail:
    """预警和可办事项."""
    return service.detail(work, await service.get(work, alert_id))


@router.post(
    "/{alert_id}/owner",
    response_model=AlertRead,
    **allows(May.ASSET_APPROVE, refuses=(NotFound, Invalid, Stale)),
)
async def assign_alert(work: Writing, alert_id: UUID, body: AlertOwner, match: IfMatch) -> AssetAlert:
    """指定责任人和期限."""
    return await service.assign(work, alert_id, body, match)


@router.post(
    "/{alert_id}/{action}",
    response_model=AlertDetail | Preview,
    description=f"```mermaid\n{ALERT.mermaid()}\n```",
    **allows(*ALERT.mays(), refuses=(NotFound, Conflict, NotReady, Invalid, Stale, Forbidden)),
)
async def act_on_alert(
    work: Writing, alert_id: UUID, action: AlertAction, body: AlertAct, match: IfMatch, dry_run: bool = False
) -> AlertDetail | Preview:
    """办理预警."""
    return await service.act(work, alert_id, action, body, match=match, dry_run=dry_run)
