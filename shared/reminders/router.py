"""`/{service}/reminders`: where reminders go."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shared.auth import May
from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from shared.events.webhooks import repository, service
from shared.http import IfMatch, ReadWork, Route, WriteWork, requires
from shared.reminders.schemas import ReminderCreate, ReminderDue, ReminderRead


def reminder_router(name: str, read: May) -> APIRouter:
    """Router with the reminder routes of one service; `read` is the permission for its events."""
    router = APIRouter(prefix=f"/{name}/reminders", tags=["到期提醒"], route_class=Route)

    @router.post(
        "",
        status_code=201,
        response_model=ReminderRead,
        **requires(May.REMINDER_MANAGE, refuses=(NotFound, Conflict, Invalid, Forbidden), statements=8),
    )
    async def add_reminder(work: WriteWork, body: ReminderCreate) -> Any:  # noqa: ANN401 - shaped
        """登记接收处: 到期前每天一条, 发到群机器人或其他系统; 天数见规则 reminder.days."""
        return await service.create_reminder(work, read, body.model_dump(mode="json"), ReminderDue.topic)

    @router.get("", response_model=list[ReminderRead], **requires(May.REMINDER_MANAGE))
    async def list_reminders(work: ReadWork) -> Any:  # noqa: ANN401 - shaped
        """到期提醒的接收处."""
        return await repository.list_reminders(work)

    @router.delete(
        "/{reminder_id}",
        status_code=204,
        response_model=None,
        **requires(May.REMINDER_MANAGE, refuses=(NotFound, PreconditionFailed)),
    )
    async def delete_reminder(work: WriteWork, reminder_id: UUID, match: IfMatch) -> Response:
        """不再提醒."""
        await service.delete_reminder(work, reminder_id, match)
        return Response(status_code=204)

    return router
