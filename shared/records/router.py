"""Addresses that every service has for its record kinds: what waits for the caller, one record, its history."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from sqlmodel import select

from shared.errors import BadRequest, NotFound
from shared.events import Envelope, list_history
from shared.http import CurrentActor, Page, Pagination, ReadWork, Route, requires, requires_sign_in
from shared.records import worklist
from shared.records.changes import ChangesRequest, ServiceChanges, list_changes
from shared.records.description import CodeSets, ServiceDescription, Switches, describe_kinds
from shared.records.forms import KindForms, describe_forms
from shared.records.kind_routes import BoundKind
from shared.records.kinds import RecordKind
from shared.records.worklist import MAX_FIRST_ROWS, Worklist, WorkRow
from shared.unit_of_work import UnitOfWork


class RecordHistory(BaseModel):
    """一条记录的办理过程, 最早的在前."""

    items: list[Envelope]


def internal_worklist_router(kinds: Sequence[RecordKind]) -> APIRouter:
    """What the gateway asks for its first screen, in the caller's own name; not reachable from outside."""
    router = APIRouter(prefix="/internal/worklist", tags=["待办"], route_class=Route)

    @router.get("", response_model=Worklist, **requires_sign_in())
    async def read_worklist(
        work: ReadWork, first: Annotated[int, Query(ge=0, le=MAX_FIRST_ROWS, description="rows to give")] = 0
    ) -> Worklist:
        """等本人办理的事项: 各类件数, 最急的几条."""
        return await worklist.get_worklist(work, kinds, first=first)

    return router


def internal_description_router(
    service: str,
    label: str,
    *,
    switches: Switches | None = None,
    code_sets: Mapping[str, CodeSets] | None = None,
) -> APIRouter:
    """What the gateway composes `/meta` from, in the caller's own name; not reachable from outside."""
    router = APIRouter(prefix="/internal/meta", tags=["说明"], route_class=Route)

    @router.get("", response_model=ServiceDescription, **requires_sign_in())
    async def read_description(request: Request, work: ReadWork) -> ServiceDescription:
        """本服务的记录种类、代码集、生命周期, 对本人有效的限制和开关."""
        found = describe_kinds(work.actor, service, label, request.app.state.kinds)
        if switches is not None and found.kinds:
            found.switches = list(await switches(work))
        for name, load in (code_sets or {}).items():
            found.code_sets[name] = list(await load(work))
        return found

    @router.get("/forms/{kind}", response_model=KindForms, **requires_sign_in(refuses=(NotFound,)))
    async def read_forms(
        request: Request, actor: CurrentActor, kind: Annotated[str, Path(max_length=60)]
    ) -> KindForms:
        """一种记录的表单: 新建、修改、办理."""
        kinds: Sequence[BoundKind] = request.app.state.kinds
        found = next((one for one in kinds if one.kind.name == kind and actor.can(one.kind.may)), None)
        if found is None:
            raise NotFound("没有这种记录", f"No kind {kind}")
        return describe_forms(actor, found)

    return router


def internal_changes_router(kinds: Sequence[RecordKind]) -> APIRouter:
    """What services/sync asks in the caller's own name; not reachable from outside."""
    router = APIRouter(prefix="/internal/changes", tags=["同步"], route_class=Route)

    @router.post("", response_model=ServiceChanges, **requires_sign_in())
    async def read_changes(work: ReadWork, body: ChangesRequest) -> ServiceChanges:
        """本人范围内变化了的记录."""
        return await list_changes(work, kinds, body)

    return router


def worklist_router(service: str, kinds: Sequence[RecordKind]) -> APIRouter:
    """`/{service}/worklist/{item}`: exactly the records that one line of the first screen counts."""
    router = APIRouter(prefix=f"/{service}/worklist", tags=["待办"], route_class=Route)

    @router.get("/{item}", response_model=Page[WorkRow], **requires_sign_in(refuses=(BadRequest, NotFound)))
    async def list_waiting(
        work: ReadWork, params: Pagination, item: Annotated[str, Path(max_length=100)]
    ) -> Page[WorkRow]:
        """一类待办的记录, 等得最久的在前."""
        if params.sort:
            raise BadRequest("待办按等待时间排列, 不能另行排序", "Waiting records come in their own order")
        found = await worklist.find_item(work, kinds, item)
        after = _decode_cursor(params.cursor) if params.cursor else None
        rows = await worklist.list_rows(work, found, after, params.limit + 1)
        more = len(rows) > params.limit
        total = None
        if params.count:
            counts = await worklist.count_items(work, [found])
            total = counts[item].count if item in counts else 0
        items = [worklist.build_row(work, found, row) for row in rows[: params.limit]]
        cursor = _encode_cursor(items[-1]) if more else None
        return Page[WorkRow].model_construct(items=items, next_cursor=cursor, total=total)

    return router


def _encode_cursor(row: WorkRow) -> str:
    return base64.urlsafe_b64encode(f"{row.since.isoformat()}|{row.id}".encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        since, _, identifier = (
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        )
        moment = datetime.fromisoformat(since)
        if moment.tzinfo is None:
            raise ValueError(cursor)
        return moment, UUID(identifier)
    except (ValueError, binascii.Error):
        raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None


def record_router(kinds: Sequence[RecordKind], taken: Collection[str]) -> APIRouter:
    """One record and its history, for kinds whose feature has no such address of its own.

    `taken` are the addresses of the service, with every variable part written as {}.
    """
    router = APIRouter(tags=["记录"], route_class=Route)
    for kind in kinds:
        if "{" not in kind.path and not kind.detail and f"{kind.path}/{{}}" not in taken:
            _add_detail_route(router, kind)
        if kind.lifecycle is not None and f"{kind.path}/{{}}/history" not in taken:
            _add_history_route(router, kind)
    return router


def _add_detail_route(router: APIRouter, kind: RecordKind) -> None:
    async def read_record(work: ReadWork, record_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
        return await _get_row(work, kind, record_id)

    read_record.__doc__ = f"一条{kind.label}."
    router.get(
        f"{kind.path}/{{record_id}}",
        response_model=kind.read,
        name=f"read_{kind.name}",
        **requires(kind.may, refuses=(NotFound,)),
    )(read_record)


def _add_history_route(router: APIRouter, kind: RecordKind) -> None:
    async def read_record_history(work: ReadWork, record_id: UUID) -> RecordHistory:
        await _get_row(work, kind, record_id)
        return RecordHistory(items=await list_history(work.session, work.context.name, str(record_id)))

    read_record_history.__doc__ = f"{kind.label}的办理过程."
    router.get(
        f"{kind.path}/{{record_id}}/history",
        response_model=RecordHistory,
        name=f"read_{kind.name}_history",
        **requires(kind.may, refuses=(NotFound,)),
    )(read_record_history)


async def _get_row(work: UnitOfWork, kind: RecordKind, record_id: UUID) -> Any:  # noqa: ANN401 - a record of the kind
    query = select(kind.model).where(kind.table.c[kind.key] == record_id, kind.visible_condition(work))
    found = (await work.session.exec(query)).first()
    if found is None:
        raise NotFound(f"没有这条{kind.label}", f"No such {kind.name}")
    return found
