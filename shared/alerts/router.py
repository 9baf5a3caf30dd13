"""Routes of alerts, the same in every service that has alerts."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.alerts import repository, service
from shared.alerts.lifecycle import AlertAction, AlertKind, AlertSeverity, AlertState
from shared.alerts.models import AlertConfig, AlertRow
from shared.alerts.schemas import (
    AlertAssignment,
    AlertDetail,
    AlertHistory,
    AlertRead,
    AlertSummary,
    AlertTransitionRequest,
    AlertTrial,
    ScanResult,
)
from shared.alerts.sheet import build_issue_sheet
from shared.alerts.trial import try_rule
from shared.china import RegionCode
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    content_disposition,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview, moves
from shared.papers import SHEET_MEDIA_TYPES, SheetForm
from shared.records import Act, RecordKind, keep_page, turn
from shared.records.region_names import find_place_names
from shared.rules import RuleEntry
from shared.unit_of_work import ServiceContext


def alert_router(
    path: str, tag: str, alerts: AlertConfig, run_scan: Callable[[ServiceContext], Awaitable[ScanResult]]
) -> APIRouter:
    """Router at `{path}/alerts`: list, summary, scan, one alert with history, assignment and actions."""
    router = APIRouter(prefix=f"{path}/alerts", tags=[tag], route_class=Route)
    _add_list_routes(router, alerts)
    _add_sheet_route(router, alerts)
    _add_scan_route(router, alerts, run_scan)
    _add_detail_routes(router, alerts)
    _add_action_routes(router, alerts)
    return router


def _add_list_routes(router: APIRouter, alerts: AlertConfig) -> None:
    @router.get("", response_model=Page[AlertRead], **requires(alerts.read))
    async def list_alerts(
        work: ReadWork,
        params: Pagination,
        region: RegionCode | None = None,
        kind: AlertKind | None = None,
        light: AlertSeverity | None = None,
        state: AlertState | None = None,
        rule: Annotated[str | None, Query(max_length=80)] = None,
        subject: Annotated[str | None, Query(max_length=64)] = None,
        project_id: UUID | None = None,
        asset_id: UUID | None = None,
        owner: Annotated[str | None, Query(max_length=64)] = None,
        gone: Annotated[bool | None, Query(description="情形是否已消失")] = None,
        *,
        overdue: Annotated[bool, Query(description="只看逾期未反馈的")] = False,
    ) -> PageAnswer:
        """预警列表, 先到期的在前."""
        filters: dict[str, Any] = {
            "kind": kind,
            "light": light,
            "state": state,
            "rule": rule,
            "subject": subject,
            "owner": owner,
        }
        filters |= {"project_id": project_id, "asset_id": asset_id, "gone": gone}
        overdue_on = work.today if overdue else None
        return await repository.list_alerts(
            work, alerts, params, filters=filters, region=region, overdue=overdue_on
        )

    @router.get("/summary", response_model=AlertSummary, **requires(alerts.read))
    async def summarize_alerts(
        work: ReadWork,
        region: Annotated[RegionCode | None, Query(description="空为本县")] = None,
    ) -> Response:
        """预警统计: 按规则、类别和灯的未办, 已办和逾期."""
        area = region or work.home_region
        make = partial(service.get_alert_summary, work, alerts, area)
        return await keep_page(work, f"{alerts.row.__tablename__} summary", area, make)


def _add_sheet_route(router: APIRouter, alerts: AlertConfig) -> None:
    @router.get("/sheet", response_class=Response, response_model=None, **requires(alerts.read))
    async def print_alerts(
        work: ReadWork,
        region: Annotated[RegionCode | None, Query(description="空为本人辖区")] = None,
        state: AlertState | None = None,
        form: SheetForm = "pdf",
    ) -> Response:
        """问题清单: 打印、签字用 (PDF 或 XLSX), A4 横向, 先到期的在前."""
        area = region or work.home_region
        places = await find_place_names(work, area)
        rows = await repository.list_printed_alerts(work, alerts, area, state)
        title = f"{places.describe(area)}问题整改清单"
        content = await asyncio.to_thread(build_issue_sheet, rows, places, title, form)
        headers = content_disposition(f"{title}-{work.today}.{form}")
        return Response(content, media_type=SHEET_MEDIA_TYPES[form], headers=headers)


def _add_scan_route(
    router: APIRouter, alerts: AlertConfig, run_scan: Callable[[ServiceContext], Awaitable[ScanResult]]
) -> None:
    @router.post("/sweep", response_model=ScanResult, **requires(alerts.decide))
    async def sweep_now(work: WriteWork) -> ScanResult:
        """立即检查全部规则(系统也按时自动检查)."""
        return await run_scan(work.context)

    @router.post("/trial", response_model=AlertTrial, **requires(alerts.read, refuses=(NotFound, Invalid)))
    async def try_alert_rule(work: ReadWork, body: RuleEntry) -> AlertTrial:
        """试算一条预警规则: 换成这个值, 现有记录会多出、消失哪些预警; 什么都不保存."""
        return await try_rule(work, alerts, body)


def _add_detail_routes(router: APIRouter, alerts: AlertConfig) -> None:
    @router.get("/{alert_id}", response_model=AlertDetail, **requires(alerts.read, refuses=(NotFound,)))
    async def read_alert(work: ReadWork, alert_id: UUID) -> AlertDetail:
        """预警, 背后的记录和可办事项."""
        return await service.get_alert_detail(work, alerts, alert_id)

    @router.get(
        "/{alert_id}/history", response_model=AlertHistory, **requires(alerts.read, refuses=(NotFound,))
    )
    async def read_alert_history(work: ReadWork, alert_id: UUID) -> AlertHistory:
        """预警的办理过程."""
        return AlertHistory(items=await service.list_history(work, alerts, alert_id))


def _add_action_routes(router: APIRouter, alerts: AlertConfig) -> None:
    @router.post(
        "/{alert_id}/assign",
        response_model=AlertRead,
        **requires(alerts.decide, refuses=(NotFound, Conflict, Invalid, PreconditionFailed)),
    )
    async def assign_alert(
        work: WriteWork, alert_id: UUID, body: AlertAssignment, match: IfMatch
    ) -> AlertRow:
        """指定责任人和期限."""
        return await service.assign_alert(work, alerts, alert_id, body, match)

    @router.post(
        "/{alert_id}/{action}",
        response_model=AlertRead | TransitionPreview,
        **moves(alerts.lifecycle),
    )
    async def act_on_alert(
        work: WriteWork,
        alert_id: UUID,
        action: AlertAction,
        body: AlertTransitionRequest,
        match: IfMatch,
        *,
        dry_run: bool = False,
    ) -> AlertRow | TransitionPreview:
        """办理预警; `dry_run` 只问能否办理."""
        return await service.transition_alert(
            work, alerts, alert_id, action, body, match=match, dry_run=dry_run
        )


def alert_kind(name: str, label: str, path: str, alerts: AlertConfig, *, topic: str) -> RecordKind:
    """A service's alerts as a kind of record: open ones wait for an answer, answered ones for another person's decision."""
    return RecordKind(
        name=name,
        label=label,
        path=f"{path}/alerts",
        model=alerts.row,
        read=AlertRead,
        may=alerts.read,
        title="title",
        columns=("title", "light", "kind", "region", "owner", "due_on", "state"),
        filters=(
            "region",
            "kind",
            "light",
            "state",
            "rule",
            "project_id",
            "asset_id",
            "owner",
            "gone",
            "overdue",
        ),
        search=("title", "message"),
        parents={"project_id": "project", "asset_id": "asset"},
        acts=(Act("交办", f"{path}/alerts/{{id}}/assign"),),
        lifecycle=alerts.lifecycle,
        due="due_on",
        topics=(topic,),
        turns=(
            turn(AlertState.OPEN, AlertAction.ANSWER, f"待反馈的{label}"),
            turn(AlertState.ANSWERED, AlertAction.CLOSE, f"待销号的{label}"),
        ),
    )
