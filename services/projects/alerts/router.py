"""Routes of `/projects/warnings` and `/projects/alerts`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from services.projects.alerts import service
from services.projects.alerts.models import ALERTS
from services.projects.alerts.schemas import WarningCounts, WarningItem
from services.projects.alerts.service import scan_alerts
from shared.alerts.router import alert_kind, alert_router
from shared.auth import May
from shared.china import RegionCode
from shared.errors import BadRequest, NotFound
from shared.http import Page, Pagination, ReadWork, Route, requires

warning_router = APIRouter(prefix="/projects/warnings", tags=["项目预警"], route_class=Route)
RegionParam = Annotated[RegionCode | None, Query(description="空为本县")]


@warning_router.get("", response_model=WarningCounts, **requires(May.PROJECT_READ))
async def count_warnings(work: ReadWork, region: RegionParam = None) -> WarningCounts:
    """各条预警规则命中的项目数."""
    return await service.count_warnings(work, region or work.home_region)


@warning_router.get(
    "/{rule}",
    response_model=Page[WarningItem],
    **requires(May.PROJECT_READ, refuses=(NotFound, BadRequest)),
)
async def list_warned_projects(
    work: ReadWork, params: Pagination, rule: Annotated[str, Path(max_length=40)], region: RegionParam = None
) -> Page[WarningItem]:
    """一条规则预警的项目, 责任角色和处理期限."""
    return await service.list_warned_projects(work, params, region or work.home_region, rule)


router = alert_router("/projects", "项目预警", ALERTS, scan_alerts)
ALERT_KIND = alert_kind("project_alert", "项目预警", "/projects", ALERTS, topic="project_alert.moved")
