"""Routes `/rectification/items` and `/rectification/summary`."""

import asyncio
from datetime import date
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.rectification.items import repository, service
from services.rectification.items.exporter import build_ledger_rows, build_ledger_sheets
from services.rectification.items.lifecycle import ITEM, ItemAction, ItemState
from services.rectification.items.models import ItemProgress, RectificationItem
from services.rectification.items.schemas import (
    ItemCategory,
    ItemChange,
    ItemCreate,
    ItemDetail,
    ItemFromAlert,
    ItemProgressCreate,
    ItemProgressRead,
    ItemSource,
    ItemTransitionRequest,
    RectificationItemRead,
    RectificationSummary,
)
from shared.auth import May
from shared.china import RegionCode
from shared.errors import (
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    Unavailable,
    VersionRequired,
)
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

summary_router = APIRouter(prefix="/rectification", tags=["整改合计"], route_class=Route)
router = APIRouter(prefix="/rectification/items", tags=["整改台账"], route_class=Route)
YearQuery = Annotated[int | None, Query(ge=2012, le=2100, description="反馈年度, 空为全部")]


@summary_router.get("/summary", response_model=RectificationSummary, **requires(May.RECTIFICATION_READ))
async def read_summary(work: ReadWork, region: RegionCode, year: YearQuery = None) -> Response:
    """一个地区(一年反馈)的整改问题: 销号、逾期、反弹, 涉及和已整改的金额."""
    return await keep_page(work, "summary", (region, year), partial(service.get_summary, work, region, year))


@router.post(
    "",
    status_code=201,
    response_model=ItemDetail,
    **requires(May.RECTIFICATION_ENTER, refuses=(Conflict, Invalid)),
)
async def enter_item(work: WriteWork, body: ItemCreate) -> ItemDetail:
    """登记整改问题."""
    return await service.get_item_detail(work, await service.create_item(work, body))


@router.post(
    "/from-alert",
    status_code=201,
    response_model=ItemDetail,
    **requires(May.RECTIFICATION_ENTER, refuses=(NotFound, Conflict, Invalid, Unavailable)),
)
async def enter_item_from_alert(work: WriteWork, body: ItemFromAlert) -> ItemDetail:
    """由其他服务的一条预警登记整改问题."""
    return await service.get_item_detail(work, await service.create_item_from_alert(work, body))


@router.get("", response_model=Page[RectificationItemRead], **requires(May.RECTIFICATION_READ))
async def list_items(
    work: ReadWork,
    params: Pagination,
    region: RegionCode | None = None,
    state: ItemState | None = None,
    source: ItemSource | None = None,
    category: ItemCategory | None = None,
    project_id: UUID | None = None,
    asset_id: UUID | None = None,
    *,
    overdue: Annotated[bool, Query(description="只看逾期未销号的")] = False,
) -> PageAnswer:
    """整改问题, 新登记的在前."""
    filters = {
        "state": state,
        "source": source,
        "category": category,
        "project_id": project_id,
        "asset_id": asset_id,
    }
    return await repository.list_items(
        work, params, repository.build_conditions(work, region, filters, overdue=overdue)
    )


@router.get(
    "/export",
    response_class=Response,
    response_model=None,
    **requires(May.RECTIFICATION_READ, refuses=(Invalid,)),
)
async def export_ledger(
    work: ReadWork,
    region: RegionCode,
    since: Annotated[date | None, Query(description="反馈日期自")] = None,
    until: Annotated[date | None, Query(description="反馈日期至")] = None,
    source: ItemSource | None = None,
    form: SheetForm = "xlsx",
) -> Response:
    """整改台账 (XLSX 或 PDF): 问题、责任、时限、任务四张清单, 可打印签字."""
    places = (await find_place_names(work, region)).names
    items = await service.list_ledger(work, region, source, since, until)
    late = frozenset(item.id for item in items if service.is_overdue(item, work.today))
    place = places.get(region, region)
    title = f"{place}巩固拓展脱贫攻坚成果问题整改台账: "
    rows = build_ledger_rows(items, places, late)
    content = await asyncio.to_thread(build_ledger_sheets, form, rows, title, f"截至 {work.today}")
    headers = content_disposition(f"问题整改台账-{place}-{work.today}.{form}")
    return Response(content, media_type=SHEET_MEDIA_TYPES[form], headers=headers)


@router.get("/{item_id}", response_model=ItemDetail, **requires(May.RECTIFICATION_READ, refuses=(NotFound,)))
async def read_item(work: ReadWork, item_id: UUID) -> ItemDetail:
    """整改问题, 月度进展和可办事项."""
    return await service.get_item_detail(work, await repository.get_item(work, item_id))


@router.patch(
    "/{item_id}",
    response_model=ItemDetail,
    **requires(
        May.RECTIFICATION_ENTER,
        May.RECTIFICATION_IMPLEMENT,
        refuses=(NotFound, Conflict, Invalid, PreconditionFailed, VersionRequired),
    ),
)
async def change_item(work: WriteWork, item_id: UUID, body: ItemChange, match: IfMatch) -> ItemDetail:
    """修改责任、时限、措施."""
    return await service.get_item_detail(work, await service.update_item(work, item_id, body, match))


@router.post(
    "/{item_id}/progress",
    status_code=201,
    response_model=ItemProgressRead,
    **requires(May.RECTIFICATION_IMPLEMENT, refuses=(NotFound, Conflict, Invalid)),
)
async def report_progress(work: WriteWork, item_id: UUID, body: ItemProgressCreate) -> ItemProgress:
    """报告月度整改进展."""
    return await service.report_progress(work, item_id, body)


@router.post(
    "/{item_id}/{action}",
    response_model=ItemDetail | TransitionPreview,
    **moves(ITEM),
)
async def act_on_item(
    work: WriteWork,
    item_id: UUID,
    action: ItemAction,
    body: ItemTransitionRequest,
    match: IfMatch,
    dry_run: bool = False,
) -> ItemDetail | TransitionPreview:
    """办理整改问题."""
    return await service.transition_item(work, item_id, action, body, match=match, dry_run=dry_run)


ITEM_KIND = RecordKind(
    name="rectification_item",
    label="整改问题",
    path="/rectification/items",
    model=RectificationItem,
    read=RectificationItemRead,
    may=May.RECTIFICATION_READ,
    title="problem",
    columns=("number", "problem", "source", "region", "unit", "person", "due_on", "percent", "state"),
    filters=("region", "state", "source", "category", "project_id", "asset_id", "overdue"),
    search=("problem", "number", "document_no"),
    parents={"project_id": "project", "asset_id": "asset"},
    lifecycle=ITEM,
    due="due_on",
    topics=("rectification_item.moved", "rectification_item.changed", "rectification_item.progressed"),
    turns=(
        turn(ItemState.ENTERED, ItemAction.CLAIM, "待认领的整改问题"),
        turn(ItemState.RECTIFYING, ItemAction.REQUEST, "整改中的问题"),
        turn(ItemState.REQUESTED, (ItemAction.TOWN_CHECK, ItemAction.CHECK_COUNTY), "待核实的整改"),
        turn(ItemState.TOWN_CHECKED, ItemAction.CHECK, "待部门核实的整改"),
        turn(ItemState.CHECKED, ItemAction.CLOSE, "待现场核查销号的整改"),
        turn(ItemState.CLOSED, ItemAction.CONFIRM, "待回头看的整改"),
    ),
    acts=(Act("报告进展", "/rectification/items/{id}/progress"),),
    phone=True,
)
