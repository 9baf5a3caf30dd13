"""`/sync/batch`: send recorded requests; `/sync/batches`: read what became of them, for 90 days."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.sync.batches import repository, service
from services.sync.batches.models import SyncBatch
from services.sync.batches.schemas import (
    MAX_BATCH_BYTES,
    SyncBatchCreate,
    SyncBatchRead,
    SyncBatchResult,
)
from shared.auth import May
from shared.errors import NotFound
from shared.http import (
    CurrentActor,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    get_service_context,
    requires,
    requires_sign_in,
)
from shared.records import RecordKind

router = APIRouter(prefix="/sync", tags=["同步"], route_class=Route)


@router.post("/batch", response_model=SyncBatchResult, **requires_sign_in(body=MAX_BATCH_BYTES))
async def send_batch(request: Request, actor: CurrentActor, body: SyncBatchCreate) -> SyncBatchResult:
    """提交一批离线记录, 逐条给出结果."""
    return await service.take_batch(
        get_service_context(request),
        actor,
        body,
        looks_for_invisible=getattr(request.state, "may_hold_invisible", False),
    )


@router.get("/batches", response_model=Page[SyncBatchRead], **requires(May.SYNC_READ))
async def list_batches(work: ReadWork, params: Pagination) -> PageAnswer:
    """本人手机提交的批次."""
    return await repository.list_batches(work, params)


@router.get("/batches/{batch_id}", response_model=SyncBatchResult, **requires_sign_in(refuses=(NotFound,)))
async def read_batch(work: ReadWork, batch_id: UUID) -> SyncBatchResult:
    """一批的结果, 保留 90 天."""
    return await service.get_batch(work, batch_id)


SYNC_BATCH_KIND = RecordKind(
    name="sync_batch",
    label="同步批次",
    path="/sync/batches",
    model=SyncBatch,
    read=SyncBatchRead,
    may=May.SYNC_READ,
    owner="account",
    title="device",
    since="received_at",
    columns=("received_at", "sent_at", "clock_offset_s", "device"),
)
