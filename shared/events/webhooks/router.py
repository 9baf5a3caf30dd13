"""`/{service}/webhooks`: routes for push subscriptions of external systems."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from shared.auth import May
from shared.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
    VersionRequired,
)
from shared.events import outbox_cursors
from shared.events.webhooks import repository, service
from shared.events.webhooks.repository import subscriber_name
from shared.events.webhooks.schemas import (
    SecretRead,
    SecretRotation,
    WebhookChange,
    WebhookCreate,
    WebhookDeadLetters,
    WebhookDeliveries,
    WebhookDetail,
    WebhookRead,
    WebhookReplay,
    WebhookRetryRequest,
    WebhookRetryResult,
    WebhookStop,
)
from shared.http import MAX_PAGE_SIZE, IfMatch, Page, ReadWork, Route, WriteWork, never_stored, requires


def webhook_router(name: str, read: May, manage: May) -> APIRouter:
    """Router with the webhook routes of one service."""
    router = APIRouter(prefix=f"/{name}/webhooks", tags=["推送订阅"], route_class=Route)
    _add_record_routes(router, read, manage)
    _add_action_routes(router, manage)
    _add_dead_letter_routes(router, manage)
    return router


def _add_record_routes(router: APIRouter, read: May, manage: May) -> None:
    @router.post(
        "",
        status_code=201,
        response_model=WebhookRead,
        **requires(manage, refuses=(NotFound, Conflict, Invalid)),
    )
    async def create_webhook(work: WriteWork, body: WebhookCreate) -> Any:  # noqa: ANN401 - shaped
        """订阅推送: CloudEvents by POST, signed by Standard Webhooks; at least once, in order per record."""
        return await service.create_webhook(work, manage, read, body)

    @router.get("", response_model=Page[WebhookRead], **requires(manage))
    async def list_webhooks(
        work: ReadWork,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 50,
        cursor: Annotated[str, Query(max_length=40, description="`next_cursor` of the page before")] = "",
    ) -> Any:  # noqa: ANN401 - shaped
        """推送订阅列表."""
        try:
            after = UUID(cursor) if cursor else None
        except ValueError:
            raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None
        rows = await repository.list_webhooks(work, manage, after, limit + 1)
        next_cursor = str(rows[limit - 1].id) if len(rows) > limit else None
        items = [WebhookRead.model_validate(row) for row in rows[:limit]]
        return Page[WebhookRead](items=items, next_cursor=next_cursor)

    @router.get("/{webhook_id}", response_model=WebhookDetail, **requires(manage, refuses=(NotFound,)))
    async def read_webhook(work: ReadWork, webhook_id: UUID) -> WebhookDetail:
        """推送订阅及其进度."""
        return await service.get_webhook_detail(work, manage, webhook_id)

    @router.patch(
        "/{webhook_id}",
        response_model=WebhookRead,
        **requires(manage, refuses=(NotFound, PreconditionFailed, Invalid, VersionRequired)),
    )
    async def change_webhook(work: WriteWork, webhook_id: UUID, body: WebhookChange, match: IfMatch) -> Any:  # noqa: ANN401 - shaped
        """修改推送订阅."""
        return await service.update_webhook(work, manage, read, webhook_id, body, match)

    @router.delete(
        "/{webhook_id}",
        status_code=204,
        response_model=None,
        **requires(manage, refuses=(NotFound, PreconditionFailed)),
    )
    async def delete_webhook(work: WriteWork, webhook_id: UUID, match: IfMatch) -> Response:
        """取消订阅."""
        await service.delete_webhook(work, manage, webhook_id, match)
        return Response(status_code=204)


def _add_action_routes(router: APIRouter, manage: May) -> None:
    @router.get(
        "/{webhook_id}/secret",
        response_model=SecretRead,
        **never_stored(requires(manage, refuses=(NotFound, Gone))),
    )
    async def read_webhook_secret(work: WriteWork, webhook_id: UUID) -> SecretRead:
        """签名密钥明文, 只显示一次: reading is recorded; a secret that got lost is replaced by `rotate`."""
        return await service.reveal_secret(work, manage, webhook_id)

    @router.post("/{webhook_id}/rotate", response_model=WebhookRead, **requires(manage, refuses=(NotFound,)))
    async def rotate_webhook(work: WriteWork, webhook_id: UUID, body: SecretRotation) -> Any:  # noqa: ANN401 - shaped
        """更换密钥, 新旧同时签名一段时间."""
        return await service.rotate_secret(work, manage, webhook_id, body)

    @router.post("/{webhook_id}/start", response_model=WebhookRead, **requires(manage, refuses=(NotFound,)))
    async def start_webhook(work: WriteWork, webhook_id: UUID) -> Any:  # noqa: ANN401 - shaped
        """启用, 从停下的地方继续; 已启用而正在等待重试的, 立即再送."""
        return await service.start_webhook(work, manage, webhook_id)

    @router.post("/{webhook_id}/stop", response_model=WebhookRead, **requires(manage, refuses=(NotFound,)))
    async def stop_webhook(work: WriteWork, webhook_id: UUID, body: WebhookStop) -> Any:  # noqa: ANN401 - shaped
        """停用."""
        return await service.stop_webhook(work, manage, webhook_id, body.reason)

    @router.post(
        "/{webhook_id}/replay",
        response_model=WebhookRead,
        **requires(manage, refuses=(NotFound, Invalid, Gone)),
    )
    async def replay_webhook(work: WriteWork, webhook_id: UUID, body: WebhookReplay) -> Any:  # noqa: ANN401 - shaped
        """重放某个位置之后的全部事件; 接收方按 webhook-id 去重."""
        return await service.replay_events(work, manage, webhook_id, body)


def _add_dead_letter_routes(router: APIRouter, manage: May) -> None:
    @router.get(
        "/{webhook_id}/deliveries",
        response_model=WebhookDeliveries,
        **requires(manage, refuses=(NotFound,)),
    )
    async def list_webhook_deliveries(
        work: ReadWork, webhook_id: UUID, limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 50
    ) -> WebhookDeliveries:
        """最近的推送和每一条的结果, 新的在前: 已送达, 待送, 搁置(附原因), 已要求重送. 订阅以前的不列."""
        return await service.list_deliveries(work, manage, webhook_id, limit)

    @router.get(
        "/{webhook_id}/dead-letters",
        response_model=WebhookDeadLetters,
        **requires(manage, refuses=(NotFound, Forbidden)),
    )
    async def list_webhook_dead_letters(
        work: ReadWork,
        webhook_id: UUID,
        after: Annotated[int, Query(ge=0, le=2**53, description="`seq` of the last one seen")] = 0,
        limit: Annotated[int, Query(ge=1, le=outbox_cursors.DEAD_LETTER_PAGE_SIZE)] = 50,
    ) -> WebhookDeadLetters:
        """被拒收而搁置的事件, 以及排在其后的同一记录的事件."""
        row = await repository.get_webhook(work, manage, webhook_id)
        return WebhookDeadLetters(
            items=await outbox_cursors.list_dead_letters(work.session, subscriber_name(row.id), after, limit)
        )

    @router.post(
        "/{webhook_id}/dead-letters/retry",
        status_code=202,
        response_model=WebhookRetryResult,
        **requires(manage, refuses=(NotFound,)),
    )
    async def retry_webhook_dead_letters(
        work: WriteWork, webhook_id: UUID, body: WebhookRetryRequest
    ) -> WebhookRetryResult:
        """重新推送搁置的事件, 同一记录的按原来的先后."""
        return WebhookRetryResult(
            asked=await service.retry_dead_letters(work, manage, webhook_id, body.subject)
        )
