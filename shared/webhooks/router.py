"""`/{service}/webhooks`: push subscriptions of systems that are not ours."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from shared import cursors
from shared.errors import BadRequest, Conflict, Forbidden, Invalid, NotFound, Stale, VersionRequired
from shared.http import IfMatch, Reading, Route, Writing, allows
from shared.pages import LARGEST, Page
from shared.permissions import May
from shared.webhooks import repository, service
from shared.webhooks.repository import subscriber
from shared.webhooks.schemas import (
    Parked,
    Replay,
    Retried,
    RetryParked,
    Rotation,
    SecretRead,
    Stop,
    WebhookChange,
    WebhookCreate,
    WebhookDetail,
    WebhookRead,
)


def routes(name: str, read: May, manage: May) -> APIRouter:
    """The webhook addresses of one service."""
    router = APIRouter(prefix=f"/{name}/webhooks", tags=["推送订阅"], route_class=Route)
    _records(router, read, manage)
    _moves(router, manage)
    _parked(router, manage)
    return router


def _records(router: APIRouter, read: May, manage: May) -> None:
    @router.post(
        "",
        status_code=201,
        response_model=WebhookRead,
        **allows(manage, refuses=(NotFound, Conflict, Invalid)),
    )
    async def create_webhook(work: Writing, body: WebhookCreate) -> Any:  # noqa: ANN401 - shaped
        """订阅推送: CloudEvents by POST, signed as Standard Webhooks says; at least once, in order per record."""
        return await service.create(work, manage, read, body)

    @router.get("", response_model=Page[WebhookRead], **allows(manage))
    async def list_webhooks(
        work: Reading,
        limit: Annotated[int, Query(ge=1, le=LARGEST)] = 50,
        cursor: Annotated[str, Query(max_length=40, description="`next_cursor` of the page before")] = "",
    ) -> Any:  # noqa: ANN401 - shaped
        """推送订阅列表."""
        try:
            after = UUID(cursor) if cursor else None
        except ValueError:
            raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None
        rows = await repository.listed(work, manage, after, limit + 1)
        more = str(rows[limit - 1].id) if len(rows) > limit else None
        items = [WebhookRead.model_validate(row) for row in rows[:limit]]
        return Page[WebhookRead](items=items, next_cursor=more)

    @router.get("/{webhook_id}", response_model=WebhookDetail, **allows(manage, refuses=(NotFound,)))
    async def read_webhook(work: Reading, webhook_id: UUID) -> WebhookDetail:
        """推送订阅及其进度."""
        return await service.detail(work, manage, webhook_id)

    @router.patch(
        "/{webhook_id}",
        response_model=WebhookRead,
        **allows(manage, refuses=(NotFound, Stale, Invalid, VersionRequired)),
    )
    async def change_webhook(work: Writing, webhook_id: UUID, body: WebhookChange, match: IfMatch) -> Any:  # noqa: ANN401 - shaped
        """修改推送订阅."""
        return await service.change(work, manage, read, webhook_id, body, match)

    @router.delete(
        "/{webhook_id}", status_code=204, response_model=None, **allows(manage, refuses=(NotFound, Stale))
    )
    async def delete_webhook(work: Writing, webhook_id: UUID, match: IfMatch) -> Response:
        """取消订阅."""
        await service.delete(work, manage, webhook_id, match)
        return Response(status_code=204)


def _moves(router: APIRouter, manage: May) -> None:
    @router.get("/{webhook_id}/secret", response_model=SecretRead, **allows(manage, refuses=(NotFound,)))
    async def read_webhook_secret(work: Writing, webhook_id: UUID, response: Response) -> SecretRead:
        """签名密钥明文. Each reading is recorded."""
        response.headers["Cache-Control"] = "no-store"
        return await service.secret(work, manage, webhook_id)

    @router.post("/{webhook_id}/rotate", response_model=WebhookRead, **allows(manage, refuses=(NotFound,)))
    async def rotate_webhook(work: Writing, webhook_id: UUID, body: Rotation) -> Any:  # noqa: ANN401 - shaped
        """更换密钥, 新旧同时签名一段时间."""
        return await service.rotate(work, manage, webhook_id, body)

    @router.post("/{webhook_id}/start", response_model=WebhookRead, **allows(manage, refuses=(NotFound,)))
    async def start_webhook(work: Writing, webhook_id: UUID) -> Any:  # noqa: ANN401 - shaped
        """启用, 从停下的地方继续."""
        return await service.start(work, manage, webhook_id)

    @router.post("/{webhook_id}/stop", response_model=WebhookRead, **allows(manage, refuses=(NotFound,)))
    async def stop_webhook(work: Writing, webhook_id: UUID, body: Stop) -> Any:  # noqa: ANN401 - shaped
        """停用."""
        return await service.stop(work, manage, webhook_id, body.reason)

    @router.post(
        "/{webhook_id}/replay", response_model=WebhookRead, **allows(manage, refuses=(NotFound, Invalid))
    )
    async def replay_webhook(work: Writing, webhook_id: UUID, body: Replay) -> Any:  # noqa: ANN401 - shaped
        """重放某个位置之后的全部事件; 接收方按 webhook-id 去重."""
        return await service.replay(work, manage, webhook_id, body)


def _parked(router: APIRouter, manage: May) -> None:
    @router.get(
        "/{webhook_id}/dead-letters", response_model=Parked, **allows(manage, refuses=(NotFound, Forbidden))
    )
    async def list_webhook_dead_letters(
        work: Reading,
        webhook_id: UUID,
        after: Annotated[int, Query(ge=0, le=2**53, description="`seq` of the last one seen")] = 0,
        limit: Annotated[int, Query(ge=1, le=cursors.PAGE)] = 50,
    ) -> Parked:
        """被拒收而搁置的事件, 以及排在其后的同一记录的事件."""
        row = await repository.get(work, manage, webhook_id)
        return Parked(items=await cursors.list_dead(work.session, subscriber(row.id), after, limit))

    @router.post(
        "/{webhook_id}/dead-letters/retry",
        status_code=202,
        response_model=Retried,
        **allows(manage, refuses=(NotFound,)),
    )
    async def retry_webhook_dead_letters(work: Writing, webhook_id: UUID, body: RetryParked) -> Retried:
        """重新推送搁置的事件, 同一记录的按原来的先后."""
        return Retried(asked=await service.retry(work, manage, webhook_id, body.subject))
