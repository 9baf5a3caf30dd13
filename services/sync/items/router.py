"""`/sync/items`: what became of the caller's items, those that wait, those that were given up."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.sync.items import repository, service
from services.sync.items.models import SyncItem
from services.sync.items.schemas import ItemVerdict, SyncItemRead
from shared.auth import May
from shared.errors import NotFound
from shared.http import Page, PageAnswer, Pagination, ReadWork, Route, WriteWork, requires
from shared.records import Act, RecordKind, Todo

router = APIRouter(prefix="/sync/items", tags=["同步"], route_class=Route)


@router.get("", response_model=Page[SyncItemRead], **requires(May.SYNC_READ))
async def list_items(work: ReadWork, params: Pagination, verdict: ItemVerdict | None = None) -> PageAnswer:
    """本人手机提交的条目."""
    return await repository.list_items(work, params, verdict)


@router.post(
    "/{item_id}/acknowledge", response_model=SyncItemRead, **requires(May.SYNC_READ, refuses=(NotFound,))
)
async def acknowledge_item(work: WriteWork, item_id: UUID) -> Any:  # noqa: ANN401 - shaped by response_model
    """知道了: a given-up item leaves the worklist."""
    return await service.acknowledge(work, item_id)


SYNC_ITEM_KIND = RecordKind(
    name="sync_item",
    label="同步条目",
    path="/sync/items",
    model=SyncItem,
    read=SyncItemRead,
    may=May.SYNC_READ,
    owner="account",
    title="title",
    columns=("title", "recorded_at", "verdict", "reason", "words"),
    filters=("verdict",),
    acts=(Act("知道了", "/sync/items/{id}/acknowledge"),),
    todo=(
        Todo("given_up", "等待过期、没有办成的离线记录", (May.SYNC_READ,), repository.is_given_up),
        Todo("waiting", "等待授权或签名的离线记录", (May.SYNC_READ,), repository.waits_for_person),
    ),
)
