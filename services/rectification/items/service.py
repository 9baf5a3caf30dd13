"""Use cases of rectification items: enter, assign, report, check, close."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from services.rectification.items import repository
from services.rectification.items.events import ItemChanged, ItemMoved, ItemProgressReported
from services.rectification.items.lifecycle import (
    DONE_STATES,
    ITEM,
    OPEN_STATES,
    ItemAction,
    ItemFacts,
    ItemState,
)
from services.rectification.items.models import ItemProgress, RectificationItem
from services.rectification.items.schemas import (
    ItemChange,
    ItemCreate,
    ItemDetail,
    ItemFromAlert,
    ItemProgressCreate,
    ItemProgressRead,
    ItemSource,
    ItemTransitionRequest,
    Measure,
    MeasureTerm,
    RectificationItemRead,
    RectificationSummary,
    SourceCount,
)
from shared.auth import May
from shared.china import format_month, normalize_document_no
from shared.clients import display_name
from shared.db import new_id
from shared.errors import Conflict, invalid_field
from shared.files import uploads
from shared.http import VersionMatch
from shared.lifecycle.transitions import TransitionPreview, apply_transition, available_actions
from shared.records import create_record, save_record
from shared.records.town_rates import average_rate
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

COUNTY_DIGITS = 6
FINISHED_PERCENT = 100


def _dump_measures(measures: list[Measure]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in sorted(measures, key=lambda one: one.no)]


def _mean_percent(measures: list[dict[str, Any]]) -> int:
    return sum(one["percent"] for one in measures) // len(measures) if measures else 0


def _build_moved_event(item: RectificationItem, was: str, now: str) -> ItemMoved:
    return ItemMoved(item_id=item.id, project_id=item.project_id, asset_id=item.asset_id, was=was, now=now)


async def create_item(work: UnitOfWork, body: ItemCreate) -> RectificationItem:
    """Enter a problem. Conflict when the document already has an item of this number."""
    work.actor.require(May.RECTIFICATION_ENTER, body.region)
    if body.found_on > work.today:
        raise invalid_field(
            "in_the_future", "反馈日期不能晚于今天", "/found_on", "found_on lies in the future"
        )
    document_no = normalize_document_no(body.document_no)
    same = await repository.system_find_same_number(work, body.source, document_no, body.number)
    if same is not None and same.id != body.id:
        raise Conflict(
            f"{body.document_no or body.source.label} 的问题 {body.number} 已登记", "This number is taken"
        )
    columns = body.model_dump(exclude={"id", "region", "measures", "document_no"})
    return await insert_item(work, body, body.region, body.measures, document_no=document_no, **columns)


async def create_item_from_alert(work: UnitOfWork, body: ItemFromAlert) -> RectificationItem:
    """Enter the problem that an alert of another service found; an alert becomes one item.

    NotFound when that service has no such alert, Conflict when another item was entered from it.
    """
    path = f"/api/v1/{body.service}/alerts/{body.alert_id}"
    if body.service not in work.context.clients.list_services():
        raise invalid_field("no_such_service", f"没有服务 {body.service}", "/service", "No such service")
    alert = await work.service_client(body.service).get(path)
    work.actor.require(May.RECTIFICATION_ENTER, alert["region"])
    same = await repository.find_item_of_alert(work, path)
    if same is not None and same.id != body.id:
        raise Conflict(f"这条预警已登记为整改问题 {same.id}", f"The alert is item {same.id}")
    columns = body.model_dump(exclude={"id", "service", "alert_id", "measures"})
    return await insert_item(
        work,
        body,
        alert["region"],
        body.measures,
        source=ItemSource.ALERT,
        document_no="",
        number=str(body.alert_id),
        found_on=date.fromisoformat(alert["created_at"][:10]),
        problem=f"{alert['title']}: {alert['message']}"
        + (f" ({display_name(body.service)}, 依据 {alert['basis']})" if alert["basis"] else ""),
        project_id=UUID(alert["project_id"]) if alert["project_id"] else None,
        asset_id=UUID(alert["asset_id"]) if alert["asset_id"] else None,
        alert=path,
        **columns,
    )


async def insert_item(
    work: UnitOfWork,
    body: ItemCreate | ItemFromAlert,
    region: str,
    measures: list[Measure],
    **columns: Any,  # noqa: ANN401 - the table's columns
) -> RectificationItem:
    """Insert an item whose region and number were checked."""
    tasks = _dump_measures(measures)
    item, _ = await create_record(
        work,
        RectificationItem,
        body,
        event=lambda item: _build_moved_event(item, "", ItemState.ENTERED),
        region=region,
        id=body.id or new_id(),
        measures=tasks,
        percent=_mean_percent(tasks),
        state=ItemState.ENTERED,
        state_since=work.at,
        **columns,
    )
    return item


async def update_item(
    work: UnitOfWork, item_id: UUID, body: ItemChange, match: VersionMatch
) -> RectificationItem:
    """Change who answers for an item, its deadline or its measures. Conflict once closing is requested.

    Whoever is to put it right plans the measures, also before claiming it.
    """
    item = await repository.get_item(work, item_id, lock=True)
    is_registrar = work.actor.has_access(May.RECTIFICATION_ENTER, item.region)
    if not (is_registrar and item.state is ItemState.ENTERED):
        work.actor.require(May.RECTIFICATION_IMPLEMENT, item.region)
    match.require_version(item)
    if item.state not in (ItemState.ENTERED, ItemState.RECTIFYING):
        raise Conflict(f"问题{item.state.label}, 不能再修改责任和措施", f"The item is {item.state}")
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    if body.measures is not None:
        changes["measures"] = _dump_measures(body.measures)
        item.percent = _mean_percent(changes["measures"])
    before = {name: getattr(item, name) for name in changes}
    for name, value in changes.items():
        setattr(item, name, value)
    changed = body.model_dump(mode="json", include=set(changes))
    await save_record(work, item, ItemChanged(item_id=item.id, changed=changed), before=before)
    return item


async def report_progress(work: UnitOfWork, item_id: UUID, body: ItemProgressCreate) -> ItemProgress:
    """Report a month's progress; measures that it names get its result and percentage."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    item = await repository.get_item(work, item_id, lock=True)
    work.actor.require(May.RECTIFICATION_IMPLEMENT, item.region)
    if item.state is not ItemState.RECTIFYING:
        raise Conflict(f"问题{item.state.label}, 不在整改中", f"The item is {item.state}")
    if body.month > format_month(work.today):
        raise invalid_field("in_the_future", "月份不能晚于本月", "/month", "month lies in the future")
    measures = _apply_progress(item, body)
    progress, is_new = await create_record(
        work,
        ItemProgress,
        body,
        region=item.region,
        id=body.id,
        item_id=item.id,
        month=body.month,
        text=body.text,
        percent=_mean_percent(measures),
        amount_corrected=body.amount_corrected,
        file_ids=file_ids,
    )
    if not is_new:
        return progress
    item.measures, item.percent = measures, progress.percent
    item.last_month = max(item.last_month, body.month)
    item.file_ids = list(dict.fromkeys([*item.file_ids, *file_ids]))
    if body.amount_corrected is not None:
        item.amount_corrected = body.amount_corrected
    event = ItemProgressReported(
        item_id=item.id, progress_id=progress.id, month=body.month, percent=progress.percent
    )
    await save_record(work, item, event)
    return progress


def _apply_progress(item: RectificationItem, body: ItemProgressCreate) -> list[dict[str, Any]]:
    measures = {one["no"]: dict(one) for one in item.measures}
    for index, told in enumerate(body.measures):
        if told.no not in measures:
            raise invalid_field(
                "no_such_measure", f"没有第 {told.no} 条措施", f"/measures/{index}/no", "No such measure"
            )
        measures[told.no] |= {"result": told.result, "percent": told.percent}
    return list(measures.values())


def _collect_facts(item: RectificationItem, body: ItemTransitionRequest, on: date) -> ItemFacts:
    return ItemFacts(
        unit=item.unit,
        person=item.person,
        due_on=body.due_on or (None if item.state in DONE_STATES else item.due_on),
        on=on,
        measures=len(item.measures),
        measures_open=sum(
            one["percent"] < FINISHED_PERCENT and one["term"] != MeasureTerm.ONGOING for one in item.measures
        ),
        evidence=len(item.file_ids) + len(body.file_ids),
        in_town=bool(item.region[COUNTY_DIGITS:].strip("0")),
        amount_found=item.amount_found,
        amount_corrected=item.amount_corrected if body.amount_corrected is None else body.amount_corrected,
        visited_on=body.visited_on,
        visitors=body.visitors,
        photos=len(body.file_ids),
        reason=body.reason,
    )


async def transition_item(
    work: UnitOfWork,
    item_id: UUID,
    action: ItemAction,
    body: ItemTransitionRequest,
    *,
    match: VersionMatch,
    dry_run: bool,
) -> ItemDetail | TransitionPreview:
    """Apply one transition to an item; on `dry_run` return a preview instead."""
    file_ids = [str(file_id) for file_id in body.file_ids]
    await uploads.require_files(work, file_ids, "/file_ids")
    item = await repository.get_item(work, item_id, lock=True)
    on = (body.happened_at or work.at).astimezone(CHINA_TIME_ZONE).date()
    preview = await apply_transition(
        work,
        ITEM,
        item,
        action,
        _collect_facts(item, body, on),
        request=body,
        match=match,
        dry_run=dry_run,
        event=lambda was, now: _build_moved_event(item, was, now),
    )
    if preview is not None:
        return preview
    _take_in(work, item, action, body, file_ids, on)
    work.session.add(item)
    return await get_item_detail(work, item)


def _take_in(
    work: UnitOfWork,
    item: RectificationItem,
    action: ItemAction,
    body: ItemTransitionRequest,
    file_ids: list[str],
    on: date,
) -> None:
    """Write what a transition brings into the item."""
    match action:
        case ItemAction.CLAIM:
            item.claimed_by, item.due_on = work.actor.id, body.due_on or item.due_on
        case ItemAction.REQUEST:
            _take_in_request(work, item, body, file_ids)
        case ItemAction.TOWN_CHECK | ItemAction.CHECK | ItemAction.CHECK_COUNTY:
            item.checked_by = work.actor.id
        case ItemAction.CLOSE:
            item.closed_on, item.closing_no = on, body.closing_no
            item.visited_on, item.visitors, item.site_file_ids = body.visited_on, body.visitors, file_ids
        case ItemAction.CONFIRM:
            item.looked_back_on = body.visited_on
            item.site_file_ids = [*item.site_file_ids, *file_ids]
        case ItemAction.REBOUND:
            item.rebounds += 1
            item.due_on, item.closed_on, item.looked_back_on = body.due_on, None, None
            item.measures = [
                one if one["term"] == MeasureTerm.ONGOING else one | {"percent": 0} for one in item.measures
            ]
            item.percent = _mean_percent(item.measures)
        case _:
            return


def _take_in_request(
    work: UnitOfWork, item: RectificationItem, body: ItemTransitionRequest, file_ids: list[str]
) -> None:
    item.requested_by = work.actor.id
    item.file_ids = list(dict.fromkeys([*item.file_ids, *file_ids]))
    item.similar, item.mechanism = body.similar or item.similar, body.mechanism or item.mechanism
    item.people_held = item.people_held if body.people_held is None else body.people_held
    item.amount_corrected = item.amount_corrected if body.amount_corrected is None else body.amount_corrected


async def get_item_detail(work: UnitOfWork, item: RectificationItem) -> ItemDetail:
    """An item with its reports and the actions available to the caller."""
    facts = _collect_facts(item, ItemTransitionRequest.model_construct(), work.today)
    return ItemDetail(
        **RectificationItemRead.model_validate(item).model_dump(),
        progress=[ItemProgressRead.model_validate(one) for one in await repository.list_progress(work, item)],
        available_actions=available_actions(work, ITEM, item, facts),
    )


async def get_summary(work: UnitOfWork, region: str, year: int | None) -> RectificationSummary:
    """Sums of a region: items found in `year`, or all."""
    rows = await repository.sum_items(work, region, year)
    count = sum(row.number for row in rows)
    closed = sum(row.number for row in rows if row.state in DONE_STATES)
    by_state: dict[ItemState, int] = {}
    for row in rows:
        by_state[ItemState(row.state)] = by_state.get(ItemState(row.state), 0) + row.number
    return RectificationSummary.model_construct(
        region=region,
        year=year,
        count=count,
        closed=closed,
        closed_percent=_format_percent(closed, count),
        closed_percent_of_towns=average_rate(
            region, ((row.head, row.number if row.state in DONE_STATES else 0, row.number) for row in rows)
        ),
        overdue=sum(row.overdue for row in rows),
        rebounds=sum(row.rebounds for row in rows),
        amount_found=sum(row.amount_found for row in rows),
        amount_corrected=sum(row.amount_corrected for row in rows),
        by_state=by_state,
        by_source=[
            _count_source(source, rows) for source in ItemSource if any(r.source == source for r in rows)
        ],
    )


def _count_source(source: ItemSource, rows: list[Any]) -> SourceCount:
    own = [row for row in rows if row.source == source]
    return SourceCount(
        source=source,
        label=source.label,
        count=sum(row.number for row in own),
        closed=sum(row.number for row in own if row.state in DONE_STATES),
        overdue=sum(row.overdue for row in own),
    )


def _format_percent(part: int, whole: int) -> str:
    if not whole:
        return "0.0"
    return str((Decimal(part) * 100 / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))


async def list_ledger(
    work: UnitOfWork, region: str, source: ItemSource | None, since: date | None, until: date | None
) -> list[RectificationItem]:
    """The items of the printed ledger. Invalid when there are more than one paper holds."""
    items = await repository.list_exported(work, region, source, since, until)
    if len(items) > repository.MAX_EXPORTED:
        raise invalid_field(
            "too_many", f"超过 {repository.MAX_EXPORTED} 个问题, 请按时间或来源分开导出", "/since", "Narrow"
        )
    return items


def is_overdue(item: RectificationItem, today: date) -> bool:
    """Whether the deadline of an item that is not closed has passed."""
    return item.state in OPEN_STATES and item.due_on is not None and item.due_on < today
